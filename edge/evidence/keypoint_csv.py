"""The record of one person's joints as CSV: a line a frame, which `edge posture` reads as well.

Columns: `time`, Unix seconds of the frame (a clip's own in a replay); `posture`, `activity` (the kind, if any), `since`
(its onset) and `confirmed` (0 or 1), as they were judged then; `aspect`, width by height of the frame; then for each of
COCO's joints x and y, 0..1 of the frame and beyond it where they were cut off, and its score, 0..1, as the model gave
them: who judges again smooths again. What was not found has empty places and the score 0.
"""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from edge.pose.smooth import Smoother
from edge.types import COCO_KEYPOINTS, F32, JOINT_SEEN, Body

JOINTS = len(COCO_KEYPOINTS)
SAID = ("time", "posture", "activity", "since", "confirmed", "aspect")
COLUMNS = (*SAID, *(f"{axis}{joint}" for joint in range(JOINTS) for axis in ("x", "y", "score")))
HEADER = ",".join(COLUMNS) + "\n"
_NUMBER = r"-?[0-9]+(?:\.[0-9]+)?"
_LINE = re.compile(
    rf"{_NUMBER},[a-z_]+,[a-z_]*,(?:{_NUMBER})?,[01],{_NUMBER}"
    rf"(?:,(?:{_NUMBER},{_NUMBER},{_NUMBER}|,,0)){{{JOINTS}}}\n"
)
GAP_S = 3.0
"""After so long without a line nobody knows how somebody was in between."""


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


def line(row: Row) -> str:
    """One line of the file, with its end."""
    activity = row.body.activity
    w, h = row.size
    said = [f"{row.time:.3f}", row.body.posture.name]
    said += (
        ["", "", "0"] if activity is None else _activity(activity.kind, activity.since + row.ahead, activity.confirmed)
    )
    return ",".join([*said, f"{w / h:.4f}", *_joints((row.body.raw or row.body.pose).keypoints, w, h)]) + "\n"


def _activity(kind: str, since: float, confirmed: bool) -> list[str]:
    return [kind, f"{since:.3f}", str(int(confirmed))]


def _joints(keypoints: F32, w: int, h: int) -> Iterator[str]:
    for x, y, score in keypoints.tolist():
        if math.isfinite(x) and math.isfinite(y):
            yield f"{x / w:.4f},{y / h:.4f},{score:.2f}"
        else:
            yield ",,0"


def whole(text: str) -> str:
    """The part of a file that was written whole: up to the first line that is cut off or damaged; `` without a row."""
    if not text.startswith(HEADER):
        return ""
    end = len(HEADER)
    while found := _LINE.match(text, end):
        end = found.end()
    return text[:end] if end > len(HEADER) else ""


def told(text: str, most: int) -> dict[str, Any]:
    """A record as JSON: how somebody held themselves, what happened, and the joints themselves.

    Args:
        text: of the file
        most: frames that are given; of a longer record every so-many-th

    Returns:
        `format`, `fps` (of the whole record), `aspect`, `postures` [{`posture`, `from`, `to`}], a confirmed fall as
        the posture `fallen`; `activities` [{`kind`, `since`, `from`, `to`, `confirmed_at`}]; `frames` [{`time`,
        `keypoints`: [[x, y, score], ...]}], smoothed for the eye. Empty lists of a record that has no row.
    """
    rows = list(csv.DictReader(io.StringIO(whole(text))))
    times = [float(row["time"]) for row in rows]
    steps = sorted(b - a for a, b in pairwise(times))
    step = steps[len(steps) // 2] if steps else 0.0
    every = max(1, math.ceil(len(rows) / most))
    return {
        "format": "coco17",
        "fps": round(1 / step, 2) if step > 0 else None,
        "aspect": float(rows[0]["aspect"]) if rows else None,
        "postures": _postures(rows, times),
        "activities": _activities(rows, times),
        "frames": [
            {"time": time, "keypoints": _points(joints)}
            for time, joints in list(zip(times, _smoothed(rows, times), strict=True))[::every]
        ],
    }


def _smoothed(rows: Sequence[dict[str, str]], times: Sequence[float]) -> list[F32]:
    """The joints of each row, float32 (17, 3), in parts of the frame, calmed as those that are shown live."""
    if not rows:
        return []
    wide = np.array([float(rows[0]["aspect"]), 1.0, 1.0], np.float32)
    raw = np.array([[_joint(row, joint) for joint in range(JOINTS)] for row in rows], np.float32) * wide
    seen = (raw[:, :, 2] >= JOINT_SEEN) & np.isfinite(raw).all(axis=2)
    extents = [
        float(np.ptp(joints[found, :2], axis=0).max()) for joints, found in zip(raw, seen, strict=True) if found.any()
    ]
    smoother, height = Smoother(), max(np.percentile(extents, 90) if extents else 0.0, 0.01)
    return [smoother.smooth(joints, time, height) / wide for joints, time in zip(raw, times, strict=True)]


def _joint(row: dict[str, str], joint: int) -> tuple[float, float, float]:
    x, y = row[f"x{joint}"], row[f"y{joint}"]
    return float(x or "nan"), float(y or "nan"), float(row[f"score{joint}"])


def _points(joints: F32) -> list[list[float | None]]:
    return [[_number(x), _number(y), round(score, 2)] for x, y, score in joints.tolist()]


def _number(value: float) -> float | None:
    return round(value, 4) if math.isfinite(value) else None


def _postures(rows: Sequence[dict[str, str]], times: Sequence[float]) -> list[dict[str, Any]]:
    """Stretches of one posture, each up to where the next begins."""
    found: list[dict[str, Any]] = []
    for row, time in zip(rows, times, strict=True):
        name = "fallen" if row["activity"] == "fall" and row["confirmed"] == "1" else row["posture"]
        if found and time - found[-1]["to"] <= GAP_S:
            found[-1]["to"] = time
            if found[-1]["posture"] == name:
                continue
        found.append({"posture": name, "from": time, "to": time})
    return found


def _activities(rows: Sequence[dict[str, str]], times: Sequence[float]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for row, time in zip(rows, times, strict=True):
        if not row["activity"]:
            continue
        which = row["activity"], float(row["since"])
        if not found or (found[-1]["kind"], found[-1]["since"]) != which:
            found.append({"kind": which[0], "since": which[1], "from": time, "to": time, "confirmed_at": None})
        found[-1]["to"] = time
        if row["confirmed"] == "1" and found[-1]["confirmed_at"] is None:
            found[-1]["confirmed_at"] = time
    return found
