"""Counts of a run, from its events alone."""

from __future__ import annotations

from dataclasses import replace

from edge.rules import Scene
from edge.tally import Tally, table
from edge.types import NO_JOINTS, Activity, Body, Pose, Posture
from tests.support import events
from tests.support.walks import along, frame, judge, line, polygon, walk


def test_entries_crossings_and_alerts_are_counted_by_name() -> None:
    scene = Scene(
        (polygon("yard", [(0, 0.5), (1, 0.5), (1, 1), (0, 1)]), polygon("roof", [(0, 0), (1, 0), (1, 0.1), (0, 0.1)])),
        (line("sill", [(0, 0.5), (1, 0.5)]),),
    )
    rules = judge(scene)
    way = along((320, 100), (320, 400), 30)
    tally = Tally(["yard", "roof"], ["sill"])
    for event in walk(rules, way + way[::-1] + way) + rules.close(frame(200)):
        tally.take(event)
    assert tally.summary() == {
        "zones": {"yard": {"entered": {"person": 2}}, "roof": {"entered": {}}},
        "lines": {"sill": {"in": 2, "out": 1}},
        "alerts": {"person": 1},
        "activities": [],
    }
    assert table(tally.summary()) == [
        "  alerts, person      1",
        "  zone yard, entered  person 2",
        "  zone roof, entered  0",
        "  line sill           in 2, out 1",
    ]


def test_who_is_told_of_late_has_entered_its_zones_all_the_same() -> None:
    rules = judge(Scene((polygon("yard", [(0, 0.5), (1, 0.5), (1, 1), (0, 1)]),), required=frozenset({"yard"})))
    tally = Tally(["yard"])
    for event in walk(rules, along((320, 100), (320, 400), 30)):
        tally.take(event)
    assert tally.summary()["zones"] == {"yard": {"entered": {"person": 1}}}


def test_nothing_is_shown_where_nothing_was_drawn_or_told() -> None:
    assert table(Tally().summary()) == []


def test_a_confirmed_fall_is_told_once_with_its_times() -> None:
    tally = Tally()
    sure = Activity("fall", 0.9, 0.4, 2.067)
    for kind, activity in (
        ("new", None),
        ("update", replace(sure, confirmed_at=None)),
        ("update", sure),
        ("end", sure),
    ):
        told = events.event(kind, "a")
        body = Body(Pose(NO_JOINTS, 0.0), Posture("lying", 0.9, 1.0), activity=activity)
        tally.take(replace(told, after=replace(told.after, body=body)))
    assert tally.summary()["activities"] == [{"kind": "fall", "since": 0.4, "time": 2.067}]
    assert table(tally.summary())[-1].split() == ["fall", "confirmed", "at", "2.1", "s,", "since", "0.4", "s"]
