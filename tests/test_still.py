"""When an object is at rest, and what does not end its rest."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from edge.still import Still
from edge.types import Box

CAR: Box = (200.0, 200.0, 360.0, 300.0)


def moved(dx: float, dy: float = 0.0) -> Box:
    return CAR[0] + dx, CAR[1] + dy, CAR[2] + dx, CAR[3] + dy


def parked() -> Still:
    still = Still(CAR, 0.0)
    for i in range(1, 120):
        still.look(CAR, i / 10)
    return still


def test_it_rests_after_ten_seconds_in_one_place() -> None:
    still = Still(CAR, 0.0)
    assert not still.rests(9.9)
    assert still.rests(10.0)


@given(st.lists(st.tuples(st.floats(-20, 20), st.floats(-20, 20)), max_size=100))
def test_a_box_that_trembles_rests(jitter: list[tuple[float, float]]) -> None:
    still = Still(CAR, 0.0)
    for i, (dx, dy) in enumerate(jitter):
        still.look(moved(dx, dy), i / 10)
    assert (still.since, still.place) == (0.0, CAR)


def test_whoever_moves_begins_anew_at_once() -> None:
    still = Still(CAR, 0.0)
    still.look(moved(60), 5.0)
    assert (still.since, still.place) == (5.0, moved(60))


def test_two_boxes_that_are_off_do_not_end_a_rest_and_three_do() -> None:
    still = parked()
    for time in (12.0, 12.1):
        still.look(moved(100), time)
    assert still.rests(12.1)
    still.look(CAR, 12.2)
    for time in (12.3, 12.4, 12.5):
        assert still.rests(time)
        still.look(moved(100), time)
    assert (still.since, still.place) == (12.5, moved(100))


def test_a_box_of_which_somebody_hides_a_part_still_rests_but_not_for_long() -> None:
    half: Box = (200.0, 200.0, 270.0, 300.0)
    still = parked()
    for i in range(45):
        still.look(half, 12 + i / 10)
    assert still.place == CAR
    for i in range(45, 60):
        still.look(half, 12 + i / 10)
    assert still.place == half
