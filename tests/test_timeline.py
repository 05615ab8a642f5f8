"""The daemon's side of the timeline: the owner's word, kept and passed on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from edge.capture.file import open_file
from edge.capture.ring import Ring, attach
from edge.clock import SystemClock
from edge.errors import UserError
from edge.evidence.mp4 import ClipFile
from edge.outbox import Outbox, Wanted
from edge.paths import clip_path
from edge.timeline import Timeline, learn
from edge.types import Box
from tests.support.events import event
from tests.support.film import film, play


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    """An outbox with one object in it."""
    box = Outbox(tmp_path, "casa", (), SystemClock())
    box.put(event("new", "1-a"))
    box.put(event("end", "1-a"))
    assert box.flush(5)
    yield box
    box.close()


def test_a_word_is_kept_and_whoever_learns_from_it_hears_of_it(tmp_path: Path, outbox: Outbox) -> None:
    heard: list[tuple[list[str], bool]] = []

    def hear(messages: Sequence[dict[str, Any]], nothing: bool) -> None:
        heard.append(([message["type"] for message in messages], nothing))

    timeline = Timeline(tmp_path, outbox, hear)
    timeline.nothing("1-a", True, "web 192.0.2.1")
    assert heard == [(["new", "end"], True)]
    assert [row["after"]["false_positive"] for row in timeline.messages("1-a")] == [True, True]
    timeline.nothing("1-a", False, "web 192.0.2.1")
    assert heard[1:] == [(["new", "end"], False)]
    assert timeline.objects(Wanted(), 10, None)[0]["after"]["false_positive"] is False
    assert timeline.marks(Wanted(), 300.0)["labels"] == ["person"]


def test_a_word_about_what_is_not_kept_is_refused(tmp_path: Path, outbox: Outbox) -> None:
    with pytest.raises(UserError, match="2-b"):
        Timeline(tmp_path, outbox).nothing("2-b", True, "web")
    assert outbox.recall("nothing:2-b") is None


def test_a_clip_that_is_shared_is_entered_where_the_event_is(tmp_path: Path, outbox: Outbox) -> None:
    timeline = Timeline(tmp_path, outbox, before_s=5.0)
    assert [row["clip_from_s"] for row in timeline.messages("1-a")] == [None, None]
    start = timeline.messages("1-a")[0]["after"]["start_time"]
    source = open_file(film(tmp_path / "film.mp4", b=0))
    ring = Ring(lambda: 0.0, 1000.0)
    attach(source, ring)
    play(source)
    path = clip_path(tmp_path, "1-a")
    path.parent.mkdir()
    packets = ring.after(0, 1 << 40)
    clip = ClipFile(path, packets[0].coding, start - 27.0)
    for packet in packets:
        clip.add(packet)
    clip.close()
    assert all(21.0 <= row["clip_from_s"] <= 22.0 for row in timeline.messages("1-a"))
    assert Timeline(tmp_path, outbox, before_s=30.0).messages("1-a")[0]["clip_from_s"] == 0.0


def test_no_view_is_taken_for_right_while_the_alarm_is_on(tmp_path: Path, outbox: Outbox) -> None:
    def undisturbed(what: str, by: str) -> None:
        raise UserError(f"{what} by {by}: disarm it first")

    heard: list[dict[str, Any]] = []
    timeline = Timeline(tmp_path, outbox, lambda messages, nothing: heard.append(messages[-1]), undisturbed)
    outbox.put(event("new", "1-t", label="tamper"))
    assert outbox.flush(5)
    with pytest.raises(UserError, match="view by web: disarm it first"):
        timeline.nothing("1-t", True, "web")
    assert (heard, outbox.recall("nothing:1-t")) == ([], None)
    timeline.nothing("1-a", True, "web")
    assert len(heard) == 1


def test_no_place_is_made_deaf_while_the_alarm_goes_by_motion_there(tmp_path: Path, outbox: Outbox) -> None:
    armed, log = True, list[str]()

    def undisturbed(what: str, by: str) -> None:
        if armed:
            raise UserError(f"{what} by {by}: disarm it first")

    camera = event("new", "1-a").after.camera
    timeline = Timeline(
        tmp_path,
        outbox,
        undisturbed=undisturbed,
        note=lambda what, by: log.append(f"{what} by {by}"),
        by_motion=lambda name: name == camera,
    )
    with pytest.raises(UserError, match="place by web: disarm it first"):
        timeline.nothing("1-a", True, "web")
    assert (log, outbox.recall("nothing:1-a")) == ([], None)
    timeline.nothing("1-a", False, "web")
    armed = False
    timeline.nothing("1-a", True, "web")
    assert log == [f"{camera}/place taken back by web", f"{camera}/place accepted by web"]


class Pupil:
    """A camera that notes what it is told."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.told: list[object] = []

    def dismiss(self, box: Box, frame_size: tuple[int, int]) -> bool:
        self.told.append((box, frame_size))
        return box[2] < 60

    def restore(self, box: Box, frame_size: tuple[int, int]) -> None:
        self.told.append(("back", box, frame_size))

    def restore_view(self) -> None:
        self.told.append("view back")

    def accept_view(self) -> None:
        self.told.append("view")


AFTER = {"camera": "yard", "label": "person", "box": [1.0, 2.0, 3.0, 4.0], "frame_size": [64, 48]}
THERE = ((1.0, 2.0, 3.0, 4.0), (64, 48))


def messages(*changed: dict[str, object]) -> list[dict[str, Any]]:
    return [{"after": {**AFTER, **change}} for change in changed]


def test_the_camera_of_what_was_nothing_learns_and_no_other() -> None:
    porch, yard = Pupil("porch"), Pupil("yard")
    learn([porch, yard], messages({"box": [5.0, 5.0, 9.0, 9.0]}, {}), True)
    learn([porch, yard], messages({"label": "tamper"}), True)
    learn([porch, yard], messages({"camera": "casa", "label": "engine"}), True)
    assert (porch.told, yard.told) == ([], [THERE, "view"])


def test_what_is_taken_back_is_taken_back_wherever_the_object_was() -> None:
    yard = Pupil("yard")
    learn([yard], messages({"box": [5.0, 5.0, 9.0, 9.0]}, {}, {}), False)
    learn([yard], messages({"label": "tamper"}), False)
    learn([yard], messages({"camera": "casa", "label": "engine"}), False)
    assert sorted(yard.told, key=str) == [("back", *THERE), ("back", (5.0, 5.0, 9.0, 9.0), (64, 48)), "view back"]


def test_what_is_too_large_to_be_learned_is_said(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO"):
        learn([Pupil("yard")], messages({"box": [0.0, 0.0, 64.0, 48.0]}), True)
    assert "camera yard learns nothing" in caplog.text
