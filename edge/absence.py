"""Cameras that are lost while the alarm is armed: a cut cable, a camera without power, a radio that is jammed.

One that is lost is told of as an event about its view. Where several go together, as with the house's network, each
still has its event, and nobody gets a mail for each: the alarm says it once.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, Protocol, TypeAlias

from edge.clock import Clock
from edge.memory import Memory
from edge.types import LOST, TAMPER, UNARMED, Event, Frame, Sighting, Snapshot, pseudo

KEY = "absence"
BY = "alarm"
"""Who says so in the log: what it does by itself."""
Presence: TypeAlias = Literal["here", "away", "off"]
"""Pictures come; none come; none are wanted."""


class Camera(Protocol):
    """A camera that may be lost."""

    @property
    def name(self) -> str:
        """Its name."""
        ...

    @property
    def presence(self) -> Presence:
        """How it is now; `off` also where nobody watches over its view."""
        ...

    @property
    def silent(self) -> bool:
        """Whether its owner wants no mail of it."""
        ...

    def last(self) -> tuple[Frame, bytes | None] | None:
        """The newest picture that it gave and that may be told, and its JPEG where one is wanted; None without one."""
        ...

    def tell(self, event: Event) -> None:
        """Emit an event about it; must not block."""
        ...

    def lost(self, lost: bool) -> None:
        """Whether it counts as lost, for its states."""
        ...


class Alarm(Protocol):
    """The alarm as it is needed here; no call blocks."""

    @property
    def state(self) -> str:
        """As the MQTT contract names it."""
        ...

    @property
    def mode(self) -> str | None:
        """What it is armed in; None while it is disarmed."""
        ...

    def warn(self, what: str) -> None:
        """Tell everybody, at once, what is wrong with being armed."""
        ...

    def note(self, what: str, by: str) -> None:
        """Write a line into its log."""
        ...


@dataclass(frozen=True, slots=True)
class AbsenceSettings:
    """Times in seconds.

    lost_s: how long a camera that was watched is away until it is lost
    start_s: the same for one that has given no picture yet
    together_s: cameras that are lost within this time of one another are told of together
    """

    lost_s: float = 10.0
    start_s: float = 60.0
    together_s: float = 10.0


@dataclass(slots=True)
class _Known:
    """What is known of a camera.

    seen: it has given pictures since it was switched on
    since: when it went away, None while it is here
    said: that it is away was said: by an event, or when the alarm was armed
    former: that was said in an earlier run
    told: the event that is open
    """

    seen: bool = False
    since: float | None = None
    said: bool = False
    former: bool = False
    told: Sighting | None = None


class Absence:
    """Watches for cameras that are lost while the alarm is armed. For one thread.

    What is away when the alarm is armed is said then, and not here. An event ends when the camera is back or switched
    off. After a restart nobody is told again of what was said before.

    Args:
        cameras: those that are watched; more may join while the daemon starts
        boot_id: of this run of the daemon
        alarm: what it counts for
        clock: the daemon's
        memory: keeps whose absence was said
    """

    def __init__(
        self,
        cameras: Sequence[Camera],
        boot_id: str,
        alarm: Alarm,
        clock: Clock,
        memory: Memory,
        settings: AbsenceSettings | None = None,
    ) -> None:
        self._cameras, self._boot_id, self._alarm, self._clock = cameras, boot_id, alarm, clock
        self._memory = memory
        self._settings = settings or AbsenceSettings()
        self._mode = alarm.mode
        self._kept = memory.recall(KEY) or "[]"
        self._former = _names(self._kept)
        self._known: dict[str, _Known] = {}
        self._count = 0
        self._told_at = -math.inf
        self._together: dict[str, None] = {}
        self._together_at = math.inf

    def tick(self) -> None:
        """Tell what has changed; to be called about once a second."""
        state, mode = self._alarm.state, self._alarm.mode
        now = self._clock.monotonic()
        for camera in self._cameras:
            self._look(camera, now)
        if mode is not None and self._mode is None:
            for known in self._known.values():
                known.said, known.former = known.since is not None, False
        self._mode = mode
        if mode is not None and state not in UNARMED:
            self._tell(now, state)
        self._remember()

    def close(self) -> None:
        """End what is open: the daemon stops. What was said stays said."""
        for camera in self._cameras:
            if (known := self._known.get(camera.name)) is not None:
                self._end(camera, known)

    def _look(self, camera: Camera, now: float) -> None:
        known = self._known.get(camera.name)
        if known is None:
            former = camera.name in self._former
            known = self._known[camera.name] = _Known(said=former, former=former)
        presence = camera.presence
        if presence == "away":
            known.since = now if known.since is None else known.since
            return
        if known.told is not None:
            self._alarm.note(f"{camera.name} {'back' if presence == 'here' else 'switched off'}", BY)
        self._end(camera, known)
        self._known[camera.name] = _Known(seen=presence == "here")

    def _tell(self, now: float, state: str) -> None:
        """Tell of cameras whose time is over; by mail those that the owner wants to hear of, alone or together."""
        away = [(camera, known) for camera in self._cameras if (known := self._known[camera.name]).since is not None]
        due = [(camera, known) for camera, known in away if known.told is None and self._over(known, now)]
        going = [
            camera
            for camera, known in away
            if known.seen and not (known.said or camera.silent or self._over(known, now))
        ]
        loud = [camera for camera, known in due if not (known.said or camera.silent)]
        settings = self._settings
        alone = len(loud) == 1 and not (going or self._together or now - self._told_at < settings.together_s)
        for camera, known in due:
            if known.said and not known.former:
                continue
            self._begin(camera, known, state, notify=alone and camera in loud)
            if not known.former:
                self._alarm.note(f"{camera.name} {LOST}", BY)
            known.said = True
        if loud:
            self._told_at = now
        if not alone:
            self._together |= dict.fromkeys(camera.name for camera in loud)
            self._together_at = min(self._together_at, now + settings.together_s) if loud else self._together_at
        if self._together and (not going or now >= self._together_at):
            self._alarm.warn(self._said())
            self._together, self._together_at = {}, math.inf

    def _said(self) -> str:
        """Those that are told of together, and how they are now."""
        names = ", ".join(self._together)
        gone = any(self._known[name].told is not None for name in self._together)
        if len(self._together) == 1:
            return f"{names} {'is' if gone else 'was'} {LOST}"
        return f"{len(self._together)} cameras {'are' if gone else 'were'} {LOST}: {names}"

    def _over(self, known: _Known, now: float) -> bool:
        wait = self._settings.lost_s if known.seen else self._settings.start_s
        return known.since is not None and now - known.since >= wait

    def _begin(self, camera: Camera, known: _Known, state: str, *, notify: bool) -> None:
        """Begin its event, at the time at which it went away, with the newest picture from before."""
        wall, now = self._clock.wall(), self._clock.monotonic()
        at, last = wall - (now - (known.since or now)), camera.last()
        self._count += 1
        # Counted down: what its view is told of with the same label counts up.
        told = pseudo(
            TAMPER,
            LOST,
            camera.name,
            at,
            boot_id=self._boot_id,
            count=-self._count,
            view=None if last is None else last[0].size,
        )
        jpeg = None
        if last is not None and (jpeg := last[1]) is not None:
            told = replace(told, has_snapshot=True, snapshot=Snapshot(last[0].wall, told.box, 1.0))
        known.told = replace(told, frame_time=wall, active=not known.former, stationary=known.former)
        camera.lost(True)
        camera.tell(Event("new", None, known.told, wall, state, None, jpeg, notify=notify))

    def _end(self, camera: Camera, known: _Known) -> None:
        told, known.told = known.told, None
        if told is not None:
            wall = self._clock.wall()
            camera.lost(False)
            camera.tell(Event("end", told, told.ended(wall), wall, self._alarm.state))

    def _remember(self) -> None:
        """Keep whose absence was said."""
        kept = json.dumps([name for name, known in self._known.items() if known.said])
        if kept != self._kept:
            self._kept = kept
            self._memory.note(KEY, kept)


def _names(kept: str) -> frozenset[str]:
    """The cameras of a list that was kept; none of what cannot be read, and they are told of once more."""
    try:
        names = json.loads(kept)
    except ValueError:
        return frozenset()
    return frozenset(name for name in names if isinstance(name, str)) if isinstance(names, list) else frozenset()
