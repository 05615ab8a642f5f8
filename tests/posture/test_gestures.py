"""Hands up, waving, running, crowds: what must last before it is told, and what only looks a little like it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.posture import Crowd, Person
from edge.posture.crowd import CROWDED_S
from edge.posture.gestures import Lasting
from edge.types import Activity, Pose
from tests.support.stick_figures import STAND, UP, Camera, Move, Stance, filmed


@pytest.mark.parametrize(("gap", "confirmed"), [(1.0, True), (1.6, False), (60.0, False)])
def test_what_holds_on_both_sides_of_a_long_gap_begins_anew(gap: float, confirmed: bool) -> None:
    lasting = Lasting(2.0)
    lasting.look(True, 0.0)
    lasting.look(True, 1.0)
    assert lasting.look(True, 1.0 + gap) == ((0.0, 1.0 + gap) if confirmed else (1.0 + gap, None))


WALL = Camera()
WAVE = (Stance(arm=5, out=150), Stance(arm=5, out=185))


def told(film: list[tuple[float, Pose]], camera: Camera = WALL) -> list[Activity]:
    person = Person(camera.size)
    activities = [person.look(pose, time).activity for time, pose in film]
    return [one for one in activities if one is not None and one.confirmed]


def test_both_hands_up_are_told_of_after_two_seconds_and_no_longer_than_they_are_up() -> None:
    film = filmed([Move(1, STAND), Move(0.5, UP), Move(4, UP), Move(0.5, STAND), Move(2, STAND)], Camera())
    ups = told(film)
    assert {one.kind for one in ups} == {"hands_up"}
    assert 1 < ups[0].since < 2
    assert ups[0].confirmed_at is not None
    assert ups[0].confirmed_at - ups[0].since >= 2
    person = Person((640, 480))
    assert [person.look(pose, time).activity for time, pose in film][-1] is None


def test_a_stretch_is_no_gesture() -> None:
    assert not told(filmed([Move(1, STAND), Move(0.5, UP), Move(0.6, UP), Move(0.5, STAND), Move(1, STAND)], Camera()))


def test_waving_above_the_head_is_a_call_for_help() -> None:
    waves = [Move(0.35, WAVE[i % 2]) for i in range(14)]
    assert "waving" in {one.kind for one in told(filmed([Move(1, STAND), *waves], Camera()))}


def test_who_runs_by_is_told_of_and_who_walks_is_not() -> None:
    camera = Camera(1.0, 6, 4)
    runs = told(filmed([Move(2, STAND)], camera, heading=90, walk=2.2, fps=20), camera)
    assert {one.kind for one in runs} == {"running"}
    assert not told(filmed([Move(2, STAND)], camera, heading=90, walk=0.8, fps=20), camera)


@given(st.lists(st.integers(0, 12), min_size=1, max_size=120), st.integers(0, 6))
def test_a_crowd_is_more_people_than_allowed_for_three_seconds(counts: list[int], most: int) -> None:
    crowd, begun, last = Crowd(most), None, -9.0
    for i, people in enumerate(counts):
        time, crowded = i / 4, bool(most) and people > most
        if time - last > 0.4 and not crowded:  # missed for a moment
            begun = None
        if crowded:
            begun, last = (time if begun is None else begun), time
        seen = crowd.look(people, time)
        assert (seen is not None) == (begun is not None)
        assert seen is None or seen.confirmed_at is None or seen.confirmed_at >= seen.since + CROWDED_S - 1e-6
