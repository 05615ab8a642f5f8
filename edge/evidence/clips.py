"""Clips: what a camera sent from some seconds before an event until some seconds after it.

One thread writes for all cameras. It reads on in each camera's ring, so that a slow disk costs no camera anything: the
ring is the queue, and what it had to drop before it was written is missing in the clip, which goes on with the next
key picture.

Events of one camera that overlap share one recording, under a name each (a hard link): the same pictures are not
written twice to a card. An event that begins when a recording is past half of its longest gets a new one, so that each
has at least half of the longest to itself.
"""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, Protocol

from edge.clock import Clock
from edge.errors import StorageError
from edge.evidence.mp4 import ClipFile
from edge.evidence.shelf import Shelf
from edge.types import Event
from edge.types.packet import Coding, Packet

log = logging.getLogger(__name__)

TURN_S = 0.25
ROUND_BYTES = 2_000_000
"""Most bytes of one camera at a time, so that the others' turn comes before their rings run over."""
LATE_S = 30.0
"""How long before it is told an event may have begun at most: more is a clock that was set in between."""
Permit = Literal["record", "wait", "forget"]
"""Whether clips may be recorded now; if not, whether the next one may begin with what is seen meanwhile."""
ONSET_S = 1.0
"""How much sooner something is in the picture than its event begins: motion has to last, an object to be found."""
RETRY_S = 10.0
STALL_S = 10.0
"""After so long in one turn the disk is said to be at fault: a card may take seconds at times."""


class Ring(Protocol):
    """A camera's newest packets."""

    def since(self, time: float, before_s: float) -> int | None:
        """The serial of a key picture so many seconds before `time`, else of the oldest; None where there is none."""
        ...

    def after(self, serial: int, most_bytes: int) -> list[Packet]:
        """Packets from a serial on."""
        ...

    def clear(self) -> None:
        """Forget what is kept."""
        ...


@dataclass(frozen=True, slots=True)
class ClipSettings:
    """before_s, after_s: around the event. longest_s: of one clip."""

    before_s: float = 5.0
    after_s: float = 5.0
    longest_s: float = 120.0


@dataclass(slots=True, eq=False)
class _Recording:
    """One file that is written.

    next: serial of the packet that is wanted next
    begun, ends: when it began, and is to end, on the monotonic clock
    events: those that it is for; the file has the name of the first, and `shared` of them have a link to it
    open: those of them that have not ended
    """

    camera: str
    next: int
    begun: float
    events: list[str]
    open: set[str]
    ends: float = math.inf
    shared: int = 1
    file: ClipFile | None = None
    coding: Coding | None = None


class Clips:
    """Starts, feeds and ends the recordings. `noted` is for the cameras' threads, `run` is the body of its own.

    Args:
        folder: the data folder
        rings: of the cameras that have clips, by their names
        settings: how long, and when
        clock: as the rings' and the events'
        permit: whether clips may be recorded now; what is being recorded stops where not
        refuses: why there is no room for a clip now, or None; any thread, returns at once
        written: called when a clip is complete, and when the disk refused one
    """

    def __init__(
        self,
        folder: Path,
        rings: Mapping[str, Ring],
        settings: ClipSettings,
        clock: Clock,
        permit: Callable[[], Permit] = lambda: "record",
        refuses: Callable[[], str | None] = lambda: None,
        written: Callable[[], None] = lambda: None,
    ) -> None:
        self._shelf, self._rings, self._settings, self._clock = Shelf(folder), rings, settings, clock
        self._permit, self._refuses, self._written = permit, refuses, written
        self._change = threading.Condition()
        self._recordings: list[_Recording] = []
        self._told: dict[str, bool] = {}
        self._failed: set[str] = set()
        self._fault: str | None = None
        self._fault_until = -math.inf
        self._skipped = 0
        self._turn_began: float | None = None

    def noted(self, event: Event) -> Event:
        """The event with `has_clip` as it is; starts and ends recordings. Any thread, never waits for the disk."""
        ring = self._rings.get(event.after.camera)
        if ring is None:
            return event
        name = event.after.id
        with self._change:
            before = self._told.get(name, False)
            known = name in self._told
            if event.type == "end":
                self._told.pop(name, None)
                self._end(name, event)
            elif not before and name not in self._failed:
                self._begin(name, event, ring, fresh=event.type == "new" and not known)
            recorded = before or any(name in recording.events for recording in self._recordings)
            has = recorded and name not in self._failed
            if event.type == "end":
                self._failed.discard(name)
            else:
                self._told[name] = has
        told = event.before and replace(event.before, has_clip=before)
        return replace(event, before=told, after=replace(event.after, has_clip=has))

    def run(self, stop: threading.Event, alive: Callable[[], None] = lambda: None) -> None:
        """Write until `stop`; then end what is open. alive: called in every turn."""
        self._shelf.recover()
        self._written()
        try:
            while not stop.is_set():
                alive()
                with self._change:
                    if not (self._recordings or stop.is_set()):
                        self._change.wait(1.0)
                self._turn(finish=False)
                if self._recordings:
                    stop.wait(TURN_S)
        finally:
            self._turn(finish=True)

    def wake(self) -> None:
        """Look at `stop` now."""
        with self._change:
            self._change.notify_all()

    def status(self) -> dict[str, Any]:
        """`recording`: how many now. `skipped`: packets that the disk was too slow for. `reason`: why there are none
        now, or None."""
        with self._change:
            now, began = self._clock.monotonic(), self._turn_began
            fault = self._fault if now < self._fault_until else None
            if began is not None and now - began > STALL_S:
                fault = f"the disk has been busy with one clip for {now - began:.0f} s"
            return {"recording": len(self._recordings), "skipped": self._skipped, "reason": fault or self._refuses()}

    def recording(self, event_id: str) -> bool:
        """Whether the clip of an event is being written."""
        with self._change:
            return any(event_id in recording.events for recording in self._recordings)

    def _begin(self, name: str, event: Event, ring: Ring, *, fresh: bool) -> None:
        """Join the newest recording of the camera if that is young, else begin one, if that may be."""
        now = self._clock.monotonic()
        if self._permit() != "record":
            return
        same = [each for each in self._recordings if each.camera == event.after.camera]
        if same and now - same[-1].begun <= self._settings.longest_s / 2:
            same[-1].events.append(name)
            same[-1].open.add(name)
            same[-1].ends = math.inf
            return
        if self._refuses() is not None or now < self._fault_until:
            return
        late = min(max(self._clock.wall() - event.after.start_time, 0.0), LATE_S) if fresh else 0.0
        before = self._settings.before_s + ONSET_S
        begun = now - late - before
        serial = ring.since(now - late, before)
        if serial is not None:
            self._recordings.append(_Recording(event.after.camera, serial, begun, [name], {name}))
            self._change.notify_all()

    def _end(self, name: str, event: Event) -> None:
        now = self._clock.monotonic()
        gone = event.after.end_time or event.captured_at
        ago = min(max(self._clock.wall() - gone, 0.0), self._settings.after_s)
        for recording in self._recordings:
            recording.open.discard(name)
            if not recording.open and recording.ends == math.inf:
                recording.ends = now - ago + self._settings.after_s

    def _turn(self, *, finish: bool) -> None:
        permit = self._permit()
        with self._change:
            recordings = list(self._recordings)
            for recording in recordings if permit != "record" else ():
                recording.ends = min(recording.ends, self._clock.monotonic())
            self._turn_began = self._clock.monotonic()
        for recording in recordings:
            try:
                over = self._feed(recording)
                if finish or over:
                    self._finish(recording, force=finish)
            except StorageError as fault:
                self._give_up(recording, str(fault))
        self._turn_began = None
        if permit == "forget":
            for ring in self._rings.values():
                ring.clear()

    def _feed(self, recording: _Recording) -> bool:
        """Write what has come since; True once the recording is over. Raises StorageError."""
        limit = self._limit(recording)
        for packet in self._rings[recording.camera].after(recording.next, ROUND_BYTES):
            if packet.time > limit:
                return True
            if recording.file is not None and packet.coding != recording.coding:
                recording.begun = -math.inf  # one file cannot hold both
                return True
            gap = packet.serial - recording.next
            if (recording.file is None or gap) and not packet.key:
                continue
            self._skipped += gap
            if recording.file is None:
                began = self._clock.wall() - (self._clock.monotonic() - packet.time)
                recording.file = self._shelf.begin(recording.events[0], packet.coding, began)
                recording.coding, recording.begun = packet.coding, packet.time
            recording.file.add(packet)
            recording.next = packet.serial + 1
        self._share(recording)
        return self._clock.monotonic() > limit + 2 * TURN_S

    def _limit(self, recording: _Recording) -> float:
        return min(recording.ends, recording.begun + self._settings.longest_s)

    def _share(self, recording: _Recording) -> None:
        with self._change:
            others = recording.events[recording.shared :]
        if recording.file is not None:
            for other in others:
                self._shelf.share(recording.events[0], other)
            recording.shared += len(others)

    def _finish(self, recording: _Recording, *, force: bool) -> None:
        """End a recording, unless an event has joined it meanwhile. Raises StorageError."""
        with self._change:
            if not force and self._clock.monotonic() <= self._limit(recording):
                return
            if recording.file is None:
                self._drop(recording, recording.events)
                return
            recording.begun = -math.inf  # nobody joins it any more
        self._share(recording)
        recording.file.close()
        self._shelf.publish(recording.events)
        with self._change:
            self._recordings.remove(recording)
        self._written()

    def _give_up(self, recording: _Recording, fault: str) -> None:
        """The disk does not take it: keep what plays, say so, and leave the disk alone for a while."""
        with self._change:
            if fault != self._fault:
                log.warning("%s", fault)
            self._fault, self._fault_until = fault, self._clock.monotonic() + RETRY_S
        if recording.file is not None:
            recording.file.abandon()
        kept = {path.stem for path in self._shelf.salvage(recording.events)}
        with self._change:
            self._drop(recording, [name for name in recording.events if name not in kept])
        self._written()

    def _drop(self, recording: _Recording, lost: list[str]) -> None:
        """Forget a recording; those of its events that are still told of have no clip. Under the lock."""
        if recording in self._recordings:
            self._recordings.remove(recording)
        self._failed.update(name for name in lost if name in self._told)
