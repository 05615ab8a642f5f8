"""Real footage through the straight line: walkers, cars and falls move no camera; what is done to a view is told."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.capture.file import open_file
from edge.metrics import Stages
from edge.motion import Gate
from edge.pipeline import Stations, watch
from edge.rules import Rules
from edge.tamper import Tamper
from edge.track import Tracker
from edge.types import I420, U8, Event, Frame
from tests.support.shared_data import DATA, needs_data
from tests.tamper.views import blurred, shifted

Change = Callable[[U8], U8]
DONE_S = 12.0
RANDOM = np.random.default_rng(0)


def as_it_is(luma: U8) -> U8:
    return luma


def played(clip: Path, change: Change = as_it_is, seconds: float = 1e9) -> Iterator[Frame]:
    """A clip's frames, those after `DONE_S` changed."""
    source = open_file(clip)
    try:
        for i, shot in enumerate(source.shots()):
            if shot.time > seconds:
                return
            luma = change(shot.picture.y) if shot.time >= DONE_S else shot.picture.y
            yield Frame("hall", i, shot.time, shot.time, I420(luma, shot.picture.u, shot.picture.v))
    finally:
        source.close()


def told(frames: Iterator[Frame]) -> list[Event]:
    events: list[Event] = []
    rules = Rules("hall", "boot", ["person"], lambda: "armed_away")
    tamper = Tamper("hall", "boot", lambda: "armed_away")
    stations = Stations(Gate(), None, Tracker((), ()), rules, tamper=tamper)
    watch(frames, stations, events.append, lambda look: None, Stages())
    assert all(event.after.label == "tamper" for event in events)
    return events


def grey(luma: U8) -> U8:
    return np.full_like(luma, 110)


def black(luma: U8) -> U8:
    return np.full_like(luma, 16)


def lights_off(luma: U8) -> U8:
    noise = cv2.randn(np.zeros(luma.shape, np.float32), 0, 4)
    return np.asarray(((luma.astype(np.float32) - 16) * 0.12 + 16 + noise).clip(0, 255), np.uint8)


CHANGES: list[tuple[str, Change]] = [
    ("moved", lambda luma: shifted(luma, 0.05)),
    ("moved", lambda luma: shifted(luma, -0.05)),
    ("moved", lambda luma: shifted(luma, 0.0, 0.05)),
    ("covered", grey),
    ("covered", black),
    ("blurred", lambda luma: blurred(luma, 5)),
    ("dark", lights_off),
]


@needs_data
@pytest.mark.parametrize("clip", ["footage/vtest_A", "footage/onebyone_A", "footage/car-detection"])
@pytest.mark.parametrize(("what", "change"), CHANGES)
def test_what_is_done_to_a_camera_is_told_within_ten_seconds(clip: str, what: str, change: Change) -> None:
    new, *others = told(played(DATA / f"{clip}.mp4", change, DONE_S + 12))
    assert (new.type, new.after.sub_label) == ("new", what)
    assert new.captured_at - DONE_S <= 10
    assert [event.type for event in others] == ["end"]


@needs_data
@pytest.mark.parametrize("clip", ["footage/vtest_A", "footage/onebyone_A", "footage/car-detection", *(
    f"falls/{path.stem}" for path in sorted((DATA / "falls").glob("*.mp4")))])  # fmt: skip
def test_people_who_walk_and_fall_and_cars_that_pass_move_no_camera(clip: str) -> None:
    assert told(played(DATA / f"{clip}.mp4")) == []
