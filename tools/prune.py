"""Magnitude pruning: the weights that the outputs miss least become 0.

Deep Compression (Han, Mao, Dally 2015, section 2) drops what is small, layer by layer by its own threshold. Here the
thresholds follow from a measurement: each layer is pruned alone by a few shares, the error of the model's outputs is
taken, and the whole fraction is spread so that one more weight costs the same everywhere. With pictures, what is small
is judged by weight^2 * E[input^2] (the diagonal of Optimal Brain Surgeon's Hessian, Hassibi and Stork 1993), and the
weights that stay make up for those that go (`rounding.masked`). Biases stay.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from edge.errors import UserError
from edge.tools.layers import F64, Layer
from edge.tools.rounding import masked
from edge.types import F32

SHARES = (0.3, 0.6, 0.8, 0.95)
"""Of a layer's weights that are dropped to see what it costs."""
STEPS = 64
"""Into which each layer's weights are cut when the fraction is spread."""

Harm = Callable[[Mapping[str, F32]], float]
"""The error of the model's outputs with some weights replaced."""


def prune(
    weights: Mapping[str, F32],
    layers: Mapping[str, Layer],
    fraction: float,
    moments: Mapping[str, F64] | None = None,
    harm: Harm | None = None,
    progress: Callable[[float], None] = lambda part: None,
) -> dict[str, F32]:
    """The weights of these layers with `fraction` of all of them 0.

    Args:
        moments: of the layers' inputs; None: weights are judged by their size beside the layer's spread.
        harm: measures a layer's sensitivity; None: all layers are as sensitive as each other.

    Raises:
        UserError: a fraction outside 0..1.
    """
    if not 0 < fraction < 1:
        raise UserError(f"a fraction of {fraction} cannot be pruned; give one between 0 and 1, e.g. 0.6")
    scores = {name: _scores(weights[name], layer, moments) for name, layer in layers.items()}

    def cut(name: str, share: float) -> F32:
        return _cut(weights[name], layers[name], scores[name], share, moments[name] if moments else None)

    curves: dict[str, F64] = {}
    for number, name in enumerate(layers):
        curves[name] = _curve(scores[name]) if harm is None else _measured(name, cut, harm)
        progress((number + 1) / len(layers))
    shares = spread({name: weights[name].size for name in layers}, curves, fraction)
    return {name: cut(name, share) for name, share in shares.items() if share}


def spread(sizes: Mapping[str, int], curves: Mapping[str, F64], fraction: float) -> dict[str, float]:
    """The share of each layer, so that `fraction` of all weights go and the next one costs the same everywhere.

    curves: the cost of dropping 0, 1, ... `STEPS` parts of a layer, float64 (STEPS + 1,), convex
    """
    costs = np.concatenate([np.diff(curves[name]) / max(1, sizes[name]) for name in sizes])
    parts = np.repeat([size / STEPS for size in sizes.values()], STEPS)
    order = np.argsort(costs, kind="stable")
    taken = np.cumsum(parts[order]) - parts[order] / 2 < fraction * sum(sizes.values())
    owner = np.repeat(np.arange(len(sizes)), STEPS)[order][taken]
    counts = np.bincount(owner, minlength=len(sizes))
    return {name: int(count) / STEPS for name, count in zip(sizes, counts, strict=True)}


def _scores(weight: F32, layer: Layer, moments: Mapping[str, F64] | None) -> F64:
    """How much each weight is missed, float64 of the layer's rows."""
    rows = np.square(layer.rows(weight).astype(np.float64))
    if moments is None:
        return np.asarray(rows / max(float(rows.mean()), 1e-300))
    return np.asarray(rows * np.einsum("gii->gi", moments[layer.name])[:, None, :])


def _cut(weight: F32, layer: Layer, scores: F64, share: float, moment: F64 | None) -> F32:
    count = round(share * scores.size)
    keep = np.ones(scores.size, bool)
    keep[np.argpartition(scores.ravel(), count - 1)[:count] if count else []] = False
    mask = keep.reshape(scores.shape)
    rows: NDArray[np.floating] = layer.rows(weight)
    return layer.back(masked(rows, mask, moment).astype(np.float32))


def _curve(scores: F64) -> F64:
    """The cost by the scores alone: their running sum."""
    sums = np.concatenate([[0.0], np.cumsum(np.sort(scores.ravel()))])
    return np.asarray(sums[np.linspace(0, scores.size, STEPS + 1).astype(np.intp)])


def _measured(name: str, cut: Callable[[str, float], F32], harm: Harm) -> F64:
    """The cost as the outputs show it, made convex so that no part is taken before the one before it."""
    at = np.array([0.0, *SHARES, 1.0])
    seen = [0.0, *(harm({name: cut(name, share)}) for share in SHARES)]
    # Nothing left of a layer is never right: the last part costs more than all before it.
    seen.append(10 * max(seen[-1], 1e-12))
    slopes = np.maximum.accumulate(np.diff(np.maximum.accumulate(seen)) / np.diff(at))
    knots = np.concatenate([[0.0], np.cumsum(slopes * np.diff(at))])
    curve: F64 = np.interp(np.linspace(0, 1, STEPS + 1), at, knots)
    # A little bend, so that shares between two measurements are not all or nothing.
    return np.asarray(curve + 1e-3 * curve[-1] * np.square(np.linspace(0, 1, STEPS + 1)))
