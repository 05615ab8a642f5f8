"""What was drawn into a camera's picture, and which objects count there."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from edge import polygons
from edge.polygons import XY
from edge.types import F32


@dataclass(frozen=True, slots=True)
class Shape:
    """What filters look at.

    area: of the box, as a share of the picture
    ratio: its width by its height
    score: the median of what the newest looks gave
    """

    area: float
    ratio: float
    score: float


@dataclass(frozen=True, slots=True)
class Filter:
    """Which objects of a label count; bounds as in `Shape`, both included."""

    min_area: float = 0.0
    max_area: float = 1.0
    min_ratio: float = 0.0
    max_ratio: float = math.inf
    min_score: float = 0.0

    def lets(self, shape: Shape) -> bool:
        """Whether an object of this shape counts."""
        return (
            self.min_area <= shape.area <= self.max_area
            and self.min_ratio <= shape.ratio <= self.max_ratio
            and self.min_score <= shape.score
        )


@dataclass(frozen=True, slots=True)
class Zone:
    """A named part of the picture. points: float32 (n, 2), x y, 0..1 of the frame.

    labels: what counts in it; None: everything
    inertia: an object enters after so many looks in a row inside, and leaves after as many outside
    loiter_s: who stays so many seconds loiters; None: nobody does
    filters: by label
    corners: the points as plain floats
    """

    name: str
    points: F32
    labels: frozenset[str] | None = None
    inertia: int = 3
    loiter_s: float | None = None
    filters: Mapping[str, Filter] = field(default_factory=dict)
    corners: Sequence[XY] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Once, and not at every look at every object."""
        object.__setattr__(self, "corners", [(x, y) for x, y in self.points.tolist()])

    def holds(self, x: float, y: float) -> bool:
        """Whether a point (0..1 of the frame) is inside or on the border."""
        return polygons.holds(self.corners, (x, y))

    def counts(self, label: str, shape: Shape) -> bool:
        """Whether an object may be in it at all."""
        return (self.labels is None or label in self.labels) and (
            label not in self.filters or self.filters[label].lets(shape)
        )


@dataclass(frozen=True, slots=True)
class Line:
    """A line across the picture. points: float32 (n, 2), x y, 0..1 of the frame, two or more.

    Walk from its first point to its last: who crosses from your left to your right goes `in`, the others `out`. In a
    picture, where y grows downwards, a line drawn from left to right is crossed inwards from above:

            left
        1 ────────► 2      in = downwards
            right

    direction: which crossings count
    labels: whose; None: everybody's
    """

    name: str
    points: F32
    direction: Literal["both", "in", "out"] = "both"
    labels: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Scene:
    """All that was drawn into one camera's picture.

    filters: by label; who does not pass is not told of at all
    required: names of zones; an object is told of only once it has entered one of them. Empty: none is required
    """

    zones: tuple[Zone, ...] = ()
    lines: tuple[Line, ...] = ()
    filters: Mapping[str, Filter] = field(default_factory=dict)
    required: frozenset[str] = frozenset()


NOWHERE = Scene()
"""A picture in which nothing was drawn."""
