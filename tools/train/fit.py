"""The training itself: one pass after another through pruning and sharing, the best epoch by the validation split."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.errors import UserError
from edge.models.manifest import Manifest
from edge.tools.train.augment import deformed
from edge.tools.train.backend import Tensor, functional, multiplies_bfloat16, torch
from edge.tools.train.compressor import Compressor
from edge.tools.train.data import Samples, feed, split
from edge.tools.train.interpret import Net
from edge.tools.train.recipe import Recipe

RISE = 0.03
STEPS = 32
"""Steps from one choice of masks to the next."""
BOOKS = 0.1
"""Rate of codebooks: their entries move for many weights at once."""
AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class Epoch:
    """One pass over the training samples.

    number: from 1
    loss: mean over its steps
    error: share of the validation samples whose class is not the largest output
    kept: weights that are not 0
    final: whether masks and codebooks hold: such an epoch may be chosen
    compressed: whether weights were pruned or shared by its end
    """

    number: int
    loss: float
    error: float
    kept: int
    final: bool
    compressed: bool


@dataclass(frozen=True, slots=True)
class Fitted:
    """What training gave.

    weights: float32 by initializer, pruned and shared
    epochs: all of them
    chosen: the one whose weights these are
    density: the share of prunable weights that stayed
    guessed: error on the validation samples of always naming the commonest class among them
    """

    weights: Mapping[str, NDArray[np.float32]]
    epochs: tuple[Epoch, ...]
    chosen: Epoch
    density: float
    guessed: float

    @property
    def learned(self) -> bool:
        """Whether the error is at most half of guessing's."""
        return self.chosen.error <= self.guessed / 2


def fit(
    net: Net,
    samples: Samples,
    manifest: Manifest,
    recipe: Recipe,
    teacher: Net | None = None,
    tell: Callable[[Epoch], None] = lambda epoch: None,
    progress: Callable[[float], None] = lambda part: None,
) -> Fitted:
    """Train a net through pruning and sharing.

    A share of the samples is split off; the final epoch with the smallest error on it, the last of several, is given.
    The same arguments on the same machine with one thread give the same weights.

    Args:
        net: its first output holds a score a class.
        samples: training samples alone.
        teacher: whose outputs are to be matched, where the recipe distils; its weights stay.
        tell: told of each epoch, at its end.
        progress: told the part done, 0..1, after each step.

    Raises:
        ModelError: the graph and the samples do not fit one another.
        UserError: a label that the net has no score for.
    """
    torch().set_num_threads(recipe.threads)
    train, held = split(samples, recipe.validation, recipe.seed)
    run = _Run(net, teacher, train, manifest, recipe)
    run.check(max(int(train.labels.max()), int(held.labels.max())))
    epochs: list[Epoch] = []
    chosen, weights = -1, dict(net.weights)
    for number in range(1, recipe.epochs + 1):
        loss = run.epoch(number, progress)
        with torch().no_grad():
            seen = run.compressor.seen()
        final = run.compressor.fixed or number == recipe.epochs
        kept = sum(int(weight.count_nonzero()) for weight in seen.values())
        epochs.append(Epoch(number, loss, run.error(held, seen), kept, final, run.compressor.begun))
        tell(epochs[-1])
        if final and (chosen < 0 or epochs[-1].error <= epochs[chosen].error):
            chosen, weights = number - 1, {name: weight.detach().numpy().copy() for name, weight in seen.items()}
    left = sum(int(np.count_nonzero(weights[name])) for name in net.prunable)
    density = left / sum(weights[name].size for name in net.prunable)
    guessed = 1 - float(np.bincount(held.labels).max()) / len(held)
    return Fitted(weights, tuple(epochs), epochs[chosen], density, guessed)


class _Run:
    """The state of one training run."""

    def __init__(self, net: Net, teacher: Net | None, train: Samples, manifest: Manifest, recipe: Recipe) -> None:
        self._net, self._recipe, self._manifest = net, recipe, manifest
        self._draw = torch().Generator().manual_seed(recipe.seed)
        self._pixels = torch().from_numpy(train.pixels)
        self._labels = torch().from_numpy(train.labels)
        self._deformed = self._pixels
        self._weights = {name: torch().from_numpy(w.copy()).requires_grad_() for name, w in net.weights.items()}
        self._teacher = teacher if recipe.distil else None
        self._known = {name: torch().from_numpy(w.copy()) for name, w in teacher.weights.items()} if teacher else {}
        self.compressor = Compressor(net, self._weights, recipe)
        self._optimizers = [torch().optim.Adam(list(self._weights.values()), lr=recipe.rate, fused=True)]
        self._half = multiplies_bfloat16()  # validation stays in float32, as engines run
        self._step = 0
        self._steps = recipe.epochs * max(1, len(train) // recipe.batch)

    def check(self, largest: int) -> None:
        """Run one sample through the net: it must be one that fits, and give a score for the largest label."""
        if self._recipe.deform is not None and self._pixels.ndim != 4:
            raise UserError(f"only pictures can be deformed, and the model takes {tuple(self._pixels.shape[1:])}")
        with torch().no_grad():
            classes = self._scores(self._net, self._pixels[:1], self._weights, half=False).shape[1]
        if largest >= classes:
            raise UserError(f"the data have classes 0 to {largest}; the model has {classes} scores")

    def epoch(self, number: int, progress: Callable[[float], None]) -> float:
        """One pass over the samples; its mean loss."""
        recipe = self._recipe
        if recipe.deform is not None and (number - 1) % recipe.variants == 0:
            self._deformed = deformed(self._pixels, recipe.deform, self._draw)
        order = torch().randperm(len(self._labels), generator=self._draw)
        count = max(1, len(order) // recipe.batch)
        total = 0.0
        for begin in range(0, count * recipe.batch, recipe.batch):
            some = order[begin : begin + recipe.batch]
            total += self._one(self._deformed[some], self._labels[some])
            progress(self._step / self._steps)
        return total / count

    def error(self, held: Samples, seen: Mapping[str, Tensor]) -> float:
        """Share of these samples that are put into a wrong class."""
        wrong = 0
        for begin in range(0, len(held), AT_ONCE):
            pixels = torch().from_numpy(held.pixels[begin : begin + AT_ONCE])
            with torch().no_grad():
                told = self._scores(self._net, pixels, seen, half=False).argmax(1).numpy()
            wrong += int((told != held.labels[begin : begin + AT_ONCE]).sum())
        return wrong / len(held)

    def _one(self, pixels: Tensor, labels: Tensor) -> float:
        """One step of the optimizers; its loss."""
        part = self._step / self._steps
        self._compress(part)
        rate = self._recipe.rate * min(1.0, 0.05 + part / RISE) * (1 + math.cos(math.pi * part)) / 2
        for optimizer, share in zip(self._optimizers, (1.0, BOOKS), strict=False):
            optimizer.param_groups[0]["lr"] = rate * share
            optimizer.zero_grad()
        loss = self._loss(pixels, labels)
        loss.backward()
        for optimizer in self._optimizers:
            optimizer.step()
        self.compressor.settle()
        self._step += 1
        return float(loss.detach())

    def _compress(self, part: float) -> None:
        if self.compressor.fixed:
            return
        fixing = part >= self._recipe.sharing
        if fixing or self._step % STEPS == 0:
            self.compressor.prune(part)
        if fixing:
            books = self.compressor.fix()
            if books:
                self._optimizers.append(torch().optim.Adam(books, lr=self._recipe.rate, fused=True))

    def _loss(self, pixels: Tensor, labels: Tensor) -> Tensor:
        recipe = self._recipe
        scores = self._scores(self._net, pixels, self.compressor.seen(), self._half)
        loss = functional().cross_entropy(scores, labels)
        if self._teacher is None:
            return loss
        with torch().no_grad():
            known = self._scores(self._teacher, pixels, self._known, self._half)
            wanted = functional().softmax(known / recipe.temperature, dim=1)
        soft = functional().cross_entropy(scores / recipe.temperature, wanted)
        return (1 - recipe.distil) * loss + recipe.distil * recipe.temperature**2 * soft

    def _scores(self, net: Net, pixels: Tensor, weights: Mapping[str, Tensor], half: bool) -> Tensor:
        """A score a class, (n, classes)."""
        given = torch().from_numpy(feed(pixels.numpy(), self._manifest))
        if given.ndim == 4:
            given = given.contiguous(memory_format=torch().channels_last)
        with torch().autocast("cpu", torch().bfloat16, enabled=half):
            return net.run({net.inputs[0]: given}, weights)[net.outputs[0]].flatten(1).float()
