"""A camera's view over time: what the reference is, and when a change of it is told."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import cv2
import numpy as np

from edge.tamper.view import SHARP, SHARP_AGAIN, WIDTH, Shift, Verdict, View, height_of, judge
from edge.types import F32, TAMPER, U8, Box, Event, Frame, Sighting, Snapshot, Track, pseudo

_MARGIN = 0.15
_SELDOM = 5  # the reference follows at every fifth look: what is derived from it is then made a fifth as often


@dataclass(frozen=True, slots=True)
class TamperSettings:
    """When to look and when to tell. Times in seconds.

    every_s, told_every_s: time between two looks; while something is told, which costs more to see
    votes, of: a verdict is told once so many of the newest looks, of those that saw enough, agree on it
    back: the view is back once so many looks in a row say so
    learn_s: how fast the reference follows the view's slow changes, such as dusk
    accept_s: a new view that has stood for so long becomes the reference
    sudden: the light went off, and did not fade, where the view was brighter by this factor just before
    settle: two shifts are the same if they differ by less than this part of the width, or a third of the shift
    crowd: where so much of the picture is people and moving things, nothing is said of the view
    """

    every_s: float = 1.0
    told_every_s: float = 2.0
    votes: int = 4
    of: int = 8
    back: int = 3
    learn_s: float = 30.0
    accept_s: float = 600.0
    sudden: float = 2.5
    settle: float = 0.015
    crowd: float = 0.5


@dataclass(slots=True)
class _Known:
    """What is known of a camera's view.

    looked: when it was looked at; looks: how often
    busy: where people and moving things were since then
    reference, mean: what the view should be, and the running mean that it is made of; first: what may become it
    light: how bright it was lately
    votes: the newest verdicts and shifts, of looks that saw enough
    since: how long the newest verdict has stood
    faded: whether it became dark slowly
    """

    looked: float | None = None
    looks: int = 0
    busy: list[Box] = field(default_factory=list)
    reference: View | None = None
    mean: F32 | None = None
    first: View | None = None
    light: float = 0.0
    votes: list[tuple[Verdict, Shift | None]] = field(default_factory=list)
    since: float = 0.0
    faded: bool = False


class Tamper:
    """Watches over one camera's view. Owned by its pipeline; `accept` and `state` are for any thread.

    Args:
        camera: its name
        boot_id: of this run of the daemon; ids derive from it, the camera and a counter
        armed: the alarm's state now
        tell: called with the state when it changes: `none`, or a sub_label
        draw: makes the JPEG of what the camera sees when something is told first; None where there is none
    """

    def __init__(
        self,
        camera: str,
        boot_id: str,
        armed: Callable[[], str],
        tell: Callable[[str], None] = lambda state: None,
        settings: TamperSettings | None = None,
        draw: Callable[[Frame, Box, str, float], bytes | None] = lambda frame, box, label, score: None,
    ) -> None:
        self._camera, self._boot_id, self._armed, self._tell = camera, boot_id, armed, tell
        self._settings, self._draw = settings or TamperSettings(), draw
        self.state = "none"
        self._accepted = False
        self._count = 0
        self._told: Sighting | None = None
        self._now = _Known()

    def accept(self) -> None:
        """The view as it is now is the right one: it is learned anew."""
        self._accepted = True

    def look(self, frame: Frame, moved: Sequence[Box], tracks: Sequence[Track]) -> list[Event]:
        """The events of one frame; most frames only note where people are.

        Args:
            moved: the gate's regions
            tracks: whose places are not the view
        """
        if self._now.looked is not None and not 0 <= frame.time - self._now.looked < self._settings.accept_s:
            self._now = _Known()
        self._now.busy += [*moved, *(track.box for track in tracks)]
        every = self._settings.every_s if self._told is None else self._settings.told_every_s
        if self._now.looked is not None and frame.time - self._now.looked < every - 1e-6:
            return []
        self._now.looked = frame.time
        view, hidden = View.of(frame.picture.y), _hidden(self._now.busy, frame.size)
        self._now.busy.clear()
        if self._accepted:
            self._accepted = False
            return self._begin_anew(frame)
        if self._now.reference is None or self._now.mean is None or self._now.reference.grey.shape != view.grey.shape:
            self._learn_first(view, frame.time)
            return []
        blurred = self._told is not None and self._told.sub_label == "blurred"
        verdict, shift = judge(self._now.reference, view, hidden, SHARP_AGAIN if blurred else SHARP)
        if hidden is not None and verdict in ("same", "moved") and np.mean(hidden > 0) > self._settings.crowd:
            verdict = "unknown"
        self._now.looks += 1
        if verdict == "same" and shift is None and self._now.looks % _SELDOM == 0:
            self._follow(self._now.mean, view, hidden)
        return self._conclude(self._settled(verdict, shift, view, frame.time), frame)

    def close(self, frame: Frame) -> list[Event]:
        """End what is open: the stream ended or the daemon stops. `frame` is the last one.

        The reference stays: a camera that comes back soon shall not have been turned meanwhile.
        """
        self._now.busy.clear()
        self._now.votes.clear()
        return self._end(frame)

    def _begin_anew(self, frame: Frame) -> list[Event]:
        events = self._end(frame)
        self._now = _Known(looked=frame.time)
        return events

    def _learn_first(self, view: View, time: float) -> None:
        """The first reference: a view that the one before it confirms, and that shows something."""
        first, self._now.first = self._now.first, view
        if first is None or first.grey.shape != view.grey.shape or judge(first, view)[0] != "same":
            return
        self._now.reference, self._now.mean = view, view.grey.astype(np.float32)
        self._now.light, self._now.since = view.level, time

    def _follow(self, mean: F32, view: View, hidden: U8 | None) -> None:
        """Let the reference follow the slow changes of the view, but not under people."""
        rate = min(1.0, _SELDOM * self._settings.every_s / self._settings.learn_s)
        mask = None if hidden is None else (hidden == 0).astype(np.uint8)
        cv2.accumulateWeighted(view.grey, mean, rate, mask)
        self._now.reference = View(np.round(mean).astype(np.uint8))

    def _settled(self, verdict: Verdict, shift: Shift | None, view: View, time: float) -> Verdict | None:
        """The verdict that enough looks agree on, this one among them; None where they do not, or it saw too little."""
        settings, now = self._settings, self._now
        last = now.votes[-1] if now.votes else ("same", None)
        if verdict == "dark" and last[0] != "dark":
            now.faded = now.light < settings.sudden * view.level + 2
        if verdict != "dark":
            now.light += (view.level - now.light) * min(1.0, settings.every_s / settings.learn_s)
        if verdict == "unknown":
            return None
        if verdict != last[0] or not self._alike(shift, last[1]):
            now.since = time
        now.votes = [*now.votes[1 - settings.of :], (verdict, shift)]
        if verdict == "same":
            return "same" if all(vote == "same" for vote, _ in now.votes[-settings.back :]) else None
        agree = sum(vote == verdict and self._alike(shift, of) for vote, of in now.votes)
        return verdict if agree >= settings.votes else None

    def _alike(self, a: Shift | None, b: Shift | None) -> bool:
        """Whether two looks at a view that moved found it in the same place: people who walk by never stay."""
        if a is None or b is None:
            return True
        apart = max(abs(p - q) for p, q in zip(a.corners, b.corners, strict=True))
        return apart <= max(self._settings.settle, a.far / 3)

    def _conclude(self, verdict: Verdict | None, frame: Frame) -> list[Event]:
        """Tell of a settled verdict what was not told yet."""
        if verdict is None:
            return []
        if verdict == "same":
            return self._end(frame)
        told = self._told
        if verdict == "dark" and self._now.faded:
            self._say("dark")
            return []
        if told is None:
            self._count += 1
            new = pseudo(
                TAMPER, verdict, self._camera, frame.wall, boot_id=self._boot_id, count=self._count, view=frame.size
            )
            return [self._put("new", None, new, frame)]
        if told.sub_label != verdict:
            return [self._put("update", told, replace(told, sub_label=verdict, frame_time=frame.wall), frame)]
        self._say(verdict)  # it may have been dark meanwhile
        stands = frame.time - self._now.since >= self._settings.accept_s
        return self._begin_anew(frame) if stands and verdict == "moved" else []

    def _end(self, frame: Frame) -> list[Event]:
        told, self._told = self._told, None
        self._say("none")
        if told is None:
            return []
        return [Event("end", told, told.ended(frame.wall), frame.wall, self._armed())]

    def _put(self, kind: Literal["new", "update"], before: Sighting | None, after: Sighting, frame: Frame) -> Event:
        jpeg = None
        if kind == "new" and (jpeg := self._draw(frame, after.box, TAMPER, 1.0)) is not None:
            after = replace(after, has_snapshot=True, snapshot=Snapshot(frame.wall, after.box, 1.0))
        self._told = after
        self._say(after.sub_label or "none")
        return Event(kind, before, after, frame.wall, self._armed(), None, jpeg)

    def _say(self, state: str) -> None:
        if state != self.state:
            self.state = state
            self._tell(state)


def _hidden(busy: Sequence[Box], size: tuple[int, int]) -> U8 | None:
    """255 in the small picture where people and moving things are, with a margin; None where nothing is."""
    if not busy:
        return None
    w, h = size
    height = height_of(w, h)
    hidden = np.zeros((height, WIDTH), np.uint8)
    for x1, y1, x2, y2 in busy:
        dx, dy = _MARGIN * (x2 - x1), _MARGIN * (y2 - y1)
        left, right = (int(min(max(x / w, 0.0), 1.0) * WIDTH) for x in (x1 - dx, x2 + dx))
        top, bottom = (int(min(max(y / h, 0.0), 1.0) * height) for y in (y1 - dy, y2 + dy))
        hidden[top:bottom, left:right] = 255
    return hidden
