"""A camera's view over time: what the reference is, and when a change of it is told."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import cv2
import numpy as np

from edge.memory import Memory
from edge.tamper.kept import By, Reference, Shelf, recognise
from edge.tamper.news import TamperNews
from edge.tamper.settings import TamperSettings
from edge.tamper.view import SHARP, SHARP_AGAIN, Shift, Verdict, View, hidden_by, judge
from edge.types import F32, U8, Box, Event, Frame, Track

_LEAST_S = 60.0  # a camera that comes and goes stores its reference no more often
_SELDOM = 5  # the reference follows at every fifth look: what is derived from it is then made a fifth as often


@dataclass(slots=True)
class _Known:
    """What is known of a camera's view.

    began, looked: when it was first looked at, and when last; looks: how often
    busy: where people and moving things were since then
    reference, mean: what the view should be, and the running mean that it is made of; first: what may become it
    former: the reference of an earlier run or before a long break, until it is recognised
    light: how bright it was lately
    votes: the newest verdicts and shifts, of looks that saw enough; again: the same, on `former`
    since: how long the newest verdict has stood
    faded: whether it became dark slowly
    """

    former: Reference | None = None
    began: float | None = None
    looked: float | None = None
    looks: int = 0
    busy: list[Box] = field(default_factory=list)
    reference: Reference | None = None
    mean: F32 | None = None
    first: View | None = None
    light: float = 0.0
    votes: list[tuple[Verdict, Shift | None]] = field(default_factory=list)
    again: list[tuple[Verdict, Shift | None]] = field(default_factory=list)
    since: float = 0.0
    faded: bool = False


class Tamper:
    """Watches over one camera's view. Owned by its pipeline; `accept`, `take_back`, `state`, `unsure` and `accepted`
    are for any thread.

    Args:
        camera: its name
        boot_id: of this run of the daemon; ids derive from it, the camera and a counter
        armed: the alarm's state now
        tell: called with the state when it changes: `none`, or a sub_label
        draw: makes the JPEG of what the camera sees when something is told first; None where there is none
        memory: keeps the reference over a restart; None keeps none, as in a replay
        source: of the camera; the view of another one is no reference

    Attributes:
        unsure: whether the view is not, or not yet, one that was seen before
        strange: whether that has lasted
        accepted: when the view that counts as right became that (Unix time), and by what; None without one
    """

    def __init__(
        self,
        camera: str,
        boot_id: str,
        armed: Callable[[], str],
        tell: Callable[[str], None] = lambda state: None,
        settings: TamperSettings | None = None,
        draw: Callable[[Frame, Box, str, float], bytes | None] = lambda frame, box, label, score: None,
        memory: Memory | None = None,
        source: str = "",
    ) -> None:
        self._settings, self._shelf = settings or TamperSettings(), Shelf(memory, camera, source)
        self._news = TamperNews(camera, boot_id, armed, tell, draw)
        self._order: Literal["accept", "take back"] | None = None
        self._next: tuple[By, View | None] = ("start", None)
        self._now = _Known()
        self.unsure, self.strange = True, False
        self.accepted: tuple[float, By] | None = None

    @property
    def state(self) -> str:
        """`none`, or what is the matter with the view."""
        return self._news.state

    def accept(self) -> None:
        """The view as it is now is the right one: it is learned anew."""
        self._order = "accept"

    def take_back(self) -> None:
        """The view that was right before the present one is the right one after all."""
        self._order = "take back"

    def look(self, frame: Frame, moved: Sequence[Box], tracks: Sequence[Track]) -> list[Event]:
        """The events of one frame; most frames only note where people are.

        Args:
            moved: the gate's regions
            tracks: whose places are not the view
        """
        now, settings = self._now, self._settings
        if now.looked is not None and not 0 <= frame.time - now.looked < settings.accept_s:
            now = self._now = _Known(now.former or now.reference)
            self.unsure = True
        now.busy += [*moved, *(track.box for track in tracks)]
        every = settings.every_s if self._news.told is None else settings.told_every_s
        if now.looked is not None and frame.time - now.looked < every - 1e-6:
            return []
        now.looked = frame.time
        now.began = frame.time if now.began is None else now.began
        self.strange = self.unsure and frame.time - now.began >= settings.strange_s
        view, hidden = View.of(frame.picture.y), hidden_by(now.busy, frame.size)
        now.busy.clear()
        events = self._obey(frame)
        self._now.former = self._shelf.take(frame.size) or self._now.former
        return [*events, *self._judge(view, hidden, frame)]

    def close(self, frame: Frame) -> list[Event]:
        """End what is open: the stream ended or the daemon stops. `frame` is the last one.

        The reference stays: a camera that comes back soon shall not have been turned meanwhile.
        """
        self._save(frame, _LEAST_S)
        self._now.busy.clear()
        self._now.votes.clear()
        return self._news.end(frame)

    def _obey(self, frame: Frame) -> list[Event]:
        """Do what the owner said of the view."""
        order, self._order = self._order, None
        if order == "accept":
            return self._begin_anew(frame, "owner")
        wrong = self._now.reference
        if order is None or wrong is None or wrong.before is None:
            return []
        events = self._news.end(frame)
        self._now = _Known(began=frame.time, looked=frame.time)
        self._take(Reference(wrong.before, frame.wall, "owner"), frame)
        return events

    def _judge(self, view: View, hidden: U8 | None, frame: Frame) -> list[Event]:
        now = self._now
        if now.former is not None:
            if (
                now.former.view.grey.shape != view.grey.shape
                or frame.time - (now.began or 0.0) > self._settings.former_s
            ):
                now.former = None
            elif now.reference is None or (self._news.told is None and now.looks % _SELDOM == 0):
                events = self._recall(now.former, view, hidden, frame)
                if events or now.former is None:
                    return events
        strange = now.former is None or frame.time - (now.began or 0.0) >= self._settings.strange_s
        if now.reference is None or now.mean is None or now.reference.view.grey.shape != view.grey.shape:
            if strange:
                self._learn_first(view, frame)
            return []
        blurred = self._news.told == "blurred"
        verdict, shift = judge(now.reference.view, view, hidden, SHARP_AGAIN if blurred else SHARP)
        verdict = self._beside_crowds(verdict, hidden)
        now.looks += 1
        if verdict == "same" and shift is None and now.looks % _SELDOM == 0:
            self._follow(now.reference, now.mean, view, hidden)
            self._save(frame, self._settings.save_s)
        return self._conclude(self._settled(verdict, shift, view, frame.time), frame)

    def _recall(self, former: Reference, view: View, hidden: U8 | None, frame: Frame) -> list[Event]:
        """Hold the view against the one that was kept: once that is seen again, here or elsewhere, it is right."""
        now, settings = self._now, self._settings
        verdict, shift = recognise(former.view, view, hidden)
        verdict = self._beside_crowds(verdict, hidden)
        if now.reference is None and verdict == "dark":
            self._news.say("dark")
        if verdict in ("unknown", "dark"):
            now.again.clear()
            return []
        now.again = [*now.again[1 - settings.votes :], (verdict, shift)]
        if any(old != verdict or not self._alike(shift, of) for old, of in now.again):
            return []
        if len(now.again) < (settings.back if verdict == "same" else settings.votes):
            return []
        if now.reference is not None and verdict != "moved":  # what was learned since tells of all else
            if verdict == "same":
                now.former, self.unsure = None, False
            return []
        votes = list(now.again)
        self._take(former, frame, stored=True)
        now.votes, now.light, now.since = votes, view.level, frame.time
        return self._conclude(verdict, frame)

    def _beside_crowds(self, verdict: Verdict, hidden: U8 | None) -> Verdict:
        """A verdict, unless people fill the picture."""
        crowded = hidden is not None and float(np.mean(hidden > 0)) > self._settings.crowd
        return "unknown" if crowded and verdict in ("same", "moved") else verdict

    def _begin_anew(self, frame: Frame, by: By) -> list[Event]:
        """The view that comes next is right."""
        events, before = self._news.end(frame), self._now.reference or self._now.former
        self._now = _Known(began=frame.time, looked=frame.time)
        self.unsure = True
        self._next = (by, None if before is None else before.view)
        return events

    def _learn_first(self, view: View, frame: Frame) -> None:
        """The first reference: a view that the one before it confirms, and that shows something."""
        now = self._now
        first, now.first = now.first, view
        if first is None or first.grey.shape != view.grey.shape or judge(first, view)[0] != "same":
            return
        (by, before), self._next = self._next, ("start", None)
        self._take(Reference(view, frame.wall, by, before), frame, stored=now.former is not None)
        now.light, now.since = view.level, frame.time

    def _take(self, reference: Reference, frame: Frame, *, stored: bool = False) -> None:
        """From now on a view is the reference. stored: it need not be, or not yet."""
        now = self._now
        now.reference, now.mean = reference, reference.view.grey.astype(np.float32)
        now.again.clear()
        now.votes.clear()
        if reference is now.former:
            now.former = None
        self.unsure = now.former is not None
        self.accepted = (reference.wall, reference.by)
        self._shelf.put(reference, frame.time, frame.size, stored=stored)

    def _save(self, frame: Frame, after_s: float) -> None:
        """Store the reference if that was long ago and it has changed, and if it is what the camera sees."""
        if self._now.reference is not None and self._now.former is None and self._news.told is None:
            self._shelf.renew(self._now.reference, frame.time, frame.size, after_s)

    def _follow(self, reference: Reference, mean: F32, view: View, hidden: U8 | None) -> None:
        """Let the reference follow the slow changes of the view, but not under people."""
        rate = min(1.0, _SELDOM * self._settings.every_s / self._settings.learn_s)
        mask = None if hidden is None else (hidden == 0).astype(np.uint8)
        cv2.accumulateWeighted(view.grey, mean, rate, mask)
        self._now.reference = replace(reference, view=View(np.round(mean).astype(np.uint8)))

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
            self._note_told(None, frame)
            return self._news.end(frame)
        if verdict == "dark" and self._now.faded:
            self._news.say("dark")
            return []
        stands = self._news.told == verdict and frame.time - self._now.since >= self._settings.accept_s
        if stands and verdict == "moved":
            return self._begin_anew(frame, "time")
        known = self._news.told is None and self._now.reference is not None and self._now.reference.told == verdict
        self._note_told(verdict, frame)
        return self._news.became(verdict, frame, known=known)

    def _note_told(self, what: str | None, frame: Frame) -> None:
        """Keep what is told, so that a restart tells it as what was so before."""
        reference = self._now.reference
        if reference is not None and reference.told != what:
            self._now.reference = replace(reference, told=what)
            self._shelf.put(self._now.reference, frame.time, frame.size)
