"""What happened, as the page asks for it, and the owner's word on it: the daemon's side of its timeline."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

from edge.errors import UserError
from edge.evidence.mp4 import began
from edge.outbox import VERDICT, Outbox, Wanted, read_marks, read_object, read_objects
from edge.types import LOST, TAMPER, Box

log = logging.getLogger(__name__)


class Learner(Protocol):
    """A camera that learns from what its owner says. Any thread; no call blocks."""

    @property
    def name(self) -> str:
        """The camera's."""
        ...

    def dismiss(self, box: Box, frame_size: tuple[int, int]) -> bool:
        """What was told of this place was nothing; False where the place is too large to be learned."""
        ...

    def restore(self, box: Box, frame_size: tuple[int, int]) -> None:
        """It was something after all."""
        ...

    def accept_view(self) -> None:
        """Its view as it is now is the right one."""
        ...

    def restore_view(self) -> None:
        """The view that was right before is it after all."""
        ...


def learn(cameras: Sequence[Learner], messages: Sequence[dict[str, Any]], nothing: bool) -> None:
    """Let the camera of an object learn from its owner's word; a view that is right so becomes its reference.

    Args:
        cameras: those of the house
        messages: about the object, oldest first
        nothing: False takes it back, wherever the object was: it may have gone on since it was dismissed. Of a view,
            that makes the one before the right one again
    """
    after = messages[-1]["after"]
    watch = next((watch for watch in cameras if watch.name == after["camera"]), None)
    if watch is None or (after["label"] == TAMPER and not _of_view(after)):
        return  # the event is of a camera that is not there any more or was not then, or of no camera at all
    if _of_view(after):
        if nothing:
            watch.accept_view()
        else:
            watch.restore_view()
    elif not nothing:
        for place in {_place(message["after"]) for message in messages}:
            watch.restore(*place)
    elif not watch.dismiss(*_place(after)):
        log.info("camera %s learns nothing from that: it was too much of the picture", watch.name)


def _of_view(after: dict[str, Any]) -> bool:
    """Whether an event is about what a camera's view shows."""
    return bool(after["label"] == TAMPER and after.get("sub_label") != LOST)


def _place(after: dict[str, Any]) -> tuple[Box, tuple[int, int]]:
    """Where an object was, and in a frame of which size."""
    x1, y1, x2, y2 = after["box"]
    width, height = after["frame_size"]
    return (x1, y1, x2, y2), (width, height)


class Timeline:
    """Reads beside the running outbox. Its methods may be called from any thread and read the disk.

    Args:
        folder: the data folder
        outbox: keeps the owner's word
        learn: told of each word, with the object's messages and whether it was nothing; must not block
        undisturbed: raises UserError where an order `(what, by)` has to wait until the alarm is disarmed
        before_s: how much of a clip is to be seen before its event
        note: writes down what was said of a camera's view, or of a place where the alarm goes by motion, and by whom
        by_motion: whether the alarm goes by motion at a camera, which a place made deaf would keep from it
    """

    def __init__(
        self,
        folder: Path,
        outbox: Outbox,
        learn: Callable[[Sequence[dict[str, Any]], bool], None] = lambda messages, nothing: None,
        undisturbed: Callable[[str, str], None] = lambda what, by: None,
        before_s: float = 0.0,
        note: Callable[[str, str], None] = lambda what, by: None,
        by_motion: Callable[[str], bool] = lambda camera: False,
    ) -> None:
        self._folder = folder
        self._outbox = outbox
        self._learn = learn
        self._undisturbed = undisturbed
        self._before_s = before_s
        self._note = note
        self._by_motion = by_motion

    def objects(self, wanted: Wanted, limit: int, before: str | None) -> list[dict[str, Any]]:
        """The newest message of each object, newest object first; `before` is the id of one."""
        return read_objects(self._folder, wanted, limit, before)

    def messages(self, event_id: str) -> list[dict[str, Any]]:
        """All messages about one object, oldest first, with `clip_from_s`: how far into its clip, which it may share
        with others, to begin so that the event comes after `before_s`; None where there is no clip or that is unknown.
        """
        rows = read_object(self._folder, event_id)
        clip = rows[-1]["clip"] if rows else None
        begin = began(Path(clip)) if clip else None
        for row in rows:
            row["clip_from_s"] = None if begin is None else self._from(begin, row["after"]["start_time"])
        return rows

    def _from(self, begin: float, start_time: float) -> float:
        """A clip's begin is known to the second, so this is up to one second early, and never late."""
        return round(max(0.0, start_time - begin - 1.0 - self._before_s), 3)

    def marks(self, wanted: Wanted, slot_s: float) -> dict[str, Any]:
        """When there was something, in slots of so many seconds."""
        return read_marks(self._folder, wanted, slot_s)

    def nothing(self, event_id: str, nothing: bool, by: str) -> None:
        """Keep the owner's word that an object was nothing, or that it was something after all.

        Raises UserError if nothing is known of the object, or if that would blind the alarm while it is on: a view
        taken for right, a place made deaf at a camera where it goes by motion. StorageError if the disk refuses.
        """
        messages = self.messages(event_id)
        if not messages:
            raise UserError(f"nothing is kept of event {event_id} any more")
        after = messages[-1]["after"]
        place = after["label"] != TAMPER and self._by_motion(after["camera"])
        what = "view" if _of_view(after) else "place" if place else None
        if nothing and what is not None:
            self._undisturbed(what, by)
        self._outbox.remember(VERDICT + event_id, "1" if nothing else "0")
        log.info("event %s was %s, says %s", event_id, "nothing" if nothing else "something after all", by)
        self._learn(messages, nothing)
        if what is not None:
            self._note(f"{after['camera']}/{what} {'accepted' if nothing else 'taken back'}", by)
