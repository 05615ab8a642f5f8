"""Where the socket is: in the service's runtime folder, else in the data folder. A folder that services share gets a
name of its own for each data folder, so that a command with another configuration never reaches the wrong daemon:

    $RUNTIME_DIRECTORY, or /run/edge where it is ours    control.sock, or control-HASH.sock if `node.data` is set
    node.data                                            control.sock
    $XDG_RUNTIME_DIR/edge, or /tmp/edge-UID              control-HASH.sock, where node.data is too long for a socket
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from edge.config.schema import Node
from edge.errors import UserError

RUNTIME_FOLDER = Path("/run/edge")
TEMPORARY = Path("/tmp")  # noqa: S108 - only in a folder that is one user's alone, see is_trusted
LONGEST_PATH = 107  # bytes of sun_path less the closing null


def home(node: Node) -> Path:
    """Where this process, as a daemon, puts its socket."""
    shared = os.environ.get("RUNTIME_DIRECTORY", "").partition(":")[0]
    if shared:
        return Path(shared) / _shared_name(node)
    if RUNTIME_FOLDER.is_dir() and RUNTIME_FOLDER.stat().st_uid == os.geteuid():
        return RUNTIME_FOLDER / _shared_name(node)
    return next(_near_data(node, os.geteuid()))


def candidates(node: Node) -> Iterator[Path]:
    """Where the socket of a daemon of this configuration may be, whoever runs it."""
    shared = os.environ.get("RUNTIME_DIRECTORY", "").partition(":")[0]
    if shared:
        yield Path(shared) / _shared_name(node)
    yield RUNTIME_FOLDER / _shared_name(node)
    yield from _near_data(node, os.geteuid())
    with contextlib.suppress(OSError):
        yield from _near_data(node, node.data.stat().st_uid)


def _near_data(node: Node, uid: int) -> Iterator[Path]:
    """In the data folder; where that path is too long, in a folder of the user's that nobody else can write to."""
    path = node.data / "control.sock"
    if len(os.fsencode(path)) <= LONGEST_PATH:
        yield path
        return
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    if runtime and uid == os.geteuid() and len(os.fsencode(runtime)) < LONGEST_PATH - 40:
        yield Path(runtime) / "edge" / f"control-{_hash(node)}.sock"
    yield TEMPORARY / f"edge-{uid}" / f"control-{_hash(node)}.sock"


def _shared_name(node: Node) -> str:
    return f"control-{_hash(node)}.sock" if "data" in node.model_fields_set else "control.sock"


def _hash(node: Node) -> str:
    return hashlib.sha256(os.fsencode(node.data.resolve())).hexdigest()[:12]


def make_folder(folder: Path) -> None:
    shared = folder.parent == TEMPORARY
    folder.mkdir(mode=0o700 if shared else 0o750, parents=True, exist_ok=True)
    if shared and not is_trusted(folder):
        raise UserError(f"{folder} belongs to somebody else; remove it or set a shorter `node.data`")


def is_trusted(folder: Path) -> bool:
    """Whether a folder, if it lies where everybody may write, is that of the user whom its name tells."""
    if folder.parent != TEMPORARY:
        return True
    found = folder.lstat()
    return stat.S_ISDIR(found.st_mode) and folder.name == f"edge-{found.st_uid}" and not found.st_mode & 0o022


def lock(path: Path) -> int:
    """Hold the lock beside the socket for as long as the process lives, so that a stale socket is known as stale."""
    lock = os.open(path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.read(lock, 20).decode(errors="replace").strip()
        os.close(lock)
        raise UserError(
            f"edge is already running for this configuration (process {holder or 'unknown'}, {path}); "
            "stop it first, or set another `node.data`"
        ) from None
    os.ftruncate(lock, 0)
    os.write(lock, f"{os.getpid()}\n".encode())
    return lock
