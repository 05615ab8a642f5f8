"""How well, and how fast, people are put together from OpenPose's maps."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from time import perf_counter

import numpy as np

from bench.table import Row, at_least
from edge.decode import head
from edge.decode.paf import PafSettings, people
from edge.models.manifest import Manifest
from edge.preprocess import Fit, Input
from tests.support.skeleton_maps import H, W, group, rendered, right

SCENES = 40
"""Of each number of people, 1 to 8."""
MOST = 8
TIMED = (1, 4, 8)
RUNS = 5


def openpose() -> Iterator[Row]:
    """Limbs right on rendered maps of people who hide one another, and the time of the whole head."""
    for many in range(1, MOST + 1):
        good = total = 0
        for seed in range(SCENES):
            crowd = group(np.random.default_rng(1000 * many + seed), many)
            counted = right(crowd, people(*rendered(crowd), PafSettings(points=2)))
            good, total = good + counted[0], total + counted[1]
        persons = "person" if many == 1 else "people, some hidden behind others"
        yield at_least(f"OpenPose, {many} {persons}: limbs right, of {total}", 100 * good / total, 99, " %")
    made = Input("images", 8 * W, 8 * H, layout="NCHW", dtype="float32")
    manifest = Manifest("bench", "pose", "openpose", made, {"maps": 0}, min_score=0.3)
    decode, fit = head(manifest).decode, Fit.of((1280, 720), made)
    for many in TIMED:
        taken = []
        for seed in range(SCENES):
            heat, fields = rendered(group(np.random.default_rng(1000 * many + seed), many))
            background = 1 - heat.max(axis=0, keepdims=True)
            maps = np.concatenate([heat, background, fields])[None].astype(np.float32)
            for _ in range(RUNS):
                begun = perf_counter()
                decode({"maps": maps}, manifest, fit, 0.3)
                taken.append(perf_counter() - begun)
        yield Row(
            f"OpenPose, maps of {W} x {H} x 57, {many} in the picture", f"{statistics.median(taken) * 1e3:.1f} ms"
        )
