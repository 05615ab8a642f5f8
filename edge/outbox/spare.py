"""A file that holds room for events: given up when the disk is full, so that the next ones are stored all the same."""

from __future__ import annotations

import logging
import os
import shutil
from pathlib import Path

log = logging.getLogger(__name__)

NAME = "spare"
SIZE = 8 << 20
"""Bytes: some thousand events."""
LEAST = 64 << 10
"""Bytes; a disk with less is full."""
WELL = 8
"""The room is taken only from a disk on which this many times as much is free."""


class Spare:
    """Room in a data folder that nobody else fills. Owned by the one who writes there."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._path = folder / NAME
        self._held = self._path.exists()

    def hold(self) -> None:
        """Take the room if it is not held and the disk has plenty; a disk that gives none is no fault."""
        try:
            if self._held or shutil.disk_usage(self._folder).free < WELL * SIZE:
                return
            with self._path.open("wb") as file:
                os.posix_fallocate(file.fileno(), 0, SIZE)
            self._held = True
        except OSError as fault:
            log.info("no room is kept for events in %s: %s", self._folder, fault.strerror)
            self.give_up()

    def give_up(self) -> bool:
        """Give the room back to the disk; False if there was none to give."""
        self._held = False
        try:
            self._path.unlink()
        except OSError:
            return False
        log.warning("data folder %s is full: the room that was kept for events is used now", self._folder)
        return True


def is_full(folder: Path, fault: Exception) -> bool:
    """Whether a fault of SQLite or of the system is that the folder's disk has no room.

    SQLite names some of its files' troubles no better than an I/O error: then the disk itself is asked.
    """
    if "is full" in str(fault) or "No space left" in str(fault):
        return True
    try:
        return "I/O error" in str(fault) and shutil.disk_usage(folder).free < LEAST
    except OSError:
        return False
