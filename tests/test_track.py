"""What the tracker promises: ids that last, no ghosts, no statues."""

from __future__ import annotations

import numpy as np
import pytest

from edge.boxes import around, clipped, grown, iou, nested
from edge.track import Tracker, TrackerSettings
from edge.types import NO_DETECTIONS, Box, Detections, Seen, Track

LABELS = ("person", "dog")


def seen(*objects: tuple[Box, float] | tuple[Box, float, int], looked: tuple[Box, ...] | None = None) -> Seen:
    if not objects:
        return Seen(NO_DETECTIONS, looked)
    order = sorted(objects, key=lambda o: -o[1])
    detections = Detections(
        np.array([o[0] for o in order], np.float32),
        np.array([o[1] for o in order], np.float32),
        np.array([o[2] if len(o) > 2 else 0 for o in order], np.int32),
    )
    return Seen(detections, looked)


def walker(t: float, x: float = 0.0) -> Box:
    """Somebody 40 by 100 pixels who walks 30 pixels a second."""
    return (x + 30 * t, 50.0, x + 40 + 30 * t, 150.0)


def run(tracker: Tracker, frames: list[Seen], fps: float = 10.0, moving: bool = True) -> list[list[Track]]:
    regions: list[Box] | None = [(0.0, 0.0, 2000.0, 2000.0)] if moving else []
    return [tracker.update(found, i / fps, i / fps, regions) for i, found in enumerate(frames)]


def test_a_walker_keeps_one_id_and_is_confirmed_within_half_a_second() -> None:
    out = run(Tracker(LABELS, ["person"]), [seen((walker(i / 10), 0.8)) for i in range(40)])
    assert {track.number for tracks in out for track in tracks} == {1}
    first = next(i for i, tracks in enumerate(out) if tracks[0].confirmed)
    assert first <= 5


def test_an_id_survives_a_short_occlusion() -> None:
    frames = [seen((walker(i / 10), 0.8)) if not 15 <= i < 27 else seen() for i in range(45)]
    out = run(Tracker(LABELS, ["person"]), frames)
    assert [track.number for track in out[-1]] == [1]


def test_a_half_hidden_person_goes_on_by_weak_detections() -> None:
    frames = [seen((walker(i / 10), 0.8 if i < 10 else 0.2)) for i in range(60)]
    out = run(Tracker(LABELS, ["person"]), frames)
    assert all(tracks and tracks[0].number == 1 for tracks in out)


def test_weak_detections_alone_start_nothing() -> None:
    out = run(Tracker(LABELS, ["person"]), [seen((walker(i / 10), 0.3)) for i in range(20)])
    assert not any(out)


def test_two_who_cross_keep_their_ids() -> None:
    frames = []
    for i in range(60):
        t = i / 10
        frames.append(seen((walker(t), 0.8), ((200 - 30 * t, 60.0, 240 - 30 * t, 160.0), 0.8)))
    out = run(Tracker(LABELS, ["person"]), frames)
    assert {track.number for tracks in out for track in tracks} == {1, 2}
    assert {track.number: track.box[0] > 100 for track in out[-1]} == {1: True, 2: False}


def test_a_brief_error_of_the_detector_is_never_confirmed() -> None:
    frames = [seen() for _ in range(20)]
    for i in (5, 6, 7):
        frames[i] = seen((walker(0), 0.6))
    assert not any(track.confirmed for tracks in run(Tracker(LABELS, ["person"]), frames) for track in tracks)


def test_what_does_not_move_starts_no_track_after_the_first_frame() -> None:
    frames = [seen()] + [seen(((300.0, 50.0, 340.0, 150.0), 0.9)) for _ in range(30)]
    assert not any(run(Tracker(LABELS, ["person"]), frames, moving=False))


def test_somebody_who_stands_there_at_the_start_is_found_if_the_detector_is_sure() -> None:
    sure = run(Tracker(LABELS, ["person"]), [seen((walker(0), 0.9))] * 10, moving=False)
    unsure = run(Tracker(LABELS, ["person"]), [seen((walker(0), 0.6))] * 60, moving=False)
    assert sure[-1][0].confirmed
    assert not any(track.confirmed for tracks in unsure for track in tracks)
    assert not unsure[-1]


def test_one_person_boxed_twice_is_one_track() -> None:
    frames = [seen((walker(i / 10), 0.8), ((30 * i / 10 + 5, 55.0, 30 * i / 10 + 35, 140.0), 0.7)) for i in range(30)]
    out = run(Tracker(LABELS, ["person"]), frames)
    assert {track.number for tracks in out for track in tracks if track.confirmed} == {1}


def test_labels_are_never_mixed() -> None:
    frames = [seen((walker(i / 10), 0.8, i // 15 % 2)) for i in range(30)]
    out = run(Tracker(LABELS, ["person", "dog"]), frames)
    assert {(track.number, track.label) for tracks in out for track in tracks} == {(1, "person"), (2, "dog")}


def test_unwanted_labels_are_not_followed() -> None:
    assert not any(run(Tracker(LABELS, ["dog"]), [seen((walker(i / 10), 0.9)) for i in range(10)]))


def test_a_fast_crossing_at_a_low_rate_keeps_its_id() -> None:
    frames = [seen(((i * 45.0, 50.0, i * 45.0 + 40, 150.0), 0.8)) for i in range(8)]
    out = run(Tracker(LABELS, ["person"]), frames, fps=3)
    assert {track.number for tracks in out for track in tracks} == {1}


def test_somebody_who_stands_still_stays_and_is_looked_at_once_a_second() -> None:
    tracker = Tracker(LABELS, ["person"])
    run(tracker, [seen((walker(i / 10), 0.8)) for i in range(10)])
    looks = 0
    for i in range(10, 110):
        time = i / 10
        if tracker.due(time):
            looks += 1
            tracks = tracker.update(seen((walker(0.9), 0.8)), time, time, [])
        else:
            tracks = tracker.coast(time)
        assert [track.number for track in tracks] == [1]
    assert 9 <= looks <= 11


def test_somebody_who_left_is_forgotten_after_the_lost_time() -> None:
    tracker = Tracker(LABELS, ["person"], TrackerSettings(lost_s=2.0))
    run(tracker, [seen((walker(i / 10), 0.8)) for i in range(10)])
    for i in range(10, 60):
        if tracker.due(i / 10):
            tracker.update(seen(), i / 10, i / 10, [])
    assert not tracker.numbers


def test_the_first_frame_is_always_looked_at() -> None:
    assert Tracker(LABELS, ["person"]).due(0.0)


def test_geometry_of_known_boxes() -> None:
    a = (0.0, 0.0, 10.0, 10.0)
    others = [(0.0, 0.0, 10.0, 10.0), (5.0, 0.0, 15.0, 10.0), (2.0, 2.0, 4.0, 4.0), (20.0, 20.0, 30.0, 30.0)]
    assert [iou(a, b) for b in others] == pytest.approx([1, 1 / 3, 0.04, 0])
    assert [nested(a, b) for b in others] == pytest.approx([1, 0.5, 1, 0])
    assert grown(a, 0.5) == (-5, -5, 15, 15)
    assert clipped((-5, 2, 30, 40), 20, 20) == (0, 2, 20, 20)
    assert around(others) == (0, 0, 30, 30)


FAR = (500.0, 0.0, 700.0, 300.0)


def test_a_track_where_nobody_looked_is_neither_missed_nor_moved() -> None:
    tracker = Tracker(LABELS, ["person"])
    run(tracker, [seen((walker(0), 0.8)) for _ in range(10)])
    (before,) = tracker.coast(1.0)
    for i in range(10, 60):
        (now,) = tracker.update(seen(looked=(FAR,)), i / 10, i / 10, [FAR])
        assert (now.number, now.box, now.seen) == (before.number, before.box, False)
    (back,) = tracker.update(seen((before.box, 0.8), looked=((0.0, 0.0, 200.0, 200.0),)), 6.0, 6.0, [])
    assert (back.number, back.seen) == (before.number, True)


def test_a_track_is_due_where_it_stands_or_moves() -> None:
    tracker = Tracker(LABELS, ["person"])
    run(tracker, [seen((walker(0), 0.9), ((500.0, 50.0, 540.0, 150.0), 0.9)) for _ in range(10)])
    assert tracker.due(1.0) == []
    assert len(tracker.due(1.95)) == 2
    assert tracker.due(2.0) == [], "they have just been asked for"
    (moving,) = tracker.due(2.0, [(510.0, 60.0, 520.0, 70.0)])
    assert moving[0] == pytest.approx(500, abs=2)
    tracker.update(seen((walker(0), 0.9), looked=((0.0, 0.0, 200.0, 200.0),)), 2.1, 2.1, [])
    assert len(tracker.due(2.96)) == 1, "a look in passing does not stand for one that was asked for"
    tracker.update(seen((walker(0), 0.9)), 2.8, 2.8, [])
    assert [round(box[0], -1) for box in tracker.due(3.3)] == [500], "the other one was found"
