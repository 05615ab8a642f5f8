"""Weights under training: the full ones behind, and what the network sees of them once pruned and shared."""

from __future__ import annotations

from collections.abc import Mapping

from edge.tools.train import prune, share
from edge.tools.train.backend import Tensor
from edge.tools.train.interpret import Net
from edge.tools.train.recipe import Recipe

ALL = 4
"""Bits of codebooks for what is not pruned, such as the scales of a normalization."""
SMALL = 0.1
"""A layer with a smaller share of all weights is small."""


class Compressor:
    """Masks and codebooks of a net's weights; which of them hold is said by how far the training is.

    Owned by one training run.
    """

    def __init__(self, net: Net, weights: Mapping[str, Tensor], recipe: Recipe) -> None:
        self._weights = weights
        self._prunable = {name: weights[name] for name in net.prunable}
        self._recipe = recipe
        self._masks: dict[str, Tensor] = {}
        self._places: dict[str, Tensor] = {}
        self.books: dict[str, Tensor] = {}
        """Trained entries by weight, ascending; empty until `fix`."""

    @property
    def fixed(self) -> bool:
        """Whether masks stay as they are and weights are shared."""
        return bool(self._places)

    @property
    def begun(self) -> bool:
        """Whether weights are pruned or shared by now."""
        return bool(self._masks or self.books)

    def prune(self, part: float) -> None:
        """Choose anew which weights stay, after `part` of the training. Not once fixed."""
        recipe = self._recipe
        if recipe.density == 1.0 and not recipe.limit:
            return
        found = prune.scores(self._prunable)
        goal = prune.density_for(found, recipe.limit, recipe.bits) if recipe.limit else recipe.density
        density = prune.density_at(part, goal, recipe.dense, recipe.pruned)
        self._masks = prune.masks(found, density) if density < 1.0 else {}

    def fix(self) -> list[Tensor]:
        """Keep the masks for good and give each weight a codebook; the codebooks, to be trained."""
        for name, weight in self._weights.items():
            mask = self._masks.get(name)
            kept = weight.detach().flatten()
            self._places[name] = (mask.flatten() if mask is not None else kept == kept).nonzero().flatten()
            if self._recipe.bits:
                book = share.codebook(kept[self._places[name]], 2 ** self._bits(name))
                self.books[name] = book.requires_grad_()
        return list(self.books.values())

    def _bits(self, name: str) -> int:
        """Of a weight's codes: one more in small layers, where they cost little and each weight does more."""
        if name not in self._masks:
            return max(ALL, self._recipe.bits)
        every = sum(weight.numel() for weight in self._prunable.values())
        return self._recipe.bits + int(self._weights[name].numel() < SMALL * every)

    def seen(self) -> dict[str, Tensor]:
        """The weights as the network sees them, differentiable."""
        if self.books:
            return {
                name: share.shared(weight, self._places[name], self.books[name])
                for name, weight in self._weights.items()
            }
        return {
            name: weight * self._masks[name] if name in self._masks else weight
            for name, weight in self._weights.items()
        }

    def settle(self) -> None:
        """After a step: entries that passed one another are put in order again."""
        for book in self.books.values():
            book.data = book.data.sort().values
