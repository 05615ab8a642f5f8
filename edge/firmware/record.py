"""What an apply found, kept until it is taken back: `/var/lib/edge-board`, which only root may enter.

`record.json` is written before the first file changes and marked whole after the last: an apply that a power cut
ended is seen, and finished or taken back from it.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

from edge.errors import StorageError
from edge.firmware.tree import MODE, Content, Link, Tree
from edge.paths import write_whole

FOLDER = "var/lib/edge-board"
FORMAT = 1


@dataclass(frozen=True, slots=True)
class Kept:
    """What was at a path of which the whole is ours.

    kind: `nothing`, `file` or `link`
    value: the digest under which the file's content is kept, or the link's target
    mode: the file's access bits
    ours: digests of all that we ever wrote there: anything else is of somebody else
    """

    kind: str
    value: str
    mode: int
    ours: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Record:
    """What stands on a system by our hand.

    board: name of the board, "" before the first apply
    whole: False while an apply is under way
    kept: paths that are ours as a whole
    blocks: files that have a block of ours
    words: files that have words of ours, and which
    folders: folders that we made, outermost first
    """

    board: str = ""
    whole: bool = True
    kept: dict[str, Kept] = field(default_factory=dict)
    blocks: tuple[str, ...] = ()
    words: dict[str, tuple[str, ...]] = field(default_factory=dict)
    folders: tuple[str, ...] = ()

    @property
    def paths(self) -> tuple[str, ...]:
        """All that it speaks of."""
        return (*self.kept, *self.blocks, *self.words)


def digest(content: Content) -> str:
    """A name for what stands at a path."""
    if content is None:
        return "nothing"
    if isinstance(content, Link):
        return f"link:{content.target}"
    return hashlib.sha256(content).hexdigest()


def kept_as(content: Content) -> tuple[str, str]:
    """Kind and value of a `Kept`."""
    if content is None:
        return "nothing", ""
    return ("link", content.target) if isinstance(content, Link) else ("file", digest(content))


class Store:
    """The record of one system, and what its files held before. StorageError where the disk does not let us."""

    def __init__(self, tree: Tree) -> None:
        self._folder = tree.at(f"{FOLDER}/record.json").parent
        self._file = self._folder / "record.json"

    def read(self) -> Record:
        """What was applied; an empty record where nothing was."""
        try:
            table = json.loads(self._file.read_text("utf-8"))
            return _record(table)
        except FileNotFoundError:
            return Record()
        except PermissionError:
            raise StorageError(f"{self._folder}: may not be entered by this user; as root: sudo edge board") from None
        except (OSError, ValueError, KeyError, TypeError) as fault:
            raise StorageError(f"{self._file}: cannot be read ({fault}); what was there before is beside it") from None

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """One at a time: a second apply waits for none and says so."""
        with self._said():
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            handle = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise StorageError("another `edge board` is at work; wait until it is done") from None
            yield
        finally:
            os.close(handle)

    def keep(self, content: bytes) -> None:
        """Make a file's content safe, under its digest."""
        place = self._folder / digest(content)
        with self._said():
            if not place.exists():
                write_whole(place, content)

    def before(self, kept: Kept) -> Content:
        """What was there, from its `Kept`."""
        if kept.kind == "nothing":
            return None
        if kept.kind == "link":
            return Link(kept.value)
        with self._said():
            return (self._folder / kept.value).read_bytes()

    def write(self, record: Record) -> None:
        """Make a record the one that counts."""
        text = json.dumps({"format": FORMAT, **asdict(record)}, indent=1)
        with self._said():
            write_whole(self._file, text.encode())

    def clear(self) -> None:
        """Forget it all: nothing is applied any more."""
        with self._said():
            self._file.unlink(missing_ok=True)
            shutil.rmtree(self._folder)

    @contextlib.contextmanager
    def _said(self) -> Iterator[None]:
        try:
            yield
        except OSError as fault:
            raise StorageError(f"{fault.filename or self._folder}: {fault.strerror or fault}") from None


def _record(table: dict[str, Any]) -> Record:
    if table["format"] != FORMAT:
        raise ValueError(f"format {table['format']}, not {FORMAT}")
    kept = {
        path: Kept(entry["kind"], entry["value"], entry.get("mode", MODE), tuple(entry["ours"]))
        for path, entry in table["kept"].items()
    }
    words = {path: tuple(words) for path, words in table["words"].items()}
    return Record(table["board"], table["whole"], kept, tuple(table["blocks"]), words, tuple(table["folders"]))
