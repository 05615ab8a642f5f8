"""The front camera: what is new, how old it is, and what is said when it is gone."""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.capture.base import Shot
from edge.clock import SystemClock
from edge.errors import CameraError
from edge.steer.front import Exposure, Front
from edge.types import I420
from tests.support.broker import eventually


def picture(shade: int) -> I420:
    grey = np.full((16, 16), shade, np.uint8)
    return I420(grey, grey[::2, ::2], grey[::2, ::2])


class Film:
    """A live source that shows these shades, one every 20 ms, and then fails."""

    fps, live = 50.0, True

    def __init__(self, shades: list[int]) -> None:
        self.shades = shades

    def shots(self) -> Iterator[Shot]:
        for number, shade in enumerate(self.shades):
            time.sleep(0.02)
            yield Shot(number * 0.02, picture(shade))
        raise CameraError("/dev/video0: unplugged")

    def close(self) -> None:
        return


def test_a_picture_that_repeats_itself_is_no_new_one() -> None:
    front = Front("front", lambda: Film([1, 2, 3, 3, 3, 3, 3]), SystemClock())
    front.start()
    eventually(lambda: front.failed)
    front.close()
    frame = front.newest()
    assert frame is not None
    assert frame.index == 2
    assert front.problem == "/dev/video0: unplugged"


def test_a_camera_that_comes_back_goes_on_counting() -> None:
    films = iter([Film([1, 2]), Film([3, 4, 5])])
    front = Front("front", lambda: next(films, Film([])), SystemClock())
    front.start()
    frame = eventually(lambda: (found := front.newest()) is not None and found.index == 4 and found, 5)
    front.close()
    assert frame.picture.y[0, 0] == 5


@given(st.floats(0.01, 0.1), st.lists(st.floats(0, 0.3), min_size=2, max_size=60))
def test_what_waited_on_the_way_is_as_old_as_it_is(period: float, waits: list[float]) -> None:
    exposure = Exposure()
    waits[0] = 0.0  # once the way was free
    for number, wait in enumerate(waits):
        stamp = number * period
        at = exposure.of(stamp, 500.0 + stamp + wait)
        assert at == pytest.approx(500.0 + stamp, abs=0.002)


def test_a_stream_that_falls_behind_shows_as_old() -> None:
    exposure = Exposure()
    ages = [500 + k * 0.04 - exposure.of(k * 0.033, 500 + k * 0.04) for k in range(100)]
    assert ages[0] == 0
    assert ages[99] > 0.6


def test_a_slow_drift_of_the_cameras_clock_is_followed() -> None:
    exposure = Exposure()
    ages = [k * 0.033 * 1.0001 - exposure.of(k * 0.033, k * 0.033 * 1.0001) for k in range(60_000)]
    assert max(ages) < 0.005


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_camera_that_dies_of_a_bug_is_said_and_not_waited_for() -> None:
    def close() -> None:
        raise ZeroDivisionError

    film = Film([1, 2])
    film.close = close  # type: ignore[method-assign]
    front = Front("front", lambda: film, SystemClock())
    front.start()
    with pytest.raises(CameraError, match="has died"):
        eventually(lambda: front.newest() is None and False, 5)
