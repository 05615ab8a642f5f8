"""Entering, leaving and loitering."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.rules import Filter, Scene
from tests.support.walks import H, W, along, frame, judge, polygon, standing, track, walk

EAST = [(0.5, 0.0), (1.0, 0.0), (1.0, 1.0), (0.5, 1.0)]


def changes(events: list[object]) -> list[tuple[str, tuple[str, ...]]]:
    return [(e.type, e.after.current_zones) for e in events]  # type: ignore[attr-defined]


def test_an_object_is_where_the_middle_of_its_lower_edge_is() -> None:
    ground = polygon("ground", [(0.0, 0.8), (1.0, 0.8), (1.0, 1.0), (0.0, 1.0)])
    rules = judge(Scene((ground,)))
    (new, *_) = walk(rules, [(320, 0.85 * H)] * 4)
    assert walk(rules, [(320, 0.85 * H)] * 2, start=4) == []
    assert rules.zones == {1: ("ground",)}
    assert new.after.current_zones == ("ground",)


def test_a_box_that_trembles_on_the_border_enters_nothing() -> None:
    rules = judge(Scene((polygon("east", EAST),)))
    events = walk(rules, [(W / 2 + (4 if i % 3 else -4), 300) for i in range(100)])
    assert not any(event.after.entered_zones for event in events)


def test_somebody_inside_who_trembles_on_the_border_does_not_leave() -> None:
    rules = judge(Scene((polygon("east", EAST),)))
    events = walk(rules, [(500, 300)] * 5 + [(W / 2 + (4 if i % 3 else -4), 300) for i in range(100)])
    assert all(event.after.current_zones == ("east",) for event in events)


@given(st.lists(st.booleans(), min_size=1, max_size=60), st.integers(1, 6))
def test_a_zone_is_entered_and_left_after_so_many_looks_in_a_row(inside: list[bool], inertia: int) -> None:
    rules = judge(Scene((polygon("east", EAST, inertia=inertia),)))
    now = False
    for i, here in enumerate(inside):
        walk(rules, [(500 if here else 100, 300)], start=i)
        last = inside[max(0, i + 1 - inertia) : i + 1]
        if len(last) == inertia and len(set(last)) == 1:
            now = here
        assert rules.zones == {1: ("east",) if now else ()}


def test_what_an_object_did_before_it_was_believed_counts() -> None:
    rules = judge(Scene((polygon("east", EAST),)))
    assert walk(rules, [(500, 300)] * 4, confirmed=False) == []
    (new,) = walk(rules, [(500, 300)], start=4)
    assert (new.type, new.after.current_zones) == ("new", ("east",))


def test_who_stays_is_told_of_as_loitering_once() -> None:
    rules = judge(Scene((polygon("east", EAST, loiter_s=5.0),)))
    way = along((450, 300), (600, 300), 30)
    events = walk(rules, way * 5)
    told = [event for event in events if event.after.loitering and event.before and not event.before.loitering]
    assert [(event.type, event.captured_at) for event in told] == [("update", 1005.0)]
    assert {"rule": "loitering", "name": "east", "time": 1005.0} in told[0].why.payload()["rules"]  # type: ignore[union-attr]


def test_who_leaves_in_time_does_not_loiter_and_time_is_counted_anew() -> None:
    rules = judge(Scene((polygon("east", EAST, loiter_s=5.0),)))
    events = walk(rules, ([(500, 300)] * 45 + [(100, 300)] * 5) * 3)
    assert not any(event.after.loitering for event in events)


def test_somebody_who_stands_so_still_that_nobody_looks_loiters_all_the_same() -> None:
    rules = judge(Scene((polygon("east", EAST, loiter_s=5.0),)))
    walk(rules, [(500, 300)] * 10)
    events = []
    for i in range(10, 70):
        events += rules.judge(frame(i), [track(9, standing(500, 300), seen=False)], [], frozenset({1}))
    assert [(event.type, event.after.loitering) for event in events] == [("update", ("east",))]


def test_labels_and_filters_of_a_zone_say_what_counts_in_it() -> None:
    small = Filter(max_area=0.01)
    for label, filters, labels, counts in [
        ("person", {}, None, True),
        ("person", {}, frozenset({"dog"}), False),
        ("person", {"person": small}, None, False),
        ("person", {"dog": small}, None, True),
    ]:
        rules = judge(Scene((polygon("east", EAST, filters=filters, labels=labels),)), label)
        walk(rules, [(500, 300)] * 4)
        assert rules.zones == {1: ("east",) if counts else ()}


def test_an_object_is_told_of_once_it_has_entered_a_required_zone() -> None:
    scene = Scene(
        (polygon("east", EAST), polygon("south", [(0, 0.9), (1, 0.9), (1, 1), (0, 1)])), required=frozenset({"east"})
    )
    rules = judge(scene)
    assert walk(rules, [(100, 0.95 * H)] * 20) == []
    assert rules.zones == {1: ("south",)}, "it counts where it is"
    events = walk(rules, [(500, 300)] * 5, start=20)
    assert changes(events) == [("new", ("east",))]
    assert events[0].after.entered_zones == ("south", "east")
    walk(rules, [(100, 300)] * 10, start=25)
    assert [event.type for event in rules.judge(frame(40), [], [], frozenset())] == ["end"]


def test_an_object_that_never_entered_a_required_zone_is_never_told_of() -> None:
    rules = judge(Scene((polygon("east", EAST),), required=frozenset({"east"})))
    assert walk(rules, [(100, 300)] * 20) == []
    assert rules.judge(frame(40), [], [], frozenset()) == []
    assert rules.close(frame(41)) == []


@pytest.mark.parametrize(
    ("filter", "passes"),
    [
        (Filter(min_area=0.01), True),
        (Filter(min_area=0.02), False),
        (Filter(max_area=0.01), False),
        (Filter(min_ratio=0.5), False),
        (Filter(max_ratio=0.5), True),
        (Filter(min_score=0.8), True),
        (Filter(min_score=0.81), False),
    ],
)
def test_an_object_that_its_filter_holds_back_is_not_told_of(filter: Filter, passes: bool) -> None:
    """40 by 100 pixels of 640 by 480, score 0.8."""
    rules = judge(Scene(filters={"person": filter}))
    assert bool(walk(rules, [(300, 300)] * 5)) == passes
    assert bool(rules.zones) == passes


def test_a_filter_is_passed_by_three_looks_in_a_row_and_then_for_good() -> None:
    rules = judge(Scene(filters={"person": Filter(min_area=0.02)}))
    heights = [100, 200, 200, 100, 200, 200, 200, 100, 100]
    types = [
        [e.type for e in rules.judge(frame(i), [track(i, standing(300, 400, h))], [], frozenset({1}))]
        for i, h in enumerate(heights)
    ]
    assert list(itertools.chain(*types[:6])) == []
    assert types[6] == ["new"]
    assert rules.zones


def test_the_score_of_a_filter_is_the_median_of_the_looks() -> None:
    rules = judge(Scene(filters={"person": Filter(min_score=0.7)}))
    for i, score in enumerate([0.9, 0.5, 0.6, 0.5, 0.55]):
        assert not rules.judge(frame(i), [track(i, standing(300, 300), score=score)], [], frozenset({1}))
    for i in range(5, 20):
        rules.judge(frame(i), [track(i, standing(300, 300), score=0.9)], [], frozenset({1}))
    assert rules.zones


def test_what_rests_stays_in_its_zone_while_somebody_hides_its_feet() -> None:
    """A parked car whose lower half is covered for two seconds: the middle of what is seen is in another zone."""
    road = polygon("road", [(0, 0.6), (1, 0.6), (1, 1), (0, 1)])
    rules = judge(Scene((road,)), "car")
    box = (200.0, 200.0, 360.0, 320.0)
    events = []
    for i in range(400):
        half = (200.0, 200.0, 360.0, 260.0)
        shown = half if 250 <= i < 270 else box
        events += rules.judge(frame(i), [track(i, shown, label="car")], [], frozenset({1}))
    told = [(e.type, e.after.current_zones, e.after.stationary) for e in events if e.captured_at != 1060.0]
    assert told == [("new", ("road",), False), ("update", ("road",), True)]


def test_who_is_about_to_enter_is_told_of_with_the_zone() -> None:
    drive = polygon("drive", [(0, 0), (1, 0), (1, 1), (0, 1)], inertia=6)
    events = walk(judge(Scene((drive,))), [(320, 300)] * 10)
    assert [(event.type, event.after.current_zones, event.after.frame_time) for event in events] == [
        ("new", ("drive",), 1000.5)
    ]
