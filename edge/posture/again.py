"""Recorded joints, one person's, judged again without any picture."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from edge.posture.person import Person
from edge.posture.settings import PostureSettings
from edge.posture.temporal import Judge
from edge.posture.verdict import JudgeName
from edge.types import F32, Activity, Pose, Posture

HEIGHT = 1000.0
"""Pixels of the frame that the record is judged in: what is measured does not depend on it."""


@dataclass(frozen=True, slots=True)
class Told:
    """What a record tells: the posture at each row with the row's time, and the activities, by their onset.

    Of activities there are those that were confirmed, and those that went on at the end.
    """

    postures: tuple[tuple[float, Posture], ...]
    activities: tuple[Activity, ...]


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
