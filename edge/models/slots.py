"""Where an installed packed model lies: in two slots, of which a link says which one serves.

    NAME.epk         a link to one of the two
    NAME.a.epk       a slot
    NAME.b.epk       the other: what served before, or what is to serve next
    NAME.aside.epk   a file that had to be taken out of its slot, until the next install
    NAME.aside.txt   why
    NAME.version     the highest version so far; stays when the model is removed
    .lock            what who changes anything holds

A file is put into the slot that does not serve, and the link is then replaced by a rename: whenever the power goes, a
whole model is named. Where the link is lost, the newest whole slot serves.
"""

from __future__ import annotations

import fcntl
import logging
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from edge.cache import search_folders
from edge.errors import ModelError, StorageError
from edge.paths import is_file, read_bounded, settle, write_whole

log = logging.getLogger(__name__)

SUFFIX = ".epk"
VERSION = ".version"
LOCK = ".lock"
LETTERS = ("a", "b")
MOST_REASON = 4096
_TAKEN = re.compile(r"\.(a|b|aside)$")
_PLACE = re.compile(rf"(.+?)(?:\.[{''.join(LETTERS)}])?{re.escape(SUFFIX)}")

Step = Callable[[str], None]
"""Told of each step that changes what is on the disk, before it is done: a test stops the process there."""


Mark: TypeAlias = "tuple[int, int, int, int] | None"
"""Device, inode, size and time of a file: another one has another mark."""


@dataclass(frozen=True, slots=True)
class Slots:
    """The places of one packed model. Looks at the disk whenever it is asked."""

    folder: Path
    name: str

    @property
    def link(self) -> Path:
        """What names the slot that serves."""
        return self.folder / f"{self.name}{SUFFIX}"

    def file(self, letter: str) -> Path:
        """The file of a slot."""
        return self.folder / f"{self.name}.{letter}{SUFFIX}"

    @property
    def active(self) -> str | None:
        """The slot that the link names; None where there is no such link."""
        try:
            target = self.link.readlink()
        except OSError:
            return None
        return next((letter for letter in LETTERS if str(target) == self.file(letter).name), None)

    @property
    def filled(self) -> tuple[str, ...]:
        """The slots that have a file, the one that serves first; that one also where its file is gone."""
        active = self.active
        others = (letter for letter in LETTERS if letter != active and is_file(self.file(letter)))
        return (*others,) if active is None else (active, *others)

    @property
    def aside(self) -> str:
        """Why a file was set aside since the last install; empty if none was."""
        try:
            text = read_bounded(self._aside("txt"), MOST_REASON).decode("utf-8", errors="replace")
        except OSError:
            return ""
        return " ".join(text.split())

    @property
    def highest(self) -> int | None:
        """The highest version so far, or the older one that was wanted since; None where that is not known."""
        try:
            text = read_bounded(self._highest, MOST_REASON).decode("ascii", errors="replace").strip()
        except OSError:
            return None
        return int(text) if re.fullmatch(r"[0-9]{1,20}", text) else None

    def remember(self, version: int) -> None:
        """Let this version be the highest from now on. OSError if it may not be."""
        write_whole(self._highest, f"{version}\n".encode())

    @property
    def there(self) -> bool:
        """Whether a packed model is installed under this name."""
        return bool(self.filled)

    def mark(self, letter: str) -> Mark:
        """Which file is in a slot, to be compared later; None where none is."""
        try:
            found = self.file(letter).stat()
        except OSError:
            return None
        return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns

    def switch(self, to: Path, step: Step = lambda what: None) -> None:
        """Let a slot serve from now on, durably. OSError if it may not be."""
        draft = self.folder / f".{self.name}{SUFFIX}.link"
        step("drop a link that was not finished")
        draft.unlink(missing_ok=True)
        step("make the link")
        draft.symlink_to(to.name)
        step("switch the link")
        draft.replace(self.link)
        step("settle the link")
        settle(self.folder)

    def set_aside(self, letter: str, reason: str, mark: Mark) -> None:
        """Let the other slot serve and keep this one's file aside, with the reason.

        mark: of the file that is no good; another one that is there by now is left alone.

        Raises:
            StorageError: this user may not, or an install is under way.
        """
        other = next(one for one in LETTERS if one != letter)
        with locked(self.folder):
            if self.active not in (letter, None) or self.mark(letter) != mark or not is_file(self.file(other)):
                return  # somebody else has done so, or put another one in place
            try:
                write_whole(self._aside("txt"), f"{reason[: MOST_REASON // 4]}\n".encode())
                self.switch(self.file(other))
                if os.path.lexists(self.file(letter)):
                    self.file(letter).replace(self._aside("epk"))
                    settle(self.folder)
            except OSError as fault:
                raise StorageError(f"{self.folder}: cannot be written: {fault.strerror or fault}") from None

    def forget_aside(self, step: Step = lambda what: None) -> None:
        """Drop what was set aside. OSError if it may not be."""
        for kind in ("epk", "txt"):
            step(f"drop what was set aside ({kind})")
            self._aside(kind).unlink(missing_ok=True)

    def remove(self) -> list[Path]:
        """Remove the model, the link first, but for what keeps an older version from coming back.

        Returns what is gone. StorageError if this user may not.
        """
        places = [self.link, *map(self.file, LETTERS), self._aside("epk"), self._aside("txt")]
        with locked(self.folder):
            there = [path for path in places if os.path.lexists(path)]
            try:
                for path in there:
                    path.unlink()
                settle(self.folder)
            except OSError as fault:
                raise StorageError(f"{self.folder}: cannot be written: {fault.strerror or fault}") from None
        return there

    @property
    def _highest(self) -> Path:
        return self.folder / f"{self.name}{VERSION}"

    def _aside(self, kind: str) -> Path:
        return self.folder / f"{self.name}.aside.{kind}"


def slots_of(name: str) -> Slots | None:
    """Where the packed model of this name is installed, the user's own cache first; None if it is in none."""
    if "/" in name or "\0" in name or _TAKEN.search(name):
        return None
    return next((slots for folder in search_folders() if (slots := Slots(folder, name)).there), None)


def installed_packed() -> dict[str, Slots]:
    """The packed models that are installed, by name; of one that is in several folders the one that serves."""
    found: dict[str, Slots] = {}
    for folder in search_folders():
        try:
            names = sorted(path.name for path in folder.iterdir())
        except OSError:  # not there, or not for this user
            continue
        for name in names:
            place = _PLACE.fullmatch(name)
            if place and not name.startswith(".") and not _TAKEN.search(place[1]):
                slots = Slots(folder, place[1])
                if slots.there:
                    found.setdefault(slots.name, slots)
    return {name: found[name] for name in sorted(found)}


def check_name(name: str, where: object) -> None:
    """ModelError for a name under which no packed model can be installed."""
    if _TAKEN.search(name):
        raise ModelError(f"{where}: its name, {name}, ends like the name of a slot: give it another one")
    if len(name) > 200:
        raise ModelError(f"{where}: its name has {len(name)} letters; 200 are enough")


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold off others who change what is installed in a folder. StorageError if one is at it, or this user may not."""
    try:
        handle = _lock_file(folder)
    except OSError as fault:
        raise StorageError(f"{folder}: cannot be written: {fault.strerror}") from None
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StorageError(f"{folder}: another install is under way: try again when it has ended") from None
        yield
    finally:
        os.close(handle)


def _lock_file(folder: Path) -> int:
    """What is locked: no file that a user may open who may not write to the folder, for who may open it may lock it."""
    place, flags = folder / LOCK, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        return os.open(place, flags)
    except FileNotFoundError:
        pass
    found = folder.stat()
    may_write = 0o200 | found.st_mode & 0o022
    handle = os.open(place, flags | os.O_CREAT, 0o600)
    try:
        if os.geteuid() == 0:  # for the service whose folder it is
            os.fchown(handle, found.st_uid, found.st_gid)
        os.fchmod(handle, may_write | may_write << 1)
    except OSError:
        os.close(handle)
        raise
    return handle
