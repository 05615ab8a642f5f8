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
SHOULDERS, HIPS = 1, 2
_MEMBERS: F32 = np.zeros((PARTS, 17), np.float32)
for _row, _joints in enumerate(_PARTS):
    _MEMBERS[_row, list(_joints)] = 1 / len(_joints)
_LEAST = np.float32(1e-3)
"""Weight of a joint that nobody sees."""


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
        self._middle: F32 = np.zeros((ROWS, 1), np.float32)
        self._factor: F32 = np.ones((ROWS, 1), np.float32)
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
        span, rows = time - before, self._rows
        if count == 1:  # the usual case, in a third of the time
            self._step += 1 / RATE
            rows[:, :-1] = rows[:, 1:]
            rows[:, -1] = last + (now - last) * ((self._step - before) / span)
        elif count:
            parts = (self._step + np.arange(1, count + 1) / RATE - before) / span
            rows[:, :-count] = rows[:, count:]
            rows[:, -count:] = (last[:, None] + (now - last)[:, None] * parts)[:, -STEPS:]
            self._step += count / RATE
        self._last, self._time = now, time
        return count

    def fed(self, stature: float) -> F32:
        """What a network is fed, float32 (1, 1, ROWS, STEPS); overwritten by the next call.

        Args:
            stature: of the person, pixels.
        """
        rows, out = self._rows, self._fed[0, 0]
        self._middle[:PARTS] = np.add.reduce(rows[HIPS]) / STEPS
        self._middle[PARTS : 2 * PARTS] = np.add.reduce(rows[PARTS + HIPS]) / STEPS
        self._factor[: 2 * PARTS] = self._factor[3 * PARTS :] = 1 / max(stature, 1.0)
        np.subtract(rows, self._middle, out=out)
        np.multiply(out, self._factor, out=out)
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

    def close(self) -> None:
        """Give back the engine."""
        self._runner.close()


def _measured(joints: F32, last: F32 | None) -> F32:
    """The rows of one look, float32 (ROWS,), in pixels; a part that is not there stays where it was, or is where the
    others are."""
    made = np.empty(ROWS, np.float32)
    places, scores = joints[:, :2], joints[:, 2]
    mean = _MEMBERS @ scores
    middles = (_MEMBERS * (scores + _LEAST)) @ places / (mean + _LEAST)[:, None]
    span = np.maximum.reduce(places) - np.minimum.reduce(places)
    if not math.isfinite(span[0]):  # a joint that is not there: the usual case is done by then
        middles, span = _some(joints, last)
    made[: 2 * PARTS] = middles.T.ravel()
    made[2 * PARTS : 3 * PARTS] = mean
    made[3 * PARTS :] = span
    return made


def _some(joints: F32, last: F32 | None) -> tuple[F32, F32]:
    """Middles and span where not all joints are there."""
    there = np.isfinite(joints[:, 0])
    places = np.where(there[:, None], joints[:, :2], 0).astype(np.float32)
    weights = np.where(there, joints[:, 2] + _LEAST, 0).astype(np.float32)
    total = _MEMBERS @ weights
    middles = (_MEMBERS * weights) @ places / np.maximum(total, _LEAST / 100)[:, None]
    if last is not None:
        usual = last[: 2 * PARTS].reshape(2, PARTS).T
    else:
        usual = np.broadcast_to(places[there].mean(axis=0) if there.any() else np.zeros(2, np.float32), middles.shape)
    seen = places[there]
    span = np.maximum.reduce(seen) - np.minimum.reduce(seen) if len(seen) > 1 else np.zeros(2, np.float32)
    return np.where((total > 0)[:, None], middles, usual).astype(np.float32), np.asarray(span, np.float32)
