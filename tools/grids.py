"""Weights alone onto uniform grids, in float otherwise: the fewest bits for an error that is chosen.

How fine each layer's grid is follows from a measurement: each layer is put on a grid alone and the error of the model's
outputs is taken. Errors grow with the square of the step and add up, and the fewest bits are spent where one more bit
gains the same everywhere (reverse water-filling; Cover and Thomas, Elements of Information Theory, section 10.3.3): each
layer's error is then in proportion to its number of weights. Layers are rounded in the graph's order, each to what the
layers before it really give it by now, aimed at what it gave in the original model, and its bias takes the mean error.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from edge.engines.base import need
from edge.models.packed.weight import Grid
from edge.tools import evaluate, graph
from edge.tools.layers import F64, Layer, patches, run_shown, shown
from edge.tools.rounding import DAMP, Rounded, rounded
from edge.types import F32

if TYPE_CHECKING:
    from onnx import ModelProto

FINE = 0.1
"""The step in which sensitivity is measured, in root mean squares of the weight."""
COARSE = 1.5
"""The largest step, in the same unit: beyond it a layer is hardly more than signs."""
MOST = 32767
STAGES = 16
"""Runs of the whole model for the moments: layers of one stage take those from before it."""

Harm = Callable[[Mapping[str, NDArray[Any]]], float]
"""The error of the model's outputs with some initializers replaced."""
Progress = Callable[[float], None]


@dataclass(frozen=True, slots=True)
class Gridded:
    """What became of a model's layers.

    grids: by weight
    biases: those that took the mean error
    bits: of all codes at their entropy
    """

    grids: dict[str, Grid] = field(default_factory=dict)
    biases: dict[str, F32] = field(default_factory=dict)
    bits: float = 0.0


def plain(weights: Mapping[str, F32], layers: Mapping[str, Layer], bits: int) -> dict[str, Grid]:
    """Each weight at the nearest of 2^bits - 1 levels of its filter, whose end is chosen for the least squared error."""
    return {name: _plain(weights[name], layer, 2 ** (bits - 1) - 1) for name, layer in layers.items()}


def sensitivity(
    weights: Mapping[str, F32],
    layers: Mapping[str, Layer],
    moments: Mapping[str, F64],
    harm: Harm,
    progress: Progress = lambda part: None,
) -> dict[str, float]:
    """The error of the outputs with each layer alone on a grid of step `FINE`."""
    found = {}
    for number, (name, layer) in enumerate(layers.items()):
        step = steps(layer, weights[name], FINE)
        made = rounded(layer.rows(weights[name]), step, moments[name], MOST, 0.0)
        found[name] = harm({name: _grid(layer, made, step).values()})
        progress((number + 1) / len(layers))
    return found


def fitting(weights: Mapping[str, F32], sensitive: Mapping[str, float], error: float) -> dict[str, float]:
    """The step of each layer in root mean squares, so that errors are in proportion to sizes and sum up to `error`."""
    count = sum(weights[name].size for name in sensitive)
    wanted = {name: error * weights[name].size / count for name in sensitive}
    return {name: min(COARSE, FINE * math.sqrt(wanted[name] / max(harm, 1e-15))) for name, harm in sensitive.items()}


def on_grids(
    model: ModelProto,
    feeds: evaluate.Outputs,
    layers: Mapping[str, Layer],
    relative: Mapping[str, float],
    frugal: float = 1.0,
    progress: Progress = lambda part: None,
) -> Gridded:
    """Put layers on grids one after the other.

    Args:
        relative: the step of each layer in root mean squares of its weight (`fitting`).
        frugal: see `rounded`.
    """
    helper = need("onnx", graph.INSTALL).numpy_helper
    values = {tensor.name: tensor for tensor in model.graph.initializer}
    order = [name for name in layers if name in relative]
    size = max(1, -(-len(order) // STAGES))
    original = evaluate.session(graph.to_bytes(shown(model, [layers[name].given for name in order])))
    done, now = Gridded(), {}
    bits = 0.0
    for begin in range(0, len(order), size):
        stage = [layers[name] for name in order[begin : begin + size]]
        seen = _sums(original, graph.replace(model, now), stage, feeds)
        for layer in stage:
            weight = helper.to_array(values[layer.name])
            bias = helper.to_array(values[layer.bias]) if layer.bias in values else None
            step = steps(layer, weight, relative[layer.name])
            made, moved = _one(layer, weight, step, seen[layer.name], frugal, centred=bias is not None)
            grid = _grid(layer, made, step)
            done.grids[layer.name] = grid
            now[layer.name] = grid.values()
            if bias is not None:
                now[layer.bias] = done.biases[layer.bias] = (bias + moved).astype(np.float32)
            bits += made.bits
        progress(min(1.0, (begin + size) / len(order)))
    return Gridded(done.grids, done.biases, bits)


def steps(layer: Layer, weight: F32, relative: float) -> F64:
    """The step of each filter, float64 (filters,): between one for the layer and one in proportion to its spread.

    Filters with small weights feed channels with small values, which whoever reads them makes large again; the
    geometric mean of both extremes did best on the models that were tried.
    """
    rows = layer.rows(weight).astype(np.float64)
    every = math.sqrt(float(np.square(rows).mean())) or 1.0
    each = np.sqrt(np.square(rows).mean(axis=2)).ravel()
    return np.asarray(relative * every * np.sqrt(np.maximum(each / every, 1e-3)))


@dataclass(slots=True)
class _Sums:
    """Means over what a layer is fed: x by the original model, y by the one that is on grids so far."""

    yy: Any = 0.0
    xy: Any = 0.0
    x: Any = 0.0
    y: Any = 0.0


def _sums(original: Any, model: ModelProto, stage: Sequence[Layer], feeds: evaluate.Outputs) -> dict[str, _Sums]:
    names = list(dict.fromkeys(layer.given for layer in stage))
    changed = evaluate.session(graph.to_bytes(shown(model, names)))
    found = {layer.name: _Sums() for layer in stage}
    for number, feed in enumerate(feeds):
        before = dict(zip(names, run_shown(original, names, feed), strict=True))
        after = dict(zip(names, run_shown(changed, names, feed), strict=True))
        for layer in stage:
            # The same places of both.
            x = patches(layer, before[layer.given], np.random.default_rng(number)).astype(np.float64)
            y = patches(layer, after[layer.given], np.random.default_rng(number)).astype(np.float64)
            share = 1 / (x.shape[1] * len(feeds))
            sums, turned = found[layer.name], y.transpose(0, 2, 1)
            sums.yy = sums.yy + turned @ y * share
            sums.xy = sums.xy + x.transpose(0, 2, 1) @ y * share
            sums.x = sums.x + x.sum(axis=1) * share
            sums.y = sums.y + y.sum(axis=1) * share
    return found


def _one(layer: Layer, weight: F32, step: F64, seen: _Sums, frugal: float, *, centred: bool) -> tuple[Rounded, F64]:
    """Codes of a layer, and what its bias is to take."""
    rows = layer.rows(weight).astype(np.float64)
    moment, cross = seen.yy, seen.xy
    if centred:  # the bias makes up for means, so only what varies counts
        moment = moment - seen.y[:, :, None] * seen.y[:, None, :]
        cross = cross - seen.x[:, :, None] * seen.y[:, None, :]
    values = rows.shape[2]
    floor = DAMP * np.einsum("gii->g", moment) / values + 1e-12
    whole = moment + floor[:, None, None] * np.eye(values)
    # Weights that give what the original gave, from the inputs as they are now: least squares, damped towards `rows`.
    aimed = rows + np.linalg.solve(whole, (rows @ (cross - moment)).transpose(0, 2, 1)).transpose(0, 2, 1)
    made = rounded(aimed.astype(np.float32), step, moment, MOST, frugal)
    real = made.codes * step.reshape(rows.shape[0], rows.shape[1], 1)
    moved = np.einsum("gfv,gv->gf", rows, seen.x) - np.einsum("gfv,gv->gf", real, seen.y)
    return made, moved.ravel()


def _grid(layer: Layer, made: Rounded, step: F64) -> Grid:
    return Grid(layer.back(made.codes), step.astype(np.float32), layer.axis)


def _plain(weight: F32, layer: Layer, most: int) -> Grid:
    rows = layer.rows(weight).astype(np.float64)
    flat = rows.reshape(-1, rows.shape[2])
    end = np.maximum(np.abs(flat).max(axis=1), 1e-30)
    best, least = end / most, np.full(len(flat), np.inf)
    for share in np.linspace(1.0, 0.5, 26):
        step = share * end / most
        error = np.square(np.clip(np.rint(flat / step[:, None]), -most, most) * step[:, None] - flat).sum(axis=1)
        best, least = np.where(error < least, step, best), np.minimum(error, least)
    codes = np.clip(np.rint(flat / best[:, None]), -most, most).astype(np.int16)
    return Grid(layer.back(codes.reshape(rows.shape)), best.astype(np.float32), layer.axis)
