"""A trained look at the last two seconds of somebody's joints: whether they hold a fall, and whether the person lies.

The joints are put into the measure of the body and onto an even grid in time, so that neither the distance from the
camera nor the rate of looks matters. The network is trained by `edge train-posture`.
"""

from __future__ import annotations

import math
from typing import NamedTuple, Protocol

import numpy as np

from edge.engines.base import Runner
from edge.types import F32

RATE = 10.0
"""Steps a second."""
STEPS = 24
"""Of a window: 2.4 s, as long as a fall from the first lean to lying still takes, and a little more."""
_PARTS = ((0, 1, 2, 3, 4), (5, 6), (11, 12), (13, 14), (15, 16), (9, 10))
"""Head, shoulders, hips, knees, ankles, wrists: the middles of these joints say enough, and are right with left and
right mixed up."""
PARTS = len(_PARTS)
ROWS = 3 * PARTS + 2
"""Rows of a window: x and y of each part's middle, the scores, then how wide and how tall all joints together are."""
INPUT, OUTPUT = "window", "chances"
SHOULDERS = 1
_MEMBERS: F32 = np.zeros((PARTS, 17), np.float32)
for _row, _joints in enumerate(_PARTS):
    _MEMBERS[_row, list(_joints)] = 1 / len(_joints)
_FAR = 3.0
"""Statures from the middle of a window; what is further is a mistake."""
_SEEN = 0.15


class Chances(NamedTuple):
    """What a window shows, 0..1 each. fall: that there is a fall in it that has ended; lies: that the person lies at
    its end."""

    fall: float
    lies: float


class Window:
    """The newest joints of one person on an even grid in time. One thread.

    onset: when the shoulders left the height that they had in it, seconds; for one who has fallen
    """

    def __init__(self) -> None:
        self._rows: F32 = np.zeros((ROWS, STEPS), np.float32)
        self._fed: F32 = np.zeros((1, 1, ROWS, STEPS), np.float32)
        self._last: F32 | None = None
        self._time = -math.inf
        self._step = -math.inf

    def add(self, joints: F32, time: float) -> int:
        """Take in joints, float32 (17, 3), smoothed, in pixels, at a time in seconds; how many steps of the grid that
        completes."""
        now = _measured(joints, self._last)
        last, before = self._last, self._time
        if last is None or time - before > STEPS / RATE:
            self._rows[:] = now[:, None]
            self._rows[2 * PARTS : 3 * PARTS] = 0  # seen by nobody
            self._rows[:, -1] = now
            self._last, self._time, self._step = now, time, time
            return 1
        if time <= before:
            return 0
        count = int((time - self._step) * RATE + 1e-6)
        if count:
            parts = (self._step + np.arange(1, count + 1) / RATE - before) / (time - before)
            self._rows[:, :-count] = self._rows[:, count:]
            self._rows[:, -count:] = last[:, None] + (now - last)[:, None] * parts
            self._step += count / RATE
        self._last, self._time = now, time
        return count

    def fed(self, stature: float) -> F32:
        """What a network is fed, float32 (1, 1, ROWS, STEPS); overwritten by the next call.

        Args:
            stature: of the person, pixels.
        """
        rows, out = self._rows, self._fed[0, 0]
        size = 1 / max(stature, 1.0)
        xs, ys = rows[:PARTS], rows[PARTS : 2 * PARTS]
        np.multiply(xs - xs[2].mean(), size, out=out[:PARTS])
        np.multiply(ys - ys[2].mean(), size, out=out[PARTS : 2 * PARTS])
        out[2 * PARTS : 3 * PARTS] = rows[2 * PARTS : 3 * PARTS]
        np.multiply(rows[3 * PARTS :], size, out=out[3 * PARTS :])
        np.clip(out, -_FAR, _FAR, out=out)
        return self._fed

    def onset(self, stature: float) -> float:
        """When the shoulders were last as high as at any time in the window, seconds."""
        heights = self._rows[PARTS + SHOULDERS]
        high = np.flatnonzero(heights <= heights.min() + 0.08 * stature)
        return float(self._step - (STEPS - 1 - high[-1]) / RATE)


class Judge(Protocol):
    """What tells the chances of a window. One thread."""

    def __call__(self, window: F32) -> Chances:
        """Of a window, float32 (1, 1, ROWS, STEPS)."""
        ...


class Network:
    """A judge that is a model. It holds no memory of who is judged: one serves all people of a thread.

    Args:
        runner: has loaded a model of one input and one output, as `edge train-posture` writes it
    """

    def __init__(self, runner: Runner) -> None:
        self._runner = runner
        self._input, self._output = runner.inputs[0].name, runner.outputs[0].name

    def __call__(self, window: F32) -> Chances:
        """Of a window, float32 (1, 1, ROWS, STEPS). Raises EngineError where the back end fails."""
        fall, lies = self._runner.run({self._input: window})[self._output].ravel().tolist()
        return Chances(fall, lies)


def _measured(joints: F32, last: F32 | None) -> F32:
    """The rows of one look, float32 (ROWS,), in pixels; a part that is not there stays where it was, or is where the
    others are."""
    scores = joints[:, 2]
    known = scores > 0
    places = np.where(known[:, None], joints, 0)
    weights = _MEMBERS * np.where(known, scores + 1e-3, 0)
    total = weights.sum(axis=1)
    middles = weights @ places[:, :2]
    there = total > 0
    middles /= np.where(there, total, 1)[:, None]
    if not there.all():
        middles = _filled(middles, there, last)
    seen = places[scores >= _SEEN, :2]
    made = np.empty(ROWS, np.float32)
    made[: 2 * PARTS] = middles.T.ravel()
    made[2 * PARTS : 3 * PARTS] = _MEMBERS @ places[:, 2]
    made[3 * PARTS :] = seen.max(axis=0) - seen.min(axis=0) if len(seen) > 1 else 0
    return made


def _filled(middles: F32, there: np.ndarray[tuple[int], np.dtype[np.bool_]], last: F32 | None) -> F32:
    if last is not None:
        usual = last[: 2 * PARTS].reshape(2, PARTS).T
    else:
        usual = np.broadcast_to(middles[there].mean(axis=0) if there.any() else np.zeros(2, np.float32), middles.shape)
    return np.where(there[:, None], middles, usual).astype(np.float32)
