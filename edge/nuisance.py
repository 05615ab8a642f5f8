"""Places that move again and again without an object ever being found there: learned, deafened, forgotten over days.

The picture is a grid. In every ten seconds in which a cell moves and no object has to do with it, the cell gains a
point; an object seen in a cell takes all of them. A cell of many points is deaf: motion that is in deaf cells alone is
not told of, and asks for a look only every few seconds, so that somebody who is there nevertheless is found, and heals
the place.
"""

from __future__ import annotations

import base64
import binascii
import json
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge import boxes
from edge.memory import Memory
from edge.types import F32, Box, Track

COLUMNS, ROWS = 32, 18
_FORMAT = 1


@dataclass(frozen=True, slots=True)
class NuisanceSettings:
    """When a place counts as a nuisance. Times in seconds.

    window_s: in so long a cell gains one point at most
    deaf: a cell of so many points is deaf
    half_life_s: after it, half of the points are forgotten
    share: a region is deaf if so much of it is deaf cells
    peek_s: how often deaf motion is looked at nevertheless
    dismissed: points for a place of which the owner said that it was nothing
    most: a place that is a larger share of the picture cannot be dismissed
    save_s: how often what was learned is stored
    """

    window_s: float = 10.0
    deaf: float = 60.0
    half_life_s: float = 72 * 3600.0
    share: float = 0.85
    peek_s: float = 5.0
    dismissed: float = 90.0
    most: float = 0.25
    save_s: float = 600.0


@dataclass(frozen=True, slots=True)
class Sifted:
    """told: the moving regions that count; looked: those that ask for a look at this frame."""

    told: list[Box]
    looked: list[Box]


class Nuisance:
    """The map of one camera. Owned by its pipeline; `dismiss` and `restore` are for any thread, and what they say is
    kept at once: a camera that is off, or a pipeline that fails, may not take it in before the next restart.

    Args:
        memory: None keeps nothing, as in a replay; noted in the camera's thread
        camera: under whose name it is kept
        learns: False where nothing looks for objects: without them, all that moves would be a nuisance
        wall: Unix time, and whether it can be trusted; what was learned ages by it over a restart
    """

    def __init__(
        self,
        settings: NuisanceSettings | None = None,
        memory: Memory | None = None,
        *,
        camera: str = "",
        learns: bool = True,
        wall: Callable[[], tuple[float, bool]] = lambda: (0.0, False),
    ) -> None:
        self._settings = settings or NuisanceSettings()
        self._memory, self._learns, self._wall = memory, learns, wall
        self._key = f"nuisance/{camera}"
        self._points: F32 = np.zeros((ROWS, COLUMNS), np.float32)
        self._dismissed: F32 = np.zeros((ROWS, COLUMNS), np.float32)
        self._moved: NDArray[np.bool_] = np.zeros((ROWS, COLUMNS), np.bool_)
        self._window: float | None = None
        self._peeked = self._saved = -np.inf
        self._lock = threading.Lock()
        if memory is not None and (kept := memory.recall(self._key)) is not None:
            self._recall(kept)
        self._changed = False
        self._deafen()

    @property
    def deaf(self) -> NDArray[np.bool_]:
        """bool (rows, columns): which cells of the picture are deaf."""
        return self._deaf

    def dismiss(self, box: Box, frame_size: tuple[int, int]) -> bool:
        """The owner says that what was there was nothing: deaf from the next frame on. Any thread.

        Args:
            box: pixels of a frame of `frame_size`

        Returns:
            False where the box is so much of the picture that the camera would be as good as blind: nothing is deaf.
        """
        w, h = frame_size
        if boxes.area(boxes.clipped(box, w, h)) > self._settings.most * w * h:
            return False
        self._hear(self._settings.dismissed, box, frame_size)
        return True

    def restore(self, box: Box, frame_size: tuple[int, int]) -> None:
        """The owner takes that back: from the next frame on nothing that was dismissed there counts. Any thread."""
        self._hear(0.0, box, frame_size)

    def sift(self, moved: list[Box], time: float, size: tuple[int, int]) -> Sifted:
        """What of the gate's regions counts."""
        with self._lock:
            deaf, some = self._deaf, self._any
        if not moved or not some:
            return Sifted(moved, moved)
        told = [region for region in moved if deaf[_cells(region, size)].mean() < self._settings.share]
        if len(told) == len(moved) or time - self._peeked < self._settings.peek_s - 1e-6:
            return Sifted(told, told)
        self._peeked = time
        return Sifted(told, moved)

    def learn(self, moved: Sequence[Box], tracks: Sequence[Track], time: float, size: tuple[int, int]) -> None:
        """Take in a frame.

        Args:
            moved: all of the gate's regions
            tracks: what was found; the confirmed ones that were seen heal their places
        """
        objects = [track.box for track in tracks if track.confirmed and track.seen]
        with self._lock:
            self._take_in(moved, objects, time, size)

    def save(self) -> None:
        """Store what is known now, if anything is new."""
        with self._lock:
            self._save()

    def _take_in(self, moved: Sequence[Box], objects: Sequence[Box], time: float, size: tuple[int, int]) -> None:
        if self._learns:
            for region in moved:
                if not any(boxes.shared(region, one) for one in objects):
                    self._moved[_cells(region, size)] = True
        for one in objects:
            self._heal(_cells(boxes.grown(one, 0.25), size))
        if self._window is None or time < self._window:
            self._window = time
        if time - self._window >= self._settings.window_s - 1e-6:
            self._close_window(time - self._window)
            self._window = time
            if self._changed and time - self._saved >= self._settings.save_s:
                self._saved = time
                self._save()

    def _save(self) -> None:
        if self._memory is None or not self._changed:
            return
        self._changed = False
        wall, sure = self._wall()
        grids = np.stack([self._points, self._dismissed]).astype("<f2").tobytes()
        kept = {"v": _FORMAT, "wall": wall if sure else None, "grid": base64.b64encode(grids).decode()}
        self._memory.note(self._key, json.dumps(kept))

    def _hear(self, points: float, box: Box, of: tuple[int, int]) -> None:
        """Take in what the owner said, and keep it."""
        with self._lock:
            # However often it is said: it is meant once.
            self._dismissed[_cells(box, of)] = points
            self._changed = True
            self._deafen()
            self._save()

    def _heal(self, cells: tuple[slice, slice]) -> None:
        """Somebody is there. What the owner dismissed is healed only by an object that reaches beyond it: the others
        may be the very error that was dismissed."""
        self._moved[cells] = False
        if self._any and self._points[cells].any():
            self._points[cells] = 0
            self._changed = True
            self._deafen()
        dismissed = self._dismissed[cells] >= self._settings.deaf
        if dismissed.any() and dismissed.mean() < 0.5:
            self._dismissed[cells] = 0
            self._changed = True
            self._deafen()

    def _close_window(self, span: float) -> None:
        if self._moved.any():
            self._points[self._moved] += 1
            self._changed = True
        self._moved[:] = False
        self._fade(span)
        # Bounded, so that a place that was restless for a year is not deaf for another one.
        np.minimum(self._points, 4 * self._settings.deaf, out=self._points)
        self._deafen()

    def _fade(self, span: float) -> None:
        rest = np.float32(0.5 ** (span / self._settings.half_life_s))
        self._points *= rest
        self._dismissed *= rest

    def _deafen(self) -> None:
        self._deaf = self._points + self._dismissed >= self._settings.deaf
        self._any = bool(self._deaf.any())

    def _recall(self, kept: str) -> None:
        """Take up what was saved; what cannot be read is as if it had never been learned."""
        try:
            table = json.loads(kept)
            grids = np.frombuffer(base64.b64decode(table["grid"], validate=True), "<f2").astype(np.float32)
            points, dismissed = grids.reshape(2, ROWS, COLUMNS)
            then = table["wall"]
        except (ValueError, TypeError, KeyError, binascii.Error):
            return
        if table["v"] != _FORMAT or not np.all(np.isfinite(grids)) or np.any(grids < 0):
            return
        self._points, self._dismissed = points.copy(), np.minimum(dismissed, np.float32(self._settings.dismissed))
        now, sure = self._wall()
        if sure and isinstance(then, (int, float)) and now > then:
            self._fade(now - then)


def _cells(box: Box, size: tuple[int, int]) -> tuple[slice, slice]:
    """The rows and columns of cells that a box touches, at least one each."""
    w, h = size
    left, right = box[0] / w * COLUMNS, box[2] / w * COLUMNS
    top, bottom = box[1] / h * ROWS, box[3] / h * ROWS
    x, y = min(max(int(left), 0), COLUMNS - 1), min(max(int(top), 0), ROWS - 1)
    return slice(y, max(y + 1, min(-int(-bottom // 1), ROWS))), slice(x, max(x + 1, min(-int(-right // 1), COLUMNS)))
