"""Which part of a frame goes where in a model's input."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from edge.preprocess.input import Input, Rounding

Region: TypeAlias = tuple[int, int, int, int]
"""A part of a frame: x1, y1, x2, y2 in its pixels, even but at the frame's right and bottom edge."""


@dataclass(frozen=True, slots=True)
class Square:
    """A square of a frame.

    x, y: its centre, pixels of the frame
    side: in pixels of the frame
    angle: radians by which it is turned; 0: upright, more: clockwise as people see it
    """

    x: float
    y: float
    side: float
    angle: float = 0.0


def source(frame: tuple[int, int], to: Input, region: Region | None) -> Region:
    """The part of a frame (width, height) that is fed: `region`, or the input's `rows`, less what a `crop` leaves out.

    ValueError for a region that lies outside of the frame, or that 4:2:0 chroma cannot be cut at.
    """
    x1, y1, x2, y2 = part = region or _seen(frame, to)
    if not (0 <= x1 < x2 <= frame[0] and 0 <= y1 < y2 <= frame[1]):
        raise ValueError(f"region {part} does not lie in a frame of {frame[0]}x{frame[1]}")
    if x1 % 2 or y1 % 2 or (x2 % 2 and x2 != frame[0]) or (y2 % 2 and y2 != frame[1]):
        raise ValueError(f"region {part} has odd sides, which 4:2:0 pictures cannot be cut at")
    if to.fit != "crop":
        return part
    width, height = x2 - x1, y2 - y1
    kept_width = _even(height * to.width / to.height, width)
    kept_height = _even(width * to.height / to.width, height)
    left, top = x1 + (width - kept_width) // 4 * 2, y1 + (height - kept_height) // 4 * 2
    return left, top, left + kept_width, top + kept_height


def target(region: Region, to: Input) -> tuple[int, int, int, int]:
    """left, top, width, height of the rectangle of the input that a region fills."""
    if to.fit != "letterbox":
        return 0, 0, to.width, to.height
    width, height = region[2] - region[0], region[3] - region[1]
    ratio = min(to.width / width, to.height / height)
    across = min(to.width, _whole(width * ratio, to.rounding))
    down = min(to.height, _whole(height * ratio, to.rounding))
    if to.anchor == "top-left":
        return 0, 0, across, down
    return (to.width - across) // 2, (to.height - down) // 2, across, down


def _seen(frame: tuple[int, int], to: Input) -> Region:
    """What a model sees of a whole frame: all of its width, and two rows at the least."""
    width, height = frame
    if to.rows == (0.0, 1.0):
        return 0, 0, width, height
    top, bottom = (min(2 * round(height * part / 2), height) for part in to.rows)
    top = max(0, min(top, height // 2 * 2 - 2))
    return 0, top, width, max(bottom, min(top + 2, height))


def _even(wanted: float, most: int) -> int:
    """The even number of pixels nearest to `wanted`, `most` at the most."""
    return most if wanted >= most else min(most, max(2, round(wanted / 2) * 2))


def _whole(side: float, rounding: Rounding) -> int:
    return max(1, int(side) if rounding == "down" else round(side))
