"""A reference view over a restart: what was done meanwhile is told, what the light did is not."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.alarm.intrusion import intrusion_of
from edge.tamper import Tamper, TamperSettings, View, recognise
from edge.tamper.kept import Reference, decode, encode
from edge.types import U8, Event, Frame
from tests.support.shared_data import DATA, needs_data
from tests.tamper.test_footage import black, grey, lights_off, played
from tests.tamper.views import H, W, blurred, dimmed, frame, scene, shifted

STREET = scene()
SIZE = (W, H)


class Notes(dict[str, str]):
    """What is kept, and how often it was written."""

    writes = 0

    def recall(self, key: str) -> str | None:
        return self.get(key)

    def note(self, key: str, value: str) -> None:
        self[key] = value
        self.writes += 1

    def tamper(self, source: str = "rtsp://10.0.0.2/1", settings: TamperSettings | None = None) -> Tamper:
        """A new run of the daemon."""
        return Tamper("hall", "boot", lambda: "armed_away", settings=settings, memory=self, source=source)


def sees(tamper: Tamper, luma: U8, seconds: float = 30, begin: float = 0.0) -> list[tuple[str, str | None]]:
    """What is told while it sees a picture, two a second."""
    events: list[Event] = []
    for i in range(round(2 * seconds)):
        events += tamper.look(frame(luma, begin + i / 2), [], [])
    return [(event.type, event.after.sub_label) for event in events]


def night(luma: U8) -> U8:
    """Infrared lamps beside the lens: bright and even near, dark far off, with noise; no sun, no shadows."""
    h, w = luma.shape
    y, x = np.mgrid[0:h, 0:w]
    lamp = np.exp(-(((x - w / 2) / (0.35 * w)) ** 2 + ((y - 0.7 * h) / (0.4 * h)) ** 2))
    flat = cv2.GaussianBlur(luma, (0, 0), 1.2).astype(np.float32)
    noise = cv2.randn(np.zeros(luma.shape, np.float32), 0, 5)
    return np.asarray((16 + (np.abs(flat - 128) * 0.5 + 60) * lamp + noise).clip(16, 235), np.uint8)


@pytest.fixture
def notes() -> Notes:
    notes = Notes()
    assert sees(notes.tamper(), STREET) == []
    assert len(notes) == 1
    return notes


@pytest.mark.parametrize(
    ("picture", "what"),
    [
        (shifted(STREET, 0.05), "moved"),
        (shifted(STREET, -0.3), "moved"),
        (np.full((H, W), 100, np.uint8), "covered"),
        (blurred(STREET, 6), "blurred"),
        (np.asarray((STREET * 4.0 + 100).clip(0, 235), np.uint8), "blinded"),
    ],
)
def test_what_was_done_while_the_power_was_off_is_told_within_ten_seconds(notes: Notes, picture: U8, what: str) -> None:
    tamper = notes.tamper()
    assert sees(tamper, picture, 10) == [("new", what)]
    assert sees(tamper, STREET, 20, 10) == [("end", what)]
    assert not tamper.unsure


def test_the_same_view_is_recognised_and_nothing_is_written_again(notes: Notes) -> None:
    written, tamper = notes.writes, notes.tamper()
    assert tamper.unsure
    assert sees(tamper, STREET) == []
    assert not tamper.unsure
    assert notes.writes == written
    assert sees(tamper, shifted(STREET, 0.1), 20, 30) == [("new", "moved")]


@pytest.mark.parametrize(
    "picture", [dimmed(STREET, 0.05), dimmed(STREET, 0.2), night(STREET), np.full((H, W), 18, np.uint8)]
)
def test_a_night_that_fell_meanwhile_is_no_move_and_the_day_is_known_again(notes: Notes, picture: U8) -> None:
    kept, tamper = dict(notes), notes.tamper()
    assert sees(tamper, picture, 120) == []
    if tamper.unsure:
        assert notes == kept, "what was not recognised replaces nothing"
    assert sees(tamper, STREET, 30, 120) in ([], [("new", "blinded"), ("end", "blinded")])
    assert not tamper.unsure
    assert tamper.state == "none"


def test_a_camera_that_was_turned_is_told_of_when_the_day_comes(notes: Notes) -> None:
    tamper, turned = notes.tamper(), shifted(STREET, 0.1)
    assert sees(tamper, dimmed(turned, 0.05), 120) == []
    assert sees(tamper, turned, 60, 120)[-1] == ("new", "moved")


def test_another_source_or_size_begins_anew(notes: Notes) -> None:
    assert sees(notes.tamper("rtsp://10.0.0.3/1"), scene(7)) == []
    again = notes.tamper("rtsp://10.0.0.3/1")
    large = cv2.resize(scene(3), (2 * W, 2 * H))
    assert sees(again, np.asarray(large, np.uint8)) == []
    assert not again.unsure


def test_a_camera_that_was_away_for_an_hour_is_held_against_what_it_saw(notes: Notes) -> None:
    tamper = notes.tamper()
    sees(tamper, STREET)
    assert sees(tamper, shifted(STREET, 0.1), 20, 3600) == [("new", "moved")]


def test_a_card_is_spared_while_the_light_comes_and_goes() -> None:
    notes = Notes()
    tamper = notes.tamper(settings=TamperSettings(every_s=10, learn_s=300))
    for i in range(0, 3 * 3600, 10):
        tamper.look(frame(dimmed(STREET, 0.8 + 0.2 * np.sin(i / 1000)), float(i)), [], [])
    assert 2 <= notes.writes <= 4
    assert len(notes["view/hall"]) < 40_000


def test_what_was_told_before_a_restart_is_told_again_and_is_nobodys_deed_of_now(notes: Notes) -> None:
    turned, deeds = shifted(STREET, 0.1), []
    for begun in (0.0, 100.0, 200.0):
        tamper = notes.tamper()
        if begun == 0.0:
            sees(tamper, STREET)
        events = [e for i in range(40) for e in tamper.look(frame(turned, begun + 30 + i / 2), [], [])]
        deeds += [intrusion_of(event, lambda camera: {"tamper"}) for event in events]
        assert [event.type for event in events] == ["new"]
    assert [deed is not None for deed in deeds] == [True, False, False]
    assert sees(tamper, STREET, 20, 260) == [("end", "moved")]
    again = notes.tamper().look
    events = [e for i in range(40) for e in again(frame(turned, 300 + i / 2), [], [])]
    assert [intrusion_of(event, lambda camera: {"tamper"}) is not None for event in events] == [True]


def test_what_was_accepted_is_said_and_can_be_taken_back(notes: Notes) -> None:
    tamper, turned = notes.tamper(), shifted(STREET, 0.1)
    assert sees(tamper, STREET) == []
    assert sees(tamper, turned, 20, 30) == [("new", "moved")]
    tamper.accept()
    assert sees(tamper, turned, 20, 50) == [("end", "moved")]
    assert tamper.accepted is not None
    assert tamper.accepted[1] == "owner"
    assert 1050 <= tamper.accepted[0] <= 1054
    later = notes.tamper()
    assert sees(later, turned) == []
    assert later.accepted == tamper.accepted
    later.take_back()
    assert sees(later, turned, 20, 30) == [("new", "moved")]
    assert sees(later, STREET, 20, 50) == [("end", "moved")]


def test_a_view_that_was_accepted_because_it_stayed_says_so(notes: Notes) -> None:
    tamper = notes.tamper()
    sees(tamper, STREET)
    sees(tamper, shifted(STREET, 0.1), 640, 30)
    assert tamper.accepted is not None
    assert tamper.accepted[1] == "time"


@given(
    st.text()
    | st.recursive(
        st.none() | st.text() | st.integers(),
        lambda x: st.dictionaries(st.sampled_from(["v", "of", "wall", "by", "view", "told", "before"]), x),
    ).map(json.dumps)
)
def test_nothing_that_is_kept_breaks_it(text: str) -> None:
    assert decode(text, "x", SIZE) is None


def test_a_damaged_picture_is_none() -> None:
    table = json.loads(encode(Reference(View.of(STREET), 1.0, "start"), "x", SIZE))
    assert decode(json.dumps(table), "x", SIZE) is not None
    assert decode(json.dumps({**table, "view": table["view"][:40]}), "x", SIZE) is None


Change = Callable[[U8], U8]
CLIPS = ["vtest_A", "onebyone_A", "car-detection"]


@cache
def glimpses(clip: str) -> list[Frame]:
    """Two frames a second of a clip's first half minute, as small as they are compared."""
    found: list[Frame] = []
    for shown in played(DATA / f"footage/{clip}.mp4", seconds=32):
        if not found or shown.time - found[-1].time >= 0.5:
            luma = np.asarray(cv2.resize(shown.picture.y, SIZE, interpolation=cv2.INTER_AREA), np.uint8)
            found.append(frame(luma, shown.time))
    return found


@needs_data
@pytest.mark.parametrize("clip", CLIPS)
@pytest.mark.parametrize(
    ("change", "what"),
    [
        (lambda luma: luma, None),
        (lambda luma: shifted(luma, 0.05), "moved"),
        (lambda luma: shifted(luma, -0.08), "moved"),
        (grey, "covered"),
        (lambda luma: blurred(luma, 5), "blurred"),
        (lights_off, None),
        (black, None),
        (night, None),
        (lambda luma: dimmed(luma, 0.3), None),
    ],
)
def test_real_footage_over_a_restart(clip: str, change: Change, what: str | None) -> None:
    notes, events = Notes(), []
    tamper, restarted = notes.tamper(), False
    for shown in glimpses(clip):
        if shown.time >= 10 and not restarted:
            tamper, restarted = notes.tamper(), True
        events += tamper.look(frame(change(shown.picture.y), shown.time) if restarted else shown, [], [])
    told = [(event.after.sub_label, event.captured_at - 1010 <= 10) for event in events if event.type == "new"]
    assert told == ([] if what is None else [(what, True)])


@needs_data
def test_two_places_are_not_one_that_moved() -> None:
    views = [View.of(glimpses(clip)[0].picture.y) for clip in CLIPS]
    for a in views:
        for b in views:
            assert recognise(a, b)[0] == ("same" if a is b else "unknown")
