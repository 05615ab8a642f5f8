"""The record of one person's joints as CSV, a line a frame: its columns, and how it is written and read.

Columns: `time`, Unix seconds of the frame (a clip's own in a replay); `posture`, `activity` (the kind, if any), `since`
(its onset) and `confirmed` (0 or 1), as they were judged then; `aspect`, width by height of the frame; then for each of
COCO's joints x and y, 0..1 of the frame and beyond it where they were cut off, and its score, 0..1, as the model gave
them: who judges again smooths again. What was not found has empty places and the score 0.

Records of others are read as well: they need the columns of the joints, in any order and among others. An empty field
or `nan` is a joint that was not found; a row of nothing else is a look at which nobody was, and its time passes as any
other's.
"""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

import numpy as np

from edge.errors import UserError
from edge.types import COCO_KEYPOINTS, F32, NO_JOINTS, Body

SAID = ("time", "posture", "activity", "since", "confirmed", "aspect")
JOINTS = tuple(f"{what}{joint}" for joint in range(len(COCO_KEYPOINTS)) for what in ("x", "y", "score"))
HEADER = ",".join((*SAID, *JOINTS)) + "\n"
MOST_LINE, MOST_ROWS = 16_384, 2_000_000
"""Characters and rows of a file that is read: a day at 20 frames a second."""
FAR = 20.0
"""Frames away from the frame: what is further is no joint, and mostly in pixels."""
_NUMBER = r"-?[0-9]+(?:\.[0-9]+)?"
_LINE = re.compile(
    rf"{_NUMBER},[a-z_]+,[a-z_]*,(?:{_NUMBER})?,[01],{_NUMBER}"
    rf"(?:,(?:{_NUMBER},{_NUMBER},{_NUMBER}|,,0)){{{len(COCO_KEYPOINTS)}}}\n"
)


@dataclass(frozen=True, slots=True, eq=False)
class Row:
    """What was known of somebody at one frame.

    time: Unix seconds; ahead: by how much that is more than the frame's own time, by which bodies tell theirs
    size: of the frame, w and h in pixels
    """

    time: float
    ahead: float
    size: tuple[int, int]
    body: Body

    @property
    def falls(self) -> bool:
        """Whether a fall goes on."""
        return self.body.activity is not None and self.body.activity.kind == "fall"


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """What a line of a record says. since: 0 without an activity; joints: float32 (17, 3), 0..1 of the frame, a joint
    that was not found (nan, nan, 0)."""

    time: float
    posture: str
    activity: str
    since: float
    confirmed: bool
    aspect: float
    joints: F32


def line(row: Row) -> str:
    """One line of the file, with its end."""
    activity = row.body.activity
    w, h = row.size
    said = [f"{row.time:.3f}", row.body.posture.name]
    if activity is None:
        said += ["", "", "0"]
    else:
        said += [activity.kind, f"{activity.since + row.ahead:.3f}", str(int(activity.confirmed))]
    return ",".join([*said, f"{w / h:.4f}", *_written((row.body.raw or row.body.pose).keypoints, w, h)]) + "\n"


def whole(text: str) -> str:
    """The part of a file that was written whole: up to the first line that is cut off or damaged; `` without a row."""
    if not text.startswith(HEADER):
        return ""
    end = len(HEADER)
    while found := _LINE.match(text, end):
        end = found.end()
    return text[:end] if end > len(HEADER) else ""


def lines(text: str) -> Iterator[Line]:
    """What a file says that was written by `line`, as far as it is whole."""
    for text_line in whole(text).splitlines()[1:]:
        time, posture, activity, since, confirmed, aspect, *rest = text_line.split(",")
        joints = np.array([float(field or "nan") for field in rest], np.float32).reshape(NO_JOINTS.shape)
        yield Line(float(time), posture, activity, float(since or 0), confirmed == "1", float(aspect), joints)


def read(path: Path) -> F32:
    """The joints of a file, anybody's, float32 (n, 17, 3) as in `Line`.

    Raises:
        UserError: it cannot be read, lacks a column, or a field is no number.
    """
    try:
        if path.exists() and not path.is_file():
            raise UserError(f"{path}: is no file: wants a CSV of joints")
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = csv.reader(_bounded(path, file))
            places = _places(path, next(rows, []))
            joints = [_joints(path, rows.line_num, row, places) for row in rows if row]
    except (OSError, UnicodeDecodeError, csv.Error) as fault:
        raise UserError(f"{path}: cannot be read as CSV: {getattr(fault, 'strerror', None) or fault}") from None
    if not joints:
        raise UserError(f"{path}: holds no row of joints below its heading")
    return np.stack(joints)


def _bounded(path: Path, file: TextIO) -> Iterator[str]:
    """The lines of a file. Raises UserError where it is no record, before memory is full of it."""
    for number, text in enumerate(iter(lambda: file.readline(MOST_LINE + 1), ""), 1):
        if len(text) > MOST_LINE:
            raise UserError(f"{path}:{number}: is longer than {MOST_LINE} characters: no record of joints")
        if number > MOST_ROWS:
            raise UserError(f"{path}: holds more than {MOST_ROWS} rows: split it, a person and a day at a time")
        yield text


def _written(keypoints: F32, w: int, h: int) -> Iterator[str]:
    for x, y, score in keypoints.tolist():
        if math.isfinite(x) and math.isfinite(y) and math.isfinite(score):
            yield f"{x / w:.4f},{y / h:.4f},{score:.2f}"
        else:
            yield ",,0"


def _places(path: Path, heading: Sequence[str]) -> list[int]:
    names = [name.strip().lower() for name in heading]
    missing = [column for column in JOINTS if column not in names]
    if missing:
        some = ", ".join(missing[:4]) + (f" and {len(missing) - 4} more" if len(missing) > 4 else "")
        raise UserError(f"{path}:1: no column {some}: wants x0,y0,score0 to x16,y16,score16 in COCO's order")
    return [names.index(column) for column in JOINTS]


def _joints(path: Path, number: int, row: Sequence[str], places: Sequence[int]) -> F32:
    joints: F32 = NO_JOINTS.copy()
    for column, place in enumerate(places):
        text = row[place].strip() if place < len(row) else ""
        try:
            value = float(text) if text else math.nan
        except ValueError:
            raise UserError(f"{path}:{number}: column {JOINTS[column]} is `{text[:20]}`, no number") from None
        if column % 3 < 2 and abs(value) > FAR:
            raise UserError(
                f"{path}:{number}: column {JOINTS[column]} is {text[:20]}: wants 0..1 of the frame, not pixels"
            )
        joints[column // 3, column % 3] = value
    nowhere = ~np.isfinite(joints).all(axis=1)
    joints[nowhere] = NO_JOINTS[nowhere]
    joints[:, 2] = joints[:, 2].clip(0, 1)
    return joints
