"""The daemon's side of the timeline: the owner's word, kept and passed on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edge.clock import SystemClock
from edge.errors import UserError
from edge.outbox import Outbox, Wanted
from edge.timeline import Timeline, learn
from edge.types import Box
from tests.support.events import event


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
    heard: list[dict[str, Any]] = []
    timeline = Timeline(tmp_path, outbox, heard.append)
    timeline.nothing("1-a", True, "web 192.0.2.1")
    assert [(after["camera"], after["box"]) for after in heard] == [("porch", [10.0, 20.0, 110.0, 220.0])]
    assert [row["after"]["false_positive"] for row in timeline.messages("1-a")] == [True, True]
    timeline.nothing("1-a", False, "web 192.0.2.1")
    assert len(heard) == 1
    assert timeline.objects(Wanted(), 10, None)[0]["after"]["false_positive"] is False
    assert timeline.marks(Wanted(), 300.0)["labels"] == ["person"]


def test_a_word_about_what_is_not_kept_is_refused(tmp_path: Path, outbox: Outbox) -> None:
    with pytest.raises(UserError, match="2-b"):
        Timeline(tmp_path, outbox).nothing("2-b", True, "web")
    assert outbox.recall("nothing:2-b") is None


def test_no_view_is_taken_for_right_while_the_alarm_is_on(tmp_path: Path, outbox: Outbox) -> None:
    def undisturbed(what: str, by: str) -> None:
        raise UserError(f"{what} by {by}: disarm it first")

    heard: list[dict[str, Any]] = []
    timeline = Timeline(tmp_path, outbox, heard.append, undisturbed)
    outbox.put(event("new", "1-t", label="tamper"))
    assert outbox.flush(5)
    with pytest.raises(UserError, match="view by web: disarm it first"):
        timeline.nothing("1-t", True, "web")
    assert (heard, outbox.recall("nothing:1-t")) == ([], None)
    timeline.nothing("1-a", True, "web")
    assert len(heard) == 1


class Pupil:
    """A camera that notes what it is told."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.told: list[object] = []

    def dismiss(self, box: Box, frame_size: tuple[int, int]) -> None:
        self.told.append((box, frame_size))

    def accept_view(self) -> None:
        self.told.append("view")


def test_the_camera_of_what_was_nothing_learns_and_no_other() -> None:
    porch, yard = Pupil("porch"), Pupil("yard")
    after = {"camera": "yard", "label": "person", "box": [1.0, 2.0, 3.0, 4.0], "frame_size": [64, 48]}
    learn([porch, yard], after)
    learn([porch, yard], {**after, "label": "tamper"})
    learn([porch, yard], {**after, "camera": "casa", "label": "engine"})
    assert (porch.told, yard.told) == ([], [((1.0, 2.0, 3.0, 4.0), (64, 48)), "view"])
