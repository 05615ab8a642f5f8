"""What a record of joints tells the page: how somebody held themselves, what happened, and the joints themselves."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from edge.pose import record
from edge.pose.record import Line
from edge.pose.smooth import Smoother
from edge.types import F32, JOINT_SEEN

GAP_S = 3.0
"""After so long without a line nobody knows how somebody was in between."""


def told(text: str, most: int) -> dict[str, Any]:
    """A record as JSON.

    Args:
        text: of the file
        most: frames that are given; of a longer record every so-many-th

    Returns:
        `format`, `fps` (of the whole record), `aspect`, `postures` [{`posture`, `from`, `to`}], a confirmed fall as
        the posture `fallen`; `activities` [{`kind`, `since`, `from`, `to`, `confirmed_at`}]; `frames` [{`time`,
        `keypoints`: [[x, y, score], ...]}], smoothed for the eye. Empty lists of a record that has no row.
    """
    lines = list(record.lines(text))
    steps = sorted(b.time - a.time for a, b in pairwise(lines))
    step = steps[len(steps) // 2] if steps else 0.0
    every = max(1, math.ceil(len(lines) / most))
    return {
        "format": "coco17",
        "fps": round(1 / step, 2) if step > 0 else None,
        "aspect": lines[0].aspect if lines else None,
        "postures": _postures(lines),
        "activities": _activities(lines),
        "frames": [
            {"time": line.time, "keypoints": _points(joints)}
            for line, joints in list(zip(lines, _smoothed(lines), strict=True))[::every]
        ],
    }


def _smoothed(lines: Sequence[Line]) -> list[F32]:
    """The joints of each line, float32 (17, 3), in parts of the frame, calmed as those that are shown live."""
    if not lines:
        return []
    wide = np.array([lines[0].aspect, 1.0, 1.0], np.float32)
    raw = np.stack([line.joints for line in lines]) * wide
    seen = (raw[:, :, 2] >= JOINT_SEEN) & np.isfinite(raw).all(axis=2)
    extents = [
        float(np.ptp(joints[found, :2], axis=0).max()) for joints, found in zip(raw, seen, strict=True) if found.any()
    ]
    smoother, height = Smoother(), max(np.percentile(extents, 90) if extents else 0.0, 0.01)
    return [smoother.smooth(joints, line.time, height) / wide for joints, line in zip(raw, lines, strict=True)]


def _points(joints: F32) -> list[list[float | None]]:
    return [[_number(x), _number(y), round(score, 2)] for x, y, score in joints.tolist()]


def _number(value: float) -> float | None:
    return round(value, 4) if math.isfinite(value) else None


def _postures(lines: Sequence[Line]) -> list[dict[str, Any]]:
    """Stretches of one posture, each up to where the next begins."""
    found: list[dict[str, Any]] = []
    for line in lines:
        name = "fallen" if line.activity == "fall" and line.confirmed else line.posture
        if found and line.time - found[-1]["to"] <= GAP_S:
            found[-1]["to"] = line.time
            if found[-1]["posture"] == name:
                continue
        found.append({"posture": name, "from": line.time, "to": line.time})
    return found


def _activities(lines: Sequence[Line]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for line in lines:
        if not line.activity:
            continue
        which = line.activity, line.since
        if not found or (found[-1]["kind"], found[-1]["since"]) != which:
            found.append({"kind": which[0], "since": which[1], "from": line.time, "to": line.time})
            found[-1]["confirmed_at"] = None
        found[-1]["to"] = line.time
        if line.confirmed and found[-1]["confirmed_at"] is None:
            found[-1]["confirmed_at"] = line.time
    return found
