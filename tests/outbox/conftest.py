"""An outbox in the test's own folder, and a clock that a test can set."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from edge.clock import SystemClock
from edge.outbox import Outbox


class SetClock(SystemClock):
    """The real monotonic clock beside a wall clock that a test sets; `ok` says whether it is synchronised."""

    def __init__(self) -> None:
        self.offset = 0.0
        self.ok = True

    def wall(self) -> float:
        """Unix time, moved by `offset`."""
        return time.time() + self.offset


@pytest.fixture
def clock() -> SetClock:
    """A clock for the outbox."""
    return SetClock()


@pytest.fixture
def opened(tmp_path: Path, clock: SetClock) -> Iterator[Callable[..., Outbox]]:
    """Opens outboxes in one folder; closes at the end what the test left open."""
    boxes: list[Outbox] = []

    def opened(sinks: tuple[str, ...] = ("mqtt",), **given: object) -> Outbox:
        box = Outbox(tmp_path / "data", "bar", sinks, clock, clock_ok=lambda: clock.ok, **given)  # type: ignore[arg-type]
        boxes.append(box)
        return box

    yield opened
    for box in boxes:
        if not box.closed:
            box.close()
