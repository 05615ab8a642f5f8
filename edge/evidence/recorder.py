"""Which rows of joints are kept, and of which event each is: a camera's part in the records of `keypoints`."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from edge.pose.record import Row
from edge.types import Frame

MOST_HZ = 15.0
SLACK_S = 0.002
"""Cameras' times tremble: a camera of 15 Hz keeps every frame."""
BEFORE_ROWS = 150
"""So many rows are kept of somebody who is not told of yet: ten seconds."""
GONE_S = 30.0
"""Nobody comes back after so long under the same number."""


class Store(Protocol):
    """Where rows go."""

    def add(self, event: str, row: Row) -> None:
        """A further row of an event; returns at once."""
        ...

    def end(self, event: str) -> None:
        """The event is over; returns at once."""
        ...


@dataclass(slots=True, eq=False)
class _Person:
    """newest: time of the newest row. rows: those that wait for an id."""

    newest: float
    rows: deque[Row] = field(default_factory=lambda: deque(maxlen=BEFORE_ROWS))
    event: str | None = None


class Recorder:
    """Notes the joints of one camera's people, and of which event they are. Owned by its pipeline.

    Args:
        store: gets the rows of those who are told of
        wanted: whether anything may be kept now; what was noted before is forgotten where not
    """

    def __init__(self, store: Store, wanted: Callable[[], bool] = lambda: True) -> None:
        self._store, self._wanted = store, wanted
        self._people: dict[int, _Person] = {}
        self._ahead: float | None = None

    def look(self, frame: Frame, ids: Mapping[int, str]) -> None:
        """Take in one frame. ids: of the events of those who are told of, by the numbers of their tracks."""
        for number in [n for n, person in self._people.items() if self._is_over(person, ids.get(n), frame.time)]:
            self._leave(number)
        if not self._wanted():
            for person in self._people.values():
                person.rows.clear()
            return
        if not frame.bodies:
            return
        # One step of the clock in the middle of a record would tear it: it keeps the clock with which it began.
        if self._ahead is None or not self._people:
            self._ahead = frame.wall - frame.time
        for number, body in frame.bodies.items():
            known = self._people.get(number)
            if known is not None and frame.time - known.newest < 1 / MOST_HZ - SLACK_S:
                continue
            person = self._people.setdefault(number, known or _Person(frame.time))
            person.newest = frame.time
            person.rows.append(Row(frame.time + self._ahead, self._ahead, frame.size, body))
            person.event = person.event or ids.get(number)
            while person.event and person.rows:
                self._store.add(person.event, person.rows.popleft())

    def close(self) -> None:
        """No further frame: all that is open is over."""
        for number in list(self._people):
            self._leave(number)

    def _is_over(self, person: _Person, event: str | None, now: float) -> bool:
        return event is None and (person.event is not None or now - person.newest > GONE_S)

    def _leave(self, number: int) -> None:
        event = self._people.pop(number).event
        if event is not None:
            self._store.end(event)
