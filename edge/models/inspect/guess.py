"""What a guess at a model's head says, and what guesses are made with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from edge.engines.base import TensorSpec
from edge.models.inspect.facts import Facts


@dataclass(frozen=True, slots=True)
class Guess:
    """A likely head.

    outputs: its roles, each with the tensor's name
    why: what speaks for it
    labels: how many it wants, None where the tensors do not show it
    keys: further keys of the manifest that it wants, each with its value and where that is from
    rivals: what else has such outputs, and how to tell
    """

    decoder: str
    outputs: Mapping[str, str]
    why: str
    labels: int | None = None
    task: str = "detect"
    keys: Mapping[str, tuple[Any, str]] = field(default_factory=dict)
    rivals: str = ""


Keys = dict[str, tuple[Any, str]]
LEVELS = ((8, 16, 32), (8, 16, 32, 64), (4, 8, 16, 32))
"""Strides of the grids that a head's rows may come from, the usual first."""


Look = Callable[[Facts], Guess | None]
"""A family's guess. It sees outputs whose number of axes is known; single sizes may be None."""


def only(facts: Facts, axes: int) -> TensorSpec | None:
    """The only output, if it has as many axes, all of known size."""
    if len(facts.outputs) != 1:
        return None
    spec = facts.outputs[0]
    return spec if len(spec.shape) == axes and None not in spec.shape else None


def sizes(spec: TensorSpec) -> tuple[int, ...]:
    """The shape of a tensor whose sizes are known; a size left open counts as 0."""
    return tuple(size or 0 for size in spec.shape)


def levels(facts: Facts, rows: int, boxes: int = 1) -> tuple[int, ...]:
    """The strides whose grids make so many rows with so many boxes a cell; empty if none do."""
    return next((strides for strides in LEVELS if boxes * facts.cells(strides) == rows), ())


def units(facts: Facts, name: str, axis: int) -> Keys:
    """`box_units` where a run shows boxes, x y w h along an axis, in 0..1 of the input."""
    sample = facts.samples.get(name)
    if sample is None:
        return {}
    boxes = np.abs(np.moveaxis(np.asarray(sample, np.float32), axis, -1)[..., :4])
    boxes = boxes[np.isfinite(boxes)]
    if boxes.size == 0 or not 0 < boxes.max() <= 2:
        return {}
    return {"box_units": ("unit", "boxes of a run lie in 0..1")}
