"""When another back end has to stand in for the preferred one, the owner hears of it: as an event."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Literal

from edge.clock import Clock
from edge.engines.links import Change
from edge.types import ENGINE, Event, ModelRef, Sighting, pseudo

STEADY_S = 120.0
"""How long the preferred back end has to serve before its loss is over."""


class EngineNews:
    """Makes events of a chain's changes: `new` when the preferred back end is lost, `update` when yet another stands
    in or it is back, `end` once it has served for `STEADY_S`: one that comes and goes is one event, and one mail.
    `sub_label` says who serves, and why.

    Called in whatever thread notices a change; `tick`, `state` and `reason` are for any.

    Args:
        node: stands for the camera, since no single one is meant
        boot_id: of this run of the daemon; ids derive from it and a counter
        model: its name and the file's sha256
        armed: the alarm's state now
        emit: takes the events; must not block
        numbers: of its events; shared where several tell of one node
    """

    def __init__(
        self,
        node: str,
        boot_id: str,
        model: Callable[[], ModelRef | None],
        armed: Callable[[], str],
        clock: Clock,
        emit: Callable[[Event], object],
        numbers: Iterator[int] | None = None,
    ) -> None:
        self._node, self._boot_id, self._model = node, boot_id, model
        self._armed, self._clock, self._emit = armed, clock, emit
        self._numbers = itertools.count(1) if numbers is None else numbers
        self._told: Sighting | None = None
        self._since = 0.0
        self._now: Change | None = None
        self._lock = threading.Lock()

    @property
    def state(self) -> Literal["up", "standing_in", "fault"]:
        """Whether the preferred back end serves, another one instead, or none."""
        now = self._now
        return "up" if now is None or now.best else "standing_in" if now.serving else "fault"

    @property
    def reason(self) -> str | None:
        """Why the preferred back end does not serve; None while it does."""
        now = self._now
        return None if now is None or now.best else _said(now)

    def __call__(self, change: Change) -> None:
        """Tell of a change."""
        with self._lock:
            self._now = change
            self._hear(change)

    def _hear(self, change: Change) -> None:
        told, wall = self._told, self._clock.wall()
        self._since = self._clock.monotonic()
        if told is not None:
            self._told = replace(told, frame_time=wall, sub_label=_said(change))
            self._put("update", told, self._told, wall)
        elif not (change.best or change.planned):
            count = next(self._numbers)
            self._told = pseudo(ENGINE, _said(change), self._node, wall, boot_id=self._boot_id, count=count)
            self._put("new", None, self._told, wall)

    def tick(self) -> None:
        """End the event of a loss that is over; to be called about once a second."""
        with self._lock:
            told, now = self._told, self._now
            steady = self._clock.monotonic() - self._since >= STEADY_S
            if told is not None and now is not None and now.best and steady:
                wall, self._told = self._clock.wall(), None
                self._put("end", told, told.ended(wall), wall)

    def _put(self, kind: Literal["new", "update", "end"], before: Sighting | None, after: Sighting, at: float) -> None:
        self._emit(Event(kind, before, after, at, self._armed(), self._model()))


def _said(change: Change) -> str:
    if change.best:
        return f"{change.serving} is back"
    if change.serving is None:
        return f"no engine serves: {change.reason}"
    how = "serves while" if change.planned else "stands in:"
    return f"{change.serving} {how} {change.reason}"
