"""Who crossed which line, and which way."""

from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.rules import Line, Scene
from edge.rules.lines import Passages
from edge.types import MOTION, Event
from tests.support.walks import W, along, frame, judge, line, walk

DOWN = along((320, 100), (320, 400), 31)
SILL = line("sill", [(0.2, 0.5), (0.8, 0.5)])
"""Drawn from left to right at y = 240."""


def crossings(events: list[Event]) -> list[tuple[str, str, float]]:
    """What each event says that the one before it did not."""
    return [
        (one.line, one.direction, one.time)
        for event in events
        for one in event.after.crossed
        if event.before is None or one not in event.before.crossed
    ]


def of(walked: list[tuple[float, float]], *lines: Line) -> list[tuple[str, str]]:
    rules = judge(Scene(lines=lines or (SILL,)))
    events = walk(rules, walked)
    return [(name, way) for name, way, _ in crossings(events + rules.close(frame(len(walked))))]


def test_a_line_drawn_to_the_right_is_crossed_inwards_from_above() -> None:
    """From the left to the right of somebody who walks along it, y downwards."""
    assert of(DOWN) == [("sill", "in")]
    assert of(DOWN[::-1]) == [("sill", "out")]


def test_a_line_drawn_the_other_way_has_its_sides_changed() -> None:
    assert of(DOWN, line("sill", [(0.8, 0.5), (0.2, 0.5)])) == [("sill", "out")]


def test_a_line_drawn_downwards_is_crossed_inwards_from_the_right() -> None:
    gate = line("gate", [(0.5, 0.1), (0.5, 0.9)])
    assert of(along((500, 240), (100, 240), 30), gate) == [("gate", "in")]


def test_a_crossing_is_an_update_at_the_time_of_the_step_over_the_line() -> None:
    rules = judge(Scene(lines=(SILL,)))
    events = walk(rules, DOWN)
    told = [event for event in events if event.after.crossed]
    assert told[0].type == "update"
    (crossing,) = told[0].after.crossed
    assert crossing.time == pytest.approx(1001.5, abs=0.11)
    assert told[0].captured_at - crossing.time <= 0.4
    assert ["sill", "in", round(crossing.time, 3)] in told[0].after.payload()["crossed"]
    because = {"rule": "line", "name": "sill", "time": round(crossing.time, 3), "direction": "in"}
    assert because in told[0].why.payload()["rules"]  # type: ignore[union-attr]


def test_past_its_end_nothing_is_crossed() -> None:
    assert of(along((60, 100), (60, 400), 31)) == []


@given(st.lists(st.floats(-6, 6), min_size=5, max_size=80))
def test_somebody_who_stands_on_a_line_and_sways_crosses_it_at_most_once(sway: list[float]) -> None:
    """A person of 100 pixels is off the line at 10."""
    came = along((320, 100), (320, 236), 20)
    assert of([*came, *((320, 240 + dy) for dy in sway), *along((320, 250), (320, 400), 20)]) == [("sill", "in")]
    assert of([*came, *((320, 240 + dy) for dy in sway), *came[::-1]]) == []


def test_back_and_forth_clearly_off_the_line_counts_each_time() -> None:
    assert of((DOWN + DOWN[::-1]) * 2) == [("sill", "in"), ("sill", "out")] * 2


def test_one_look_without_feet_is_no_crossing() -> None:
    """The box ends at the hip for a look: its lower edge jumps over the line and back."""
    stands = [(320.0, 290.0)] * 10
    assert of([*stands, (320.0, 200.0), *stands]) == []


def test_a_few_looks_are_enough_where_pictures_are_rare() -> None:
    assert of([(320, 60), (320, 200), (320, 340), (320, 460)]) == [("sill", "in")]


def test_who_vanishes_behind_a_line_has_crossed_it() -> None:
    """A door: nobody is seen beyond it for long."""
    rules = judge(Scene(lines=(SILL,)))
    walk(rules, along((320, 100), (320, 244), 15))
    update, end = rules.judge(frame(40), [], [], frozenset())
    assert (update.type, [one.direction for one in update.after.crossed]) == ("update", ["in"])
    assert not update.after.active
    assert end.type == "end"
    assert end.after.crossed == update.after.crossed


@pytest.mark.parametrize(("direction", "told"), [("both", ["in", "out"]), ("in", ["in"]), ("out", ["out"])])
def test_a_line_counts_the_direction_that_was_asked_for(direction: str, told: list[str]) -> None:
    one = line("sill", [(0.2, 0.5), (0.8, 0.5)], direction=direction)
    assert [way for _, way in of(DOWN + DOWN[::-1], one)] == told


def test_a_line_counts_the_labels_that_were_asked_for() -> None:
    assert of(DOWN, line("sill", [(0.2, 0.5), (0.8, 0.5)], labels=frozenset({"dog"}))) == []


def test_motion_has_no_feet_and_crosses_nothing() -> None:
    rules = judge(Scene(lines=(SILL,)), MOTION)
    events = []
    for i in range(40):
        events += rules.judge(frame(i), [], [(100.0, 60.0 + 8 * i, 400.0, 100.0 + 8 * i)], frozenset())
    assert events
    assert crossings(events) == []


@given(st.lists(st.tuples(st.floats(0, W - 1), st.floats(60, 470)), min_size=2, max_size=12))
def test_directions_alternate_for_whoever_cannot_go_round_the_line(stops: list[tuple[float, float]]) -> None:
    across = line("across", [(0.0, 0.5), (1.0, 0.5)])
    way = [p for a, b in itertools.pairwise(stops) for p in along(a, b, max(2, int(math.dist(a, b) / 8)))]
    ways = [way for _, way in of(way, across)]
    assert all(a != b for a, b in itertools.pairwise(ways))
    if ways and stops[0][1] < 240 <= stops[-1][1]:
        assert (ways[0], ways[-1]) == ("in", "in")


def test_a_long_pacing_is_told_in_the_newest_crossings() -> None:
    rules = judge(Scene(lines=(SILL,)))
    events = walk(rules, (DOWN + DOWN[::-1]) * 40)
    assert len(events[-1].after.crossed) == 32
    assert len(crossings(events)) == 80


def test_a_line_stays_where_it_was_drawn_when_the_size_of_the_picture_changes() -> None:
    passages = Passages([SILL], 0.1)
    for y in range(100, 210, 10):
        assert passages.step((320.0, float(y)), (640, 480), 80.0, 0.0) == []
    crossed = [passages.step((640.0, float(y)), (1280, 960), 160.0, float(y)) for y in range(400, 700, 20)]
    assert [(one.direction, one.time) for ones in crossed for one in ones] == [("in", 480.0)]
