"""The straight line, with a detector that says what a test wants."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from edge.errors import EngineError
from edge.evidence.privacy import veil
from edge.metrics import Stages
from edge.motion import Gate
from edge.pipeline import Look, Stations, watch
from edge.rules import Rules, Scene, Zone
from edge.tamper import Tamper
from edge.track import Tracker
from edge.types import I420, NO_DETECTIONS, Box, Detections, Event, Frame, Seen, Track

H, W = 120, 160
HALF = np.full((H // 2, W // 2), 128, np.uint8)


def frames(count: int, start: int = 0) -> list[Frame]:
    """A bright block that walks, ten pictures a second."""
    made = []
    for i in range(start, start + count):
        y = np.full((H, W), 60, np.uint8)
        y[40:100, 2 * i : 2 * i + 30] = 200
        made.append(Frame("hall", i, i / 10, 1000 + i / 10, I420(y, HALF, HALF)))
    return made


class Sees:
    """Finds the block; fails once the picture with number `fails` comes."""

    def __init__(self, fails: int | None = None) -> None:
        self.looked = 0
        self._fails = fails

    def look(self, picture: I420, wanted: Sequence[Box], stages: Stages) -> Seen:
        self.looked += 1
        if self.looked == self._fails:
            raise EngineError("the engine is gone")
        columns = np.flatnonzero(picture.y[50] > 100)
        if not len(columns):
            return Seen(NO_DETECTIONS)
        box = np.array([[columns[0], 40, columns[-1] + 1, 100]], np.float32)
        return Seen(Detections(box, np.array([0.9], np.float32), np.array([0], np.int32)))


def stations(sees: Sees | None, rules: Rules) -> Stations:
    return Stations(Gate(), sees, Tracker(["person"], ["person"]), rules)


def run(sees: Sees | None, shots: list[Frame], rules: Rules) -> tuple[list[Event], list[Look]]:
    events: list[Event] = []
    looks: list[Look] = []
    watch(shots, stations(sees, rules), events.append, looks.append, Stages())
    return events, looks


def rules() -> Rules:
    return Rules("hall", "boot", ["person"], lambda: "disarmed")


def test_somebody_is_told_of_once_and_ended_with_the_stream() -> None:
    events, looks = run(Sees(), frames(30), rules())
    assert [event.type for event in events if event.type != "update"] == ["new", "end"]
    assert len(looks) == 30


def test_an_empty_picture_is_looked_at_once() -> None:
    still = [Frame("hall", i, i / 10, i / 10, I420(np.full((H, W), 60, np.uint8), HALF, HALF)) for i in range(50)]
    sees = Sees()
    events, looks = run(sees, still, rules())
    assert events == []
    assert sees.looked == 1
    assert [look.inferred for look in looks].count(True) == 1


def test_without_a_model_nothing_is_inferred() -> None:
    _, looks = run(None, frames(20), rules())
    assert not any(look.inferred for look in looks)
    assert any(look.moved for look in looks)


def test_an_engine_that_fails_leaves_no_ghost_and_the_next_run_has_ids_of_its_own() -> None:
    judge, events = rules(), list[Event]()
    with pytest.raises(EngineError):
        watch(frames(30), stations(Sees(15), judge), events.append, lambda look: None, Stages())
    assert [event.type for event in events][:1] == ["new"]
    assert [event.type for event in events][-1:] == ["end"]
    again, _ = run(Sees(), frames(30), judge)
    assert again[0].after.id.split("-")[1] != events[0].after.id.split("-")[1]


def test_a_look_says_in_which_zones_each_believed_object_is() -> None:
    east = Zone("east", np.array([[0.3, 0], [1, 0], [1, 1], [0.3, 1]], np.float32))
    _, looks = run(Sees(), frames(30), Rules("hall", "boot", ["person"], lambda: "disarmed", scene=Scene((east,))))
    told = [look.zones for look in looks]
    assert told[0] == {}
    assert {1: ()} in told
    assert told[-1] == {1: ("east",)}


def test_what_is_hidden_is_seen_by_the_detector_alone() -> None:
    drawn: list[Frame] = []

    def draw(frame: Frame, box: Box, label: str, score: float) -> bytes:
        drawn.append(frame)
        return b"jpeg"

    events: list[Event] = []
    looks: list[Look] = []
    told = Rules("hall", "boot", ["person"], lambda: "disarmed", draw=draw)
    hiding = replace(stations(Sees(), told), veil=veil("people", sees_people=True))
    watch(frames(30), hiding, events.append, looks.append, Stages())
    assert [event.type for event in events][:1] == ["new"]
    assert drawn
    followed = [look for look in looks if look.tracks]
    shot = events[0].after.snapshot
    assert shot is not None
    for frame, box in [*((look.frame, look.tracks[0].box) for look in followed), (drawn[0], shot.box)]:
        x1, y1, x2, y2 = (round(v) for v in box)
        inside = frame.picture.y[y1:y2, x1:x2].astype(int)
        assert inside.max() - inside.min() < 130, "its edges are gone"
    assert len(followed) > 10


@pytest.mark.parametrize("bare", [False, True])
def test_the_watch_over_the_view_sees_what_is_hidden_only_where_that_is_everything(bare: bool) -> None:
    class Watch(Tamper):
        def look(self, frame: Frame, moved: Sequence[Box], tracks: Sequence[Track]) -> list[Event]:
            seen.append(frame)
            return []

    seen: list[Frame] = []
    looks: list[Look] = []
    hidden = veil("skeleton" if bare else "people", sees_people=True)
    watched = replace(stations(Sees(), rules()), tamper=Watch("hall", "boot", lambda: ""), veil=hidden, bare=bare)
    watch(frames(30), watched, lambda event: None, looks.append, Stages())
    last = frames(30)[-1].picture.y
    assert np.array_equal(seen[-1].picture.y, last) is bare
    assert not np.array_equal(looks[-1].frame.picture.y, last)


def test_a_look_has_the_ids_of_what_was_told() -> None:
    events, looks = run(Sees(), frames(30), rules())
    assert looks[0].ids == {}
    assert looks[-1].ids == {1: events[0].after.id}
