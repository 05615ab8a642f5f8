"""Where commands write: asked about before the work, and written whole."""

from __future__ import annotations

import os
from pathlib import Path

from edge.errors import StorageError, UserError
from edge.paths import GONE, no_folder, unreadable, write_whole


def check_writable(path: Path, *, made: bool = False, over: Path | None = None) -> None:
    """Say so before minutes of work if a file cannot be written here; UserError.

    Args:
        made: whether its folder will be made where it is missing.
        over: the file that is read, which must not be this one.
    """
    folder = path.parent
    if _there(path) and no_folder(path) is None:
        raise UserError(f"{path}: is a folder; give the name of a file")
    while made and not _there(folder) and folder != folder.parent:
        folder = folder.parent
    if problem := no_folder(folder) or (None if _there(folder) else GONE):
        raise UserError(f"{path}: cannot be written: {folder} {problem}")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise UserError(f"{path}: cannot be written: this user may not write into {folder}")
    if 0 < os.pathconf(folder, "PC_NAME_MAX") < len(os.fsencode(path.name)):
        raise UserError(f"{path}: cannot be written: its name is too long")
    if over is not None and _same(path, over):
        raise UserError(f"{path}: is the model that is read; write to another file")


def write(path: Path, content: bytes) -> None:
    """Put a file in place whole; StorageError, and nothing changed, if it cannot be."""
    try:
        write_whole(path, content)
    except OSError as fault:
        raise StorageError(f"{path}: cannot be written: {fault.strerror or fault}") from None


def _same(path: Path, other: Path) -> bool:
    try:
        return path.samefile(other)
    except (OSError, ValueError):  # one of them is not there, or cannot be asked about
        return False


def _there(path: Path) -> bool:
    return unreadable(path) != GONE
