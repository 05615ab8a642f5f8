"""Size against error for several settings, so that a user sees what a few more bytes would buy."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from edge.engines.base import Feeds
from edge.tools import grids, lighter, share
from edge.tools.judge import Harm
from edge.tools.layers import moments
from edge.tools.rounding import entropy_bits

if TYPE_CHECKING:
    from onnx import ModelProto

BITS = (8, 7, 6, 5, 4)
FACTORS = (1 / 64, 1 / 16, 1 / 4, 1.0, 4.0)
"""Errors of fitted grids beside that of plain 8-bit ones."""


@dataclass(frozen=True, slots=True)
class Point:
    """bytes: of all float weights, at the entropy of their values; error: relative, of the outputs (`distortion`)."""

    kind: str
    setting: str
    bytes: int
    error: float


def pareto(model: ModelProto, feeds: Feeds, progress: Callable[[float], None] = lambda part: None) -> list[Point]:
    """Codebooks, plain grids and grids fitted to the outputs, each at several settings; the model's float weights."""
    weights, of = lighter.floats(model)
    harm = Harm.of(model, feeds, len(of))
    points = []
    for number, bits in enumerate(BITS):
        flat = {name: lighter.flat_grid(weight, of.get(name), bits) for name, weight in weights.items()}
        values = {name: grid.values() for name, grid in flat.items()}
        size = _bytes(grid.codes for grid in flat.values())
        points.append(Point("plain grids", f"{bits} bits", size, harm(values)))
        books = {name: share.shared(weight, bits) for name, weight in weights.items()}
        points.append(Point("codebooks", f"{bits} bits", _bytes(books.values()), harm(books)))
        progress((number + 1) / len(BITS) / 2)
    inner = {name: weights[name] for name in of}
    seen = moments(model, feeds, of)
    sensitive = grids.sensitivity(inner, of, seen, harm, lambda part: progress(0.5 + part / 2))
    base = points[0].error
    for factor in FACTORS:
        steps = grids.fitting(inner, sensitive, factor * base)
        made = {name: grids.on_grid(weights[name], of[name], seen[name], steps[name]) for name in of}
        rest = {name: lighter.flat_grid(weights[name], None, BITS[0]) for name in weights if name not in made}
        every = {**rest, **made}
        error = harm({name: grid.values() for name, grid in every.items()})
        points.append(
            Point("fitted grids", f"{Fraction(factor)} x", _bytes(grid.codes for grid in every.values()), error)
        )
    return points


def _bytes(tensors: Iterable[NDArray[Any]]) -> int:
    return round(sum(entropy_bits(one) for one in tensors) / 8)
