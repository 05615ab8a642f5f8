"""From what a user calls a model to its file and its manifest."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from edge.cache import search_folders
from edge.errors import MissingError, ModelError
from edge.models import catalogue
from edge.models.manifest import Manifest, read_manifest
from edge.paths import is_file


@dataclass(frozen=True, slots=True)
class Model:
    """A model file with its manifest; sha256 is that of the file, lower-case hex."""

    path: Path
    sha256: str
    manifest: Manifest


def find(name: str, manifest: Path | None = None) -> Model:
    """The model that a user names: by catalogue name, or by the path of a file.

    A file's manifest is the one given, else the TOML file beside it, else the catalogue's if it knows the file.

    Raises:
        MissingError: a known model whose file is not on this machine; says how to get it.
        ModelError: no such file or name, a file that is no model, no manifest, or a wrong sha256.
    """
    entry = catalogue.by_name(name)
    if entry is not None and not is_file(Path(name)):
        return _checked(_cached(entry), entry.manifest if manifest is None else read_manifest(manifest))
    path = _installed(name) or Path(name).expanduser()
    if path.suffix.lower() == ".epk":
        raise ModelError(f"{path}: packed models come with a later release; give the model file itself")
    if not is_file(path):
        raise ModelError(_unknown(name, path))
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


def installed() -> dict[str, Path]:
    """The models that `edge models install` brought with manifests of their own: files by name."""
    found: dict[str, Path] = {}
    for folder in search_folders():
        try:
            files = sorted(folder.iterdir())
        except OSError:  # not there, or not for this user
            continue
        for file in files:
            if file.suffix != ".toml" and is_file(file) and is_file(file.with_name(f"{file.stem}.toml")):
                found.setdefault(file.stem, file)
    return {name: found[name] for name in sorted(found) if catalogue.by_name(name) is None}


def _installed(name: str) -> Path | None:
    return None if "/" in name or is_file(Path(name)) else installed().get(name)


def _cached(entry: catalogue.Entry) -> Path:
    path = cached(entry)
    if path is not None:
        return path
    name = entry.manifest.name
    how = (
        f"edge models pull {name}"
        if entry.wheel
        else f"get it from {entry.manifest.source}, then `edge models install FILE`"
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
