"""Questions about paths that answer instead of raising: a folder on the way may be one that we may not enter; and
files read within bounds, and written whole."""

from __future__ import annotations

import errno
import os
import re
import stat
from pathlib import Path

GONE = "is not there"
CLIPS = "clips"
POSES = "poses"
PRIVATE = 0o750
"""Mode of the folders in which events, pictures, clips and joints are kept: not for every user of the machine."""


def clip_path(folder: Path, event_id: str) -> Path:
    """Where the clip of an event is kept, below the data folder; no id can lead out of it."""
    return folder / CLIPS / f"{_plain(event_id)}.mp4"


def pose_path(folder: Path, event_id: str) -> Path:
    """Where the joints of an event are kept, below the data folder; no id can lead out of it."""
    return folder / POSES / f"{_plain(event_id)}.csv"


def _plain(event_id: str) -> str:
    return re.sub(r"[^A-Za-z0-9_-]", "_", event_id)


def is_file(path: Path) -> bool:
    """Whether a file is there for us; False, not an exception, where a folder on the way may not be entered."""
    try:
        return path.is_file()
    except OSError:
        return False


def read_bounded(path: Path, most: int) -> bytes:
    """What is in a plain file; OSError for one of more than `most` bytes, and for a pipe or a device, without waiting.

    Files that came with a model may be anything, a pipe that nobody writes to among it.
    """
    with open(path, "rb", opener=_without_waiting) as file:
        known = os.fstat(file.fileno())
        if not stat.S_ISREG(known.st_mode):
            raise OSError("it is no plain file")
        if known.st_size > most:
            raise OSError(f"it has more than {f'{most >> 20} MB' if most >> 20 else f'{most >> 10} KB'}")
        content = file.read(known.st_size + 1)  # as much is allocated at once, so it must not be `most`
    if len(content) > known.st_size:
        raise OSError("it grew while it was read")
    return content


def write_whole(path: Path, content: bytes) -> None:
    """Put a file in place, durable and whole, over one that is there; OSError, and nothing changed, if it cannot be."""
    draft = path.with_name(f".{os.urandom(8).hex()}.part")
    try:
        with draft.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    settle(path.parent)


def settle(folder: Path) -> None:
    """Make durable what was renamed in a folder; file systems that cannot are left as they are."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    except OSError as fault:
        if fault.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(handle)


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)


def unreadable(path: Path) -> str | None:
    """What keeps this user from reading a file, to be put behind its name; None if nothing does, GONE if it is not."""
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return GONE
    except PermissionError:
        return "may not be read by this user"
    except (OSError, ValueError) as fault:  # a loop of links, a name too long, a NUL in it
        return f"cannot be read: {getattr(fault, 'strerror', None) or fault}"
    if stat.S_ISDIR(mode):
        return "is a folder"
    return None if os.access(path, os.R_OK) else "may not be read by this user"


def no_folder(path: Path) -> str | None:
    """What keeps a path from being a folder of this user's, as above; None for one that is yet to be made, too."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return None
    except PermissionError:
        return "may not be entered by this user"
    except (OSError, ValueError) as fault:
        return f"cannot be a folder: {getattr(fault, 'strerror', None) or fault}"
    return None if stat.S_ISDIR(mode) else "is no folder"
