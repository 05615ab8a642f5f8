"""What is told of people's bodies: at once what matters, and no flood."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from edge.rules import NOWHERE, Rules
from edge.types import Body, Event, Sighting
from tests.support.figures import body, doing, pose
from tests.support.walks import frame, judge, standing, track

BOX = standing(320, 400)
Says = Callable[[float], Body | None]


def told(says: Says, count: int, rules: Rules | None = None, confirmed: int = 0) -> list[Event]:
    """The events of somebody who stays where they are, ten pictures a second. confirmed: from that picture on."""
    rules, events = rules or judge(NOWHERE), list[Event]()
    for i in range(count):
        known = says(i / 10)
        given = {} if known is None else {1: known}
        shot = replace(frame(i), bodies=given)
        events += rules.judge(shot, [track(i, BOX, confirmed=i >= confirmed)], [], frozenset({1}))
    return events


def activity(sighting: Sighting) -> tuple[str, bool] | None:
    found = sighting.payload()["activity"]
    return found and (found["kind"], found["confirmed"])


def falls(time: float) -> Body | None:
    """Stands, falls at one second, is known to have fallen at two and a half, and is up again at eight."""
    if time < 1 or time >= 8:
        return body("standing", 0.0 if time < 1 else 8.0)
    return body("lying", 1.5, lying_s=max(time - 1.5, 0.0), activity=doing("fall", 1.0, 2.5 if time >= 2.5 else None))


def test_a_fall_is_told_as_it_begins_once_it_is_sure_and_when_it_is_over() -> None:
    events = [event for event in told(falls, 100) if activity(event.after) != (event.before and activity(event.before))]
    assert [(event.captured_at, activity(event.after)) for event in events] == [
        (1001.0, ("fall", False)),
        (1002.5, ("fall", True)),
        (1008.0, None),
    ]
    assert events[1].after.payload()["activity"] == {"kind": "fall", "score": 0.8, "confirmed": True, "since": 1001.0}
    because = events[1].why.payload()["rules"][-1]  # type: ignore[union-attr]
    assert because == {"rule": "fall", "name": "person", "time": 1002.5}


def test_who_is_believed_only_after_the_fall_is_told_of_with_it() -> None:
    first = told(falls, 60, confirmed=40)[0]
    assert (first.type, activity(first.after)) == ("new", ("fall", True))
    assert sorted(one.rule for one in first.why.rules) == ["confirmed", "fall"]  # type: ignore[union-attr]


def test_a_fall_keeps_its_onset_though_the_clock_is_set_while_it_goes_on() -> None:
    rules, events = judge(NOWHERE), list[Event]()
    for i in range(150):
        shot = frame(i)
        # Set ahead by an hour while the first fall goes on; the second one begins by the new clock.
        shot = replace(shot, wall=shot.wall + (3600 if i >= 20 else 0), bodies={1: known_of(i / 10)})
        events += rules.judge(shot, [track(i, BOX)], [], frozenset({1}))
    told = [event.after.payload()["activity"] for event in events]
    onsets = [one["since"] for one in told if one is not None]
    assert sorted(set(onsets)) == [1001.0, 4611.0]
    assert onsets.count(1001.0) >= 2, "told before and after"


def known_of(time: float) -> Body:
    """A fall at one second, up at eight, and a fall at eleven."""
    known = falls(time) if time < 10 else falls(time - 10)
    assert known is not None
    if time < 10 or known.activity is None:
        return known
    return body("lying", 11.5, activity=doing("fall", 11.0, 12.5 if time >= 12.5 else None))


def test_a_posture_is_told_of_once_it_lasts() -> None:
    events = told(lambda time: body("standing" if time < 3 else "sitting", 0.0 if time < 3 else 3.0), 60)
    postures = [(event.captured_at, event.after.payload()["pose"]["posture"]) for event in events]
    assert postures == [(1000.0, "standing"), (1001.0, "standing"), (1004.0, "sitting")]


@pytest.mark.parametrize("other", ["sitting", "unknown"])
def test_postures_that_flicker_are_no_flood(other: str) -> None:
    def flickers(time: float) -> Body:
        turned = int(time / 0.4) * 0.4
        return body("standing" if int(time / 0.4) % 2 else other, turned)  # type: ignore[arg-type]

    assert len(told(flickers, 300)) <= 2


def test_activities_that_come_to_nothing_are_no_flood() -> None:
    def stumbles(time: float) -> Body:
        begun = int(time / 0.4) * 0.4
        return body("standing", 0.0, activity=doing("fall", begun) if int(time / 0.4) % 2 else None)

    assert len(told(stumbles, 300)) <= 32


def test_joints_are_pixels_and_what_was_not_found_is_null() -> None:
    seen = pose((320, 400), 200)
    seen.keypoints[4] = float("nan"), float("nan"), 0
    payload = told(lambda time: body(joints=seen, lying_s=1.25), 1)[0].after.payload()
    assert payload["pose"]["format"] == "coco17"
    assert payload["pose"]["keypoints"][0] == [320.0, 214.0, 0.9]
    assert payload["pose"]["keypoints"][4] == [None, None, 0.0]
    assert len(payload["pose"]["keypoints"]) == 17
    assert payload["pose"]["lying_s"] == 1.2
    assert payload["activity"] is None


def test_who_is_not_looked_at_any_more_has_neither_pose_nor_activity() -> None:
    events = told(lambda time: falls(time) if time < 4 else None, 60)
    assert activity(events[-1].after) is None
    assert events[-1].after.payload()["pose"] is None


def test_the_picture_of_a_fall_is_of_the_fall() -> None:
    drawn: list[float] = []
    rules = Rules(
        "porch", "boot", ["person"], lambda: "armed_away", draw=lambda shot, *_: drawn.append(shot.time) or b"jpeg"
    )
    events = told(falls, 70, rules)
    assert 2.5 in drawn
    assert events[-1].after.snapshot is not None
    assert events[-1].after.snapshot.frame_time == 1002.5


def test_a_fall_of_somebody_who_is_lost_from_sight_is_told_all_the_same() -> None:
    rules, events = judge(NOWHERE), list[Event]()
    for i in range(60):
        known = falls(i / 10)
        shot = replace(frame(i), bodies={} if known is None else {1: known})
        events += rules.judge(shot, [track(i, BOX)] if i < 12 else [], [], frozenset({1}))
    assert [event.captured_at for event in events if activity(event.after) == ("fall", True)] == [1002.5]
