"""A camera's reference view, kept over a restart; and how a view is held against one of long ago.

Of the light at which a reference was made, and of that of now, nothing is known: it may have been day. What differs by
light alone is then `unknown`, and `moved` is said only of a view in which the old one is found again, elsewhere.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np

from edge.memory import Memory
from edge.tamper.view import AGREES, BLUR, DARK, LEAST_BLOCKS, SAME_SHARE, STRUCTURE, Shift, Verdict, View, judge
from edge.types import U8

By = Literal["start", "time", "owner"]
"""What made a view the right one: it was the first, it had stood for so long, or the owner said so."""
_FORMAT = 1
_QUALITY = 90
_CHANGED = 3.0
"""By so many levels a reference differs from the one that is stored, to be stored anew."""
_EMPTY = 0.02
"""A covered lens shows structure in no larger share of the blocks; a street at night does, by its lamps."""
_LIKE = 2.0
"""Two pictures are of the same light where one is brighter by no larger factor."""


@dataclass(frozen=True, slots=True)
class Reference:
    """A view that is right.

    wall: Unix time at which it became so
    by: how
    before: the one that was right until then, which comes back when that is taken back
    told: what is the matter with it and was told; None for nothing
    """

    view: View
    wall: float
    by: By
    before: View | None = None
    told: str | None = None


class Shelf:
    """Where a camera's reference lies: read once, written seldom, since it may be a card that wears.

    Args:
        memory: None keeps nothing
        camera: under whose name it lies
        source: of the camera; the view of another one is no reference
    """

    def __init__(self, memory: Memory | None, camera: str, source: str) -> None:
        self._memory, self._key, self._source = memory, _key(camera), source
        self._kept = None if memory is None else memory.recall(self._key)
        self._stored: tuple[float, View] | None = None

    def take(self, size: tuple[int, int]) -> Reference | None:
        """What an earlier run left of a camera of this size, the first time that it is asked."""
        kept, self._kept = self._kept, None
        return decode(kept, self._source, size)

    def put(self, reference: Reference, time: float, size: tuple[int, int], *, stored: bool = False) -> None:
        """Store a reference. stored: it is there already, or shall not be."""
        self._stored = (time, reference.view)
        if self._memory is not None and not stored:
            self._memory.note(self._key, encode(reference, self._source, size))

    def renew(self, reference: Reference, time: float, size: tuple[int, int], after_s: float) -> None:
        """Store one that follows the light, if the last one is so old and differs."""
        if self._stored is None or time - self._stored[0] < after_s:
            return
        before, now = self._stored[1].grey, reference.view.grey
        if before.shape != now.shape or float(np.mean(cv2.absdiff(before, now))) >= _CHANGED:
            self.put(reference, time, size)


def forget_view(memory: Memory, camera: str) -> None:
    """Have no picture of a camera kept."""
    if memory.recall(_key(camera)):
        memory.note(_key(camera), "")


def _key(camera: str) -> str:
    return f"view/{camera}"


def encode(reference: Reference, source: str, size: tuple[int, int]) -> str:
    """As text. source, size: of the camera whose view it is; of another one it is worth nothing."""
    table = {
        "v": _FORMAT,
        "of": _of(source, size),
        "wall": reference.wall,
        "by": reference.by,
        "view": _jpeg(reference.view),
        "told": reference.told,
        "before": None if reference.before is None else _jpeg(reference.before),
    }
    return json.dumps(table)


def decode(text: str | None, source: str, size: tuple[int, int]) -> Reference | None:
    """The reference that `encode` wrote of this source and size; None for anything else."""
    try:
        table = json.loads(text or "null")
        if table["v"] != _FORMAT or table["of"] != _of(source, size):
            return None
        before = None if table["before"] is None else _view(table["before"])
        by: By = table["by"] if table["by"] in ("start", "time", "owner") else "start"
        told = None if table["told"] is None else str(table["told"])
        return Reference(_view(table["view"]), float(table["wall"]), by, before, told)
    except (ValueError, TypeError, KeyError, RecursionError, binascii.Error, cv2.error):
        return None


def recognise(kept: View, now: View, hidden: U8 | None = None) -> tuple[Verdict, Shift | None]:
    """What became of a view since long ago; as `judge`, but what may be another light is `unknown` or `dark`."""
    verdict, shift = judge(kept, now, hidden, BLUR)
    if verdict == "moved":
        return (verdict, shift) if shift is not None and _found(kept, now, shift) else ("unknown", None)
    if verdict == "covered":
        if now.brighter[2 * DARK] < 0.05:
            return "dark", None
        return ("covered" if float(np.mean(now.spread > STRUCTURE)) <= _EMPTY else "unknown"), None
    if verdict == "blurred":
        a, b = kept.level + 1.0, now.level + 1.0
        return ("blurred" if max(a, b) <= _LIKE * min(a, b) else "unknown"), None
    return verdict, shift


def _found(kept: View, now: View, shift: Shift) -> bool:
    """Whether the old view is there where the shift has it, block by block."""
    h, w = now.grey.shape
    there = View(np.asarray(cv2.warpPerspective(kept.grey, shift.homography, (w, h)), np.uint8))
    inside = cv2.warpPerspective(np.ones((h, w), np.float32), shift.homography, (w, h))
    usable = (there.spread > STRUCTURE) & (now.blocks(np.asarray(inside, np.float32)) > 0.99)
    if np.count_nonzero(usable) < LEAST_BLOCKS:
        return False
    both = now.blocks(there.smooth * now.smooth) - there.coarse * now.coarse
    agreement = both / np.maximum(there.spread * now.spread, 1.0)
    return float(np.mean(agreement[usable] > AGREES)) >= SAME_SHARE


def _of(source: str, size: tuple[int, int]) -> str:
    return hashlib.sha256(f"{source} {size[0]}x{size[1]}".encode()).hexdigest()[:16]


def _jpeg(view: View) -> str:
    _, data = cv2.imencode(".jpg", view.grey, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    return base64.b64encode(data.tobytes()).decode()


def _view(text: str) -> View:
    grey = cv2.imdecode(np.frombuffer(base64.b64decode(text, validate=True), np.uint8), cv2.IMREAD_GRAYSCALE)
    if grey is None:
        raise ValueError("no picture")
    return View(np.asarray(grey, np.uint8))
