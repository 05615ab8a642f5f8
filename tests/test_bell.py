"""A bell that wakes a sleeper, and forgets no ring."""

from __future__ import annotations

import select
import threading
from contextlib import closing
from typing import Any

import pytest

from edge.bell import Bell


def test_many_rings_are_one_and_none_is_none() -> None:
    with closing(Bell()) as bell:
        assert bell.wait(0) is False
        bell.ring()
        bell.ring()
        assert bell.wait(5) is True
        assert bell.wait(0) is False


def test_it_wakes_a_sleeper() -> None:
    with closing(Bell()) as bell:
        threading.Timer(0.05, bell.ring).start()
        assert bell.wait(20) is True


def test_a_ring_between_giving_up_and_looking_is_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(Bell()) as bell:
        sleep = select.select

        def late(*given: Any) -> Any:
            found = sleep(*given)
            bell.ring()
            return found

        monkeypatch.setattr("edge.bell.select.select", late)
        assert bell.wait(0) is True
