"""What must not keep the process that owns the actuator from its cycles, shown on a real drive."""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import pytest

from edge.errors import EdgeError
from edge.steer.desk import places
from tests.support.broker import eventually
from tests.support.driving import Drive, driving
from tests.support.film import film

OWN = ("--pilot", "tests.support.pilots:steer")


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> str:
    clip = film(tmp_path_factory.mktemp("clip") / "road.mp4", pictures=900, fps=30, w=64)
    return f'[steer]\nsource = "file:{clip}"\nloop = true\n'


@pytest.fixture
def drive(tmp_path: Path, settings: str) -> Iterator[Drive]:
    with driving(tmp_path, settings, *OWN) as drive:
        drive.engaged()
        yield drive


@contextmanager
def flood(drive: Drive) -> Iterator[None]:
    """Orders without an end, from three threads."""
    path = next(path for path in places(drive.node) if path.exists())
    over = threading.Event()

    def say() -> None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as client:
            while not over.is_set():
                client.sendto(b"HOLD", str(path))

    threads = [threading.Thread(target=say) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join()


def test_a_flood_of_orders_keeps_nobody_from_stopping_the_car(drive: Drive) -> None:
    loop = drive.loop
    with flood(drive):
        time.sleep(0.3)
        moment = time.monotonic()
        os.kill(loop, signal.SIGSTOP)
        drive.neutral_after(moment)
    since = [line["t"] for line in drive.lines() if line["t"] > moment]
    assert max(b - a for a, b in pairwise(since)) < 0.15


def full_pipe() -> tuple[int, int]:
    """One that takes nothing more, and that nobody reads."""
    reads, writes = os.pipe()
    fcntl.fcntl(writes, fcntl.F_SETFL, os.O_NONBLOCK)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(writes, b"x" * 512)
    fcntl.fcntl(writes, fcntl.F_SETFL, 0)
    return reads, writes


def test_a_terminal_that_takes_no_word_keeps_nobody_from_stopping_the_car(tmp_path: Path, settings: str) -> None:
    reads, writes = full_pipe()
    with driving(tmp_path, settings, *OWN, stderr=writes) as drive:
        os.close(writes)
        try:
            drive.engaged()
            moment = time.monotonic()
            os.kill(drive.loop, signal.SIGSTOP)
            drive.neutral_after(moment)
            drive.needs_a_hand()
        finally:
            os.close(reads)


@pytest.mark.parametrize("end", [signal.SIGHUP, signal.SIGTSTP, signal.SIGQUIT, signal.SIGTERM, signal.SIGINT])
def test_a_terminal_that_goes_away_or_sends_it_to_sleep_leaves_the_car_at_neutral(drive: Drive, end: int) -> None:
    drive.process.send_signal(end)
    drive.process.communicate(timeout=20)
    assert drive.process.returncode == 0
    last = drive.lines()[-1]
    assert (last["state"], last["steering"], last["throttle"]) == ("disarmed", 0.0, 0.0)


def test_a_system_that_hears_no_sign_of_life_keeps_nobody_from_driving(tmp_path: Path, settings: str) -> None:
    manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    with manager:
        manager.bind(str(tmp_path / "notify"))
        with driving(tmp_path, settings, *OWN, env={"NOTIFY_SOCKET": str(tmp_path / "notify")}) as drive:
            drive.reaches("ARM", "armed")
            drive.reaches("ENGAGE", "engaged")
            eventually(lambda: len([line for line in drive.lines() if line["state"] == "engaged"]) > 100, 10)
            times = [line["t"] for line in drive.lines() if line["state"] == "engaged"]
            assert max(b - a for a, b in pairwise(times)) < 0.25


def test_a_hand_is_told_that_the_steering_hangs(drive: Drive, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.steer.desk.ANSWER_S", 0.05)
    os.kill(drive.process.pid, signal.SIGSTOP)
    said = ""
    for _ in range(20):  # until its socket takes no more
        with pytest.raises(EdgeError) as told:
            drive.order("STATUS")
        said = str(told.value)
        if "hangs" in said:
            break
    assert "hangs; kill it" in said
