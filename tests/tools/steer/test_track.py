"""Every seed gives a road."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.tools.steer.sim.track import APART, CHANGES, F64, LENGTH, RADIUS, Track, even, lay

SEEDS = st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=3).map(tuple)


def turns(track: Track) -> F64:
    """How far the heading turns from each point of the line to the next, radians."""
    return (np.diff(track.heading, append=track.heading[:1]) + np.pi) % (2 * np.pi) - np.pi


def crossings(line: F64) -> int:
    """How many pairs of sides of a closed polygon cross."""
    here, there = line, np.roll(line, -1, 0)

    def side(a: F64, b: F64, c: F64) -> F64:
        return np.asarray(
            (b[..., 0] - a[..., 0]) * (c[..., 1] - a[..., 1]) - (b[..., 1] - a[..., 1]) * (c[..., 0] - a[..., 0])
        )

    a, b, c, d = here[:, None], there[:, None], here[None], there[None]
    return int(np.count_nonzero((side(a, b, c) * side(a, b, d) < 0) & (side(c, d, a) * side(c, d, b) < 0)))


@settings(max_examples=60, deadline=None)
@given(SEEDS)
def test_a_track_closes_is_long_enough_and_bends_no_tighter_than_a_car_can(seed: tuple[int, ...]) -> None:
    track = lay(*seed)
    steps = np.hypot(*(np.roll(track.line, -1, 0) - track.line).T)
    assert steps.max() <= track.spacing * 1.01
    assert steps.sum() >= 0.99 * track.length
    assert LENGTH[0] <= track.length <= LENGTH[1]
    assert RADIUS[0] <= 1 / np.abs(track.curvature).max() <= RADIUS[1]


@settings(max_examples=60, deadline=None)
@given(SEEDS)
def test_a_track_turns_both_ways_changes_often_enough_and_comes_round_once(seed: tuple[int, ...]) -> None:
    track = lay(*seed)
    bends = track.curvature[np.abs(track.curvature) > 1 / 300] > 0
    assert np.count_nonzero(bends != np.roll(bends, 1)) == track.changes >= CHANGES
    assert np.isclose(abs(turns(track).sum()), 2 * np.pi)
    # The heading's turns are the curvature along the way.
    assert np.isclose(np.sum(track.curvature) * track.spacing, turns(track).sum(), atol=0.05)


@settings(max_examples=30, deadline=None)
@given(SEEDS)
def test_a_track_does_not_cross_itself_and_keeps_its_parts_apart(seed: tuple[int, ...]) -> None:
    track = lay(*seed)
    assert crossings(track.line[::3]) == 0
    far = np.hypot(*(track.line[:, None] - track.line[None]).transpose(2, 0, 1))
    n = len(track.line)
    apart = np.abs(np.arange(n)[:, None] - np.arange(n))
    assert far[np.minimum(apart, n - apart) * track.spacing > 34].min() > APART - 4


@given(st.integers(0, 500), st.floats(-3.9, 3.9))
def test_what_is_beside_the_line_is_measured_to_the_right(at: int, right: float) -> None:
    track = lay(7)
    at %= len(track.line)
    heading = track.heading[at]
    x, y = track.line[at] + right * np.array([np.sin(heading), -np.cos(heading)])
    near = track.nearest(x, y, at)
    assert near == track.nearest(x, y)
    assert abs(track.beside(x, y, near) - right) < 0.1


def test_the_same_seed_gives_the_same_track_and_others_give_others() -> None:
    assert np.array_equal(lay(0, 1, 2).line, lay(0, 1, 2).line)
    assert lay(0, 1, 2).length != lay(0, 1, 3).length
    assert {lay(0, 0, k).curvature.mean() > 0 for k in range(12)} == {True, False}, "some go round the other way"


def test_points_lie_at_even_distances() -> None:
    line, length = even(np.array([[0.0, 0.0], [10.0, 0.0], [10.0, 5.0], [0.0, 5.0]]))
    assert length == 30.0
    assert len(line) == 60
