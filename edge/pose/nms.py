"""Pose NMS: of several poses of one person the best stays; people side by side are several.

Source: Fang et al., "RMPE: Regional Multi-Person Pose Estimation", arXiv 1612.00137, section 3.2, equations 8 to 10:
soft matching of joints, their distances, and elimination by a weighted sum of both. The numbers of `SamePose` are not
the paper's, which are learnt for its own detector: sums are parts of 1 here, so that poses with joints missing compare.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.types import F32
from edge.types.body import JOINT_SEEN


@dataclass(frozen=True, slots=True)
class SamePose:
    """When two poses are one person's.

    reach: how far apart two joints may lie to match, in longer sides of the better pose's box; the unit of distances
    sure: scale of a joint's score: about this and more is believed (sigma 1)
    spread: scale of squared distances (sigma 2)
    weight: what distances count beside matches (lambda)
    limit: from this similarity of 0..1 on, it is the same person (eta)
    """

    reach: float = 0.1
    sure: float = 0.3
    spread: float = 1.0
    weight: float = 1.0
    limit: float = 0.5


RMPE = SamePose()


def keep(keypoints: F32, scores: F32, boxes: F32, same: SamePose = RMPE) -> NDArray[np.intp]:
    """Which poses to keep, best first: each that is not the same as a better one.

    Args:
        keypoints: float32 (n, k, 3), x, y in pixels and a score; what is no number is no joint
        scores: float32 (n,)
        boxes: float32 (n, 4), x1 y1 x2 y2 around each, in pixels
    """
    left = np.argsort(-scores, kind="stable")
    kept: list[np.intp] = []
    while len(left):
        best, left = left[0], left[1:]
        kept.append(best)
        if len(left):
            size = float((boxes[best, 2:] - boxes[best, :2]).max())
            left = left[similarity(keypoints[best], keypoints[left], size, same) < same.limit]
    return np.array(kept, np.intp)


@np.errstate(invalid="ignore", over="ignore")
def similarity(pose: F32, others: F32, size: float, same: SamePose = RMPE) -> F32:
    """How much each of `others`, float32 (n, k, 3), is the pose, float32 (k, 3): float32 (n,), 0..1.

    Of poses of which one shows few joints, those few decide: half a person is the same person.

    Args:
        size: the longer side of the pose's box, pixels
    """
    has, has_others = _shown(pose[None])[0], _shown(others)
    both = has & has_others
    apart = np.linalg.norm(others[:, :, :2] - pose[:, :2], axis=2) / max(same.reach * size, 1e-6)
    sure = np.tanh(pose[:, 2] / same.sure) * np.tanh(others[:, :, 2] / same.sure) / np.tanh(1 / same.sure) ** 2
    matched = np.where(both & (apart <= 1), sure, 0).sum(axis=1)
    near = np.where(both, np.exp(-(apart**2) / same.spread), 0).sum(axis=1)
    fewer = np.maximum(np.minimum(has.sum(), has_others.sum(axis=1)), 1)
    return np.asarray((matched + same.weight * near) / ((1 + same.weight) * fewer), np.float32)


def _shown(poses: F32) -> NDArray[np.bool_]:
    """Which joints count, (n, k): those that are seen, and of poses without any all that have a place."""
    placed = np.isfinite(poses).all(axis=2)
    seen = placed & (poses[:, :, 2] >= JOINT_SEEN)
    return np.asarray(np.where(seen.any(axis=1, keepdims=True), seen, placed), np.bool_)
