"""A parked car, all day: what it costs, and that nobody is told of it twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest

from edge.rules import Rules
from edge.track import Tracker
from edge.types import NO_DETECTIONS, Box, Detections, Event, Seen
from tests.support.walks import frame

CAR: Box = (200.0, 200.0, 360.0, 300.0)
Finds = Callable[[float, bool], "Box | None"]
"""What the detector gives at a time, from whether somebody is before the car; None: nothing."""


def seen(box: Box | None, score: float = 0.8) -> Seen:
    if box is None:
        return Seen(NO_DETECTIONS)
    return Seen(Detections(np.array([box], np.float32), np.array([score], np.float32), np.array([0], np.int32)))


def passer(time: float) -> list[Box]:
    """Somebody who walks before the car, for four seconds in every thirty."""
    phase = time % 30
    return [(180 + (phase - 20) * 45, 150.0, 220 + (phase - 20) * 45, 300.0)] if time > 30 and 20 <= phase < 24 else []


def watch(
    finds: Finds, minutes: int, *, arrives: bool = True, score: float = 0.8, passers: bool = True
) -> tuple[list[Event], int]:
    """The events of a street with a car in it, and how often the detector looked beyond what motion made it."""
    tracker, rules = Tracker(["car"], ["car"]), Rules("porch", "boot", ["car"], lambda: "armed_away")
    events: list[Event] = []
    looks = 0
    for i in range(minutes * 600):
        time = i / 10
        comes = arrives and time < 3
        hidden = passer(time) if passers else []
        moving = [*hidden, *([CAR] if comes else [])]
        due = tracker.due(time, moving)
        looks += bool(due) and not moving
        box = finds(time, bool(hidden))
        if box is not None and comes:
            box = (box[0] - (3 - time) * 60, box[1], box[2] - (3 - time) * 60, box[3])
        tracks = tracker.update(seen(box, score), time, time, moving) if due or moving else tracker.coast(time)
        events += rules.judge(frame(i), tracks, moving, tracker.numbers)
    return events, looks


def flickering(part: float, hides: Finds) -> Finds:
    """A detector that misses a part of its chances besides."""
    random = np.random.default_rng(3)
    return lambda time, before: None if random.random() < part else hides(time, before)


def whole(time: float, before: bool) -> Box | None:
    return CAR


def unseen(time: float, before: bool) -> Box | None:
    return None if before else CAR


def half(time: float, before: bool) -> Box | None:
    return (200.0, 200.0, 280.0, 300.0) if before else CAR


@pytest.mark.parametrize("finds", [whole, unseen, half])
@pytest.mark.parametrize("misses", [0.0, 0.3])
def test_a_car_before_which_people_walk_is_told_of_once(finds: Finds, misses: float) -> None:
    events, _ = watch(flickering(misses, finds), 10)
    kinds = Counter(event.type for event in events)
    assert (kinds["new"], kinds["end"]) == (1, 0)
    flips = [event.after.stationary for event in events if event.before is None or
             event.after.stationary != event.before.stationary]  # fmt: skip
    assert flips == [False, True]
    gaps = np.diff([event.captured_at for event in events])
    assert max(gaps) <= 60.11, "told of at least every minute"


def test_a_car_at_rest_costs_ever_fewer_looks() -> None:
    """20 minutes without motion: once a second at first, once in ten seconds at last."""
    _, looks = watch(whole, 20, passers=False)
    assert looks <= 160
    assert looks >= 110


def test_a_car_that_drives_away_ends_and_is_active_before() -> None:
    def finds(time: float, before: bool) -> Box | None:
        x = max(time - 100, 0) * 80
        return (CAR[0] + x, CAR[1], CAR[2] + x, CAR[3]) if x < 440 else None

    tracker, rules = Tracker(["car"], ["car"]), Rules("porch", "boot", ["car"], lambda: "armed_away")
    events: list[Event] = []
    for i in range(1200):
        time = i / 10
        box = finds(time, False)
        moving = [box] if box is not None and (time < 1 or time > 100) else []
        tracks = tracker.update(seen(box), time, time, moving) if tracker.due(time, moving) or moving else []
        events += rules.judge(frame(i), tracks or tracker.coast(time), moving, tracker.numbers)
    assert [event.type for event in events if event.type != "update"] == ["new", "end"]
    assert [
        e.after.active for e in events if e.type == "update" and e.before and e.before.active != e.after.active
    ] == [
        False,
        True,
    ]
    assert events[-1].after.end_time is not None
    assert events[-1].captured_at - events[-1].after.end_time <= 2.6


def test_what_was_not_believed_at_the_start_is_not_believed_because_somebody_walks_before_it() -> None:
    """A coat on a hook: found from the first picture on, at a score that is believed of what moves alone."""
    events, looks = watch(whole, 5, arrives=False, score=0.55)
    assert events == []
    assert looks < 120


def test_what_was_lost_and_is_found_again_in_its_place_is_no_news_until_it_moves() -> None:
    tracker, rules = Tracker(["car"], ["car"]), Rules("porch", "boot", ["car"], lambda: "armed_away")
    events: list[Event] = []
    for i in range(1500):
        time = i / 10
        x = max(time - 130, 0) * 60
        box = None if 40 <= time < 90 else (CAR[0] + x, CAR[1], CAR[2] + x, CAR[3])
        moving = [CAR] if time < 1 else [(box[0], 150.0, box[2], 300.0)] if box and time > 95 else []
        tracks = tracker.update(seen(box), time, time, moving) if tracker.due(time, moving) or moving else None
        events += rules.judge(frame(i), tracker.coast(time) if tracks is None else tracks, moving, tracker.numbers)
    told = [(event.type, event.captured_at) for event in events if event.type != "update"]
    assert [kind for kind, _ in told] == ["new", "end", "new"]
    assert told[1][1] < 1060
    assert 1130 < told[2][1] < 1133, "once it drives away"
