"""Part affinity fields: whose joint is whose, for all people of a picture at once.

Source: Cao et al., "OpenPose: Realtime Multi-Person 2D Pose Estimation using Part Affinity Fields", arXiv 1812.08008,
section 3.3 (equations 10 and 11: a limb's worth is the integral of the field along it) and 3.4 (greedy matching limb by
limb). Points, limbs and channels are those of its COCO model: 18 points, 19 limbs of two channels each.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np

from edge.types import F32

POINTS = 18
LIMBS = (
    (1, 2), (1, 5), (2, 3), (3, 4), (5, 6), (6, 7), (1, 8), (8, 9), (9, 10), (1, 11), (11, 12), (12, 13), (1, 0),
    (0, 14), (14, 16), (0, 15), (15, 17), (2, 16), (5, 17),
)  # fmt: skip
"""From which point to which, in the order in which people are put together: from the neck outwards."""
CHANNELS = (12, 20, 14, 16, 22, 24, 0, 2, 4, 6, 8, 10, 28, 30, 34, 32, 36, 18, 26)
"""The first of each limb's two channels, x and then y."""
_EARS = 17
"""From this limb on, one only adds to people that there are: it ties an ear to a shoulder."""
_SAMPLES = 10
_STEPS: F32 = np.linspace(0, 1, _SAMPLES, dtype=np.float32)[:, None]
_MOST = 32
"""Candidates of one point that are looked at; the work grows with the square."""


@dataclass(frozen=True, slots=True)
class PafSettings:
    """What is believed.

    peak: confidence of a point
    along: the field along a limb counts where it is above this
    share: so much of a limb must count
    points: people of fewer points are none
    """

    peak: float = 0.1
    along: float = 0.05
    share: float = 0.8
    points: int = 4


def people(heat: F32, fields: F32, settings: PafSettings | None = None) -> F32:
    """Who is there: float32 (n, 18, 3), x and y in cells of the maps and a score; a score of 0 is no point.

    Args:
        heat: float32 (18 or more, h, w), how sure each cell is of each point
        fields: float32 (38, h, w), the direction of each limb where it is
    """
    settings = settings or PafSettings()
    found = _peaks(heat[:POINTS], settings.peak)
    persons: list[dict[int, int]] = []
    for k, ((a, b), channel) in enumerate(zip(LIMBS, CHANNELS, strict=True)):
        for i, j in _limbs(found[a], found[b], fields[channel : channel + 2], settings):
            _tie(persons, (a, i), (b, j), starts=k < _EARS)
    kept = [person for person in persons if len(person) >= settings.points]
    out = np.zeros((len(kept), POINTS, 3), np.float32)
    for person, row in zip(kept, out, strict=True):
        for part, index in person.items():
            row[part] = found[part][index]
    return out


def _peaks(heat: F32, least: float) -> list[F32]:
    """Local maxima of each map, float32 (n, 3): x, y to a part of a cell, height; the best first, at most `_MOST`."""
    around = np.pad(heat, ((0, 0), (1, 1), (1, 1)), mode="edge")
    across = np.maximum(np.maximum(around[:, :, :-2], around[:, :, 1:-1]), around[:, :, 2:])
    highest = np.maximum(np.maximum(across[:, :-2], across[:, 1:-1]), across[:, 2:])
    parts, rows, columns = np.nonzero((heat >= highest) & (heat > least))
    y, x = rows + 1, columns + 1
    middle = around[parts, y, x]
    right = _vertex(around[parts, y, x - 1], middle, around[parts, y, x + 1])
    down = _vertex(around[parts, y - 1, x], middle, around[parts, y + 1, x])
    peaks = np.column_stack([columns + right, rows + down, middle]).astype(np.float32)
    order = np.lexsort((-middle, parts))
    ends = np.searchsorted(parts, np.arange(len(heat) + 1))
    return [peaks[order[start:end]][:_MOST] for start, end in pairwise(ends)]


def _vertex(before: F32, middle: F32, after: F32) -> F32:
    """Where the parabola through three neighbours has its top, -0.5..0.5 from the middle one."""
    bend = before - 2 * middle + after
    offset = np.where(bend < 0, 0.5 * (before - after) / np.where(bend < 0, bend, -1), 0)
    return np.asarray(offset.clip(-0.5, 0.5), np.float32)


def _limbs(a: F32, b: F32, field: F32, settings: PafSettings) -> list[tuple[int, int]]:
    """Which point of `a` belongs to which of `b`: the best limb first, each point in one alone (equation 13 ff.)."""
    if not len(a) or not len(b):
        return []
    way = b[None, :, :2] - a[:, None, :2]
    length = np.linalg.norm(way, axis=2)
    unit = way / np.maximum(length, 1e-6)[..., None]
    at = (a[:, None, None, :2] + way[:, :, None] * _STEPS).reshape(-1, _SAMPLES, 2).astype(np.float32)
    along = sum(
        cv2.remap(field[axis], at[..., 0], at[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        * unit[..., axis].reshape(-1, 1)
        for axis in (0, 1)
    )
    h = field.shape[1]
    # A limb that is longer than half of the picture is rather two people's.
    worth = np.asarray(along).mean(axis=1).reshape(length.shape) + np.minimum(0.5 * h / np.maximum(length, 1e-6) - 1, 0)
    counts = (np.asarray(along) > settings.along).mean(axis=1).reshape(length.shape)
    good = (counts >= settings.share) & (worth > 0) & (length > 0)
    rows, columns = np.nonzero(good)
    pairs: list[tuple[int, int]] = []
    used: tuple[set[int], set[int]] = set(), set()
    for n in np.argsort(-worth[rows, columns], kind="stable"):
        i, j = int(rows[n]), int(columns[n])
        if i not in used[0] and j not in used[1]:
            pairs.append((i, j))
            used[0].add(i)
            used[1].add(j)
    return pairs


def _tie(persons: list[dict[int, int]], a: tuple[int, int], b: tuple[int, int], *, starts: bool) -> None:
    """Put a limb to the person that has one of its ends; two persons that it joins become one, if they can."""
    has = [person for person in persons if person.get(a[0]) == a[1] or person.get(b[0]) == b[1]]
    if not has:
        if starts:
            persons.append({a[0]: a[1], b[0]: b[1]})
        return
    first = has[0]
    if len(has) == 2 and not first.keys() & has[1].keys():
        first.update(has[1])
        persons.remove(has[1])
        return
    for part, index in (a, b):
        first.setdefault(part, index)
