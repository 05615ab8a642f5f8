"""The folder of clips: `ID.mp4` is a clip, `ID.part` one that is being written."""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from edge.errors import StorageError
from edge.evidence.mp4 import ClipFile, repair
from edge.paths import CLIPS, PRIVATE, clip_path, settle
from edge.types.packet import Coding

log = logging.getLogger(__name__)

PART = ".part"


class Shelf:
    """Clips by the ids of their events. Owned by the thread that writes them; every method waits for the disk.

    Args:
        folder: the data folder
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def recover(self) -> list[Path]:
        """Make clips of what an earlier run left half written, and delete what does not play. Returns the clips."""
        found = []
        for part in self._parts():
            try:
                if repair(part):
                    found.append(part.replace(part.with_suffix(".mp4")))
                else:
                    part.unlink()
            except OSError as fault:
                log.warning("%s can neither be repaired nor deleted: %s", part, fault.strerror)
        return found

    def begin(self, event: str, coding: Coding) -> ClipFile:
        """A new clip. Raises StorageError."""
        path = self._part(event)
        try:
            path.parent.mkdir(mode=PRIVATE, exist_ok=True)  # somebody may have cleaned up
        except OSError as fault:
            raise StorageError(f"{path.parent}: cannot be made: {(fault.strerror or str(fault)).lower()}") from None
        return ClipFile(path, coding)

    def share(self, event: str, other: str) -> None:
        """Give the clip that is being written for an event to another one as well, where the disk has hard links."""
        with contextlib.suppress(OSError):  # `publish` copies it then
            os.link(self._part(event), self._part(other))

    def publish(self, events: Iterable[str]) -> list[Path]:
        """Make the first event's file, which is complete, the clip of all of them. Raises StorageError."""
        first, *others = events
        made = [clip_path(self._folder, first)]
        try:
            for other in others:
                path = clip_path(self._folder, other)
                part = self._part(other)
                if not part.exists():
                    shutil.copyfile(self._part(first), part)
                made.append(part.replace(path))
            self._part(first).replace(made[0])
            settle(made[0].parent)
        except OSError as fault:
            raise StorageError(f"{made[0]}: cannot be put in place: {(fault.strerror or str(fault)).lower()}") from None
        return made

    def salvage(self, events: Iterable[str]) -> list[Path]:
        """Keep what plays of a clip that the disk did not take to its end; nothing is left of one that does not."""
        made = []
        for event in events:
            part = self._part(event)
            try:
                if part.exists() and repair(part):
                    made.append(part.replace(clip_path(self._folder, event)))
                else:
                    part.unlink(missing_ok=True)
            except OSError as fault:
                log.warning("%s is left as it is until the next start: %s", part, fault.strerror)
        return made

    def _part(self, event: str) -> Path:
        return clip_path(self._folder, event).with_suffix(PART)

    def _parts(self) -> list[Path]:
        try:
            return sorted((self._folder / CLIPS).glob(f"*{PART}"))
        except OSError:
            return []
