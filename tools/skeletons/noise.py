"""How a pose model gets joints wrong: it shakes, loses what is hidden, mixes up left and right, and is worst on those
who lie."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.tools.skeletons.body import AT, F64

PAIRS = np.array([0, 2, 1, 4, 3, 6, 5, 8, 7, 10, 9, 12, 11, 14, 13, 16, 15])
"""Each joint's counterpart of the other side."""


@dataclass(frozen=True, slots=True)
class Flaws:
    """How bad a model is with one person in one clip. Lengths are parts of the stature as it is seen.

    shake: from look to look; drift: slowly
    grain: pixels, from look to look: of somebody far away it is more than the shake
    lying: how many times worse it is with who lies
    lost: part of the looks without anybody, from one who stands and one who lies
    wild: part of the looks with joints anywhere, at one who stands and one who lies
    swaps: part of the looks with left and right mixed up
    lag: seconds by which joints come after the body, as with models that go by the look before
    sure: the usual score
    doubt: what part of it is lost on a joint that is hidden, and on one who lies: some models are sure of everything
    """

    shake: float
    drift: float
    grain: float
    lying: float
    lost: tuple[float, float]
    wild: tuple[float, float]
    swaps: float
    lag: float
    sure: float
    doubt: tuple[float, float]


GOOD = Flaws(
    shake=0.004,
    drift=0.006,
    grain=0.3,
    lying=1.0,
    lost=(0.0, 0.0),
    wild=(0.0, 0.0),
    swaps=0.0,
    lag=0.0,
    sure=0.95,
    doubt=(0.0, 0.0),
)
"""Those of a model that sees people as they are."""


def flaws(random: np.random.Generator) -> Flaws:
    """A good model, a bad one, or what lies between."""
    bad = random.uniform(0, 1) ** 1.5
    u = random.uniform
    return Flaws(
        shake=0.004 + 0.02 * bad,
        drift=0.006 + 0.02 * bad,
        grain=u(0.2, 0.6 + 3.0 * bad),
        lying=u(1, 3),
        lost=(0.04 * bad * u(0, 1), 0.5 * bad * u(0, 1)),
        wild=(0.08 * bad * u(0, 1), 0.2 * bad * u(0, 1)),
        swaps=0.06 * bad * u(0, 1),
        lag=max(0.0, u(-0.1, 0.12)),
        sure=u(0.5, 1.0),
        doubt=(u(0, 0.7), max(0.0, u(-0.4, 0.5))),
    )


def spoilt(
    random: np.random.Generator, times: F64, seen: F64, upright: F64, size: tuple[int, int], flaw: Flaws
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Joints as a model might have given them, and in which looks it found somebody.

    Args:
        times: float64 (n,), seconds
        seen: float64 (n, 17, 3), x, y in pixels and distance in metres, as a camera sees them
        upright: float64 (n,), how upright the torso is, 1 standing to 0 lying

    Returns:
        float32 (n, 17, 3), x, y in pixels and a score, and bool (n,).
    """
    count = len(seen)
    tall = _stature(seen)
    worse = 1 + (flaw.lying - 1) * (1 - upright)
    depth = seen[:, :, 2] - seen[:, :, 2].mean(axis=1, keepdims=True)
    hidden = np.clip(depth / 0.25, 0, 1) * (0.5 + 0.5 * random.random((1, 17)))
    scores = flaw.sure * (1 - flaw.doubt[0] * hidden) * (1 - flaw.doubt[1] * (1 - upright))[:, None]
    scores = np.clip(scores + random.normal(0, 0.15, (count, 17)) * (1 - flaw.sure * 0.95), 0.02, 1)
    spread = tall * worse[:, None, None] * (1 + 2 * hidden[:, :, None])
    slow = _drift(random, count) * flaw.drift
    places = seen[:, :, :2] + spread * (random.normal(0, 1, (count, 17, 2)) * flaw.shake + slow)
    places += random.normal(0, flaw.grain, (count, 17, 2))
    places = _late(places, times, flaw.lag)
    scores, places = _cut_off(random, scores, places, size, tall)
    joints = np.concatenate([places, scores[:, :, None]], axis=2)
    swapped = random.random(count) < flaw.swaps
    joints[swapped] = joints[swapped][:, PAIRS]
    wild = random.random(count) < flaw.wild[0] + (flaw.wild[1] - flaw.wild[0]) * (1 - upright)
    noise = random.normal(0, 0.25, (count, 17, 2)) * tall
    joints[wild, :, :2] += noise[wild]
    joints[wild, :, 2] *= 0.6
    out = random.random((count, 17)) < 0.02 + 0.05 * flaw.lost[1]
    joints[:, :, 2] = np.where(out, joints[:, :, 2] * 0.2, joints[:, :, 2])
    found = ~_gaps(random, times, flaw.lost[0] + (flaw.lost[1] - flaw.lost[0]) * (1 - upright))
    found &= (joints[:, :, 2] >= 0.2).sum(axis=1) >= 4
    return joints.astype(np.float32), found


def uprightness(points: F64) -> F64:
    """1 of a torso that stands, 0 of one that lies; points: float64 (n, 17, 3) in metres."""
    torso = points[:, 5:7].mean(axis=1) - points[:, 11:13].mean(axis=1)
    return np.asarray(np.clip(torso[:, 2] / np.linalg.norm(torso, axis=1), 0, 1))


def lies(points: F64, lift: F64, stature: float) -> NDArray[np.bool_]:
    """Whether somebody lies: shoulders low over what they lie on, and a torso that is level; bool (n,)."""
    torso = points[:, 5:7].mean(axis=1) - points[:, 11:13].mean(axis=1)
    level = torso[:, 2] < 0.6 * np.linalg.norm(torso, axis=1)
    return np.asarray(level & ((points[:, 5:7, 2].mean(axis=1) - lift) < 0.3 * stature))


def lift_of(angles: F64) -> F64:
    """How high what somebody is on lies over the floor, metres, float64 (n,)."""
    return np.asarray(angles[:, AT["lift"]])


def _stature(seen: F64) -> F64:
    """The size of the body in the picture, pixels, float64 (n, 1, 1): what one of its length and distance takes."""
    ends = seen[:, :, :2]
    reach = np.linalg.norm(ends.max(axis=1) - ends.min(axis=1), axis=1)
    return np.asarray(np.maximum(np.median(reach), reach)[:, None, None])


def _drift(random: np.random.Generator, count: int) -> F64:
    """Errors that last: float64 (n, 17, 2) of size 1, a walk that is drawn back."""
    made = np.empty((count, 17, 2))
    last = random.normal(0, 1, (17, 2))
    for step in range(count):
        last = 0.9 * last + 0.436 * random.normal(0, 1, (17, 2))
        made[step] = last
    return made


def _late(places: F64, times: F64, lag: float) -> F64:
    """Places that follow where they are to be, `lag` seconds behind (a low-pass of the first order)."""
    if lag <= 0:
        return places
    made: F64 = places.copy()
    for look in range(1, len(places)):
        part = 1 - np.exp(-(times[look] - times[look - 1]) / lag)
        made[look] = made[look - 1] + part * (places[look] - made[look - 1])
    return made


def _cut_off(
    random: np.random.Generator, scores: F64, places: F64, size: tuple[int, int], tall: F64
) -> tuple[F64, F64]:
    """Beyond the picture a model guesses, mostly near its edge."""
    least, most = np.zeros(2), np.array(size, np.float64)
    outside = np.asarray(((places < least) | (places > most)).any(axis=2))
    inside = np.clip(places, least, most) + random.normal(0, 0.03, places.shape) * tall
    draw = random.random() < 0.5
    places = np.where(outside[:, :, None] & draw, inside, places)
    return np.where(outside, scores * random.uniform(0.1, 0.5), scores), places


def _gaps(random: np.random.Generator, times: F64, chance: F64) -> NDArray[np.bool_]:
    """Looks without anybody, up to a second in a row; bool (n,)."""
    made = np.zeros(len(chance), np.bool_)
    until = -1.0
    for look, part in enumerate(chance):
        if times[look] >= until and random.random() < part / 3:
            until = times[look] + random.exponential(0.25)
        made[look] = times[look] < until
    return made
