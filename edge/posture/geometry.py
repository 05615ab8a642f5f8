"""What joints say in a body's own measure: how high shoulders and hips are over the floor, how far a torso leans.

A camera sees neither metres nor the floor. Both are learned from the person while upright: the floor is where the
ankles are, and the height follows from what stands between them and the shoulders, or from the lengths of torso and
legs, which foreshortening only shortens. Parts of the stature after Drillis and Contini, Body segment parameters, 1966.

A camera that looks down from near by sees legs too short beside the torso: what they measure while straight is taken
for their length.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from statistics import median

import numpy as np

from edge.types import F32, JOINT_SEEN, Pose

SHOULDERS, HIPS, KNEES, ANKLES, HEAD = slice(5, 7), slice(11, 13), slice(13, 15), slice(15, 17), slice(0, 5)
TORSO, LEG, STAND, HIP = 0.288, 0.491, 0.78, 0.491
"""Shoulders to hips, hips to ankles along the leg, shoulders over ankles, hips over ankles: parts of the stature."""
SURE = 0.3
UPRIGHT = 35.0
_STRAIGHT = 0.43
"""Of legs that stand, beside the torso: from near and above they seem so short at most."""
_SAME, _GUESS = 0.85, 0.55
"""How much of their height somebody keeps who stands; the same while that is a guess by the limbs."""
_RISES = 0.35
"""By how much the feet of one who goes away rise in the picture for each pixel of height lost: at least the camera's
height over the stature, .8 m of 1.95 m."""
_THIGH, _KNEEL = 0.38, 0.72
"""The thighs' part of that: a half. Of one who sits on a chair before a camera that looks down by an angle it is
tan / (1 + tan): as much as this only from 31 degrees on, where the legs seem as long beside the torso as of one who
stands. Of one who kneels it is nearly all."""
_WHOLE = 0.75
"""Of a torso that is up, at least so much is seen: what seems shorter lies along the camera's view."""
_DWARF = 0.3
"""Of their lengths: of one who lies along the camera's view some limbs still lie across it."""
_DWARF_LEAVING = 0.5
_LIMBS = (
    (5, 11, 0.288), (6, 12, 0.288), (11, 13, 0.245), (12, 14, 0.245), (13, 15, 0.246), (14, 16, 0.246),
    (5, 7, 0.186), (6, 8, 0.186), (7, 9, 0.146), (8, 10, 0.146),
)  # fmt: skip
"""Two joints each, and how far apart they are at most, as a part of the stature."""
_NEWEST = 45
_LEAST = 8.0


@dataclass(frozen=True, slots=True)
class Shape:
    """A body in its own measure at one time. What cannot be known is not a number.

    shoulders, hips: their heights over the floor, parts of the stature
    lean: of the torso from upright, degrees, 0..180
    torso: how long the torso seems, parts of the stature: .29 of one that is not turned towards the camera or away
    legs: how much of the legs' length hips are over ankles, 0..1: 1 of straight legs that stand
    under: how far ankles and hips are apart sideways, parts of the stature
    thighs: how much knees are below hips, parts of the stature
    span: width over height of the box around the joints
    sure: the lesser score of shoulders and hips
    height: the stature, pixels
    floor: where the floor is under the person, pixels from the top
    """

    shoulders: float
    hips: float
    lean: float
    torso: float
    legs: float
    under: float
    thighs: float
    span: float
    sure: float
    height: float
    floor: float


class Body:
    """Learns one person's measures. One thread."""

    def __init__(self, frame_height: float) -> None:
        self._limbs: deque[float] = deque(maxlen=_NEWEST)
        self._height: float | None = None
        self._floor: float | None = None
        self._feet: float | None = None
        self._legs = 1.0
        self._usual = frame_height / 2

    @property
    def height(self) -> float:
        """The stature, pixels: half of the frame's height before anything is known."""
        return self._height or (median(self._limbs) if self._limbs else self._usual)

    def dwarfs(self, pose: Pose, *, leaving: bool = False) -> bool:
        """Whether a pose's limbs are together much shorter than this person's were: something else, where they have
        left; leaving: which is likely, since they reach over its side."""
        if self._height is None:
            return False
        joints = pose.keypoints
        whole = 0.0
        long = 0.0
        for a, b, part in _LIMBS:
            if joints[a, 2] >= JOINT_SEEN and joints[b, 2] >= JOINT_SEEN:
                whole += part * self._height
                long += _length(joints[a, :2], joints[b, :2])
        return whole > 0 and long < (_DWARF_LEAVING if leaving else _DWARF) * whole

    def measure(self, joints: F32, tilt: float) -> Shape:
        """What joints, float32 (17, 3), say where what stands upright leans to the right by `tilt` degrees."""
        turned = _level(joints, tilt)
        shoulders, hips, knees, ankles = (_middle(turned[part]) for part in (SHOULDERS, HIPS, KNEES, ANKLES))
        torso = shoulders - hips
        lean = abs(math.degrees(math.atan2(torso[0], -torso[1]))) if np.isfinite(torso).all() else math.nan
        self._learn(turned, shoulders, hips, knees, ankles, lean)
        height = max(self.height, _LEAST)
        up = lean <= UPRIGHT and _length(shoulders, hips) >= _WHOLE * TORSO * height
        floor = self._floor_of(turned, hips, up=up)
        seen = turned[turned[:, 2] >= SURE / 2, :2]
        wide, tall = np.ptp(seen, axis=0) if len(seen) > 1 else (math.nan, math.nan)
        down = float(ankles[1] - hips[1])
        return Shape(
            shoulders=float(floor - shoulders[1]) / height,
            hips=float(floor - hips[1]) / height / self._legs,
            lean=lean,
            torso=_length(shoulders, hips) / height,
            legs=down / (LEG * height) / self._legs,
            under=abs(float(ankles[0] - hips[0])) / height,
            thighs=float(knees[1] - hips[1]) / height / self._legs,
            span=float(wide / max(tall, 1e-6)),
            sure=float(min(turned[SHOULDERS, 2].max(), turned[HIPS, 2].max())),
            height=height,
            floor=floor,
        )

    def _learn(self, turned: F32, shoulders: F32, hips: F32, knees: F32, ankles: F32, lean: float) -> None:
        """The stature by the limbs' lengths; of one who is upright by how tall they stand, and the floor there."""
        sure = [turned[part, 2].max() >= SURE for part in (SHOULDERS, HIPS, KNEES, ANKLES)]
        torso = _length(shoulders, hips) / TORSO if all(sure[:2]) else math.nan
        leg = (_length(hips, knees) + _length(knees, ankles)) / LEG if all(sure[1:]) else math.nan
        limbs = max((length for length in (torso, leg) if math.isfinite(length)), default=math.nan)
        if math.isfinite(limbs) and limbs >= _LEAST:
            self._limbs.append(limbs)
        if not lean <= UPRIGHT or turned[HIPS, 2].max() < SURE or turned[SHOULDERS, 2].max() < SURE:
            return
        feet = turned[ANKLES, 2].max() >= SURE
        stands = (ankles[1] - hips[1]) / (LEG / TORSO * max(_length(shoulders, hips), 1e-6)) if feet else math.nan
        down, thigh = ankles[1] - hips[1], knees[1] - hips[1]
        if feet and stands >= _STRAIGHT and _THIGH * down <= thigh <= _KNEEL * down:
            tall, floor = float(ankles[1] - shoulders[1]) / STAND, float(ankles[1])
            if self._shrinks(tall, floor):
                return
            self._height = tall if self._height is None else self._height + 0.2 * (tall - self._height)
            self._floor = floor
            legs = min(max(float(down) / (LEG * tall), 0.5), 1.0)
            self._legs += 0.2 * (legs - self._legs)
        elif not feet and self._height is None:
            self._floor = None

    def _shrinks(self, tall: float, floor: float) -> bool:
        """Whether somebody who looks upright is much smaller than before without having gone away: who goes moves up in
        the picture; who stays, and shrinks, lies along the camera's view."""
        if self._floor is None:
            return tall < _GUESS * self.height
        return tall < _SAME * self.height and self._floor - floor < _RISES * (self.height - tall)

    def _floor_of(self, turned: F32, hips: F32, *, up: bool) -> float:
        """Where the floor is under the person: at the feet of one who is up; where it was, of one who is not."""
        feet = turned[ANKLES]
        lowest = feet[feet[:, 2] >= SURE, 1]
        if up and len(lowest):
            self._feet = float(lowest.max())
            return self._feet
        if self._floor is not None:
            return self._floor
        if self._feet is not None:
            return self._feet
        if len(lowest):
            return float(lowest.max())
        if up and np.isfinite(hips[1]):
            return float(hips[1] + HIP * self.height)
        seen = turned[turned[:, 2] >= SURE, 1]
        return float(seen.max()) if len(seen) else math.nan


class Level:
    """How a camera is turned about its axis, learned from people who walk: on average they lean neither way. One
    thread.

    tilt: degrees by which what stands upright leans to the right, where that was set
    """

    def __init__(self, tilt: float | None = None) -> None:
        self._set = tilt
        self._seen: deque[float] = deque(maxlen=400)

    @property
    def tilt(self) -> float:
        """Degrees by which what stands upright leans to the right; 0 before enough people have walked by."""
        if self._set is not None:
            return self._set
        return median(self._seen) if len(self._seen) >= _WALKED else 0.0

    def walked(self, joints: F32) -> None:
        """Somebody walks upright, with these joints."""
        way = _middle(joints[SHOULDERS]) - _middle(joints[ANKLES])
        if np.isfinite(way).all():
            lean = math.degrees(math.atan2(way[0], -way[1]))
            if abs(lean) <= _MOST_TILT:
                self._seen.append(lean)


_WALKED, _MOST_TILT = 60, 40.0


def _level(joints: F32, tilt: float) -> F32:
    """The joints as an upright camera would see them."""
    if not tilt:
        return joints
    angle = math.radians(-tilt)
    turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]], np.float32)
    return np.column_stack([joints[:, :2] @ turn.T, joints[:, 2]]).astype(np.float32)


def _middle(joints: F32) -> F32:
    """The middle of a pair by their scores, float32 (2,); nan where neither is there."""
    weights = np.where(np.isfinite(joints[:, 0]), joints[:, 2], 0)
    total = weights.sum()
    if total <= 0:
        return np.full(2, np.nan, np.float32)
    return np.asarray((np.nan_to_num(joints[:, :2]) * weights[:, None]).sum(axis=0) / total, np.float32)


def _length(a: F32, b: F32) -> float:
    return float(math.hypot(*(a - b)))
