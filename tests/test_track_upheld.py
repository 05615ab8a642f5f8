"""Whom the detector loses and somebody else still finds: a person who lies is often no `person` to a detector."""

from __future__ import annotations

import numpy as np
import pytest

from edge.track import Tracker, TrackerSettings
from edge.types import NO_DETECTIONS, Box, Detections, Seen, Track

STANDS: Box = (100.0, 50.0, 140.0, 150.0)
LIES: Box = (80.0, 120.0, 180.0, 150.0)
MOVES = [(0.0, 0.0, 400.0, 400.0)]
FPS = 10.0


def seen(box: Box | None, score: float = 0.8) -> Seen:
    if box is None:
        return Seen(NO_DETECTIONS)
    return Seen(Detections(np.array([box], np.float32), np.array([score], np.float32), np.array([0], np.int32)))


def after(
    tracker: Tracker, lost_from: int, until: int, *, uphold: float = 0.9, moving: list[Box] = MOVES, score: float = 0.8
) -> list[Track]:
    """The tracks after somebody was found at every picture before one, and upheld at every one from then on."""
    tracks: list[Track] = []
    for i in range(until):
        time = i / FPS
        tracks = tracker.update(seen(STANDS if i < lost_from else None, score), time, 1000 + time, moving)
        if i >= lost_from:
            held = {number: (LIES, uphold) for number in tracker.numbers}
            tracks = tracker.sustain(held, time, 1000 + time, held.keys())
    return tracks


def test_who_is_upheld_is_seen_where_the_joints_are_and_keeps_the_id() -> None:
    (track,) = after(Tracker(["person"], ["person"]), 20, 120)
    assert (track.number, track.seen, track.confirmed) == (1, True, True)
    assert track.last_time == pytest.approx(11.9)
    assert track.box == pytest.approx(LIES, abs=3)
    assert track.score == pytest.approx(0.8), "that of the detector"


def test_nobody_is_upheld_for_ever() -> None:
    tracker = Tracker(["person"], ["person"], TrackerSettings(upheld_lying_s=20.0))
    assert after(tracker, 20, 200)
    for i in range(230, 600):
        tracker.update(seen(None), i / FPS, 0.0, MOVES)
        assert not any(track.seen for track in tracker.sustain({1: (LIES, 0.9)}, i / FPS, 0.0, {1}))
    assert not tracker.numbers


def test_the_detector_takes_over_again() -> None:
    tracker = Tracker(["person"], ["person"])
    after(tracker, 20, 60)
    (track,) = tracker.update(seen(LIES), 6.0, 1006.0, MOVES)
    assert (track.number, track.seen) == (1, True)
    for i in range(61, 100):
        tracker.update(seen(None), i / FPS, 0.0, MOVES)
        assert tracker.sustain({1: (LIES, 0.9)}, i / FPS, 0.0)


def test_who_does_not_lie_is_upheld_for_seconds() -> None:
    """Whoever walked off is not upheld as the coat on their chair."""
    tracker = Tracker(["person"], ["person"])
    after(tracker, 20, 20)
    held = []
    for i in range(20, 200):
        tracker.update(seen(None), i / FPS, 0.0, MOVES)
        held.append(any(track.seen for track in tracker.sustain({1: (STANDS, 0.9)}, i / FPS, 0.0)))
    assert held[0]
    assert 40 <= sum(held) <= 60
    assert not tracker.numbers


def test_nobody_is_there_who_was_never_detected() -> None:
    tracker = Tracker(["person"], ["person"])
    tracker.update(seen(None), 0.0, 0.0, MOVES)
    assert tracker.sustain({1: (LIES, 0.9)}, 0.0, 0.0) == []


def test_who_falls_before_being_believed_is_believed_by_the_joints() -> None:
    assert not any(track.confirmed for track in after(Tracker(["person"], ["person"]), 3, 10, uphold=0.3))
    (track,) = after(Tracker(["person"], ["person"]), 3, 10)
    assert track.confirmed


def test_what_never_moved_is_not_believed_by_joints() -> None:
    """A coat on a hook, there from the start: a pose model finds shoulders in it."""
    assert not any(track.confirmed for track in after(Tracker(["person"], ["person"]), 3, 29, moving=[]))


def test_at_a_picture_that_was_not_looked_at_only_who_is_upheld_is_seen() -> None:
    tracker = Tracker(["person"], ["person"])
    other = (300.0, 50.0, 340.0, 150.0)
    two = np.array([STANDS, other], np.float32)
    both = Seen(Detections(two, np.array([0.8, 0.8], np.float32), np.zeros(2, np.int32)))
    for i in range(10):
        tracker.update(both, i / FPS, 0.0, MOVES)
    tracker.update(seen(other), 1.0, 0.0, MOVES)
    tracker.coast(1.1)
    assert [track.seen for track in tracker.sustain({1: (LIES, 0.9)}, 1.1, 0.0)] == [True, False]


def test_who_fell_and_is_found_by_nobody_is_waited_for() -> None:
    def lost(fallen: bool) -> float:
        """Seconds until the track ends."""
        tracker = Tracker(["person"], ["person"])
        after(tracker, 20, 20)
        for i in range(20, 600):
            tracker.update(seen(None), i / FPS, 0.0, MOVES)
            tracker.sustain({}, i / FPS, 0.0, fallen=tracker.numbers if fallen else frozenset())
            if not tracker.numbers:
                return (i - 19) / FPS
        return 99.0

    assert lost(False) == pytest.approx(2.0, abs=0.2)
    assert lost(True) == pytest.approx(31.0, abs=1.5)


def test_who_stops_dead_is_not_taken_to_go_on_through_the_wall() -> None:
    """Nothing moves any more, so that the detector is not asked; the joints say where they are."""
    tracker = Tracker(["person"], ["person"])
    for i in range(20):
        box = (100.0 + 20 * i, 50.0, 140.0 + 20 * i, 150.0)
        tracker.update(seen(box), i / FPS, 0.0, MOVES)
    for i in range(20, 30):
        tracker.coast(i / FPS)
        tracker.sustain({1: (box, 0.9)}, i / FPS, 0.0)
    (track,) = tracker.update(seen(None), 3.0, 0.0, [])
    assert track.box == pytest.approx(box, abs=20)


def test_who_walks_on_while_the_gate_sees_nothing_is_followed_by_the_joints() -> None:
    tracker = Tracker(["person"], ["person"])
    for i in range(10):
        tracker.update(seen(STANDS), i / FPS, 0.0, MOVES)
    for i in range(10, 40):
        box = (STANDS[0] + 10 * (i - 10), 50.0, STANDS[2] + 10 * (i - 10), 150.0)
        tracker.coast(i / FPS)
        (track,) = tracker.sustain({1: (box, 0.9)}, i / FPS, 0.0)
    assert track.box == pytest.approx(box, abs=25)
