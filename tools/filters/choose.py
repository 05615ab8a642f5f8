"""Which channels go: the cheapest steps in error a saved multiply-accumulate, until enough is saved."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.errors import UserError
from edge.tools.filters.channels import Ids
from edge.tools.filters.cut import Keep
from edge.tools.filters.groups import Groups
from edge.tools.filters.importance import Scores
from edge.tools.filters.macs import Layer, total_macs

LEAST_KEPT = 0.25
"""The share of a group that stays in any case."""

Curve = Callable[[int], float]
"""The error of the model once that many channels of a group, the least important ones, are cut."""


@dataclass(frozen=True, slots=True)
class Work:
    """What identities cost: multiply-accumulates are the product of what is left of a layer's axes.

    macs: float64 (layers,)
    layer: int64 (axes,), the layer of each axis of a weight that can be cut
    size: float64 (axes,), its places
    places: float32 (axes, identities), how many of its places bear an identity
    """

    macs: NDArray[np.float64]
    layer: NDArray[np.int64]
    size: NDArray[np.float64]
    places: NDArray[np.float32]

    def left(self, kept: NDArray[np.float64]) -> NDArray[np.float64]:
        """Multiply-accumulates (layers,) when that many places of each axis are kept."""
        found: NDArray[np.float64] = self.macs.copy()
        np.multiply.at(found, self.layer, kept / self.size)
        return found


@dataclass(slots=True)
class Choice:
    """The state of the choice.

    order: of each group, its identities, least important first
    taken: how many of them go
    kept: float64 (axes,), the places that are left
    """

    work: Work
    order: list[Ids]
    round_to: int
    taken: list[int]
    kept: NDArray[np.float64]

    def step(self, group: int) -> tuple[Ids, float] | None:
        """What a further step would cut, so that a multiple of `round_to` stays, and the work that it saves.

        None if no more may go: a share of each group and of what each layer reads stays.
        """
        order, taken = self.order[group], self.taken[group]
        left = len(order) - taken
        count = left % self.round_to or self.round_to
        if left - count < max(self.round_to, LEAST_KEPT * len(order)):
            return None
        ids = order[taken : taken + count]
        lost = self.lost(ids)
        least = np.maximum(np.minimum(self.round_to, self.work.size * LEAST_KEPT), 1)
        if (self.kept - lost < least)[lost > 0].any():
            return None
        return ids, float((self.work.left(self.kept) - self.work.left(self.kept - lost)).sum())

    def lost(self, ids: Ids) -> NDArray[np.float64]:
        """How many places of each axis go with these."""
        return np.asarray(self.work.places[:, ids].sum(1, dtype=np.float64))


def ordered(groups: Groups, scores: Scores) -> list[Ids]:
    """The identities of each group, least important first."""
    return [group.ids[np.argsort(scores[group.ids], kind="stable")] for group in groups.groups]


def choose(
    groups: Groups, layers: Sequence[Layer], order: list[Ids], curves: Sequence[Curve], fraction: float, round_to: int
) -> Keep:
    """Take steps of `round_to` channels, the one with the least further error for each saved MAC first.

    Raises:
        UserError: that much cannot be saved.
    """
    work = _work(groups, layers)
    state = Choice(work, order, round_to, [0] * len(order), work.size.copy())
    total = total_macs(layers)
    while (left := work.left(state.kept).sum()) > total * (1 - fraction):
        found = _cheapest(state, curves)
        if found is None:
            most = int(100 * (1 - left / total))
            raise UserError(f"at most {most} % of this model's work lies in filters that can be cut; ask for less")
        group, ids = found
        state.kept -= state.lost(ids)
        state.taken[group] += len(ids)
    keep = groups.everything()
    for ids, taken in zip(order, state.taken, strict=True):
        keep[ids[:taken]] = False
    return keep


def _cheapest(state: Choice, curves: Sequence[Curve]) -> tuple[int, Ids] | None:
    best, cheapest = None, np.inf
    for group, curve in enumerate(curves):
        found = state.step(group)
        if found is None or found[1] <= 0:
            continue
        taken = state.taken[group]
        price = (curve(taken + len(found[0])) - curve(taken)) / found[1]
        if price < cheapest:
            best, cheapest = (group, found[0]), price
    return best


def _work(groups: Groups, layers: Sequence[Layer]) -> Work:
    index = {layer.node: k for k, layer in enumerate(layers)}
    axes = [one for one in groups.cuts if one.slot == 1 and one.node in index]
    places = np.zeros((len(axes), groups.count), np.float32)
    for row, one in zip(places, axes, strict=True):
        np.add.at(row, one.ids, 1)
    return Work(
        np.array([layer.macs for layer in layers], np.float64),
        np.array([index[one.node] for one in axes], np.int64),
        np.array([len(one.ids) for one in axes], np.float64),
        places,
    )
