"""Places that move for nothing: when they are deaf, what heals them, and what is kept over a restart."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.metrics import Stages
from edge.motion import Gate
from edge.nuisance import Nuisance, NuisanceSettings
from edge.pipeline import Look, Stations, watch
from edge.rules import Rules
from edge.track import Tracker
from edge.types import I420, NO_DETECTIONS, Box, Detections, Event, Frame, Seen, Track
from tests.support.stand_ins import Memory

SIZE = (640, 360)
TREE: Box = (40.0, 40.0, 200.0, 200.0)
DOOR: Box = (400.0, 100.0, 500.0, 340.0)
QUICK = NuisanceSettings(deaf=6.0, dismissed=9.0)


def person(box: Box, *, confirmed: bool = True) -> Track:
    return Track(1, "person", 0.9, box, confirmed, True, 0.0, 0.0, 0.0, 0.0)


def sways(
    nuisance: Nuisance, seconds: float, start: float = 0.0, region: Box = TREE, people: Sequence[Track] = ()
) -> float:
    """Motion in a region at two frames a second; returns the time after it."""
    for i in range(round(seconds * 2)):
        time = start + i / 2
        nuisance.sift([region], time, SIZE)
        nuisance.learn([region], people, time, SIZE)
    return start + seconds


def test_a_place_that_moves_again_and_again_is_deaf_and_others_are_not() -> None:
    nuisance = Nuisance(QUICK)
    time = sways(nuisance, 50)
    assert nuisance.sift([TREE], time, SIZE).told == [TREE]
    time = sways(nuisance, 30, time)
    sifted = nuisance.sift([TREE, DOOR], time, SIZE)
    assert sifted.told == [DOOR]


def test_a_minute_of_motion_in_one_go_is_no_nuisance_by_default() -> None:
    nuisance = Nuisance()
    assert nuisance.sift([TREE], sways(nuisance, 540), SIZE).told == [TREE]
    assert nuisance.sift([TREE], sways(nuisance, 120, 540), SIZE).told == []


def test_a_deaf_place_gets_a_look_every_five_seconds_and_is_told_of_in_none() -> None:
    nuisance = Nuisance(QUICK)
    begun = sways(nuisance, 100)
    looks = [nuisance.sift([TREE], begun + i / 10, SIZE) for i in range(300)]
    assert 5 <= sum(bool(sifted.looked) for sifted in looks) <= 7
    assert not any(sifted.told for sifted in looks)


def test_motion_that_reaches_beyond_a_deaf_place_is_told_whole() -> None:
    nuisance = Nuisance(QUICK)
    time = sways(nuisance, 100)
    beyond = (40.0, 40.0, 260.0, 200.0)
    assert nuisance.sift([beyond], time, SIZE).told == [beyond]


def test_an_object_seen_in_a_deaf_place_heals_it_at_once() -> None:
    nuisance = Nuisance(QUICK)
    time = sways(nuisance, 100)
    nuisance.learn([TREE], [person(TREE, confirmed=False)], time, SIZE)
    assert nuisance.sift([TREE], time, SIZE).told == []
    nuisance.learn([TREE], [person(TREE)], time, SIZE)
    assert nuisance.sift([TREE], time, SIZE).told == [TREE]


def test_where_objects_come_and_go_nothing_becomes_deaf() -> None:
    nuisance = Nuisance(QUICK)
    time = sways(nuisance, 600, region=DOOR, people=[person((420.0, 120.0, 480.0, 330.0))])
    assert nuisance.sift([DOOR], time, SIZE).told == [DOOR]
    assert not nuisance.deaf.any()


def test_half_is_forgotten_in_the_half_life() -> None:
    nuisance = Nuisance(NuisanceSettings(deaf=6.0, half_life_s=3600))
    time = sways(nuisance, 80)
    for second in range(int(time), int(time) + 3600, 10):
        nuisance.learn([], [], float(second), SIZE)
    assert not nuisance.deaf.any()


def test_what_the_owner_dismissed_is_deaf_from_the_next_frame_on() -> None:
    nuisance = Nuisance()
    nuisance.dismiss((20.0, 20.0, 100.0, 100.0), (320, 180))
    assert nuisance.sift([TREE], 0.0, SIZE).told == []
    assert nuisance.sift([DOOR], 0.0, SIZE).told == [DOOR]


def test_what_is_taken_back_counts_from_the_next_frame_on_and_other_places_stay_deaf() -> None:
    nuisance = Nuisance()
    nuisance.dismiss(TREE, SIZE)
    nuisance.dismiss(DOOR, SIZE)
    assert nuisance.sift([TREE, DOOR], 0.0, SIZE).told == []
    nuisance.restore((20.0, 20.0, 100.0, 100.0), (320, 180))
    assert nuisance.sift([TREE, DOOR], 0.1, SIZE).told == [TREE]


def test_what_was_learned_without_the_owner_stays_learned_when_a_word_is_taken_back() -> None:
    nuisance = Nuisance(QUICK)
    time = sways(nuisance, 100)
    nuisance.dismiss(TREE, SIZE)
    nuisance.restore(TREE, SIZE)
    assert nuisance.sift([TREE], time, SIZE).told == []


def test_a_word_said_again_and_again_is_deaf_no_longer_than_one_said_once() -> None:
    once, often = Nuisance(), Nuisance()
    for nuisance, times in ((once, 1), (often, 5)):
        for _ in range(times):
            nuisance.dismiss(TREE, SIZE)
        nuisance.sift([], 0.0, SIZE)
    for hour in range(60):
        for nuisance in (once, often):
            nuisance.learn([], [], 3600.0 * hour, SIZE)
        assert once.deaf.any() == often.deaf.any()
    assert not once.deaf.any()


def test_a_place_that_is_much_of_the_picture_cannot_be_dismissed() -> None:
    nuisance = Nuisance()
    assert not nuisance.dismiss((0.0, 0.0, 640.0, 360.0), SIZE)
    assert not nuisance.dismiss((-50.0, 0.0, 340.0, 190.0), SIZE)
    nuisance.sift([], 0.0, SIZE)
    assert not nuisance.deaf.any()
    assert nuisance.dismiss((-300.0, -100.0, 320.0, 180.0), SIZE), "a quarter of it is in the picture"


def test_a_word_is_kept_at_once() -> None:
    shelf = Memory()
    nuisance = Nuisance(memory=shelf)
    sways(nuisance, 30, region=DOOR)
    nuisance.dismiss(TREE, SIZE)
    nuisance.sift([], 30.0, SIZE)
    again = Nuisance(memory=shelf)
    assert again.sift([TREE], 0.0, SIZE).told == []
    again.restore(TREE, SIZE)
    again.sift([], 0.1, SIZE)
    assert not Nuisance(memory=shelf).deaf.any()


def test_a_word_said_when_the_stream_has_ended_is_kept_when_the_camera_rests() -> None:
    shelf = Memory()
    nuisance = Nuisance(memory=shelf)
    nuisance.dismiss(TREE, SIZE)
    nuisance.save()
    assert Nuisance(memory=shelf).deaf.any()


def test_a_word_said_while_the_camera_is_off_is_kept_though_no_frame_comes_before_a_restart() -> None:
    shelf = Memory()
    off = Nuisance(memory=shelf)
    off.dismiss(TREE, SIZE)
    off = Nuisance(memory=shelf)
    assert off.sift([TREE], 0.0, SIZE).told == []
    off.restore(TREE, SIZE)
    assert not Nuisance(memory=shelf).deaf.any()


def test_the_error_that_was_dismissed_does_not_heal_its_place_and_somebody_who_walks_through_does() -> None:
    nuisance = Nuisance()
    nuisance.dismiss(TREE, SIZE)
    nuisance.sift([], 0.0, SIZE)
    inside = (90.0, 90.0, 150.0, 150.0)
    nuisance.learn([TREE], [person(inside)], 0.0, SIZE)
    assert nuisance.sift([TREE], 0.0, SIZE).told == []
    nuisance.learn([TREE], [person((150.0, 60.0, 330.0, 300.0))], 0.0, SIZE)
    assert nuisance.sift([TREE], 0.0, SIZE).told == [TREE]


def test_without_a_model_nothing_is_learned_and_what_is_dismissed_counts() -> None:
    nuisance = Nuisance(QUICK, learns=False)
    assert nuisance.sift([TREE], sways(nuisance, 600), SIZE).told == [TREE]
    nuisance.dismiss(TREE, SIZE)
    assert nuisance.sift([TREE], 600.0, SIZE).told == []


@pytest.mark.parametrize(
    ("away_s", "sure", "deaf"), [(60, True, True), (30 * 86400, True, False), (30 * 86400, False, True)]
)
def test_a_restart_keeps_the_map_which_ages_by_a_clock_that_can_be_trusted_alone(
    away_s: float, sure: bool, deaf: bool
) -> None:
    shelf = Memory()
    first = Nuisance(QUICK, shelf, camera="hall", wall=lambda: (1e9, sure))
    time = sways(first, 100)
    first.save()
    again = Nuisance(QUICK, shelf, camera="hall", wall=lambda: (1e9 + away_s, sure))
    assert bool(again.deaf.any()) is deaf
    assert (again.sift([TREE], 0.0, SIZE).told == []) is deaf
    assert not Nuisance(QUICK, shelf, camera="yard").deaf.any()
    assert time == 100


def test_what_is_known_is_saved_now_and_then_and_not_when_nothing_is_new() -> None:
    saved: list[str] = []

    class Noted(Memory):
        def note(self, key: str, value: str) -> None:
            saved.append(value)

    nuisance = Nuisance(QUICK, Noted())
    sways(nuisance, 1000)
    assert 1 <= len(saved) <= 3
    assert len(saved[0]) < 8000
    nuisance.save()
    count = len(saved)
    nuisance.save()
    assert len(saved) == count


@pytest.mark.parametrize(
    "text",
    ["", "{}", "[]", "null", '{"v": 1, "grid": 3, "wall": null}', '{"v": 1, "grid": "AAAA", "wall": null}', "\x00",
     json.dumps({"v": 2, "grid": "AAAA" * 576, "wall": 1.0}), json.dumps({"v": 1, "grid": "/////" * 2000})],
)  # fmt: skip
def test_a_map_that_cannot_be_read_is_as_if_it_had_never_been_learned(text: str) -> None:
    shelf = Memory()
    shelf.note("nuisance/hall", text)
    assert not Nuisance(QUICK, shelf, camera="hall").deaf.any()


boxes_in_frame = st.builds(
    lambda x, y, w, h: (x, y, min(x + w, 640.0), min(y + h, 360.0)),
    st.floats(0, 620), st.floats(0, 350), st.floats(1, 640), st.floats(1, 360),
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(steps=st.lists(st.tuples(st.lists(boxes_in_frame, max_size=3), st.none() | boxes_in_frame), max_size=60))
def test_whatever_moves_a_place_with_an_object_is_never_deaf_and_nothing_is_made_up(
    steps: list[tuple[list[Box], Box | None]],
) -> None:
    nuisance = Nuisance(NuisanceSettings(deaf=2.0))
    for i, (moved, box) in enumerate(steps):
        time = i * 5.0
        sifted = nuisance.sift(moved, time, SIZE)
        assert [region for region in moved if region in sifted.told] == sifted.told
        assert sifted.looked in (sifted.told, moved)
        nuisance.learn(moved, [] if box is None else [person(box)], time, SIZE)
        if box is not None:
            assert nuisance.sift([box], time, SIZE).told == [box]


class Sees:
    """Finds a bright block of a person's size, wherever it may look; counts its looks."""

    def __init__(self) -> None:
        self.looked: list[float] = []
        self.time = 0.0

    def look(self, picture: I420, wanted: Sequence[Box], stages: Stages) -> Seen:
        self.looked.append(self.time)
        rows, columns = np.nonzero(picture.y > 220)
        if not len(rows):
            return Seen(NO_DETECTIONS)
        box = np.array([[columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]], np.float32)
        return Seen(Detections(box, np.array([0.9], np.float32), np.array([0], np.int32)))


def test_a_bush_stops_asking_for_looks_and_somebody_in_front_of_it_is_found_all_the_same() -> None:
    half = np.full((60, 80), 128, np.uint8)
    came = 900.0
    sees = Sees()

    def scene() -> Iterator[Frame]:
        for i in range(round((came + 20) * 4)):
            time = sees.time = i / 4
            luma = np.full((120, 160), 60, np.uint8)
            if time % 7 < 1.5:  # a gust
                luma[30:90, 20:80] += np.uint8(40 + 40 * (i % 2))
            if time >= came:
                x = 25 + int(time - came) % 20
                luma[40:85, x : x + 20] = 230
            yield Frame("yard", i, time, time, I420(luma, half, half))

    events: list[Event] = []
    looks: list[Look] = []
    rules = Rules("yard", "boot", ["person", "motion"], lambda: "armed_away")
    tracker = Tracker(["person"], ["person"])
    watch(scene(), Stations(Gate(), sees, tracker, rules, Nuisance()), events.append, looks.append, Stages())
    early = sum(0 < time <= 300 for time in sees.looked)
    late = sum(came - 300 < time <= came for time in sees.looked)
    assert late < 0.5 * early
    assert not any(look.moved for look in looks if came - 200 < look.frame.time < came)
    found = [event.captured_at for event in events if event.type == "new" and event.after.label == "person"]
    assert len(found) == 1
    assert came < found[0] <= came + 7
