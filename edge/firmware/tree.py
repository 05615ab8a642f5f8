"""Files below a root, which is `/` or the root of an image: looked at, written whole, removed; never outside it."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from edge.errors import StorageError, UserError
from edge.paths import read_bounded, settle, write_whole

MODE = 0o644
FOLDER_MODE = 0o755
MOST = 1 << 20
"""Bytes of a file that is kept for later: those here are settings of a few lines."""


@dataclass(frozen=True, slots=True)
class Link:
    """A symbolic link, by what it points to."""

    target: str


Content: TypeAlias = "bytes | Link | None"
"""What stands at a path: a file, a link, or nothing."""


_DRAFT = re.compile(r"\.[0-9a-f]{16}\.part")


class Tree:
    """Reads and writes below `root`. Paths are relative to it, with `/` between.

    Raises:
        UserError: of every method: a path that leads out of the root, a folder where a file should be.
        StorageError: of every method: what the disk or the user's rights do not allow.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def at(self, path: str) -> Path:
        """Where a path is, once it is sure that no link on the way leads out of the root."""
        place = self.root / path
        if not place.parent.resolve().is_relative_to(self.root.resolve()):
            raise UserError(f"{place}: a link on the way leads out of {self.root}")
        return place

    def look(self, path: str) -> Content:
        """What stands there now."""
        place = self.at(path)
        try:
            if place.is_symlink():
                return Link(str(place.readlink()))
            return read_bounded(place, MOST)
        except FileNotFoundError:
            return None
        except OSError as fault:
            raise UserError(f"{place}: cannot be read: {fault.strerror or fault}") from None

    def mode(self, path: str) -> int:
        """The access bits of a file, those of a new one where there is none."""
        place = self.at(path)
        return stat.S_IMODE(place.stat().st_mode) if place.is_file() and not place.is_symlink() else MODE

    def there(self, path: str) -> bool:
        """Whether anything stands there, a folder too."""
        return self.at(path).exists()

    def new_folders(self, path: str) -> list[str]:
        """Folders that writing there would make, outermost first."""
        place = self.at(path)
        missing = [above for above in place.parents if above != self.root and not above.exists()]
        inside = [above for above in missing if above.is_relative_to(self.root)]
        return [above.relative_to(self.root).as_posix() for above in reversed(inside)]

    def write(self, path: str, content: Content, mode: int) -> None:
        """Put a file or a link there, durable and whole, or take away what is there."""
        place = self.at(path)
        try:
            if content is None:
                place.unlink(missing_ok=True)
                settle(place.parent)
                return
            for folder in self.new_folders(path):
                (self.root / folder).mkdir()
                (self.root / folder).chmod(FOLDER_MODE)  # whatever the umask
            if isinstance(content, Link):
                draft = place.with_name(f".{os.urandom(8).hex()}.part")
                draft.symlink_to(content.target)
                draft.replace(place)
                settle(place.parent)
                return
            owner = place.stat() if place.is_file() and not place.is_symlink() else None
            write_whole(place, content)
            if owner is not None and (owner.st_uid, owner.st_gid) != (place.stat().st_uid, place.stat().st_gid):
                os.chown(place, owner.st_uid, owner.st_gid)
            if stat.S_IMODE(place.stat().st_mode) != mode:  # not asked for in vain: FAT, of the boot files, has none
                place.chmod(mode)
        except OSError as fault:
            raise StorageError(f"{place}: cannot be written: {fault.strerror or fault}") from None

    def sweep(self, paths: Iterable[str]) -> None:
        """Remove drafts that a write left beside these paths when the power went."""
        for folder in {self.at(path).parent for path in paths}:
            for draft in folder.glob(".*.part"):
                if _DRAFT.fullmatch(draft.name):
                    draft.unlink(missing_ok=True)

    def prune(self, folders: Iterable[str]) -> tuple[str, ...]:
        """Remove folders, innermost first, as far as they are empty; those that are left."""
        left = []
        for folder in reversed(tuple(folders)):
            place = self.at(folder)
            try:
                place.rmdir()
            except OSError:
                if place.is_dir():
                    left.append(folder)
        return tuple(reversed(left))
