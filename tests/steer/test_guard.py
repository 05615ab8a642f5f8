"""The board keeps its last pulse: whatever becomes of the process that drives it, somebody has the car stand."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.broker import eventually
from tests.support.driving import ROOT, Drive, driving
from tests.support.film import film

OWN = ("--pilot", "tests.support.pilots:steer")
WITHIN_S = 0.3
"""200 ms of silence, and a bus that wakes."""


class Board:
    """The registers. file: where they are."""

    def __init__(self, file: Path) -> None:
        self.file = file
        file.write_bytes(bytes(256))

    def pulses(self) -> tuple[int, int]:
        """Of the servo and the speed controller, to the nearest 10 microseconds."""
        data = self.file.read_bytes()
        first = (0x06, 0x0A)
        of = [(data[at + 2] | data[at + 3] << 8) * (data[0xFE] + 1) / 25.0 for at in first]
        return round(of[0] / 10) * 10, round(of[1] / 10) * 10

    def stands(self) -> bool:
        return self.pulses() == (1500, 1500)


@pytest.fixture
def board(tmp_path: Path) -> Board:
    return Board(tmp_path / "registers")


@pytest.fixture
def drive(tmp_path: Path, board: Board) -> Iterator[Drive]:
    clip = film(tmp_path / "road.mp4", pictures=300, fps=30, w=64)
    settings = f'[steer]\nsource = "file:{clip}"\nloop = true\nactuator = "pca9685"\n'
    env = {"PYTHONPATH": f"{ROOT}/tests/support/bus:{ROOT}", "EDGE_TEST_BUS": str(board.file)}
    with driving(tmp_path, settings, *OWN, env=env) as drive:
        drive.engaged()
        eventually(lambda: board.pulses()[1] > 1550)
        yield drive


def guard_of(drive: Drive) -> int:
    """Its process."""

    def found() -> int | None:
        for child in Path(f"/proc/{drive.process.pid}/task/{drive.process.pid}/children").read_text().split():
            if b"edge.steer.guard" in Path(f"/proc/{child}/cmdline").read_bytes():
                return int(child)
        return None

    return int(eventually(found))


@pytest.mark.parametrize("word", [signal.SIGKILL, signal.SIGSTOP])
def test_a_parent_that_is_killed_or_stopped_leaves_the_board_at_neutral(drive: Drive, board: Board, word: int) -> None:
    moment = time.monotonic()
    drive.process.send_signal(word)
    eventually(board.stands, 2.0)
    assert time.monotonic() - moment < WITHIN_S
    time.sleep(0.3)
    assert board.stands()


def test_a_parent_that_goes_on_after_a_while_needs_a_hand(drive: Drive, board: Board) -> None:
    drive.process.send_signal(signal.SIGSTOP)
    eventually(board.stands)
    drive.process.send_signal(signal.SIGCONT)
    eventually(lambda: drive.order("STATUS")["state"] == "fault")
    assert "stood still" in drive.order("STATUS")["reason"]
    eventually(board.stands)
    drive.engaged()
    eventually(lambda: board.pulses()[1] > 1550)


def test_a_guard_that_dies_is_a_fault_and_comes_again(drive: Drive, board: Board) -> None:
    first = guard_of(drive)
    os.kill(first, signal.SIGKILL)
    eventually(board.stands, 1.0)
    status: dict[str, Any] = drive.order("STATUS")
    assert (status["state"], "guard" in status["reason"]) == ("fault", True)
    drive.engaged()
    assert guard_of(drive) != first


def test_a_guard_that_sleeps_is_ended_and_another_one_comes(drive: Drive) -> None:
    first = guard_of(drive)
    os.kill(first, signal.SIGSTOP)
    eventually(lambda: "guard" in drive.order("STATUS")["reason"], 20)
    drive.engaged()
    assert guard_of(drive) != first


def test_the_guard_goes_with_the_parent(drive: Drive, board: Board) -> None:
    guard = guard_of(drive)
    drive.ended()
    assert board.stands()
    eventually(lambda: not Path(f"/proc/{guard}").exists())


def test_a_board_that_comes_back_after_the_parents_death_is_neutralised(drive: Drive, board: Board) -> None:
    away = board.file.with_name("registers.away")
    away.touch()
    drive.process.kill()
    time.sleep(0.5)
    away.unlink()
    eventually(board.stands, 2.0)
