"""What is told of a view over time, and when."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
import pytest

from edge.tamper import Tamper
from edge.types import U8, Box, Event, Frame
from tests.tamper.views import H, W, blurred, dimmed, frame, scene, shifted

STREET = scene()
Told = list[tuple[str, str | None, float]]


class Watching:
    """A tamper watch that is shown pictures at two a second."""

    def __init__(self) -> None:
        self.states: list[str] = []
        self.tamper = Tamper("hall", "boot", lambda: "armed_away", self.states.append)
        self.time = 0.0
        self.events: list[Event] = []

    def sees(self, picture: U8 | Callable[[int], U8], seconds: float, moved: Iterable[Box] = ()) -> Told:
        """The events while it sees a picture, as type, sub_label and seconds since it began to."""
        begun, told = self.time, Told()
        for i in range(round(seconds * 2)):
            luma = picture(i) if callable(picture) else picture
            for event in self.tamper.look(frame(luma, self.time), list(moved), []):
                self.events.append(event)
                told.append((event.type, event.after.sub_label, self.time - begun))
            self.time += 0.5
        return told


@pytest.mark.parametrize(
    ("picture", "what"),
    [
        (shifted(STREET, 0.05), "moved"),
        (shifted(STREET, -0.05), "moved"),
        (np.full((H, W), 100, np.uint8), "covered"),
        (blurred(STREET, 6), "blurred"),
        (dimmed(STREET, 0.08), "dark"),
        (np.asarray((STREET * 4.0 + 100).clip(0, 235), np.uint8), "blinded"),
    ],
)
def test_it_is_told_within_ten_seconds_once_and_ended_when_the_view_is_back(picture: U8, what: str) -> None:
    watching = Watching()
    assert watching.sees(STREET, 20) == []
    ((kind, label, after),) = watching.sees(picture, 60)
    assert (kind, label) == ("new", what)
    assert after <= 10
    ((kind, label, after),) = watching.sees(STREET, 20)
    assert (kind, label) == ("end", what)
    assert after <= 10
    new, end = watching.events
    assert (new.after.label, new.after.camera, new.after.box) == ("tamper", "hall", (0.0, 0.0, W, H))
    assert new.after.id == end.after.id
    assert (end.after.end_time, end.after.active, end.before) == (end.captured_at, False, new.after)
    assert watching.states == [what, "none"]


def test_a_short_glance_of_something_else_is_not_told() -> None:
    watching = Watching()
    watching.sees(STREET, 10)
    assert watching.sees(shifted(STREET, 0.2), 2) == []
    assert watching.sees(STREET, 30) == []


def test_a_view_that_shakes_in_the_wind_is_not_told_as_moved() -> None:
    watching = Watching()
    watching.sees(STREET, 10)
    random = np.random.default_rng(0)
    assert watching.sees(lambda i: shifted(STREET, *random.uniform(-0.012, 0.012, 2)), 60) == []


def test_covered_and_then_turned_away_is_one_event_that_changes() -> None:
    watching = Watching()
    watching.sees(STREET, 10)
    assert [t[:2] for t in watching.sees(np.full((H, W), 100, np.uint8), 15)] == [("new", "covered")]
    assert [t[:2] for t in watching.sees(shifted(STREET, 0.2), 30)] == [("update", "moved")]
    assert len({event.after.id for event in watching.events}) == 1


def test_dusk_is_followed_and_no_event() -> None:
    watching = Watching()
    watching.sees(STREET, 10)
    assert watching.sees(lambda i: dimmed(STREET, max(0.05, 1 - i / 400)), 220) == []
    assert watching.tamper.state == "dark"
    assert watching.sees(lambda i: dimmed(STREET, min(1.0, 0.05 + i / 400)), 220) == []
    assert watching.tamper.state == "none"


def test_what_is_told_is_the_state_again_after_a_night() -> None:
    watching = Watching()
    watching.sees(STREET, 10)
    turned = shifted(STREET, 0.15)
    assert [t[:2] for t in watching.sees(turned, 20)] == [("new", "moved")]
    assert watching.sees(lambda i: dimmed(turned, max(0.05, 1 - i / 300)), 170) == []
    assert watching.tamper.state == "dark"
    assert watching.sees(lambda i: dimmed(turned, min(1.0, 0.05 + i / 300)), 170) == []
    assert watching.tamper.state == "moved"
    assert watching.states == ["moved", "dark", "moved"]


def test_a_new_view_is_accepted_after_ten_minutes_and_the_old_one_is_then_a_move() -> None:
    watching = Watching()
    watching.sees(STREET, 10)
    turned = shifted(STREET, 0.15)
    (new, end) = watching.sees(turned, 650)
    assert (new[0], end[0]) == ("new", "end")
    assert 590 <= end[2] <= 620
    assert [t[:2] for t in watching.sees(STREET, 20)] == [("new", "moved")]


def test_the_owner_accepts_a_view() -> None:
    watching = Watching()
    watching.sees(STREET, 10)
    watching.sees(shifted(STREET, 0.15), 20)
    watching.tamper.accept()
    assert [t[:2] for t in watching.sees(shifted(STREET, 0.15), 60)] == [("end", "moved")]
    assert watching.tamper.state == "none"


def test_a_camera_turned_while_it_was_away_is_told_when_it_is_back() -> None:
    watching = Watching()
    watching.sees(STREET, 20)
    assert watching.tamper.close(frame(STREET, watching.time)) == []
    watching.time += 120
    assert [t[:2] for t in watching.sees(shifted(STREET, 0.1), 20)] == [("new", "moved")]


def test_the_end_of_the_stream_ends_what_is_open() -> None:
    watching = Watching()
    watching.sees(STREET, 10)
    watching.sees(blurred(STREET, 8), 20)
    (end,) = watching.tamper.close(frame(STREET, watching.time))
    assert (end.type, end.after.sub_label) == ("end", "blurred")
    assert watching.tamper.state == "none"


def test_while_a_crowd_fills_the_picture_nothing_is_said_of_the_view() -> None:
    watching = Watching()
    watching.sees(STREET, 10)
    assert watching.sees(shifted(STREET, 0.3), 60, moved=[(0, 0, W, H)]) == []


def test_a_dark_room_is_no_reference_until_there_is_light() -> None:
    watching = Watching()
    watching.sees(np.full((H, W), 18, np.uint8), 30)
    assert watching.sees(STREET, 20) == []
    assert [t[:2] for t in watching.sees(shifted(STREET, 0.1), 10)] == [("new", "moved")]


def test_the_picture_of_an_event_is_what_the_camera_sees_when_it_is_told() -> None:
    drawn: list[tuple[float, Box, str]] = []

    def draw(shown: Frame, box: Box, label: str, score: float) -> bytes:
        drawn.append((shown.time, box, label))
        return b"jpeg"

    tamper = Tamper("hall", "boot", lambda: "disarmed", draw=draw)
    events = [e for i in range(40) for e in tamper.look(frame(STREET if i < 20 else shifted(STREET, 0.2), i), [], [])]
    (new,) = events
    assert (new.jpeg, new.after.has_snapshot, new.armed) == (b"jpeg", True, "disarmed")
    assert drawn == [(new.captured_at - 1000, (0.0, 0.0, W, H), "tamper")]
