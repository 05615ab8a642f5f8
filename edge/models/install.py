"""Put a packed model in place: whole, verified and tried out, or not at all.

A killed process and a power cut at any moment leave the model that served, or the new one; never a part of either.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from edge.cache import models_folder
from edge.errors import EdgeError, ModelError, StorageError, UserError
from edge.models import catalogue, store, trust
from edge.models.packed import delta
from edge.models.packed.limits import FILE_BYTES
from edge.models.packed.read import Packed, parse
from edge.models.slots import LETTERS, Slots, Step, check_name, installed_packed, locked, slots_of
from edge.paths import read_bounded, settle

Prove = Callable[[store.Model], None]
"""Loads a model and runs it once; raises EdgeError where it cannot serve on this machine."""
_SCRATCH = ".packed-"


@dataclass(frozen=True, slots=True)
class Installed:
    """What an install came to.

    path: the link that names the model
    before: the version that served until now; None where there was none
    fresh: whether anything was to be done: False where the very same file serves already
    """

    name: str
    path: Path
    version: int
    before: int | None
    fresh: bool


def content_of(path: Path) -> bytes:
    """The packed model that a file holds, or that an update makes of one that is installed.

    Raises:
        ModelError: the file cannot be read, or the update is damaged, or for a model that is not installed.
    """
    content = read_file(path)
    if not delta.is_update(content):
        return content
    update = delta.parse(content, path)
    for slots in installed_packed().values():
        for letter in slots.filled:
            old = slots.file(letter)
            if _sha256(old) == update.old:
                return delta.apply(update, read_file(old), path)
    raise ModelError(
        f"{path}: an update of a file with sha256 {update.old[:12]}…, which is not installed here; "
        f"`edge models list` shows what is; get the whole file"
    )


def read_file(path: Path) -> bytes:
    """A packed model's file or an update's. ModelError if it cannot be read or is larger than any may be."""
    try:
        return read_bounded(path, FILE_BYTES)
    except OSError as fault:
        raise ModelError(f"{path}: cannot be read: {fault.strerror or fault}") from None


def install(
    content: bytes, source: Path, prove: Prove, *, allow_older: bool = False, step: Step = lambda what: None
) -> Installed:
    """Install a packed model under its manifest's name, into the slot that does not serve; then let that one serve.

    Args:
        content: of the file.
        source: where it is from, for messages.
        prove: tries it out, before anything is changed and while nobody is held off.
        allow_older: take a lower version than the highest that was ever installed as well; it is the highest then.

    Raises:
        ModelError: it is damaged, not signed as this device wants it, older, or its name is another model's.
        EdgeError: what `prove` raises.
        StorageError: the cache cannot be written, or another install is under way or was faster.
    """
    folder, keys = models_folder(), trust.trusted()
    packed = parse(content, source, keys)
    slots = Slots(folder, _name(packed, keys, source))
    before = _before(slots)
    if before is not None and (before.sha256, before.letter) == (packed.sha256, slots.active):
        return Installed(slots.name, slots.link, before.version, before.version, fresh=False)
    _check_version(packed, slots, before, source, allow_older=allow_older)
    target = slots.file(next(letter for letter in LETTERS if before is None or letter != before.letter))
    with _scratch(folder, step) as scratch:
        # By its name to be, under which a back end may keep what it makes of it.
        draft = scratch / target.name
        _write(draft, content, step)
        with _named(draft, source):
            step("try it out")
            prove(store.packed_model(draft))
        with locked(folder), _told_as(folder):
            if _before(slots) != before:
                raise StorageError(f"{slots.link}: was changed while {source} was tried out: try again")
            _check_version(packed, slots, before, source, allow_older=allow_older)
            step("remember its version")
            slots.remember(packed.origin.version)
            step("put it into its slot")
            draft.replace(target)
            scratch.rmdir()  # now: the next install of this very file has nothing to do and sweeps nothing
            step("settle the slot")
            settle(folder)
            slots.switch(target, step)
            slots.forget_aside(step)
    before_it = None if before is None else before.version
    return Installed(slots.name, slots.link, packed.origin.version, before_it, fresh=True)


def roll_back(name: str, prove: Prove) -> Installed:
    """Let the other slot of an installed model serve, once it is found sound and was tried out; both stay.

    Raises:
        UserError: no such model is installed, or it has no other slot.
        EdgeError: the other one cannot serve either.
        StorageError: this user may not.
    """
    slots = slots_of(name)
    if slots is None:
        raise UserError(f"no packed model is installed as {name}; `edge models list` shows those that are")
    now = slots.active
    other = next((letter for letter in slots.filled if letter != now), None)
    if other is None:
        raise UserError(f"{name} was installed once: there is nothing to go back to")
    mark = slots.mark(other)
    prove(store.packed_model(slots.file(other)))
    with locked(slots.folder), _told_as(slots.folder):
        if (slots.active, slots.mark(other)) != (now, mark):
            raise StorageError(f"{slots.link}: was changed while the other one was tried out: try again")
        slots.switch(slots.file(other))
    before, after = _in(slots, now), _in(slots, other)
    return Installed(
        name,
        slots.link,
        0 if after is None else after.version,
        None if before is None else before.version,
        fresh=True,
    )


@dataclass(frozen=True, slots=True)
class _Before:
    letter: str
    version: int
    sha256: str


def _before(slots: Slots) -> _Before | None:
    """What serves now, for it is not to be overwritten; None where nothing sound is there."""
    return next((found for letter in slots.filled if (found := _in(slots, letter)) is not None), None)


def _in(slots: Slots, letter: str | None) -> _Before | None:
    if letter is None:
        return None
    try:
        packed = store.packed_model(slots.file(letter)).packed
    except ModelError:
        return None
    return None if packed is None else _Before(letter, packed.origin.version, packed.sha256)


def _check_version(packed: Packed, slots: Slots, before: _Before | None, source: Path, *, allow_older: bool) -> None:
    """ModelError for a version below what serves, and below the highest that was ever installed."""
    version, highest = packed.origin.version, slots.highest
    if highest is None:
        found = (_in(slots, letter) for letter in slots.filled)
        highest = max((one.version for one in found if one is not None), default=0)
    highest = max(highest, 0 if before is None else before.version)
    if version < highest and not allow_older:
        raise ModelError(
            f"{source}: version {version} of {slots.name} is older than {highest}, which was installed before: "
            f"`--allow-older` takes it all the same"
        )


def _name(packed: Packed, keys: Sequence[bytes], source: Path) -> str:
    """The name to install under.

    A known model's may be taken only by what says that it was made from it, does the same, and is signed with a trusted
    key: where a file is from, it says of itself, so that somebody trusted has to vouch for it.
    """
    manifest = packed.manifest
    check_name(manifest.name, source)
    known = catalogue.by_name(manifest.name)
    if known is None:
        return manifest.name
    says = (packed.origin.source_sha256, manifest.task, manifest.decoder)
    if says != (known.manifest.sha256, known.manifest.task, known.manifest.decoder):
        raise ModelError(
            f"{source}: the catalogue has another model called {manifest.name}: give yours another name "
            f"(`edge compress --name NAME`)"
        )
    if packed.key is None or packed.key not in keys:
        raise ModelError(
            f"{source}: {manifest.name} is a name of the catalogue, which only a file signed with a trusted key may "
            f"take: sign it and trust the key (`edge models trust KEY`), or give it another name "
            f"(`edge compress --name NAME`)"
        )
    return manifest.name


def _write(draft: Path, content: bytes, step: Step) -> None:
    step("write the draft")
    with _told_as(draft.parent.parent), draft.open("xb") as file:
        file.write(content)
        file.flush()
        os.fchmod(file.fileno(), 0o644)  # for the service and for users' commands, whatever this user's umask is
        step("settle the draft")
        os.fsync(file.fileno())


@contextmanager
def _scratch(folder: Path, step: Step) -> Iterator[Path]:
    """A folder for a draft, locked, so that other installs do not take it for one that was left."""
    with locked(folder), _told_as(folder):
        _sweep(folder, step)
        step("make a folder for the draft")
        made = tempfile.TemporaryDirectory(dir=folder, prefix=_SCRATCH)
        handle = _hold(Path(made.name))
    try:
        with made:
            yield Path(made.name)
    finally:
        os.close(handle)


def _hold(scratch: Path) -> int:
    """Lock a folder of a draft, which nobody else may enter. BlockingIOError if its install is under way."""
    handle = os.open(scratch, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        raise
    return handle


def _sweep(folder: Path, step: Step) -> None:
    """Drop what installs that were killed have left: nobody else is at it, for we have the lock."""
    for left in folder.glob(f"{_SCRATCH}*"):
        try:
            handle = _hold(left)
        except OSError:  # an install is under way there, or it is another user's
            continue
        step("drop the folder of a draft that was left")
        shutil.rmtree(left, ignore_errors=True)
        os.close(handle)
    for left in folder.glob(".*.part"):
        step("drop a file that was not finished")
        left.unlink(missing_ok=True)


def _sha256(path: Path) -> str:
    try:
        return store.sha256_of(path)
    except ModelError:
        return ""


@contextmanager
def _named(draft: Path, source: Path) -> Iterator[None]:
    """Faults of a draft are told of the file that it is a copy of."""
    try:
        yield
    except EdgeError as fault:
        fault.args = (str(fault).replace(str(draft), str(source)),)
        raise


@contextmanager
def _told_as(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as fault:
        raise StorageError(f"{folder}: cannot be written: {fault.strerror or fault}") from None
