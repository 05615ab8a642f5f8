"""Whatever a model says, scores are within 0..1, best first, and none of them is no number."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest

from edge.decode import TABLE, head
from edge.models import catalogue
from edge.models.manifest import Manifest
from edge.types import F32, Detections, Poses
from tests.decode.test_more_heads import ALL
from tests.support.heads import FIT, INPUT, LABELS, manifest
from tests.support.pose_heads import POSE_FAMILIES, person

BOXES = np.array([(40, 50, 120, 150, 0.8, 3), (200, 210, 300, 320, 0.7, 5)], np.float64)
READY = ("boxes", "classes", "scores", "count")


def ready() -> dict[str, F32]:
    """Ten boxes of an SSD whose graph decodes them itself."""
    return {
        "boxes": np.tile(np.array([0.1, 0.1, 0.6, 0.6], np.float32), (1, 10, 1)),
        "classes": np.arange(10, dtype=np.float32)[None],
        "scores": np.linspace(0.9, 0.5, 10, dtype=np.float32)[None],
        "count": np.array([10], np.float32),
    }


def known(name: str) -> Manifest:
    entry = catalogue.by_name(name)
    assert entry is not None
    return entry.manifest


ONE = ("predictions",)
HEADS: dict[str, tuple[Manifest, Mapping[str, F32]]] = {
    name: (family.manifest, family.encode(BOXES, family.manifest)) for name, family in ALL.items()
} | {
    "tflite-ssd": (manifest("tflite-ssd", READY), ready()),
    "graph-ssd": (manifest("graph-ssd", READY), ready()),
    "yolox": (manifest("yolox", ONE, strides=(8, 16, 32)), {"predictions": np.full((1, 3549, 17), 0.9, np.float32)}),
    "fastestdet": (manifest("fastestdet", ("grid",)), {"grid": np.full((1, 17, 13, 13), 0.9, np.float32)}),
    "movenet": (
        Manifest("movenet", "pose", "movenet", INPUT, {"keypoints": 0}),
        {"keypoints": np.full((1, 1, 17, 3), 0.9, np.float32)},
    ),
    "blazepose-detector": (
        known("pose-detection"),
        {"boxes": np.full((1, 2254, 12), 50, np.float32), "scores": np.full((1, 2254, 1), 2, np.float32)},
    ),
    "blazepose-landmarks": (
        known("pose-landmark-full"),
        {"landmarks": np.full((1, 195), 50, np.float32), "presence": np.full((1, 1), 0.9, np.float32)},
    ),
    **{
        name: (family.manifest, family.encode(np.stack([person(20, 20, 150), person(200, 190, 150)]), family.manifest))
        for name, family in POSE_FAMILIES.items()
    },
}
LEFT_OUT = {"classes", "values"}
"""Heads whose numbers are the model's own."""


def test_every_head_with_scores_is_looked_at() -> None:
    assert {given.decoder for given, _ in HEADS.values()} == set(TABLE) - LEFT_OUT


@pytest.mark.parametrize("wrong", [1.5, 1e5, 3e38, np.inf, -1e5, np.nan])
@pytest.mark.parametrize("name", HEADS)
def test_scores_are_within_0_and_1_whatever_a_model_says(name: str, wrong: float) -> None:
    given, outputs = HEADS[name]
    random = np.random.default_rng(7)
    for share in (1, 0.3, 0.01):
        spoilt = {
            role: np.where(random.random(array.shape) < share, np.float32(wrong), array)
            for role, array in outputs.items()
            if role not in ("classes", "count")
        }
        if given.decoder == "yolo-end2end":  # a class without a label is told, and no detection
            spoilt["predictions"][..., 5] = outputs["predictions"][..., 5]
        seen = head(given).decode({**outputs, **spoilt}, given, FIT, 0.3)
        assert isinstance(seen, Detections | Poses)
        told = seen.scores if isinstance(seen, Detections) else np.append(seen.scores, seen.keypoints[..., 2])
        assert seen.scores.dtype == np.float32
        assert ((told >= 0) & (told <= 1)).all()
        assert (np.diff(seen.scores) <= 0).all()


def test_the_better_of_two_boxes_stays_though_both_score_above_1() -> None:
    given, outputs = HEADS["yolov8"]
    predictions = np.zeros_like(outputs["predictions"])
    predictions[0, :4, :2] = np.array([(100, 100, 40, 40), (102, 100, 40, 40)]).T
    predictions[0, 4, :2] = (2, 3)
    seen = head(given).decode({"predictions": predictions}, replace(given, labels=LABELS), FIT, 0.3)
    assert seen.scores.tolist() == [1]
    np.testing.assert_allclose(seen.boxes[:, 0], [82 * 2])
