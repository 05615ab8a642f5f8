"""From what a user calls a model to its file and its manifest."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from edge.cache import search_folders
from edge.engines import registry
from edge.engines.base import ModelFile
from edge.engines.registry import COMPRESSED
from edge.errors import MissingError, ModelError
from edge.models import catalogue, trust
from edge.models.manifest import Manifest, read_manifest
from edge.models.packed import container, delta
from edge.models.slots import SUFFIX, VERSION, Mark, Slots, slots_of
from edge.paths import is_file

if TYPE_CHECKING:
    from edge.models.packed.read import Packed

_SUFFIXES = {SUFFIX, *(suffix for row in registry.TABLE.values() for suffix in row.suffixes)}
"""Of what is a model file by its name."""


@dataclass(frozen=True, slots=True)
class Slot:
    """Where an installed packed model was found.

    mark: which file was in it when it was looked at
    passed: why the slot that should serve was passed over for this one; empty where this one should
    passed_mark: which file was in that one
    """

    slots: Slots
    letter: str
    mark: Mark = None
    passed: str = ""
    passed_mark: Mark = None

    @property
    def other(self) -> str | None:
        """The slot that can stand in for this one; None where nothing is in it, or this one stands in already."""
        return None if self.passed else next((one for one in self.slots.filled if one != self.letter), None)


@dataclass(frozen=True, slots=True)
class Model:
    """A model with its manifest.

    path: of the file, for people
    sha256: of the file, lower-case hex
    packed: what the file is where it is a packed one, whose tensors are not decoded yet
    slot: where a packed one was installed
    """

    path: Path
    sha256: str
    manifest: Manifest
    packed: Packed | None = None
    slot: Slot | None = None

    @property
    def file(self) -> ModelFile:
        """What an engine loads."""
        return self.path if self.packed is None else self.packed.unpacked()

    @property
    def suffix(self) -> str:
        """Of the plain file, lower-case: it says which engines can read it."""
        return (self.path.suffix if self.packed is None else self.packed.suffix).lower()


def find(name: str, manifest: Path | None = None) -> Model:
    """The model that a user names: that of an installed packed model, a catalogue name, or the path of a file.

    What has neither a `/` nor a model file's suffix is a file only where no model has the name. A file's manifest is
    the one given, else the one in a packed file, else the TOML file beside it, else the catalogue's if it knows the
    file. Where the slot of an installed packed model that should serve cannot be read or verified, the other one is
    taken, and `Model.slot` says why; nothing on the disk is changed.

    Raises:
        MissingError: a known model whose file is not on this machine, or the package that verifies signatures; says
            how to get it.
        ModelError: no such file or name, a file that is no model, no manifest, a wrong sha256, or a signature that is
            wanted and is not there or not of a trusted key.
    """
    is_path = _is_path(name)
    slots = None if is_path else slots_of(name)
    if slots is not None:
        return _described(_serving(slots), manifest)
    entry = None if is_path else catalogue.by_name(name)
    if entry is not None:
        return _checked(_cached(entry), entry.manifest if manifest is None else read_manifest(manifest))
    path = (None if is_path or "/" in name else installed().get(name)) or Path(name).expanduser()
    if not is_file(path):
        raise ModelError(_unknown(name, path))
    if path.suffix.lower() == SUFFIX:
        return _described(packed_model(path), manifest)
    misnamed(path)
    if path.suffix.lower() == ".toml":  # of a model that only a server has
        return Model(path, sha256_of(path), read_manifest(path))
    beside = path.with_suffix(".toml")
    if manifest is not None or is_file(beside):
        return _checked(path, read_manifest(manifest or beside))
    digest = sha256_of(path)
    known = catalogue.by_sha256(digest)
    if known is None:
        raise ModelError(
            f"{path}: no manifest: the catalogue does not know this file, and there is no {beside.name} beside it; "
            f"`edge models inspect {path}` prints a draft"
        )
    return Model(path, digest, known.manifest)


def misnamed(path: Path) -> None:
    """ModelError for a packed model or an update of one that is taken for a plain model's file; by its first bytes."""
    try:
        with path.open("rb") as file:
            begins = file.read(4)
    except OSError:
        return
    if begins == container.MAGIC:
        raise ModelError(f"{path}: a packed model: name it {path.with_suffix(SUFFIX)}")
    if begins == delta.MAGIC or path.suffix.lower() == delta.SUFFIX:
        named = path.with_suffix(delta.SUFFIX)
        ways = f"`edge models install {named}` takes it, `edge verify {named}` checks it"
        rename = "" if named == path else f"name it {named}, then "
        raise ModelError(f"{path}: an update of a packed model: {rename}{ways}")


def packed_model(path: Path, slot: Slot | None = None) -> Model:
    """A packed file as a model, once it is found whole and signed as this device wants it.

    Raises:
        ModelError, MissingError: as `edge.models.packed.read`; a trusted key cannot be read.
    """
    packed = _read(path, trust.trusted())
    return Model(path, packed.sha256, packed.manifest, packed, slot)


def standing_in(slot: Slot | None, reason: str) -> Model | None:
    """What is in the other slot, for a model of an installed one that cannot be used; None where nothing sound is.

    reason: why the model itself cannot be used.
    """
    letter = None if slot is None else slot.other
    if slot is None or letter is None:
        return None
    try:
        return packed_model(
            slot.slots.file(letter), Slot(slot.slots, letter, slot.slots.mark(letter), reason, slot.mark)
        )
    except ModelError:
        return None


def sha256_of(path: Path) -> str:
    """The sha256 of a file, lower-case hex; ModelError if it cannot be read."""
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    except OSError as fault:
        raise ModelError(f"{path}: cannot be read: {fault.strerror}") from None
    return digest.hexdigest()


def cached(entry: catalogue.Entry) -> Path | None:
    """Where a known model's file lies on this machine, None if it does not."""
    places = (folder / entry.file_name for folder in search_folders())
    return next((place for place in places if is_file(place)), None)


def taken_in_by(entry: catalogue.Entry) -> str:
    """The command for the file of a known model that the user brings: one that no engine reads is packed first."""
    return "edge compress FILE -o OUT.epk" if entry.suffix == COMPRESSED else "edge models install FILE"


def installed() -> dict[str, Path]:
    """The models that `edge models install` brought with manifests of their own: files by name."""
    found: dict[str, Path] = {}
    for folder in search_folders():
        try:
            files = sorted(folder.iterdir())
        except OSError:  # not there, or not for this user
            continue
        for file in files:
            if file.suffix in (".toml", SUFFIX, VERSION):
                continue
            if is_file(file) and is_file(file.with_name(f"{file.stem}.toml")):
                found.setdefault(file.stem, file)
    return {name: found[name] for name in sorted(found) if catalogue.by_name(name) is None}


def _serving(slots: Slots) -> Model:
    """What is in the slot that should serve, else what is in the other one; without a link, the newest of both."""
    letters = slots.filled
    if not letters:
        raise ModelError(f"{slots.link}: was removed just now")
    if slots.active is None:
        letters = tuple(sorted(letters, key=lambda letter: _version(slots.file(letter)), reverse=True))
    slot = Slot(slots, letters[0], slots.mark(letters[0]))
    try:
        return packed_model(slots.file(slot.letter), slot)
    except ModelError as fault:
        other = standing_in(slot, str(fault))
        if other is None:
            raise
        return other


def _read(path: Path, keys: Sequence[bytes] = ()) -> Packed:
    """A packed file. What decodes it takes a megabyte, which a device of plain models keeps."""
    from edge.models.packed.read import read

    return read(path, keys)


def _version(path: Path) -> int:
    try:
        return _read(path).origin.version
    except ModelError:
        return -1


def _described(model: Model, manifest: Path | None) -> Model:
    return model if manifest is None else replace(model, manifest=read_manifest(manifest))


def _is_path(name: str) -> bool:
    """Whether a file is meant, and not a model of this name: a folder may have a file called like one by accident."""
    path = Path(name)
    return is_file(path) and ("/" in name or path.suffix.lower() in _SUFFIXES)


def _cached(entry: catalogue.Entry) -> Path:
    path = cached(entry)
    if path is not None:
        return path
    name = entry.manifest.name
    how = (
        f"edge models pull {name}"
        if entry.wheel
        else f"get it from {entry.manifest.source}, then `{taken_in_by(entry)}`"
    )
    raise MissingError(f"model {name} is not on this machine: {how}")


def _checked(path: Path, manifest: Manifest) -> Model:
    digest = sha256_of(path)
    if manifest.sha256 and manifest.sha256 != digest:
        raise ModelError(
            f"{path}: not the file that the manifest of {manifest.name} describes: its sha256 is {digest[:12]}…, "
            f"wanted {manifest.sha256[:12]}…; fetch it again"
        )
    return Model(path, digest, manifest)


def _unknown(name: str, path: Path) -> str:
    if path.suffix or "/" in name:
        return f"{path}: no such model file"
    return f"no model is called `{name}`; `edge models list` shows those that are known"
