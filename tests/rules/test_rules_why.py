"""What stands behind an event, bounded."""

from __future__ import annotations

import itertools
import json

from edge.rules import Scene
from edge.types import MOTION, Stamp, event_payload
from tests.support.walks import along, frame, judge, line, polygon, standing, track, walk


def test_an_event_says_which_looks_and_rules_stand_behind_it() -> None:
    rules = judge(Scene((polygon("east", [(0.5, 0), (1, 0), (1, 1), (0.5, 1)]),)))
    walk(rules, [(500, 300)] * 4, confirmed=False, score=0.62)
    (new,) = walk(rules, [(500, 300)], start=4)
    why = event_payload(new, Stamp("boot", 1, "node", 1000.0))["why"]
    assert why["rules"] == [
        {"rule": "zone", "name": "east", "time": 1000.2},
        {"rule": "confirmed", "name": "person", "time": 1000.4},
    ]
    assert why["seen"][0] == [1000.0, 0.62, [480, 200, 520, 300]]
    assert [look[1] for look in why["seen"]] == [0.62] * 4 + [0.8]


def test_the_looks_that_made_it_believed_stay_and_the_later_ones_thin_out() -> None:
    rules = judge(Scene())
    walk(rules, along((10, 300), (600, 300), 3000))
    (end,) = rules.judge(frame(4000), [], [], frozenset())
    seen = [round((time - 1000) * 10) for time, _, _ in end.why.seen]  # type: ignore[union-attr]
    assert seen[:8] == list(range(8))
    assert seen == sorted(seen)
    assert len(seen) <= 20
    gaps = [b - a for a, b in itertools.pairwise(seen)]
    assert max(gaps) <= 512, "spread over the whole visit"
    assert seen[-1] > 2000


def test_it_stays_small_whatever_happens() -> None:
    scene = Scene(
        (polygon("the_whole_of_the_lower_garden", [(0, 0.5), (1, 0.5), (1, 1), (0, 1)], loiter_s=1),),
        (line("between_the_two_apple_trees", [(0, 0.5), (1, 0.5)]),),
    )
    rules = judge(scene)
    way = along((320, 100), (320, 400), 30)
    for event in walk(rules, (way + way[::-1]) * 30):
        assert len(json.dumps(event_payload(event, Stamp("boot", 1, "node", 1000.0))["why"])) < 2048
    assert event.why.rules[0].rule == "confirmed"  # type: ignore[union-attr]


def test_motion_is_a_reason_of_its_own() -> None:
    rules = judge(Scene(), MOTION)
    events = [e for i in range(10) for e in rules.judge(frame(i), [], [(0.0, 0.0, 300.0, 300.0)], frozenset())]
    assert [one.rule for one in events[0].why.rules] == ["motion"]  # type: ignore[union-attr]


def test_coming_to_rest_and_moving_on_are_reasons() -> None:
    rules = judge(Scene())
    events = walk(rules, [(300, 300)] * 150)
    events += walk(rules, along((300, 300), (600, 300), 40), start=150)
    assert [one.rule for one in events[-1].why.rules] == ["confirmed", "stationary", "active"]  # type: ignore[union-attr]
    assert [event.after.stationary for event in events if event.type == "update"][:2] == [True, False]


def test_the_picture_is_chosen_by_the_quality_that_is_given() -> None:
    from edge.rules import Rules

    rules = Rules(
        "porch", "boot", ["person"], lambda: "armed_away",
        draw=lambda frame, box, label, score: str(frame.index).encode(),
        quality=lambda frame, box, score: (100.0 - frame.index) / 10_000,
    )  # fmt: skip
    (new,) = rules.judge(frame(0), [track(0, standing(300, 300))], [], frozenset({1}))
    later = [
        e for i in range(1, 700) for e in rules.judge(frame(i), [track(i, standing(300, 300))], [], frozenset({1}))
    ]
    assert new.jpeg == b"0"
    assert later
    assert all(event.jpeg is None and event.after.snapshot == new.after.snapshot for event in later)


def test_a_picture_that_cannot_be_better_is_not_looked_at() -> None:
    from edge.rules import Rules
    from edge.rules.story import usual_quality
    from edge.types import Box, Frame

    asked: list[int] = []

    def sharp(frame: Frame, box: Box, score: float) -> float:
        asked.append(frame.index)
        return 0.9 * usual_quality(frame, box, score)

    rules = Rules("porch", "boot", ["person"], lambda: "armed_away", quality=sharp)
    for i, score in enumerate((0.8, 0.7, 0.6, 0.85, 0.8, 0.75)):
        rules.judge(frame(i), [track(i, standing(300, 300), score=score)], [], frozenset({1}))
    assert asked == [0, 3, 4]
