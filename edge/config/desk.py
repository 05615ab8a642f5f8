"""The configuration's file while a daemon runs of it: read, changed, stored, and loaded again.

A change is checked by the loader before it is stored, as one file that is renamed over the other; the text before it
stays beside it as `edge.toml.bak-YYYYmmdd-HHMMSS`.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import logging
import os
import stat
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from edge.clock import Clock, SystemClock
from edge.config.load import default_path, file_text
from edge.config.schema import Config
from edge.errors import StorageError, UserError
from edge.paths import settle

KEPT = 10
"""Texts before a change that are kept, the newest."""
log = logging.getLogger(__name__)


class ChangedError(UserError):
    """The file is not the one that was read."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """What became of the newest reload.

    version: of the text that the daemon runs
    pending: a reload was asked for and has not ended
    fault: why the newest one changed nothing, None if it took
    """

    version: str | None
    pending: bool
    fault: str | None


class Desk:
    """Where a daemon's configuration is changed. Its methods may be called from any thread.

    Args:
        path: the file; None stands for `load.default_path()`
        check: makes the configuration of a text for that path, or raises UserError or ConfigFindings
        clock: for the names of backups
    """

    def __init__(self, path: Path | None, check: Callable[[Path, str], Config], clock: Clock | None = None) -> None:
        self._path, self._check, self._clock = path, check, clock or SystemClock()
        self._storing = threading.Lock()
        self._reload: Callable[[], None] = lambda: None
        self._read: str | None = None
        self._loaded = Loaded(None, False, None)

    @property
    def path(self) -> Path:
        """The file. Raises UserError if there is none at the usual places."""
        return self._path or default_path()

    @property
    def loaded(self) -> Loaded:
        """How the newest reload went."""
        return self._loaded

    def load(self) -> Config:
        """The configuration as the file has it now. Raises UserError, ConfigFindings."""
        text = file_text(self.path)
        self._read = version_of(text)
        return self._check(self.path, text)

    def text(self) -> str:
        """The file's text. Raises UserError."""
        return file_text(self.path)

    def store(self, version: str, edit: Callable[[str], str], by: str) -> str:
        """Change the file. What is stored is complete and on the disk when this returns; `reload` is to follow.

        Args:
            version: of the text that the change was made for
            edit: from the text as it is to the one wanted; may raise UserError
            by: who, for the log

        Returns:
            The version of the new text.

        Raises:
            ChangedError: the file has another version by now.
            UserError, ConfigFindings: the new text is not a valid configuration.
            StorageError: it cannot be stored; the file is as it was.
        """
        with self._storing:
            path = self.path
            text = file_text(path)
            if version_of(text) != version:
                raise ChangedError(f"{path.name} was changed meanwhile: load this page again, then repeat the change")
            new = edit(text)
            self._check(path, new)
            if new != text:
                try:
                    self._replace(path.resolve(), text, new)
                except OSError as fault:
                    raise StorageError(f"{path} was not changed: {_reason(fault, path.resolve())}") from None
                log.info("%s was changed by %s", path, by)
            self._loaded = Loaded(self._loaded.version, True, None)
            return version_of(new)

    def unwritable(self) -> str | None:
        """Why the file cannot be changed by this process, as far as can be told without trying; None if it can."""
        target = self.path.resolve()
        folder = target.parent
        try:
            around, own = folder.stat(), target.stat()
            with contextlib.suppress(OSError):
                if os.statvfs(folder).f_flag & os.ST_RDONLY:
                    return _reason(OSError(errno.EROFS, ""), target)
        except OSError as fault:
            return _reason(fault, target)
        others = around.st_mode & stat.S_ISVTX and os.geteuid() not in (0, around.st_uid, own.st_uid)
        if others or not os.access(folder, os.W_OK | os.X_OK):
            return _reason(PermissionError(errno.EACCES, ""), target)
        return None

    def listen(self, reload: Callable[[], None]) -> None:
        """Have `reload` called when the file is to be loaded again."""
        self._reload = reload

    def reload(self) -> None:
        """Ask for the file to be loaded again; `loaded` says what became of it."""
        self._loaded = Loaded(self._loaded.version, True, None)
        self._reload()

    def reloaded(self, fault: str | None) -> None:
        """What was loaded last runs, or it does not because of a fault and what ran before goes on."""
        self._loaded = Loaded(self._loaded.version if fault else self._read, False, fault)

    def _replace(self, target: Path, text: str, new: str) -> None:
        own = target.stat()
        moment = datetime.fromtimestamp(self._clock.wall()).strftime("%Y%m%d-%H%M%S")
        # A second change within a second keeps the text before the first: that is the one to go back to.
        backup = target.with_name(f"{target.name}.bak-{moment}")
        if not backup.exists():
            _write(backup, text, own)
        _write(target, new, own)
        # By the files' own times, and never the text before this change: a clock that is behind names it before others.
        others = [each for each in target.parent.glob(f"{target.name}.bak-*") if each != backup]
        for old in sorted(others, key=_written_at)[: 1 - KEPT]:
            with contextlib.suppress(OSError):
                old.unlink()


def version_of(text: str) -> str:
    """What tells one text from another."""
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _write(path: Path, text: str, like: os.stat_result) -> None:
    """Put a text in place, durable and whole, with the mode and owner of another file."""
    draft = path.with_name(f".{path.name}.{os.urandom(4).hex()}.part")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(text.encode())
            file.flush()
            for owner in (like.st_uid, -1):
                try:
                    os.fchown(handle, owner, like.st_gid)
                    break
                except PermissionError:
                    continue  # not root: a file of its own user, in the group that could read it
            os.fchmod(handle, stat.S_IMODE(like.st_mode))
            os.fsync(handle)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    settle(path.parent)


def _written_at(path: Path) -> tuple[float, str]:
    """When a file was written; of two at once, its name says which came first."""
    try:
        return path.stat().st_mtime, path.name
    except OSError:
        return 0.0, path.name


def _reason(fault: OSError, target: Path) -> str:
    """Why a file cannot be stored, and what to do about it."""
    if fault.errno == errno.EROFS:
        return f"{target.parent} is read-only here; as a service, add ReadWritePaths={target.parent} to its unit"
    if fault.errno in (errno.EACCES, errno.EPERM):
        return (
            f"this user may not write it; on the device: sudo chown {_user()} {target}, and let that user write "
            f"in {target.parent}"
        )
    return str(fault.strerror or fault)


def _user() -> str:
    import pwd

    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())
