"""The joints of one person over time: calmed, held while they are hidden, and kept from jumping.

What is measured is in parts of the body's own size, so that one setting serves a person across the street and one
before the camera.
"""

from __future__ import annotations

import math

import numpy as np

from edge.pose.euro import OneEuro
from edge.types import F32, JOINT_SEEN, NO_JOINTS

CUTOFF = 1.5
"""Hz: of joints at rest. A model's noise is a few parts of a hundred of the body, at every frame."""
BETA = 4.0
"""Hz per body height a second: at the speed of a fall, 1.5 heights a second, the filter is 15 ms late."""
HOLD_S = 0.5
"""Seconds after which the score of a joint that is not seen has fallen to a third."""
FASTEST = 8.0
"""Body heights a second: no joint moves faster, a fist 5; what does, is another's, or a mistake."""
PATIENCE = 3
"""How many looks in a row a joint may be elsewhere before it is believed to be there."""
PAIRS = np.array([0, 2, 1, 4, 3, 6, 5, 8, 7, 10, 9, 12, 11, 14, 13, 16, 15])
"""Each point's counterpart of the other side."""


class Smoother:
    """Smooths one person's joints. One thread."""

    def __init__(self) -> None:
        self._euro = OneEuro(CUTOFF, BETA, 1.0)
        self._last: F32 = NO_JOINTS.copy()
        self._raw: F32 = NO_JOINTS.copy()
        self._strikes = np.zeros(len(NO_JOINTS), np.int64)
        self._time = -math.inf

    def smooth(self, keypoints: F32 | None, time: float, height: float) -> F32:
        """The joints at a time, float32 (17, 3) as in `Pose`.

        Args:
            keypoints: as a model gave them; None where it found nobody
            time: seconds, later than before
            height: of the body, about, pixels
        """
        dt = time - self._time
        if keypoints is None:
            keypoints = NO_JOINTS
        if dt <= 0:
            return self._last
        given = self._unswapped(keypoints, height)
        seen = self._believed(given, dt, height)
        places = np.where(seen[:, None], given[:, :2], np.nan)
        calm = self._euro.smooth(np.asarray(places, np.float32), time, height)
        fading = self._last[:, 2] * (math.exp(-dt / HOLD_S) if math.isfinite(dt) else 0.0)
        scores = np.where(seen, given[:, 2], fading)
        scores[~np.isfinite(calm[:, 0])] = 0
        self._time, self._last = time, np.column_stack([calm, scores]).astype(np.float32)
        return self._last

    def _unswapped(self, keypoints: F32, height: float) -> F32:
        """With left and right exchanged where the whole body would else have turned about within one look."""
        before, both = self._raw[:, :2], np.isfinite(self._raw[:, 0]) & (keypoints[:, 2] >= JOINT_SEEN)
        both &= both[PAIRS]
        if np.count_nonzero(both) < 6:
            return keypoints
        there = np.linalg.norm(keypoints[both, :2] - before[both], axis=1).mean()
        across = np.linalg.norm(keypoints[PAIRS][both, :2] - before[both], axis=1).mean()
        return keypoints[PAIRS] if across < 0.4 * there and there > 0.05 * height else keypoints

    def _believed(self, keypoints: F32, dt: float, height: float) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        """Which joints are seen where a joint can be."""
        seen = (keypoints[:, 2] >= JOINT_SEEN) & np.isfinite(keypoints[:, :2]).all(axis=1)
        if math.isfinite(dt):
            way = np.linalg.norm(keypoints[:, :2] - self._raw[:, :2], axis=1) / height
            leaps = seen & (way > FASTEST * max(dt, 1 / 30)) & (self._strikes < PATIENCE)
            self._strikes = np.where(leaps, self._strikes + 1, 0)
            seen &= ~leaps
        self._raw = np.where(seen[:, None], keypoints, self._raw)
        return seen
