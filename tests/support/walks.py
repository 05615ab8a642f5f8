"""Objects that walk through an empty picture, 640 by 480, ten pictures a second: for the rules."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from edge.rules import Line, Rules, Scene, Zone
from edge.types import I420, Box, Event, Frame, Track

W, H = 640, 480
PICTURE = I420(np.zeros((H, W), np.uint8), np.zeros((H // 2, W // 2), np.uint8), np.zeros((H // 2, W // 2), np.uint8))


def frame(i: int) -> Frame:
    """The picture at i tenths of a second."""
    return Frame("porch", i, i / 10, 1000 + i / 10, PICTURE)


def track(
    i: int, box: Box, *, number: int = 1, label: str = "person", confirmed: bool = True, seen: bool = True,
    score: float = 0.8,
) -> Track:  # fmt: skip
    """An object that was first seen at the first picture."""
    return Track(number, label, score, box, confirmed, seen, 0.0, i / 10, 1000.0, 1000 + i / 10)


def standing(x: float, y: float, height: float = 100.0) -> Box:
    """The box of a person whose feet are at x, y in pixels."""
    return x - height / 5, y - height, x + height / 5, y


def polygon(name: str, points: Iterable[tuple[float, float]], **more: object) -> Zone:
    """A zone from corners."""
    return Zone(name, np.array(list(points), np.float32), **more)  # type: ignore[arg-type]


def line(name: str, points: Iterable[tuple[float, float]], **more: object) -> Line:
    """A line from points."""
    return Line(name, np.array(list(points), np.float32), **more)  # type: ignore[arg-type]


def judge(scene: Scene, *labels: str) -> Rules:
    """Rules that keep no pictures."""
    return Rules("porch", "boot", labels or ("person",), lambda: "armed_away", scene=scene)


def walk(rules: Rules, feet: Iterable[tuple[float, float]], start: int = 0, **more: object) -> list[Event]:
    """The events of a person whose feet are at these places, one a picture."""
    events: list[Event] = []
    for i, (x, y) in enumerate(feet, start):
        events += rules.judge(frame(i), [track(i, standing(x, y), **more)], [], frozenset({1}))  # type: ignore[arg-type]
    return events


def along(a: tuple[float, float], b: tuple[float, float], steps: int) -> list[tuple[float, float]]:
    """Places on the straight way from a to b, both included."""
    return [(a[0] + (b[0] - a[0]) * k / (steps - 1), a[1] + (b[1] - a[1]) * k / (steps - 1)) for k in range(steps)]
