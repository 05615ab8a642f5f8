"""The loop's cycles, and the words between the two processes."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.clock import SystemClock
from edge.errors import EngineError
from edge.steer.loop import Loop
from edge.steer.wire import Command, Note, heard, pack, pair, tell, unpack
from edge.types import I420, Frame

GREY = np.full((16, 16), 90, np.uint8)
PICTURE = I420(GREY, GREY[::2, ::2], GREY[::2, ::2])


class Eyes:
    """Eyes with a picture every `period` seconds."""

    problem, failed = None, False

    def __init__(self, period: float) -> None:
        self.period = period
        self.begun = time.monotonic()

    def newest(self) -> Frame | None:
        index = int((time.monotonic() - self.begun) / self.period)
        return Frame("front", index, self.begun + index * self.period, 0.0, PICTURE)


def cycles(eyes: Eyes, pilot: object, seconds: float, hz: float = 50.0) -> list[Command | Note]:
    ours, theirs = pair()
    loop = threading.Thread(target=Loop(hz, pilot, eyes, theirs, SystemClock()).run)  # type: ignore[arg-type]
    loop.start()
    said: list[Command | Note] = []
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        said += heard(ours)[0]
        time.sleep(0.005)
    ours.close()
    loop.join(2)
    assert not loop.is_alive(), "it ends once nobody listens"
    theirs.close()
    return said


def test_the_rate_is_kept_and_each_picture_is_looked_at_once() -> None:
    looked: list[int] = []

    def pilot(frame: Frame) -> float:
        looked.append(frame.index)
        return 0.25

    said = [one for one in cycles(Eyes(0.1), pilot, 1.0) if isinstance(one, Command)]
    spent = said[-1].taken_t - said[0].taken_t
    assert said[-1].seq - said[0].seq == pytest.approx(50 * spent, rel=0.1)
    assert len(looked) == len(set(looked)) <= 12
    assert {one.steering for one in said} == {0.25}


def test_cycles_meet_the_cameras_pictures() -> None:
    said = [one for one in cycles(Eyes(0.02), lambda frame: 0.0, 2.0) if isinstance(one, Command)]
    late = sorted(one.taken_t - one.frame_t for one in said[-30:])
    assert late[len(late) // 2] < 0.008


def test_cycles_that_a_slow_pilot_misses_have_their_numbers() -> None:
    def slow(frame: Frame) -> float:
        time.sleep(0.05)
        return 0.0

    said = [one for one in cycles(Eyes(0.02), slow, 1.0) if isinstance(one, Command)]
    assert said[-1].seq >= 2 * len(said) - 4


def test_a_pilot_that_fails_is_told() -> None:
    def fails(frame: Frame) -> float:
        raise EngineError("unplugged")

    said = cycles(Eyes(0.02), fails, 0.3)
    assert {(one.kind, one.text) for one in said if isinstance(one, Note)} == {("fault", "unplugged")}


@given(st.integers(0, 2**64 - 1), st.floats(allow_nan=False), st.floats(allow_nan=False))
def test_a_command_can_be_read_back(seq: int, frame_t: float, steering: float) -> None:
    said = Command(seq, 7, frame_t, 2.0, steering, 0.001)
    assert unpack(pack(said)) == said


@given(st.binary(max_size=80))
def test_any_datagram_is_a_word_or_nothing(datagram: bytes) -> None:
    unpack(datagram)


def test_nobody_waits_for_a_side_that_does_not_read() -> None:
    ours, theirs = pair()
    began = time.monotonic()
    assert all(tell(theirs, Note("waiting", "x" * 2000)) for _ in range(5000))
    assert time.monotonic() - began < 2
    ours.close()
    assert not tell(theirs, Note("waiting", "x"))
    theirs.close()
