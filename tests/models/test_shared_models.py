"""Every model file beside the checkout, through every back end that can read it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.boxes import iou
from edge.engines.base import EngineOptions
from edge.errors import ModelError
from edge.models import catalogue
from edge.models.manifest import to_toml
from edge.opening import open_predictor
from edge.predictor import Predictor
from edge.types import U8, Classes, Detections, Poses, Prediction
from tests.support.shared_data import IMAGES, MODELS, needs_data

ONE = EngineOptions(threads=1)

pytestmark = needs_data

ONNX = {"onnxruntime": None, "openvino": None, "tflite": r"tflite does not read \.onnx files"}
TFLITE = {"tflite": None, "openvino": None, "onnxruntime": r"onnxruntime does not read \.tflite files"}
READ_BY: dict[str, dict[str, str | None]] = {
    "FastestDet.onnx": ONNX,
    "version-RFB-320_simplified.onnx": ONNX,
    "yolox_nano_416.onnx": ONNX,
    "coco_ssd_mobilenet_v1_1.0_quant_2018_06_29.tflite": TFLITE
    | {"openvino": r"openvino has no operator TFLite_Detection_PostProcess.*try tflite"},
    "mlperf_resnet8_cifar10.tflite": TFLITE,
    "mobilenet_v1_0.25_128_quant.tflite": TFLITE,
    "mobilenet_v2_1.0_224_quant.tflite": TFLITE,
    "movenet_single_pose_lightning_ptq.tflite": TFLITE,
    "vww_96_int8.tflite": TFLITE,
}
"""Back ends by file: None where it reads the file, else what it says."""

READING = [(file, engine) for file, engines in READ_BY.items() for engine, refusal in engines.items() if not refusal]
REFUSING = [(file, engine, said) for file, engines in READ_BY.items() for engine, said in engines.items() if said]
TWICE = [file for file, engines in READ_BY.items() if list(engines.values()).count(None) == 2]
PICTURES = sorted(path.name for path in IMAGES.iterdir()) if IMAGES.is_dir() else []


def picture(name: str) -> U8:
    return np.asarray(cv2.imread(str(IMAGES / name)), np.uint8)


@contextmanager
def opened(file: str, engine: str = "auto", manifest: Path | None = None) -> Iterator[Predictor]:
    predictor = open_predictor(str(MODELS / file), engine, ONE, manifest=manifest)
    try:
        yield predictor
    finally:
        predictor.close()


def classes_of(predictor: Predictor, image: U8) -> list[str]:
    """Names of the classes, best first."""
    seen = predictor.predict(image)
    assert isinstance(seen, Classes)
    return [predictor.names[kind] for kind in seen.classes]


def test_the_table_has_every_file() -> None:
    assert sorted(READ_BY) == sorted(path.name for path in MODELS.iterdir() if path.suffix in (".onnx", ".tflite"))


@pytest.mark.parametrize(("file", "engine"), READING)
def test_a_back_end_that_reads_a_file_runs_it_on_every_picture(file: str, engine: str) -> None:
    with opened(file, engine) as predictor:
        assert predictor.ref.engine == engine
        for name in PICTURES:
            seen: Prediction = predictor.predict(picture(name))
            scores = seen.scores if not isinstance(seen, Poses) else seen.keypoints[..., 2]  # type: ignore[union-attr]
            assert ((scores >= 0) & (scores <= 1)).all()


@pytest.mark.parametrize(("file", "engine", "said"), REFUSING)
def test_a_back_end_that_cannot_says_why(file: str, engine: str, said: str) -> None:
    with pytest.raises(ModelError, match=said) as fault:
        open_predictor(str(MODELS / file), engine, ONE)
    assert "\n" not in str(fault.value)


@pytest.mark.parametrize("file", TWICE)
def test_two_back_ends_say_the_same(file: str) -> None:
    """Floats to a hair. Of a quantized model OpenVINO computes between its bytes in floats, and rounds elsewhere."""
    first, second = (engine for engine, refusal in READ_BY[file].items() if refusal is None)
    with opened(file, first) as one, opened(file, second) as two:
        for name in PICTURES:
            a, b = one.predict(picture(name)), two.predict(picture(name))
            if isinstance(a, Detections) and isinstance(b, Detections):
                same_objects(a, b, one.min_score)
            elif isinstance(a, Classes) and isinstance(b, Classes):
                assert a.classes[0] == b.classes[0], name
                assert a.scores[0] == pytest.approx(b.scores[0], abs=0.01 if "resnet8" in file else 0.035), name
            elif isinstance(a, Poses) and isinstance(b, Poses) and name == "squat.bmp":
                apart = np.linalg.norm(a.keypoints[0, :, :2] - b.keypoints[0, :, :2], axis=1)
                assert np.median(apart) < 8, "pixels of 610"


def same_objects(a: Detections, b: Detections, threshold: float) -> None:
    """Every object that is clearly above the threshold has its like: corners within 1 pixel, scores within 0.01."""
    for some, others in ((a, b), (b, a)):
        for box, score, kind in zip(some.boxes, some.scores, some.classes, strict=True):
            if score < threshold + 0.01:
                continue
            alike = np.flatnonzero(others.classes == kind)
            assert len(alike)
            best = max(alike, key=lambda other: iou(tuple(box), tuple(others.boxes[other])))
            np.testing.assert_allclose(others.boxes[best], box, atol=1)
            assert others.scores[best] == pytest.approx(score, abs=0.01)


@pytest.mark.parametrize("engine", ["tflite", "openvino"])
def test_mobilenet_knows_a_macaw_and_a_uniform(engine: str) -> None:
    with opened("mobilenet_v2_1.0_224_quant.tflite", engine) as predictor:
        assert classes_of(predictor, picture("parrot.jpg"))[0] == "macaw"
        assert classes_of(predictor, picture("grace_hopper.bmp"))[0] == "military uniform"
        assert classes_of(predictor, picture("cat_720p.jpg"))[0] == "Egyptian cat"


@pytest.mark.parametrize("engine", ["tflite", "openvino"])
def test_visual_wake_words_knows_where_people_are(engine: str) -> None:
    # TFLM keeps this one as its int8 input's own bytes, so that 0 in the file is a medium grey.
    man = picture("tflm_person.bmp") ^ 0x80
    with opened("vww_96_int8.tflite", engine) as predictor:
        assert classes_of(predictor, man)[0] == "person"
        assert classes_of(predictor, picture("tflm_no_person.bmp"))[0] == "no person"
        for name in ("squat.bmp", "grace_hopper.bmp", "face.jpg"):
            assert classes_of(predictor, picture(name))[0] == "person"
        for name in ("cat_720p.jpg", "hot_dog.jpg", "owl.jpg", "parrot.jpg"):
            assert classes_of(predictor, picture(name))[0] == "no person"


@pytest.mark.parametrize("engine", ["tflite", "openvino"])
def test_resnet8_wants_the_pixels_that_its_manifest_says(engine: str, tmp_path: Path) -> None:
    right = {"cat_720p.jpg": "cat", "owl.jpg": "bird", "parrot.jpg": "bird"}
    known = catalogue.by_name("resnet8-cifar10")
    assert known is not None
    divided = replace(known.manifest, input=replace(known.manifest.input, scale=1 / 255))
    (tmp_path / "divided.toml").write_text(to_toml(divided))
    with opened("mlperf_resnet8_cifar10.tflite", engine) as predictor:
        assert {name: classes_of(predictor, picture(name))[0] for name in right} == right
    with opened("mlperf_resnet8_cifar10.tflite", engine, tmp_path / "divided.toml") as predictor:
        assert len({classes_of(predictor, picture(name))[0] for name in right}) == 1, "the same whatever it is shown"


@pytest.mark.parametrize("engine", ["onnxruntime", "openvino"])
def test_rfb_320_finds_the_faces_of_a_picture(engine: str) -> None:
    with opened("version-RFB-320_simplified.onnx", engine) as predictor:
        seen = predictor.predict(picture("face.jpg"))
    assert isinstance(seen, Detections)
    centres = (seen.boxes[:, :2] + seen.boxes[:, 2:]) / 2
    assert sorted(centres[:, 0].round(-1).tolist()) == [30, 180, 300, 460]
    assert (seen.scores > 0.99).all()


@pytest.mark.parametrize("engine", ["tflite", "openvino"])
def test_movenet_finds_the_man_who_squats(engine: str) -> None:
    with opened("movenet_single_pose_lightning_ptq.tflite", engine) as predictor:
        seen = predictor.predict(picture("squat.bmp"))
        assert len(predictor.predict(picture("hot_dog.jpg"))) == 0  # type: ignore[arg-type]
    assert isinstance(seen, Poses)
    assert seen.scores[0] > 0.6
    y = seen.keypoints[0, :, 1]
    nose, shoulders, hips, ankles = y[0], y[5:7].mean(), y[11:13].mean(), y[15:17].mean()
    assert nose < shoulders < hips < ankles
    # As the eye has it: the head at (280, 190), the near hip at (130, 370), the near foot at (165, 545).
    for joint, place in ((0, (290, 200)), (12, (130, 370)), (16, (165, 545))):
        np.testing.assert_allclose(seen.keypoints[0, joint, :2], place, atol=25)
    np.testing.assert_allclose(seen.boxes[0], (130, 190, 350, 545), atol=25)
