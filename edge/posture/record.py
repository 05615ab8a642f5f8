"""Recorded joints, one person's, and what they tell: a fall can be judged again without any picture.

The file is CSV with a heading: columns `x0`, `y0`, `score0` to `x16`, `y16`, `score16` in COCO's order, 0..1 of the
frame, a row a frame; other columns are left alone. An empty field or `nan` is a joint that was not
found; a row of nothing else is a look at which nobody was, and its time passes as any other's.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edge.errors import UserError
from edge.posture.person import Person
from edge.posture.settings import PostureSettings
from edge.posture.temporal import Judge
from edge.posture.verdict import JudgeName
from edge.types import COCO_KEYPOINTS, F32, NO_JOINTS, Activity, Pose, Posture

COLUMNS = tuple(f"{what}{i}" for i in range(len(COCO_KEYPOINTS)) for what in ("x", "y", "score"))
HEIGHT = 1000.0
"""Pixels of the frame that the record is judged in: what is measured does not depend on it."""


@dataclass(frozen=True, slots=True)
class Told:
    """What a record tells: the posture at each row with the row's time, and the activities, by their onset.

    Of activities there are those that were confirmed, and those that went on at the end.
    """

    postures: tuple[tuple[float, Posture], ...]
    activities: tuple[Activity, ...]


def read(path: Path) -> F32:
    """The joints of a file, float32 (n, 17, 3) as in `Pose.keypoints`, but 0..1 of the frame.

    Raises:
        UserError: it cannot be read, lacks a column, or a field is no number.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = csv.reader(file)
            places = _places(path, next(rows, []))
            joints = [_joints(path, rows.line_num, row, places) for row in rows if row]
    except (OSError, UnicodeDecodeError, csv.Error) as fault:
        raise UserError(f"{path}: cannot be read as CSV: {getattr(fault, 'strerror', None) or fault}") from None
    if not joints:
        raise UserError(f"{path}: holds no row of joints below its heading")
    return np.stack(joints)


def judge(
    joints: F32,
    fps: float,
    aspect: float,
    settings: PostureSettings | None = None,
    who: JudgeName = "rules",
    network: Judge | None = None,
) -> Told:
    """What a sequence tells.

    Args:
        joints: float32 (n, 17, 3), 0..1 of the frame, a row a frame; without joints: nobody was found
        fps: frames a second
        aspect: width of the frame over its height
        who, network: tells of falls; see `Verdict`
    """
    person = Person((round(HEIGHT * aspect), round(HEIGHT)), settings, None, who, network)
    scale = np.array([HEIGHT * aspect, HEIGHT, 1], np.float32)
    postures: list[tuple[float, Posture]] = []
    activities: dict[tuple[str, float], Activity] = {}
    latest: Activity | None = None
    for i, row in enumerate(joints):
        found = bool(np.isfinite(row[:, 0]).any())
        pose = Pose(np.asarray(row * scale, np.float32), float(row[:, 2].mean())) if found else None
        body = person.look(pose, i / fps)
        postures.append((i / fps, body.posture))
        latest = body.activity
        if latest is not None:
            activities[latest.kind, latest.since] = latest
    kept: Iterable[Activity] = (one for one in activities.values() if one.confirmed or one is latest)
    return Told(tuple(postures), tuple(sorted(kept, key=lambda one: one.since)))


def _places(path: Path, heading: list[str]) -> list[int]:
    names = [name.strip().lower() for name in heading]
    missing = [column for column in COLUMNS if column not in names]
    if missing:
        some = ", ".join(missing[:4]) + (f" and {len(missing) - 4} more" if len(missing) > 4 else "")
        raise UserError(f"{path}:1: no column {some}: wants x0,y0,score0 to x16,y16,score16 in COCO's order")
    return [names.index(column) for column in COLUMNS]


def _joints(path: Path, line: int, row: list[str], places: list[int]) -> F32:
    joints: F32 = NO_JOINTS.copy()
    for number, place in enumerate(places):
        text = row[place].strip() if place < len(row) else ""
        try:
            value = float(text) if text else math.nan
        except ValueError:
            raise UserError(f"{path}:{line}: column {COLUMNS[number]} is `{text[:20]}`, no number") from None
        joints[number // 3, number % 3] = value
    nowhere = ~np.isfinite(joints).all(axis=1)
    joints[nowhere] = NO_JOINTS[nowhere]
    joints[:, 2] = joints[:, 2].clip(0, 1)
    return joints
