"""What the network that judges falls makes of a window of joints before its first layer: the oracle, in NumPy.

`write` puts the same into the model's file.
"""

from __future__ import annotations

import numpy as np

from edge.posture.temporal import JOINTS
from edge.types import F32

MEMBERS = ((0, 1, 2, 3, 4), (5, 6), (11, 12), (13, 14), (15, 16), (9, 10))
"""Head, shoulders, hips, knees, ankles, wrists: the middles of these joints say enough, and are right with left and
right mixed up."""
PARTS, HIPS = len(MEMBERS), 2
ROWS = 3 * PARTS + 2
"""Rows of what is made: x of each part's middle and how wide all joints together are, y and how tall, the scores."""
LEAST = np.float32(1e-3)
"""Weight of a joint that nobody sees."""
MEAN: F32 = np.zeros((PARTS, JOINTS), np.float32)
"""Takes the mean of each part's joints, float32 (PARTS, 17)."""
for _row, _joints in enumerate(MEMBERS):
    MEAN[_row, list(_joints)] = 1 / len(_joints)


def measured(window: F32) -> F32:
    """The rows of a window, float32 (1, ROWS, STEPS), of float32 (3, 17, STEPS) as `Window.fed` gives it.

    Middles go by the scores, and are from the hips' mean place; lengths are in statures.
    """
    places, weight = window[:2], window[2] + LEAST
    score = MEAN @ weight
    middles = MEAN @ (places * weight) / score
    middles -= middles[:, HIPS : HIPS + 1].mean(axis=2, keepdims=True)
    span = places.max(axis=1, keepdims=True) - places.min(axis=1, keepdims=True)
    both = np.concatenate([middles, span], axis=1)
    return np.concatenate([both.reshape(2 * PARTS + 2, -1), score])[None]
