"""Drives that somebody recorded: pictures, and how the wheel stood.

Two kinds are read. The Udacity simulator writes `driving_log.csv` beside `IMG/`: centre, left, right, steering,
throttle, brake, speed; with a header or without, and with paths of the machine that recorded. A donkeycar tub has
`catalog_N.catalog` of a JSON object a line, `images/`, and `manifest.json`, whose last line says what was deleted; the
first kind of tub has a `record_N.json` a picture.
"""

from __future__ import annotations

import csv
import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeVar

from edge.errors import UserError
from edge.paths import GONE, is_file, no_folder, read_bounded, unreadable

T = TypeVar("T")
Kind = Literal["udacity", "tub"]
Place = Literal["centre", "left", "right"]

CORRECTION = 0.25
"""Steering that brings a car back whose centre camera saw what a side camera saw."""
LOG = "driving_log.csv"
MOST = 256 << 20
"""Bytes of a log or a catalog, at most."""
_SIDES: tuple[tuple[Place, float], ...] = (("centre", 0.0), ("left", CORRECTION), ("right", -CORRECTION))


@dataclass(frozen=True, slots=True)
class Sample:
    """A picture, and the steering that belongs to it, -1..1, + to the right; a side camera's is corrected.

    moment: when it was taken, counted within its recording; the three cameras' pictures of one moment share it
    """

    picture: Path
    steering: float
    moment: int
    place: Place = "centre"


@dataclass(frozen=True, slots=True)
class Recording:
    """What a folder holds, in the order in which it was driven.

    faults: a line each for what was left out, and where it stood
    """

    folder: Path
    kind: Kind
    samples: tuple[Sample, ...]
    faults: tuple[str, ...]


def read(folder: Path) -> Recording:
    """Read the folder of a recording; pictures are looked for, but not opened.

    Raises:
        UserError: it is none, or holds no picture with its steering.
    """
    problem = unreadable(folder) if unreadable(folder) == GONE else no_folder(folder)
    if problem:
        raise UserError(f"{folder}: {problem}; give the folder of a recording")
    kind, found = _found(folder)
    faults = _Faults()
    samples = tuple(found(folder, faults))
    if not samples:
        why = f" ({faults.lines[0]})" if faults.lines else ""
        raise UserError(f"{folder}: holds no picture with its steering{why}")
    return Recording(folder, kind, samples, tuple(faults.lines))


@dataclass(slots=True)
class _Faults:
    lines: list[str] = field(default_factory=list)

    def tell(self, where: str, what: str) -> None:
        self.lines.append(f"{where}: {what}")


def _found(folder: Path) -> tuple[Kind, Any]:
    if is_file(folder / LOG):
        return "udacity", _udacity
    if _numbered(folder, "catalog_*.catalog"):
        return "tub", _tub
    if _numbered(folder, "record_*.json"):
        return "tub", _first_tub
    raise UserError(f"{folder}: is no recording: it has neither {LOG} nor catalog_0.catalog nor record_0.json")


def _udacity(folder: Path, faults: _Faults) -> Iterator[Sample]:
    log = folder / LOG
    moment = 0
    for number, line in enumerate(_text(log).split("\n"), 1):
        where = f"{log}:{number}"
        row = _cells(line)
        if row is None or (row and len(row) < 4):
            faults.tell(where, "wants centre,left,right,steering,...")
            continue
        if not row or (number == 1 and row[3].lower() == "steering"):
            continue
        steering = _steering(row[3])
        if steering is None:
            faults.tell(where, f"steering {row[3][:20]!r} is no number from -1 to 1")
            continue
        for name, (place, correction) in zip(row, _SIDES, strict=False):
            if not name:
                continue
            picture = _beside(folder, "IMG", name)
            if picture is None:
                faults.tell(where, f"{place} picture {_base(name)[:80]} is not in {folder / 'IMG'}")
                continue
            yield Sample(picture, max(-1.0, min(1.0, steering + correction)), moment, place)
        moment += 1


def _cells(line: str) -> list[str] | None:
    """The cells of a line without the blanks around them; [] of an empty one, None where it is no line of a CSV."""
    try:
        rows = list(csv.reader([line], skipinitialspace=True, strict=True))
    except csv.Error:
        return None
    cells = [cell.strip() for cell in rows[0]] if rows else []
    return cells if any(cells) else []


def _tub(folder: Path, faults: _Faults) -> Iterator[Sample]:
    catalogs, deleted = _manifest(folder, faults)
    count = 0
    for catalog in catalogs:
        if not is_file(catalog):
            faults.tell(str(catalog), "is not there, though manifest.json names it")
            continue
        for number, line in enumerate(_text(catalog).split("\n"), 1):
            if not line.strip():
                continue
            record = _object(line)
            index = record.get("_index") if record is not None else None
            if (index if isinstance(index, int) else count) not in deleted:
                yield from _recorded(folder, record, count, f"{catalog}:{number}", faults)
            count += 1


def _first_tub(folder: Path, faults: _Faults) -> Iterator[Sample]:
    for moment, path in enumerate(_numbered(folder, "record_*.json")):
        yield from _recorded(folder, _object(_text(path)), moment, str(path), faults)


def _recorded(
    folder: Path, record: dict[str, Any] | None, moment: int, where: str, faults: _Faults
) -> Iterator[Sample]:
    """The sample of a tub's record, where it has one."""
    if record is None:
        faults.tell(where, "is no JSON object")
        return
    name, angle = record.get("cam/image_array"), record.get("user/angle")
    steering = _steering(angle) if isinstance(angle, int | float) and not isinstance(angle, bool) else None
    if not isinstance(name, str) or steering is None:
        faults.tell(where, "wants a picture in cam/image_array and a number from -1 to 1 in user/angle")
    elif record.get("user/mode", "user") != "user":
        faults.tell(where, "nobody steered (user/mode is not user)")
    elif (picture := _beside(folder, "images", name)) is None:
        faults.tell(where, f"picture {_base(name)[:80]} is not in {folder / 'images'}")
    else:
        yield Sample(picture, steering, moment)


def _manifest(folder: Path, faults: _Faults) -> tuple[list[Path], frozenset[int]]:
    """A tub's catalogs in their order, and the indices that were deleted."""
    path = folder / "manifest.json"
    found = _numbered(folder, "catalog_*.catalog")
    if not is_file(path):
        faults.tell(str(path), "is not there: every record counts, deleted ones too")
        return found, frozenset()
    last: dict[str, Any] = {}
    for line in _text(path).split("\n"):
        told = _object(line)
        if told is not None and "paths" in told:
            last = told
    names, deleted = _all(last.get("paths"), str), _all(last.get("deleted_indexes", []), int)
    if names is None or deleted is None:
        faults.tell(str(path), "no line of it names catalogs and deleted_indexes: every record counts")
        return found, frozenset()
    return [folder / name for name in dict.fromkeys(map(_base, names))], frozenset(deleted)


def _all(values: Any, kind: type[T]) -> list[T] | None:
    """A list of one kind, None where it is none."""
    return values if isinstance(values, list) and all(isinstance(value, kind) for value in values) else None


def _object(text: str) -> dict[str, Any] | None:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _steering(told: str | float) -> float | None:
    try:
        value = float(told)
    except (ValueError, OverflowError):
        return None
    return value if math.isfinite(value) and abs(value) <= 1 else None


def _beside(folder: Path, pictures: str, name: str) -> Path | None:
    """A picture by the last part of its path: in its folder, or beside the log."""
    base = _base(name)
    if base in ("", ".", ".."):
        return None
    return next((path for path in (folder / pictures / base, folder / base) if is_file(path)), None)


def _base(name: str) -> str:
    return re.split(r"[\\/]", name.strip())[-1]


def _numbered(folder: Path, pattern: str) -> list[Path]:
    """Files of a pattern by the number in their names."""
    numbers = [(re.search(r"_(\d+)\.", path.name), path) for path in folder.glob(pattern)]
    return [path for _, path in sorted((int(found[1]), path) for found, path in numbers if found)]


def _text(path: Path) -> str:
    try:
        return read_bounded(path, MOST).decode("utf-8-sig", errors="replace")
    except OSError as fault:
        raise UserError(f"{path}: cannot be read: {fault.strerror or fault}") from None
