"""Tensors without a number in them are told as no head's, or hold nothing: never a fault of NumPy."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper

from edge.decode import TABLE, head
from edge.decode.head import Shape
from edge.engines.base import EngineOptions
from edge.errors import ModelError
from edge.models import catalogue
from edge.models.manifest import Manifest, to_toml
from edge.opening import open_predictor
from edge.preprocess import Fit
from tests.support.heads import FAMILIES, INPUT
from tests.support.nets import onnx_file
from tests.support.pose_heads import POSE_FAMILIES
from tests.support.raw_heads import RAW_FAMILIES

CLASSIFIER = Manifest("mine", "classify", "classes", INPUT, {"scores": "scores"}, min_score=0.0)
REGRESSION = Manifest("mine", "values", "values", INPUT, {"values": "values"})
MOVENET = Manifest("mine", "pose", "movenet", INPUT, {"keypoints": "keypoints"}, min_score=0.3)


def known(name: str) -> Manifest:
    entry = catalogue.by_name(name)
    assert entry is not None
    return entry.manifest


CASES: dict[str, tuple[Manifest, dict[str, tuple[int, ...]]]] = {
    "classes": (CLASSIFIER, {"scores": (1, 10)}),
    "classes, logits": (replace(CLASSIFIER, softmax=True), {"scores": (1, 10, 1, 1)}),
    "classes, no batch": (CLASSIFIER, {"scores": (10,)}),
    "values": (REGRESSION, {"values": (1, 3)}),
    "movenet": (MOVENET, {"keypoints": (1, 1, 17, 3)}),
    "blazepose-detector": (known("pose-detection"), {"boxes": (1, 2254, 12), "scores": (1, 2254, 1)}),
    "blazepose-landmarks": (known("pose-landmark-full"), {"landmarks": (1, 195), "presence": (1, 1)}),
    "yolox": (known("yolox-nano"), {"predictions": (1, 3549, 85)}),
    "fastestdet": (known("fastestdet"), {"grid": (1, 85, 22, 22)}),
    "tflite-ssd": (
        known("ssd-mobilenet-v1"),
        {"boxes": (1, 10, 4), "classes": (1, 10), "scores": (1, 10), "count": (1,)},
    ),
    "graph-ssd": (
        replace(known("ssd-mobilenet-v1"), decoder="graph-ssd"),
        {"boxes": (1, 10, 4), "classes": (1, 10), "scores": (1, 10), "count": (1,)},
    ),
    **{
        name: (made.manifest, {role: a.shape for role, a in made.encode(np.zeros((0, 6)), made.manifest).items()})
        for name, made in (FAMILIES | RAW_FAMILIES).items()
    },
    **{
        name: (made.manifest, {role: a.shape for role, a in made.encode(np.zeros((0, 17, 3)), made.manifest).items()})
        for name, made in POSE_FAMILIES.items()
    },
}


def emptied(shapes: dict[str, tuple[int, ...]]) -> list[dict[str, tuple[int, ...]]]:
    """The shapes with one axis of one tensor at 0, and with one axis of all at 0."""
    places = [(role, axis) for role, shape in shapes.items() for axis in range(len(shape))]
    alone = [{**shapes, role: _without(shapes[role], axis)} for role, axis in places]
    deepest = max(len(shape) for shape in shapes.values())
    return alone + [{role: _without(shape, axis) for role, shape in shapes.items()} for axis in range(deepest)]


def _without(shape: tuple[int, ...], axis: int) -> tuple[int, ...]:
    return tuple(0 if number == axis else size for number, size in enumerate(shape))


def test_every_head_is_tried() -> None:
    assert {manifest.decoder for manifest, _ in CASES.values()} == set(TABLE)


@pytest.mark.parametrize("case", CASES)
def test_an_empty_tensor_is_told_or_nothing_is_seen(case: str) -> None:
    manifest, shapes = CASES[case]
    family, fit = head(manifest), Fit.of((640, 480), manifest.input)
    for given in emptied(shapes):
        told: dict[str, Shape] = dict(given)
        if family.misfit(told, manifest) is None:
            outputs = {role: np.ones(shape, np.float32) for role, shape in given.items()}
            assert len(family.decode(outputs, manifest, fit, 0.3)) == 0, given


@pytest.mark.parametrize("softmax", [False, True])
def test_a_classifier_that_gives_nothing_is_one_line(softmax: bool, tmp_path: Path) -> None:
    """Of how many numbers it gives the file says nothing: it is seen at the first picture."""
    path = onnx_file(
        tmp_path / "mine.onnx",
        [
            helper.make_node("ReduceMean", ["images"], ["mean"], axes=[1, 2, 3], keepdims=0),
            helper.make_node("Compress", ["mean", "none"], ["few"], axis=0),
            helper.make_node("Unsqueeze", ["few", "first"], ["scores"]),
        ],
        {"images": (INPUT.shape, TensorProto.FLOAT)},
        {"scores": ((1, "classes"), TensorProto.FLOAT)},
        {"none": np.array([False]), "first": np.array([0], np.int64)},
    )
    path.with_suffix(".toml").write_text(to_toml(replace(CLASSIFIER, softmax=softmax)), encoding="utf-8")
    predictor = open_predictor(str(path), "onnxruntime", EngineOptions(threads=1))
    with pytest.raises(ModelError, match=r"`scores` has shape \(1, 0\), but the head wants one number a class") as said:
        predictor.predict(np.full((48, 64, 3), 90, np.uint8))
    assert "\n" not in str(said.value)
    predictor.close()
