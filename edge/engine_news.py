"""When another back end has to stand in for the preferred one, the owner hears of it: as an event."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from typing import Literal

from edge.clock import Clock
from edge.engines.links import Change
from edge.types import Event, ModelRef, Sighting

ENGINE = "engine"
"""The label of these events."""


class EngineNews:
    """Makes events of a chain's changes: `new` when the preferred back end is lost, `update` when yet another stands
    in, `end` when the preferred one is back. `sub_label` says who serves, and why.

    Called in whatever thread notices a change; `reason` is for any.

    Args:
        node: stands for the camera, since no single one is meant
        boot_id: of this run of the daemon; ids derive from it and a counter
        model: its name and the file's sha256
        armed: the alarm's state now
        emit: takes the events; must not block
    """

    def __init__(
        self,
        node: str,
        boot_id: str,
        model: Callable[[], ModelRef | None],
        armed: Callable[[], str],
        clock: Clock,
        emit: Callable[[Event], None],
    ) -> None:
        self._node, self._boot_id, self._model = node, boot_id, model
        self._armed, self._clock, self._emit = armed, clock, emit
        self._count = 0
        self._told: Sighting | None = None
        self.reason: str | None = None
        """Why the preferred back end does not serve; None while it does."""

    def __call__(self, change: Change) -> None:
        """Tell of a change."""
        self.reason = None if change.best else _said(change)
        told, wall = self._told, self._clock.wall()
        if told is None:
            if not (change.best or change.planned):
                self._told = self._sighting(wall, _said(change))
                self._put("new", None, self._told, wall)
        elif change.best:
            self._told = None
            last = replace(told, frame_time=wall, end_time=wall, active=False, sub_label=_said(change))
            self._put("end", told, last, wall)
        else:
            self._told = replace(told, frame_time=wall, sub_label=_said(change))
            self._put("update", told, self._told, wall)

    def _sighting(self, wall: float, what: str) -> Sighting:
        self._count += 1
        digest = hashlib.sha256(f"{self._boot_id}/{self._node}/{ENGINE}/{self._count}".encode()).hexdigest()
        return Sighting(
            id=f"{int(wall)}-{digest[:6]}",
            camera=self._node,
            frame_time=wall,
            label=ENGINE,
            sub_label=what,
            score=1.0,
            top_score=1.0,
            start_time=wall,
            end_time=None,
            box=(0.0, 0.0, 0.0, 0.0),
            frame_size=(1, 1),
            active=True,
            stationary=False,
        )

    def _put(self, kind: Literal["new", "update", "end"], before: Sighting | None, after: Sighting, at: float) -> None:
        self._emit(Event(kind, before, after, at, self._armed(), self._model()))


def _said(change: Change) -> str:
    who = f"{change.serving} serves" if change.serving else "no engine serves"
    return f"{who}: {change.reason}"
