"""Random skeletons of OpenPose's eighteen points, and the maps that a perfect model would make of them."""

from __future__ import annotations

import numpy as np

from edge.types import F32

POINTS = (
    "nose", "neck", "right shoulder", "right elbow", "right wrist", "left shoulder", "left elbow", "left wrist",
    "right hip", "right knee", "right ankle", "left hip", "left knee", "left ankle", "right eye", "left eye",
    "right ear", "left ear",
)  # fmt: skip
"""In the order of the COCO model's maps, before that of the background."""
FIELDS = """
    neck > right hip, right hip > right knee, right knee > right ankle,
    neck > left hip, left hip > left knee, left knee > left ankle,
    neck > right shoulder, right shoulder > right elbow, right elbow > right wrist, right shoulder > right ear,
    neck > left shoulder, left shoulder > left elbow, left elbow > left wrist, left shoulder > left ear,
    neck > nose, nose > right eye, nose > left eye, right eye > right ear, left eye > left ear
"""
"""In the order of its fields, x and y each, as the demo of the paper's authors takes them from the model's output: not
by the decoder's own tables, which would be right whatever they say."""
LIMBS = tuple((POINTS.index(a.strip()), POINTS.index(b.strip())) for a, b in (s.split(">") for s in FIELDS.split(",")))
H = W = 46
SIGMA = 0.9  # cells: 7 pixels of 368
APART = 3.0
"""Cells; two peaks that are nearer become one."""


def skeleton(rng: np.random.Generator) -> F32:
    """A person of random size, place, lean and limbs, in cells; some points hidden."""
    size = rng.uniform(10, 30)
    top = np.array([rng.uniform(4, W - 4), rng.uniform(2, H - size)])
    down = np.array([[0, .08], [0, .2], [-.11, .2], [-.15, .36], [-.14, .5], [.11, .2], [.15, .36], [.14, .5],
                     [-.07, .5], [-.08, .74], [-.08, .97], [.07, .5], [.08, .74], [.08, .97], [-.025, .06],
                     [.025, .06], [-.06, .07], [.06, .07]])  # fmt: skip
    lean = rng.uniform(-0.5, 0.5)
    turn = np.array([[np.cos(lean), -np.sin(lean)], [np.sin(lean), np.cos(lean)]])
    points = top + (down + rng.normal(0, 0.015, down.shape)) * size @ turn.T
    seen = (rng.random(len(POINTS)) > 0.08) & (points >= 0).all(1) & (points <= (W - 1, H - 1)).all(1)
    return np.column_stack([points, seen]).astype(np.float32)


def group(rng: np.random.Generator, many: int) -> list[F32]:
    """People of whom those in front hide the others: a point that lies as near to the same one of somebody in front as
    the maps can tell them apart is not to be seen."""
    crowd: list[F32] = []
    for _ in range(many):
        person = skeleton(rng)
        for front in crowd:
            near = np.linalg.norm(person[:, :2] - front[:, :2], axis=1) < APART
            person[near & (front[:, 2] > 0), 2] = 0
        crowd.append(person)
    return crowd


def rendered(crowd: list[F32]) -> tuple[F32, F32]:
    """Maps as the model is trained on: Gaussians at points, unit vectors along limbs (equations 6 to 9)."""
    y, x = np.mgrid[:H, :W].astype(np.float32)
    heat, fields, count = np.zeros((len(POINTS), H, W)), np.zeros((38, H, W)), np.zeros((38, H, W))
    for person in crowd:
        for part, (px, py, seen) in enumerate(person):
            if seen:
                heat[part] = np.maximum(heat[part], np.exp(-((x - px) ** 2 + (y - py) ** 2) / (2 * SIGMA**2)))
        for (a, b), channel in zip(LIMBS, range(0, 38, 2), strict=True):
            if not (person[a, 2] and person[b, 2]):
                continue
            way = person[b, :2] - person[a, :2]
            length = max(float(np.hypot(*way)), 1e-6)
            unit = way / length
            along = (x - person[a, 0]) * unit[0] + (y - person[a, 1]) * unit[1]
            across = np.abs((x - person[a, 0]) * unit[1] - (y - person[a, 1]) * unit[0])
            on = (along >= -1) & (along <= length + 1) & (across <= 1)
            for axis in (0, 1):
                fields[channel + axis][on] += unit[axis]
                count[channel + axis][on] += 1
    return heat.astype(np.float32), (fields / np.maximum(count, 1)).astype(np.float32)


def right(crowd: list[F32], found: F32) -> tuple[int, int]:
    """How many limbs of those that are to be seen have both ends in one person that is found, and how many there are.

    Of somebody whose neck is hidden nothing ties the arms to the legs: two persons then, and each of their limbs is
    right.
    """
    good = total = 0
    for person in crowd:
        near = [_same(person, other) for other in found]
        for a, b in LIMBS:
            if person[a, 2] and person[b, 2]:
                total += 1
                good += any(one[a] and one[b] for one in near)
    return good, total


def _same(person: F32, other: F32) -> np.ndarray:
    apart = np.linalg.norm(person[:, :2] - other[:, :2], axis=1)
    return (person[:, 2] > 0) & (other[:, 2] > 0) & (apart < 1.0)
