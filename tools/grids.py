"""Weights alone onto uniform grids, in float otherwise: the fewest bits for an error that is chosen.

How fine each layer's grid is follows from a measurement: each layer is put on a grid alone and the error of the
model's outputs is taken. Errors grow with the square of the step and add up, and the fewest bits are spent where one
more bit gains the same everywhere (reverse water-filling; Cover and Thomas, Elements of Information Theory, section
10.3.3): each layer's error is then in proportion to its number of weights.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.models.packed.values import mini
from edge.models.packed.weight import Grid
from edge.tools.layers import F64, Layer
from edge.tools.rounding import rounded
from edge.types import F32

FINE = 0.1
"""The step in which sensitivity is measured, in root mean squares of the weight."""
COARSE = 1.5
"""The largest step, in the same unit: beyond it a layer is hardly more than signs."""
MOST = 127
"""The largest code: files know 256 symbols a tensor."""
BOOK = 256
"""Different values of a layer that shares them."""
WHOLE = np.arange(-MOST, MOST + 1, dtype=np.float64)
FRUGAL = 0.5
"""See `rounded`: half of the even price did best where layers follow one another."""
SPARSE = 0.2
"""The share of zeros from which on they are taken for pruned, and stay."""
TILTS = (0.0, 0.5)
"""How far a filter's step follows its own spread: not at all, or by the root of it. Filters with small weights feed
channels with small values, which whoever reads them makes large again; but a layer that was pruned or shares its values
has one spread in truth."""

Harm = Callable[[Mapping[str, NDArray[Any]]], float]
"""The error of the model's outputs with some initializers replaced."""


@dataclass(frozen=True, slots=True)
class Step:
    """How fine a layer's grid is.

    relative: in root mean squares of the weight
    tilt: one of `TILTS`
    """

    relative: float
    tilt: float


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """The error of the outputs with one layer on a grid of step `FINE`, with the better tilt."""

    harm: float
    tilt: float


def sensitivity(
    weights: Mapping[str, F32],
    layers: Mapping[str, Layer],
    moments: Mapping[str, F64],
    harm: Harm,
    progress: Callable[[float], None] = lambda part: None,
) -> dict[str, Sensitivity]:
    """What each layer costs, by weight."""
    found = {}
    for number, (name, layer) in enumerate(layers.items()):
        tried = []
        for tilt in TILTS[:1] if len(np.unique(weights[name])) <= BOOK else TILTS:
            grid = _on(weights[name], layer, moments[name], _scales(layer.rows(weights[name]), Step(FINE, tilt)), 0.0)
            # At the same bits: a grid that is finer on average may also have the smaller error.
            unit = float(np.exp(2 * np.log(grid.scales).mean()))
            seen = harm({name: grid.values()})
            tried.append((seen / unit, Sensitivity(seen, tilt)))
        found[name] = min(tried, key=lambda one: one[0])[1]
        progress((number + 1) / len(layers))
    return found


def fitting(weights: Mapping[str, F32], sensitive: Mapping[str, Sensitivity], error: float) -> dict[str, Step]:
    """The step of each layer, so that errors are in proportion to sizes and sum up to `error`."""
    count = sum(np.count_nonzero(weights[name]) for name in sensitive)
    steps = {}
    for name, seen in sensitive.items():
        if not weights[name].any():
            steps[name] = Step(1.0, 0.0)  # whatever it is: all codes are 0
            continue
        wanted = error * np.count_nonzero(weights[name]) / count
        steps[name] = Step(min(COARSE, FINE * math.sqrt(wanted / max(seen.harm, 1e-15))), seen.tilt)
    return steps


def on_grid(weight: F32, layer: Layer, moment: F64, step: Step) -> Grid:
    """A layer on a grid, rounded for what it is fed; where it is sparse its zeros stay.

    A file knows 256 values a tensor: where a finer grid is wanted, a filter's grid just reaches its largest weight.
    """
    rows = layer.rows(weight)
    wanted = _scales(rows, step)
    least = np.abs(rows).max(axis=2).ravel() / MOST
    if (wanted >= least).all():
        return _on(weight, layer, moment, wanted, FRUGAL)
    return _on(weight, layer, moment, mini(np.maximum(np.maximum(wanted, least), 1e-20).astype(np.float32)), FRUGAL)


def on_scales(weight: F32, layer: Layer, moment: F64, scales: F32) -> Grid:
    """A layer on a grid of these steps, one or one a filter, rounded for what it is fed and for nothing else."""
    return _on(weight, layer, moment, scales, 0.0)


def _on(
    weight: F32,
    layer: Layer,
    moment: F64,
    scales: F32,
    frugal: float,
) -> Grid:
    rows = layer.rows(weight)
    stored = rows != 0
    mask = stored if 1 - stored.mean() > SPARSE else None
    made = rounded(rows, scales.astype(np.float64), moment, WHOLE, frugal, mask)
    return Grid(layer.back(made.codes), scales, layer.axis)


def _scales(rows: F32, step: Step) -> F32:
    """The step of each filter, float32 (filters,), of those that take a byte each; or (1,): one for the layer."""
    squares = np.square(rows.astype(np.float64)).mean(axis=2).ravel()
    every = math.sqrt(float(squares.mean())) or 1.0
    if not step.tilt:
        return np.array([step.relative * every], np.float32)
    each = np.sqrt(np.maximum(squares, 1e-6 * every**2)) / every
    return mini((step.relative * every * each**step.tilt).astype(np.float32))
