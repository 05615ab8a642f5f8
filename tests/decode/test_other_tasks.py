"""Classes, values and poses: what is put into their tensors comes out, from an array and through an engine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from onnx import TensorProto, helper

from edge.decode import classes, head, movenet, values
from edge.decode.head import Shape
from edge.detector import open_detector
from edge.doctor.model import check_model
from edge.engines.base import EngineOptions, Feed, TensorSpec
from edge.errors import ModelError
from edge.models.manifest import Manifest, to_toml
from edge.models.store import Model
from edge.opening import open_predictor
from edge.predictor import Predictor
from edge.preprocess import Fit, Input
from edge.types import Classes, Poses, Values
from tests.support.nets import onnx_file, saying

ONE = EngineOptions(threads=1)

INPUT = Input("images", 32, 32, layout="NCHW", dtype="float32")
FIT = Fit.of((640, 480), INPUT)
LABELS = tuple("abcdefghij")
CLASSIFIER = Manifest("mine", "classify", "classes", INPUT, {"scores": "scores"}, LABELS, min_score=0.0)
REGRESSION = Manifest("mine", "values", "values", INPUT, {"values": "values"})
MOVENET = Manifest("mine", "pose", "movenet", INPUT, {"keypoints": "keypoints"}, min_score=0.3)
IMAGE = np.full((480, 640, 3), 90, np.uint8)

unit = st.floats(0, 1, width=32)


@given(
    scores=arrays(np.float32, st.sampled_from([(1, 10), (10,), (1, 10, 1, 1)]), elements=unit), top=st.integers(1, 12)
)
def test_the_best_classes_come_out_best_first(scores: Any, top: int) -> None:
    seen = classes.decode({"scores": scores}, replace(CLASSIFIER, top=top), FIT, 0.0)
    assert (seen.classes.dtype, seen.scores.dtype) == (np.int32, np.float32)
    np.testing.assert_array_equal(seen.scores, np.sort(scores.ravel())[::-1][:top])
    np.testing.assert_array_equal(scores.ravel()[seen.classes], seen.scores)


@given(logits=arrays(np.float32, (1, 10), elements=st.floats(-1e4, 1e4, width=32)))
def test_logits_become_probabilities(logits: Any) -> None:
    seen = classes.decode({"scores": logits}, replace(CLASSIFIER, softmax=True, top=10), FIT, 0.0)
    assert seen.scores.sum() == pytest.approx(1, abs=1e-4)
    assert logits[0, seen.classes[0]] == pytest.approx(logits.max(), abs=1e-3)


def test_classes_below_the_threshold_are_left_out() -> None:
    scores = np.array([[0.1, 0.6, 0.3, *[0] * 7]], np.float32)
    seen = classes.decode({"scores": scores}, CLASSIFIER, FIT, 0.2)
    assert seen.classes.tolist() == [1, 2]


@pytest.mark.parametrize("softmax", [False, True])
@given(bits=arrays(np.uint32, (1, 10)))
def test_scores_of_rubbish_are_no_crash_and_never_told(softmax: bool, bits: Any) -> None:
    given_ = replace(CLASSIFIER, softmax=softmax)
    seen = classes.decode({"scores": bits.view(np.float32)}, given_, FIT, 0.0)
    assert np.isfinite(seen.scores).all()
    assert (np.diff(seen.scores) <= 0).all()


@given(numbers=arrays(np.float32, st.sampled_from([(1, 1), (3,), (1, 2, 2)]), elements=st.floats(width=32)))
def test_values_are_the_tensor_row_by_row_and_their_own(numbers: Any) -> None:
    seen = values.decode({"values": numbers}, REGRESSION, FIT, 0.4)
    np.testing.assert_array_equal(seen.values, numbers.ravel())
    assert not np.shares_memory(seen.values, numbers)


@settings(deadline=None)
@given(rows=arrays(np.float32, (17, 3), elements=st.floats(0.0625, 0.9375, width=32)), letterbox=st.booleans())
def test_keypoints_come_out_as_pixels_of_the_frame(rows: Any, letterbox: bool) -> None:
    """Those in the padding lie beyond it: where a leg goes on tells how somebody stands. The box ends at the frame."""
    fit = Fit.of((640, 480), replace(INPUT, fit="letterbox", anchor="centre") if letterbox else INPUT)
    seen = movenet.decode({"keypoints": rows.reshape(1, 1, 17, 3)}, MOVENET, fit, 0.0)
    assert seen.keypoints.shape == (1, 17, 3)
    x, y = rows[:, 1] * 32, rows[:, 0] * 32
    np.testing.assert_allclose(seen.keypoints[0, :, 0], (x - fit.left) * 640 / fit.width, atol=0.05)
    np.testing.assert_allclose(seen.keypoints[0, :, 1], (y - fit.top) * 480 / fit.height, atol=0.05)
    np.testing.assert_array_equal(seen.keypoints[0, :, 2], rows[:, 2])
    assert seen.scores[0] == pytest.approx(rows[:, 2].mean(), abs=1e-5)
    sure = seen.keypoints[0, seen.keypoints[0, :, 2] >= 0.2, :2]
    if len(sure) > 1:
        box = np.clip([*sure.min(axis=0), *sure.max(axis=0)], 0, [640, 480, 640, 480])
        np.testing.assert_array_equal(seen.boxes[0], box)


@pytest.mark.parametrize("rubbish", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("column", [0, 2])
def test_a_pose_of_rubbish_is_none(rubbish: float, column: int) -> None:
    rows = np.full((1, 1, 17, 3), 0.5, np.float32)
    assert len(movenet.decode({"keypoints": rows}, MOVENET, FIT, 0.3)) == 1
    rows[..., 4, column] = rubbish
    assert len(movenet.decode({"keypoints": rows}, MOVENET, FIT, 0.3)) == 0
    assert len(movenet.decode({"keypoints": np.full((1, 1, 17, 3), 0.29, np.float32)}, MOVENET, FIT, 0.3)) == 0


@pytest.mark.parametrize(
    ("manifest", "role", "good", "bad"),
    [
        (CLASSIFIER, "scores", [(1, 10), (None, 10), (10,), (1, 10, 1, 1)], [(2, 10), (), (1, 10, 2)]),
        (REGRESSION, "values", [(1, 1), (), (3, 4)], []),
        (MOVENET, "keypoints", [(1, 1, 17, 3), (None, 1, 17, 3)], [(1, 6, 56), (1, 1, 17, 2), (17, 3)]),
    ],
)
def test_shapes_that_are_not_the_heads_are_told(
    manifest: Manifest, role: str, good: list[Shape], bad: list[Shape]
) -> None:
    family = head(manifest)
    assert [family.misfit({role: shape}, manifest) for shape in good] == [None] * len(good)
    for shape in bad:
        assert f"`{role}` has shape {shape}" in str(family.misfit({role: shape}, manifest))


def model(tmp_path: Path, manifest: Manifest, outputs: Mapping[str, Any]) -> str:
    path = saying(tmp_path / "mine.onnx", INPUT.shape, outputs)
    path.with_suffix(".toml").write_text(to_toml(manifest), encoding="utf-8")
    return str(path)


@pytest.mark.parametrize("engine", ["onnxruntime", "openvino"])
def test_models_of_every_task_speak_through_an_engine(engine: str, tmp_path: Path) -> None:
    scores = np.array([[0, 0.2, 0.7, *[0.01] * 7]], np.float32)
    with_labels = open_predictor(model(tmp_path, CLASSIFIER, {"scores": scores}), engine, ONE)
    seen = with_labels.predict(IMAGE)
    assert isinstance(seen, Classes)
    assert [with_labels.names[kind] for kind in seen.classes[:2]] == ["c", "b"]
    numbers = np.array([[0.12, -3]], np.float32)
    seen = open_predictor(model(tmp_path, REGRESSION, {"values": numbers}), engine, ONE).predict(IMAGE)
    assert isinstance(seen, Values)
    np.testing.assert_array_equal(seen.values, numbers[0])
    points = np.full((1, 1, 17, 3), 0.5, np.float32)
    poser = open_predictor(model(tmp_path, MOVENET, {"keypoints": points}), engine, ONE)
    seen = poser.predict(IMAGE)
    assert isinstance(seen, Poses)
    np.testing.assert_allclose(seen.keypoints[0], np.tile([320, 240, 0.5], (17, 1)), atol=0.01)
    assert type(poser.twin()) is Predictor


@pytest.mark.parametrize(
    ("manifest", "says"),
    [
        (replace(CLASSIFIER, labels=LABELS[:9]), "its head has 10 classes, but the manifest has 9 labels"),
        (replace(CLASSIFIER, task="detect"), "its task is `detect`, but the decoder `classes` is for `classify`"),
        (replace(CLASSIFIER, outputs={"classes": 0}), "names no output `scores`"),
    ],
)
def test_a_classifier_that_does_not_fit_is_one_line(manifest: Manifest, says: str, tmp_path: Path) -> None:
    path = model(tmp_path, manifest, {"scores": np.zeros((1, 10), np.float32)})
    with pytest.raises(ModelError, match=says) as fault:
        open_predictor(path, "onnxruntime", ONE)
    assert "\n" not in str(fault.value)


def test_cameras_want_a_model_that_detects(tmp_path: Path) -> None:
    path = model(tmp_path, CLASSIFIER, {"scores": np.zeros((1, 10), np.float32)})
    with pytest.raises(ModelError, match="mine is for the task `classify`, and cameras need one that detects"):
        open_detector(path, "onnxruntime", ONE)
    (finding,) = check_model({"model": {"name": path}, "camera": [{"labels": ["a"]}]})
    assert "cameras need one that detects" in finding.message


def test_labels_are_a_classifiers_to_leave_out(tmp_path: Path) -> None:
    path = model(tmp_path, replace(CLASSIFIER, labels=()), {"scores": np.eye(10, dtype=np.float32)[3:4]})
    seen = open_predictor(path, "onnxruntime", ONE).predict(IMAGE)
    assert isinstance(seen, Classes)
    assert seen.classes[0] == 3


def quantizing(path: Path, scores: Any, scale: float, zero: int) -> str:
    """A graph that gives its scores as uint8."""
    nodes = [
        helper.make_node("ReduceMean", ["images"], ["mean"], keepdims=0),
        helper.make_node("Mul", ["mean", "nought"], ["nothing"]),
        helper.make_node("Add", ["values", "nothing"], ["real"]),
        helper.make_node("QuantizeLinear", ["real", "scale", "zero"], ["scores"]),
    ]
    weights = {
        "nought": np.zeros(1, np.float32),
        "values": scores,
        "scale": np.array(scale, np.float32),
        "zero": np.array(zero, np.uint8),
    }
    inputs = {"images": (INPUT.shape, TensorProto.FLOAT)}
    return str(onnx_file(path, nodes, inputs, {"scores": (scores.shape, TensorProto.UINT8)}, weights))


@pytest.mark.parametrize("engine", ["onnxruntime", "openvino"])
def test_integer_outputs_become_real_by_the_manifest(engine: str, tmp_path: Path) -> None:
    scores = np.array([[0, 0.2, 0.7, *[0.01] * 7]], np.float32)
    path = Path(quantizing(tmp_path / "mine.onnx", scores, 1 / 200, 3))
    for quantized in ({}, {"scores": (1 / 200, 3)}):
        manifest = replace(CLASSIFIER, quantized=quantized)
        path.with_suffix(".toml").write_text(to_toml(manifest), encoding="utf-8")
        if not quantized:
            with pytest.raises(ModelError, match=rf"`scores` is uint8, and {engine} does not tell its scale: say"):
                open_predictor(str(path), engine, ONE)
            continue
        seen = open_predictor(str(path), engine, ONE).predict(IMAGE)
        assert isinstance(seen, Classes)
        np.testing.assert_allclose(seen.scores[:3], [0.7, 0.2, 0.01], atol=0.0026)


def test_integer_outputs_become_real_by_what_the_engine_tells() -> None:
    class Telling:
        """A fake engine whose output carries its scale, as LiteRT's do."""

        name = "telling"
        inputs = (TensorSpec("images", (1, 3, 32, 32), "float32"),)
        outputs = (TensorSpec("scores", (1, 10), "int8", 0.00390625, -128),)

        def run(self, feed: Feed) -> Mapping[str, Any]:
            return {"scores": np.arange(-128, -118, dtype=np.int8)[None]}

        def buffer(self, name: str, shape: tuple[int, ...]) -> Any:
            return np.empty(shape, np.float32)

        def close(self) -> None: ...

    predictor = Predictor(Model(Path("x"), "", CLASSIFIER), Telling())
    seen = predictor.predict(IMAGE)
    assert isinstance(seen, Classes)
    np.testing.assert_allclose(seen.scores, np.arange(9, 4, -1) / 256)
