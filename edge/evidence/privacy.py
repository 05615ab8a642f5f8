"""What pictures do not show, and what is not told at all.

A picture is made unrecognisable before anything else is made of it: snapshots, mails, the live page and thumbnails are
drawn from what is left, so that none can forget it. Only the detector and the tracker see the frame as it was.

Where skeletons alone are to be seen, no pixel of the camera is left: what no detector finds is hidden as well.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Literal, Protocol

import cv2
import numpy as np

from edge.clock import Clock
from edge.types import ENGINE, F32, I420, U8, UNARMED, Box, Event, Frame, Track

Blur = Literal["none", "faces", "people", "skeleton"]
PERSON = "person"
OWN = frozenset({ENGINE, "alarm"})
"""Labels of what no camera sees: that is told whatever the alarm's state."""
HEAD = 0.3
"""Which upper part of an upright person's box is taken for the head, until a model says where faces are."""
BLOCKS = 6
"""Into how many blocks the shorter side of what is hidden is averaged, smoothed afterwards: there is no way back."""
MARGIN = 0.1
GROUND, OUTLINE = (38, 128, 128), 76
"""Y, U and V of the plain ground on which skeletons are shown, and Y of the zones' outlines on it."""


class Veil(Protocol):
    """Makes of a frame what may be kept of it."""

    def __call__(self, frame: Frame, tracks: Sequence[Track], moved: Sequence[Box]) -> Frame:
        """The frame itself where nothing is to be hidden, else a new one."""
        ...


def plain(frame: Frame, tracks: Sequence[Track], moved: Sequence[Box]) -> Frame:
    """A veil that hides nothing."""
    return frame


def veil(blur: Blur, *, sees_people: bool, outlines: Sequence[F32] = ()) -> Veil:
    """The veil of a camera.

    Args:
        blur: `faces`: the heads of people; `people`: all of them; `skeleton`: everything
        sees_people: whether its detector finds people; where motion alone is wanted, what moves is hidden instead
        outlines: of the zones, as `Ground` takes them
    """
    if blur == "none":
        return plain
    if blur == "skeleton":
        return Ground(outlines)

    def hide(frame: Frame, tracks: Sequence[Track], moved: Sequence[Box]) -> Frame:
        people = [track.box for track in tracks if track.label == PERSON] if sees_people else list(moved)
        if not people:
            return frame
        places = [head(box) if blur == "faces" and sees_people else box for box in people]
        return replace(frame, picture=hidden(frame.picture, places))

    return hide


class Ground:
    """A veil that hides everything: the picture is one flat colour with the zones' outlines, and whatever draws on it
    (boxes, skeletons) has nothing else to draw on.

    Args:
        outlines: float32 (n, 2) each, the corners of a zone, 0..1 of the frame
    """

    def __init__(self, outlines: Sequence[F32] = ()) -> None:
        self._outlines = outlines
        self._made: I420 | None = None

    def __call__(self, frame: Frame, tracks: Sequence[Track], moved: Sequence[Box]) -> Frame:
        """The frame on that ground, which all frames of one size share."""
        if self._made is None or (self._made.width, self._made.height) != frame.size:
            self._made = ground(frame.size, self._outlines)
        return replace(frame, picture=self._made)


def ground(size: tuple[int, int], outlines: Sequence[F32] = ()) -> I420:
    """A picture of w x h pixels that shows nothing but the outlines of zones, its planes read-only."""
    w, h = size
    half = (h + 1) // 2, (w + 1) // 2
    picture = I420(
        *(np.full(shape, level, np.uint8) for shape, level in zip(((h, w), half, half), GROUND, strict=True))
    )
    corners = [np.round(outline * (w, h)).astype(np.int32) for outline in outlines]
    cv2.polylines(picture.y, corners, True, (OUTLINE,), max(1, h // 360), cv2.LINE_AA)
    for plane in (picture.y, picture.u, picture.v):
        plane.flags.writeable = False
    return picture


def head(box: Box) -> Box:
    """Where a person's head is, at most: the upper part of an upright box, all of one that is not upright."""
    x1, y1, x2, y2 = box
    return (x1, y1, x2, y1 + HEAD * (y2 - y1)) if y2 - y1 > 1.2 * (x2 - x1) else box


def hidden(picture: I420, places: Sequence[Box]) -> I420:
    """A copy of a picture in which places (boxes in pixels, with a margin) are coarse blocks, smoothed."""
    y, u, v = picture.y.copy(), picture.u.copy(), picture.v.copy()
    for x1, y1, x2, y2 in places:
        wide, tall = MARGIN * (x2 - x1), MARGIN * (y2 - y1)
        place = x1 - wide, y1 - tall, x2 + wide, y2 + tall
        _coarsen(y, place, 1.0)
        _coarsen(u, place, 0.5)
        _coarsen(v, place, 0.5)
    return I420(y, u, v)


def _coarsen(plane: U8, place: Box, scale: float) -> None:
    """Average a part of a plane into blocks, in place; those that the picture cuts off belong to it."""
    h, w = plane.shape
    x1, y1 = max(0, int(place[0] * scale)), max(0, int(place[1] * scale))
    x2, y2 = min(w, int(np.ceil(place[2] * scale))), min(h, int(np.ceil(place[3] * scale)))
    if x2 - x1 < 1 or y2 - y1 < 1:
        return
    block = max(1.0, min(x2 - x1, y2 - y1) / BLOCKS)
    size = max(1, round((x2 - x1) / block)), max(1, round((y2 - y1) / block))
    coarse = cv2.resize(plane[y1:y2, x1:x2], size, interpolation=cv2.INTER_AREA)
    plane[y1:y2, x1:x2] = cv2.resize(coarse, (x2 - x1, y2 - y1), interpolation=cv2.INTER_LINEAR)


class Shown:
    """Which pictures may be told: none that was taken before the alarm was armed, once it is. Any thread.

    Args:
        armed: the alarm's state now
        clock: by which frames have their times
    """

    def __init__(self, armed: Callable[[], str], clock: Clock) -> None:
        self._armed, self._clock = armed, clock
        self._step: int | None = None
        self._since = -math.inf
        self._lock = threading.Lock()

    def since(self) -> float:
        """The frame time from which on pictures may be told. To be asked for each frame: that is how an arming is
        noticed, up to a few frames late, and never too early."""
        with self._lock:
            before, self._step = self._step, _step(self._armed())
            if before is not None and self._step > before:
                self._since = self._clock.monotonic()
            return self._since


def _step(state: str) -> int:
    """How far the alarm is armed: not, on the way (what is seen is told of, and not mailed), or wholly."""
    return UNARMED.index(state) if state in UNARMED else len(UNARMED)


class Discretion:
    """Keeps events back while the alarm is disarmed, where that is wanted. Any thread.

    What was told of before is still ended. What began while nothing was told and is still there when the alarm is armed
    is told of then, as new, with pictures from then on.

    Args:
        armed: the alarm's state now
    """

    def __init__(self, armed: Callable[[], str]) -> None:
        self._armed = armed
        self._told: set[str] = set()
        self._bare: set[str] = set()
        self._lock = threading.Lock()

    def passes(self, event: Event) -> Event | None:
        """The event as it may be told, None if it may not."""
        name = event.after.id
        if event.after.label in OWN:
            return event
        quiet = self._armed() == "disarmed"
        with self._lock:
            known = name in self._told
            if event.jpeg is not None:
                (self._bare.add if quiet else self._bare.discard)(name)
            told = replace(event, jpeg=None) if quiet else event
            if name in self._bare:  # its picture was not kept
                told = replace(told, after=replace(told.after, has_snapshot=False, snapshot=None))
            if event.type == "end":
                self._told.discard(name)
                self._bare.discard(name)
                return told if known else None
            if quiet:
                return None
            self._told.add(name)
            return told if known else replace(told, type="new", before=None)
