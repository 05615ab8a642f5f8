"""Parts fail, come back, and are late; the others do not notice."""

from __future__ import annotations

import logging
import threading
import time

import pytest

from edge import supervisor
from edge.errors import CameraError
from edge.supervisor import Part, Supervisor
from tests.support.broker import eventually


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "BACK_OFF_S", (0.02, 0.1))


def test_a_part_that_fails_is_run_again_and_says_why() -> None:
    faults: list[str] = []
    runs = threading.Semaphore(0)

    def run(part: Part) -> None:
        runs.release()
        raise CameraError("it went away")

    house = Supervisor()
    part = house.start("camera", run, faults.append)
    for _ in range(4):
        assert runs.acquire(timeout=2)
    assert part.status().state in ("back_off", "starting")
    assert part.status().reason == "it went away"
    house.stop([part], 2)
    assert len(faults) >= 3
    assert part.status().state == "stopped"
    assert house.late() == []


def test_a_bug_in_one_part_is_logged_with_its_trace_and_leaves_the_others_alone(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def breaks(part: Part) -> None:
        raise ZeroDivisionError("a bug")

    def lives(part: Part) -> None:
        while not part.stop.wait(0.01):
            part.working(1)

    house = Supervisor()
    with caplog.at_level(logging.ERROR):
        bad, good = house.start("bad", breaks), house.start("good", lives)
        eventually(lambda: "ZeroDivisionError" in caplog.text, 2)
    assert "internal fault" in (bad.status().reason or "")
    eventually(lambda: good.status().state == "up", 2)
    house.stop([bad, good], 2)


def test_a_part_that_returns_has_ended_and_is_never_late() -> None:
    house = Supervisor()
    part = house.start("clip", lambda part: part.waiting(0.01, "the clip has ended"))
    eventually(lambda: part.status().state == "ended", 2)
    time.sleep(0.05)
    assert house.late() == []
    assert part.status().reason == "the clip has ended"
    house.stop([part], 1)


def test_who_lets_its_time_pass_is_late_until_it_reports_again() -> None:
    go = threading.Event()

    def run(part: Part) -> None:
        part.working(0.05)
        go.wait(5)
        part.working(5)
        part.stop.wait(5)

    house = Supervisor()
    part = house.start("engine", run)
    eventually(lambda: [late.name for late in house.late()] == ["engine"], 2)
    go.set()
    eventually(lambda: not house.late(), 2)
    house.stop([part], 2)


def _waits(part: Part) -> None:
    part.waiting(5, "reconnecting")
    part.stop.wait(5)


def test_a_known_wait_is_not_late_before_its_own_deadline() -> None:
    house = Supervisor()
    part = house.start("camera", _waits)
    eventually(lambda: part.status().state == "waiting", 2)
    assert house.late() == []
    assert part.status().reason == "reconnecting"
    house.stop([part], 2)


def test_a_part_that_blocks_does_not_hold_up_a_stop() -> None:
    house = Supervisor()
    part = house.start("blocked", lambda part: time.sleep(2))
    begun = time.monotonic()
    house.stop([part], 0.1)
    assert time.monotonic() - begun < 1


def test_the_same_reason_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    runs = threading.Semaphore(0)

    def run(part: Part) -> None:
        part.waiting(1, "connecting")
        runs.release()
        raise CameraError("it refuses us")

    house = Supervisor()
    part = house.start("camera", run)
    for _ in range(4):
        assert runs.acquire(timeout=2)
    house.stop([part], 2)
    assert caplog.text.count("it refuses us") == 1
