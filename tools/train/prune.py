"""Which weights stay: scores comparable over layers, a density that falls along a curve, masks."""

from __future__ import annotations

import math
from collections.abc import Mapping

from edge.tools.train.backend import Tensor, torch

HALVINGS = 24


def scores(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """How much each weight matters, comparable over layers; the shapes of the weights.

    A weight's square over the sum of those squares of its layer that are not smaller: the share of the layer that goes
    if it and all below it go. No layer runs empty, and none needs a density of its own (LAMP, Lee et al. 2021,
    arXiv:2010.07611, equation 4).
    """
    made = {}
    for name, weight in weights.items():
        squares = weight.detach().flatten() ** 2
        ordered = squares.sort(descending=True)
        score = torch().empty_like(squares)
        score[ordered.indices] = ordered.values / ordered.values.cumsum(0).clamp_min(1e-30)
        made[name] = score.view_as(weight)
    return made


def masks(found: Mapping[str, Tensor], density: float) -> dict[str, Tensor]:
    """True for the weights that stay: the best `density` of all layers' scores together, at least one."""
    every = torch().cat([score.flatten() for score in found.values()])
    kept = min(len(every), max(1, round(density * len(every))))
    least = every.kthvalue(len(every) - kept + 1).values
    return {name: score >= least for name, score in found.items()}


def density_at(part: float, goal: float, begin: float, end: float) -> float:
    """The density after `part` of the training: 1 until `begin`, then down a cubic to `goal` at `end`.

    Fast while there is much to spare, slow towards the end (Zhu, Gupta 2017, arXiv:1710.01878, equation 1).
    """
    if part <= begin:
        return 1.0
    way = min(1.0, (part - begin) / max(1e-9, end - begin))
    return goal + (1.0 - goal) * (1.0 - way) ** 3


def density_for(found: Mapping[str, Tensor], limit: int, bits: int) -> float:
    """The density at which these scores' weights take `limit` bytes, if coded by their entropy; 1 if all fit.

    Args:
        found: scores by layer.
        bits: of a weight's code; 0 stands for the 32 of a float.
    """
    ordered = [score.flatten().sort().values for score in found.values()]
    every = torch().cat(ordered).sort(descending=True).values

    def taken(density: float) -> float:
        least = every[max(1, round(density * len(every))) - 1]
        kept = [len(score) - int(torch().searchsorted(score, least)) for score in ordered]
        pairs = zip(kept, ordered, strict=True)
        return sum(len(score) * entropy(n / len(score)) + n * (bits or 32) for n, score in pairs) / 8

    low, high = 0.0, 1.0
    if taken(high) <= limit:
        return high
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if taken(middle) <= limit else (low, middle)
    return low


def entropy(share: float) -> float:
    """Bits a place of knowing which share of places holds a weight."""
    if not 0.0 < share < 1.0:
        return 0.0
    return -share * math.log2(share) - (1 - share) * math.log2(1 - share)
