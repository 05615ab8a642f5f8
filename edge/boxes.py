"""Geometry of boxes, x1 y1 x2 y2 in pixels, as plain floats: for the handful that a camera follows."""

from __future__ import annotations

from edge.types import Box


def area(box: Box) -> float:
    """Square pixels; 0 for a box turned inside out."""
    return max(box[2] - box[0], 0.0) * max(box[3] - box[1], 0.0)


def shared(a: Box, b: Box) -> float:
    """Square pixels that both cover."""
    w = min(a[2], b[2]) - max(a[0], b[0])
    h = min(a[3], b[3]) - max(a[1], b[1])
    return w * h if w > 0 and h > 0 else 0.0


def iou(a: Box, b: Box) -> float:
    """Intersection over union, 0..1."""
    both = shared(a, b)
    return both / (area(a) + area(b) - both) if both else 0.0


def nested(a: Box, b: Box) -> float:
    """Intersection over the smaller box, 0..1: 1 where one holds the other."""
    both = shared(a, b)
    return both / min(area(a), area(b)) if both else 0.0


def grown(box: Box, part: float) -> Box:
    """The box with a margin of `part` of its size on every side."""
    x, y = (box[2] - box[0]) * part, (box[3] - box[1]) * part
    return box[0] - x, box[1] - y, box[2] + x, box[3] + y


def clipped(box: Box, w: float, h: float) -> Box:
    """The part of the box within a frame of w by h pixels."""
    x1, y1, x2, y2 = box
    return min(max(x1, 0.0), w), min(max(y1, 0.0), h), min(max(x2, 0.0), w), min(max(y2, 0.0), h)


def at_edge(box: Box, w: float, h: float, margin: float) -> bool:
    """Whether the box comes as near to the edge of a frame of w by h pixels as `margin` of its size, or leaves it."""
    x, y = margin * w, margin * h
    return box[0] < x or box[2] > w - x or box[1] < y or box[3] > h - y


def around(boxes: list[Box]) -> Box:
    """The smallest box that holds them all; at least one."""
    x1, y1, x2, y2 = zip(*boxes, strict=True)
    return min(x1), min(y1), max(x2), max(y2)
