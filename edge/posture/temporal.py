"""A trained look at the newest seconds of somebody's joints: whether they hold a fall, and whether the person lies.

The joints are put into the measure of the body and onto an even grid in time, so that neither the distance from the
camera nor the rate of looks matters. What the network makes of them before its first layer is part of its file. It is
trained by `edge train-posture`.
"""

from __future__ import annotations

import math
from typing import NamedTuple, Protocol

import numpy as np

from edge.engines.base import Runner
from edge.errors import EngineError
from edge.types import F32

RATE = 10.0
"""Steps a second."""
STEPS = 36
"""Of a window: 3.6 s, longer than a fall from the first lean to lying still, and than most ways of lying down."""
JOINTS = 17
INPUT, OUTPUT = "joints", "chances"
_SHOULDERS = [5, 6]
_ROUNDING = 1e-3
"""By so much a back end's chance may be beyond 0..1; no number at all is further."""


class Chances(NamedTuple):
    """What a window shows, 0..1 each. fall: that there is a fall in it that has ended; lies: that the person lies at
    its end."""

    fall: float
    lies: float


class Window:
    """The newest joints of one person on an even grid in time. One thread.

    begun: when the first of them were seen, seconds; what a window holds from before is where they were then
    """

    def __init__(self) -> None:
        self._joints: F32 = np.zeros((3, JOINTS, STEPS), np.float32)
        self._fed: F32 = np.zeros((1, 3, JOINTS, STEPS), np.float32)
        self._factor: F32 = np.ones((3, 1, 1), np.float32)
        self.begun = math.inf
        self._last: F32 | None = None
        self._time = -math.inf
        self._step = -math.inf

    def add(self, joints: F32, time: float) -> int:
        """Take in joints, float32 (17, 3), smoothed, in pixels, at a time in seconds; how many steps of the grid that
        completes."""
        now = joints.T.copy()
        if not math.isfinite(np.add.reduce(now, axis=None)):
            if self._last is None and not np.isfinite(now).all(axis=0).any():
                return 0  # nobody was ever seen
            now = _whole(now, self._last)
        last, before, held = self._last, self._time, self._joints
        if last is None or time - before > STEPS / RATE:
            held[:] = now[:, :, None]
            held[2, :, :-1] = 0  # seen by nobody
            self._last, self._time, self._step, self.begun = now, time, time, time
            return 1
        if time <= before:
            return 0
        count = int((time - self._step) * RATE + 1e-6)
        span = time - before
        if count == 1:  # the usual case, in half the time
            self._step += 1 / RATE
            held[:, :, :-1] = held[:, :, 1:]
            held[:, :, -1] = last + (now - last) * ((self._step - before) / span)
        elif count:
            parts = (self._step + np.arange(1, count + 1) / RATE - before) / span
            held[:, :, :-count] = held[:, :, count:]
            held[:, :, -count:] = (last[:, :, None] + (now - last)[:, :, None] * parts)[:, :, -STEPS:]
            self._step += count / RATE
        self._last, self._time = now, time
        return count

    def fed(self, stature: float) -> F32:
        """What a network is fed, float32 (1, 3, 17, STEPS): x, y in statures of the person, from the picture's corner,
        and the scores; overwritten by the next call.

        Args:
            stature: of the person, pixels.
        """
        self._factor[:2] = 1 / max(stature, 1.0)
        np.multiply(self._joints, self._factor, out=self._fed[0])
        return self._fed

    def onset(self, stature: float) -> float:
        """When the shoulders left the height that they had in the window, seconds; of one who has fallen."""
        heights = self._joints[1, _SHOULDERS].mean(axis=0)
        high = np.flatnonzero(heights <= heights.min() + 0.08 * stature)
        return float(self._step - (STEPS - 1 - high[-1]) / RATE)


class Judge(Protocol):
    """What tells the chances of a window. One thread."""

    def __call__(self, window: F32) -> Chances:
        """Of a window, float32 (1, 3, 17, STEPS), as `Window.fed` gives it."""
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
        """Of a window, float32 (1, 3, 17, STEPS). Raises EngineError where the back end fails, or what it gives is
        anything but two chances."""
        given = self._runner.run({self._input: window})[self._output].ravel().tolist()
        if len(given) != 2 or not all(-_ROUNDING <= one <= 1 + _ROUNDING for one in given):
            few = ", ".join(f"{one:.3g}" for one in given[:2])
            raise EngineError(f"{self._runner.name}: gives {few} in {len(given)} numbers: no two chances, 0..1")
        return Chances(*given)

    def close(self) -> None:
        """Give back the engine."""
        self._runner.close()


def _whole(now: F32, last: F32 | None) -> F32:
    """Joints, float32 (3, 17), of which those that are not there stay where they were, or are where the others are;
    nobody sees them."""
    there = np.isfinite(now).all(axis=0)
    if last is None:
        last = np.zeros_like(now)
        last[:2] = now[:2, there].mean(axis=1, keepdims=True)
    made = np.where(there, now, last)
    made[2] = np.where(there, now[2], 0)
    return made
