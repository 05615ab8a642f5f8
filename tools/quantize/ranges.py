"""What tensors span: histograms over the feeds, and the grid that fits one.

Three ways to find a span: all that was seen; all but a share at each end; and the least expected squared error of
rounding and clipping (Banner et al. 2019, arXiv:1810.05723, section 3, with the histogram for their distributions).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from edge.engines.base import Feeds
from edge.errors import ModelError
from edge.tools.graph import inferred
from edge.tools.quantize.plan import Range
from edge.tools.tap import tap

if TYPE_CHECKING:
    from onnx import ModelProto

BINS = 2048
OUTLIERS = 1e-4
"""The share of values at each end that `percentile` leaves out."""
SHRINK = np.linspace(1.0, 0.2, 17)
"""Shares of an end that `mse` tries."""
MOST_BYTES = 128 << 20
"""Of tensors that one run gives out beside the model's outputs."""
UNKNOWN = 4 << 20
"""What a tensor of unknown shape is taken to have, in bytes."""


@dataclass(frozen=True, slots=True)
class Spread:
    """How a tensor's values are spread.

    counts: int64 (BINS,), values in equal bins from low to high
    """

    low: float
    high: float
    counts: NDArray[np.int64]

    def joined(self, other: Spread) -> Spread:
        """Of both tensors' values together."""
        low, high = min(self.low, other.low), max(self.high, other.high)
        counts = np.zeros(BINS, np.int64)
        for part in (self, other):
            centres = part.low + (np.arange(BINS) + 0.5) * (part.high - part.low) / BINS
            index = ((centres - low) * (BINS / max(high - low, 1e-30))).astype(np.int64).clip(0, BINS - 1)
            np.add.at(counts, index, part.counts)
        return Spread(low, high, counts)


def spreads(
    model: ModelProto,
    names: Sequence[str],
    feeds: Feeds,
    progress: Callable[[float], None] = lambda part: None,
) -> dict[str, Spread]:
    """How these tensors of a float model are spread over the feeds, a batch of tensors at a time.

    Raises:
        ModelError: a tensor holds no finite numbers, or the model cannot be run, or not on these feeds.
    """
    groups = list(batches(model, names))
    ends: dict[str, tuple[float, float]] = {}
    counts = {name: np.zeros(BINS, np.int64) for name in names}
    for number, batch in enumerate(groups):
        for name, array in _each(model, batch, feeds):
            low, high = float(array.min(initial=np.inf)), float(array.max(initial=-np.inf))
            if not np.isfinite((low, high)).all():
                raise ModelError(f"tensor `{name}` is empty or not finite on a feed: it cannot be quantized")
            before = ends.get(name, (low, high))
            ends[name] = min(low, before[0]), max(high, before[1])
        progress((number + 0.5) / len(groups))
        for name, array in _each(model, batch, feeds):
            low, high = ends[name]
            counts[name] += np.histogram(array, BINS, (low, high if high > low else low + 1e-6))[0]
        progress((number + 1) / len(groups))
    return {name: Spread(*ends[name], counts[name]) for name in names}


def range_of(spread: Spread, search: str, symmetric: bool) -> Range:
    """The grid of a tensor by `minmax`, `percentile` or `mse`."""
    low, high = min(0.0, spread.low), max(0.0, spread.high)
    if search == "minmax" or high <= low or spread.high <= spread.low:
        return Range.of(low, high, symmetric)
    if search == "percentile":
        share = np.cumsum(spread.counts) / max(1, spread.counts.sum())
        edges = np.linspace(spread.low, spread.high, BINS + 1)
        first, last = np.searchsorted(share, OUTLIERS), np.searchsorted(share, 1 - OUTLIERS)
        return Range.of(edges[first] if low < 0 else 0.0, edges[min(last + 1, BINS)] if high > 0 else 0.0, symmetric)
    return _least_error(spread, symmetric)


def _least_error(spread: Spread, symmetric: bool) -> Range:
    centres = spread.low + (np.arange(BINS) + 0.5) * (spread.high - spread.low) / BINS
    weight = spread.counts / max(1, spread.counts.sum())
    lows = SHRINK if spread.low < 0 and not symmetric else SHRINK[:1]
    best, least = Range.of(spread.low, spread.high, symmetric), np.inf
    for of_low in lows:
        for of_high in SHRINK:
            low = spread.low * (of_high if symmetric else of_low)
            tried = Range.of(low, spread.high * of_high, symmetric)
            bottom, top = (-127, 127) if symmetric else (-tried.zero, 255 - tried.zero)
            # In floats that lie beyond the last bin's centre nothing is seen; the widest span therefore wins ties.
            error = float(weight @ np.square(np.rint(centres / tried.scale).clip(bottom, top) * tried.scale - centres))
            if error < least:
                best, least = tried, error
    return best


def batches(model: ModelProto, names: Sequence[str]) -> Iterator[list[str]]:
    """Tensors in groups of `MOST_BYTES` a run at most."""
    shapes = {value.name: value.type.tensor_type.shape for value in inferred(model).graph.value_info}
    batch: list[str] = []
    size = 0
    for name in names:
        sides = [side.dim_value for side in shapes[name].dim] if name in shapes else [0]
        bytes_ = 4 * int(np.prod(sides)) if all(sides) else UNKNOWN
        if batch and size + bytes_ > MOST_BYTES:
            yield batch
            batch, size = [], 0
        batch.append(name)
        size += bytes_
    if batch:
        yield batch


def _each(model: ModelProto, names: Sequence[str], feeds: Feeds) -> Iterator[tuple[str, NDArray[np.float32]]]:
    for values in tap(model, names, feeds):
        yield from ((name, np.asarray(array, np.float32)) for name, array in values.items())
