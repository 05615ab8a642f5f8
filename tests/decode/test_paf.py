"""People put together from rendered maps: skeletons in, the same skeletons out."""

from __future__ import annotations

import numpy as np
import pytest

from edge.decode.paf import POINTS, PafSettings, people
from tests.support.skeleton_maps import H, W, group, rendered, right, skeleton


def test_skeletons_come_back_to_a_part_of_a_cell() -> None:
    rng, apart = np.random.default_rng(0), []
    for _ in range(20):
        person = skeleton(rng)
        (found,) = people(*rendered([person]))
        seen = (person[:, 2] > 0) & (found[:, 2] > 0)
        apart += list(np.linalg.norm(found[seen, :2] - person[seen, :2], axis=1))
    assert np.median(apart) < 0.1
    assert max(apart) < 1


@pytest.mark.parametrize("many", range(1, 9))
def test_nearly_all_limbs_of_a_crowd_are_put_together_right(many: int) -> None:
    good = total = 0
    for seed in range(25):
        rng = np.random.default_rng(100 * many + seed)
        crowd = group(rng, many)
        counted = right(crowd, people(*rendered(crowd), PafSettings(points=2)))
        good, total = good + counted[0], total + counted[1]
    assert good >= 0.99 * total


def test_empty_maps_are_nobody_and_rubbish_ends() -> None:
    assert people(np.zeros((19, H, W), np.float32), np.zeros((38, H, W), np.float32)).shape == (0, POINTS, 3)
    rng = np.random.default_rng(0)
    wild = people(rng.random((19, H, W)).astype(np.float32), rng.normal(size=(38, H, W)).astype(np.float32))
    assert np.isfinite(wild).all()
