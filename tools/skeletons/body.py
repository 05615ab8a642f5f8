"""A body of seventeen joints in three dimensions: lengths of its parts, and where its joints are at given angles.

Axes: x to the right, y ahead, z up, of one who faces along y. Lengths are metres, angles degrees.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

F64 = NDArray[np.float64]

ANGLES = (
    "ahead", "aside", "spin", "heading", "flex", "bend", "twist", "nod",
    "hip_l", "hip_r", "open_l", "open_r", "knee_l", "knee_r",
    "arm_l", "arm_r", "wing_l", "wing_r", "elbow_l", "elbow_r",
    "lift", "x", "y",
)  # fmt: skip
"""What a body is bent by. ahead, aside: how far the pelvis leans, and where to; spin: about the body's own length;
heading: where it faces, from above and to the left; flex, bend, twist: of the torso, ahead, to the right, to the left;
nod: of the head; hip, knee, elbow: bending; arm: lifted ahead; open, wing: legs and arms spread; lift: how high the
lowest joint is held over the floor, x and y: where the feet are, all three in metres."""
AT = {name: place for place, name in enumerate(ANGLES)}
_BOTH = ("hip", "open", "knee", "arm", "wing", "elbow")

RADII = np.array([.1, .1, .1, .09, .09, .09, .09, .04, .04, .03, .03, .11, .11, .06, .06, .04, .04])  # fmt: skip
"""How far inside the flesh a joint lies, in metres for one of 1.75 m: so high it lies over the floor."""
USUAL = 1.75


@dataclass(frozen=True, slots=True)
class Build:
    """Lengths of a person, metres.

    torso: from between the hips to between the shoulders; neck: from there to the head's middle
    shoulders, hips: half the distance of the pair
    """

    stature: float
    torso: float
    neck: float
    shoulders: float
    hips: float
    thigh: float
    shin: float
    arm: float
    forearm: float


def build(random: np.random.Generator) -> Build:
    """Somebody of 1.2 to 1.95 m.

    Parts of the stature after Drillis and Contini, Body segment parameters, 1966, each a little off.
    """
    tall = float(np.clip(random.normal(1.7, 0.12), 1.2, 1.95))
    off = random.normal(1.0, 0.05, 8)
    parts = np.array([0.288, 0.115, 0.115, 0.058, 0.245, 0.246, 0.186, 0.146]) * np.clip(off, 0.88, 1.12)
    return Build(tall, *(tall * parts).tolist())


def pose(**angles: float) -> F64:
    """A bent body, float64 (len(ANGLES),); what is not named is 0. `hip=90` bends both."""
    made = np.zeros(len(ANGLES))
    for name in _BOTH:
        if name in angles:
            made[AT[f"{name}_l"]] = made[AT[f"{name}_r"]] = angles.pop(name)
    for name, value in angles.items():
        made[AT[name]] = value
    return made


def changed(base: F64, **angles: float) -> F64:
    """A body bent like another but for these angles."""
    named = pose(**angles)
    which = {side for name in angles for side in ((f"{name}_l", f"{name}_r") if name in _BOTH else (name,))}
    made: F64 = base.copy()
    for name in which:
        made[AT[name]] = named[AT[name]]
    return made


def joints(who: Build, angles: F64) -> F64:
    """Where the joints are, float64 (n, 17, 3) in metres, in COCO's order; the lowest lies on the floor or on `lift`.

    Args:
        angles: float64 (n, len(ANGLES)).
    """
    at = {name: angles[:, place] for name, place in AT.items()}
    pelvis = _turned(2, at["heading"]) @ _leaned(at["ahead"], at["aside"]) @ _turned(2, at["spin"])
    chest = pelvis @ _turned(0, -at["flex"]) @ _turned(1, at["bend"]) @ _turned(2, at["twist"])
    head = chest @ _turned(0, -at["nod"])
    made = np.zeros((len(angles), 17, 3))
    neck = chest[:, :, 2] * who.torso
    middle = neck + head[:, :, 2] * who.neck
    size = who.stature / USUAL
    for place, (right, ahead, up) in enumerate(_FACE):
        made[:, place] = middle + size * (right * head[:, :, 0] + ahead * head[:, :, 1] + up * head[:, :, 2])
    for side, sign, first in (("l", -1.0, 0), ("r", 1.0, 1)):
        shoulder = neck + sign * who.shoulders * chest[:, :, 0]
        elbow = shoulder + who.arm * _along(chest, sign, at[f"arm_{side}"], at[f"wing_{side}"])
        bent = at[f"arm_{side}"] + at[f"elbow_{side}"]
        wrist = elbow + who.forearm * _along(chest, sign, bent, at[f"wing_{side}"])
        hip = sign * who.hips * pelvis[:, :, 0]
        knee = hip + who.thigh * _along(pelvis, sign, at[f"hip_{side}"], at[f"open_{side}"])
        bent = at[f"hip_{side}"] - at[f"knee_{side}"]
        ankle = knee + who.shin * _along(pelvis, sign, bent, at[f"open_{side}"])
        for place, joint in ((5, shoulder), (7, elbow), (9, wrist), (11, hip), (13, knee), (15, ankle)):
            made[:, place + first] = joint
    feet = made[:, 15:17, :2].mean(axis=1)
    made[:, :, :2] += (np.column_stack([at["x"], at["y"]]) - feet)[:, None]
    lowest = (made[:, :, 2] - RADII * size).min(axis=1)
    made[:, :, 2] += (at["lift"] - lowest)[:, None]
    return made


_FACE = ((0, 0.1, 0), (-0.03, 0.085, 0.035), (0.03, 0.085, 0.035), (-0.075, 0, 0.01), (0.075, 0, 0.01))
"""Nose, eyes and ears from the head's middle, metres for one of `USUAL`: right, ahead, up."""


def _along(frame: F64, sign: float, ahead: F64, spread: F64) -> F64:
    """Where a limb points that hangs from a frame, float64 (n, 3)."""
    a, s = np.radians(ahead), np.radians(spread)
    local = np.stack([sign * np.sin(s), np.sin(a) * np.cos(s), -np.cos(a) * np.cos(s)], axis=1)
    return np.asarray((frame @ local[:, :, None])[:, :, 0])


def _turned(axis: int, degrees: F64) -> F64:
    """Rotations about a coordinate axis, float64 (n, 3, 3)."""
    angle = np.radians(degrees)
    cos, sin = np.cos(angle), np.sin(angle)
    made = np.zeros((len(angle), 3, 3))
    i, j = (axis + 1) % 3, (axis + 2) % 3
    made[:, axis, axis] = 1
    made[:, i, i] = made[:, j, j] = cos
    made[:, i, j], made[:, j, i] = -sin, sin
    return made


def _leaned(ahead: F64, aside: F64) -> F64:
    """Rotations that lean what stands towards y and x (Rodrigues' formula), float64 (n, 3, 3)."""
    far = np.hypot(ahead, aside)
    safe = np.where(far > 0, far, 1.0)
    x, y = -ahead / safe, aside / safe
    cross = np.zeros((len(far), 3, 3))
    cross[:, 0, 2], cross[:, 1, 2] = y, -x
    cross[:, 2, 0], cross[:, 2, 1] = -y, x
    angle = np.radians(far)[:, None, None]
    return np.asarray(np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross)
