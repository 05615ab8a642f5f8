"""A model that nobody described: its head is guessed, and a draft that was guessed rightly runs."""

from __future__ import annotations

import json
import math
import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from onnx import TensorProto, helper

from edge.cli import cli
from edge.decode import TABLE, head
from edge.detector import open_detector
from edge.engines.base import TensorSpec
from edge.errors import ModelError
from edge.models.inspect import Facts, Guess, draft, facts_of, guess, open_any
from edge.models.inspect.habits import HABITS, KERAS, UNKNOWN, Habit
from edge.models.manifest import parse_manifest, read_manifest
from edge.models.table import parse
from tests.decode.test_more_heads import FAMILIES, LABELS, Boxes, matches
from tests.support.nets import onnx_file
from tests.support.odd_server import OddServer
from tests.support.shared_data import MODELS, YOLOX, needs_data

Arrays = Mapping[str, NDArray[Any]]
BOXES = np.array([(40, 50, 120, 150, 0.8, 3), (200, 210, 300, 320, 0.7, 5)], np.float64)


def model(
    path: Path, outputs: Arrays, shape: tuple[int | str, ...] = (1, 3, 416, 416), notes: Mapping[str, str] | None = None
) -> Path:
    """A graph that gives these tensors plus nought times the picture, so that no engine may fold it away."""
    nodes = [
        helper.make_node("ReduceMean", ["images"], ["mean"], keepdims=0),
        helper.make_node("Mul", ["mean", "zero"], ["nought"]),
        *(helper.make_node("Add", [f"{name}_values", "nought"], [name]) for name in outputs),
    ]
    onnx_file(
        path,
        nodes,
        {"images": (shape, TensorProto.FLOAT)},
        {name: (array.shape, TensorProto.FLOAT) for name, array in outputs.items()},
        {"zero": np.zeros((), np.float32)} | {f"{name}_values": array for name, array in outputs.items()},
    )
    if notes:
        loaded = onnx.load(str(path))
        helper.set_model_props(loaded, dict(notes))
        onnx.save(loaded, str(path))
    return path


def inspected(path: Path) -> tuple[Guess | None, str]:
    loaded = open_any(path, "onnxruntime" if path.suffix == ".onnx" else "auto")
    try:
        facts = facts_of(loaded)
        made = guess(facts)
        return made, draft(path, "", facts, made).replace('sha256 = ""\n', "")
    finally:
        loaded.close()


def filled(text: str, labels: tuple[str, ...] = LABELS) -> str:
    return re.sub(r'"[^"]*labels\.txt"', json.dumps(list(labels)), text)


RECOGNISED = {
    "yolov8": "yolov8",
    "yolov8 in 0..1": "yolov8",
    "yolov5": "yolov5",
    "end2end": "yolo-end2end",
    "yolov4": "yolov4",
    "yolov2": "yolov2",
    "detr": "detr",
    "nanodet plus": "nanodet",
}


@pytest.mark.parametrize(("family", "decoder"), RECOGNISED.items())
def test_a_draft_that_was_guessed_rightly_runs_as_it_is(family: str, decoder: str, tmp_path: Path) -> None:
    given = FAMILIES[family]
    encoded = given.encode(BOXES, given.manifest)
    path = model(tmp_path / "mine.onnx", {role: np.nan_to_num(a, neginf=-50) for role, a in encoded.items()})
    made, text = inspected(path)
    assert made is not None
    assert made.decoder == decoder
    assert set(made.outputs) == set(given.manifest.outputs)
    assert made.labels == (len(LABELS) if decoder != "yolo-end2end" else None)
    path.with_suffix(".toml").write_text(filled(text))
    # The tests' pictures are stretched, and the boxes of `matches` with them.
    stretched = path.with_suffix(".toml").read_text().replace('"letterbox"', '"stretch"')
    path.with_suffix(".toml").write_text(stretched)
    assert decodes(path) if decoder == "yolov2" else matched(path, BOXES)


def decodes(path: Path) -> bool:
    detector = open_detector(str(path), "onnxruntime")
    try:
        return sorted(detector.detect(np.full((1248, 832, 3), 90, np.uint8)).classes.tolist()) == [3, 5]
    finally:
        detector.close()


def matched(path: Path, boxes: Boxes) -> bool:
    detector = open_detector(str(path), "onnxruntime")
    try:
        seen = detector.detect(np.full((1248, 832, 3), 90, np.uint8))
    finally:
        detector.close()
    matches(seen.boxes, seen.scores, seen.classes, boxes)
    return True


def zeros(*shapes: tuple[int, ...]) -> dict[str, NDArray[Any]]:
    return {f"output{number}": np.zeros(shape, np.float32) for number, shape in enumerate(shapes)}


def filling(value: float, *shapes: tuple[int, ...]) -> dict[str, NDArray[Any]]:
    return {name: array + np.float32(value) for name, array in zeros(*shapes).items()}


KITTI = (1, 3, 384, 1248)
YOLO = (1, 3, 640, 640)
OTHERS: dict[str, tuple[Arrays, tuple[int, ...], str, int | None, dict[str, Any]]] = {
    "YOLOX": (zeros((1, 3549, 17)), (1, 3, 416, 416), "yolox", 12, {"strides": (8, 16, 32)}),
    "YOLOX, decoded": (filling(300, (1, 3549, 17)), (1, 3, 416, 416), "yolov5", 12, {}),
    "FastestDet": (zeros((1, 17, 22, 22)), (1, 3, 352, 352), "fastestdet", 12, {}),
    "YOLOv5 of one class": (filling(9, (1, 25200, 6)), YOLO, "yolov5", 1, {}),
    "YOLOv8 of 80 classes": (filling(9, (1, 84, 8400)), YOLO, "yolov8", 80, {}),
    "YOLOv8 before decoding": (filling(-3, (1, 144, 8400)), YOLO, "yolov8-raw", 80, {"strides": (8, 16, 32)}),
    "YOLOv8 before decoding, in maps": (
        zeros((1, 144, 80, 80), (1, 144, 40, 40), (1, 144, 20, 20)),
        YOLO,
        "yolov8-raw",
        80,
        {"strides": (8, 16, 32)},
    ),
    "YOLOv8-seg": (filling(9, (1, 116, 8400), (1, 32, 160, 160)), YOLO, "yolov8-seg", 80, {}),
    "YOLOv3 before decoding": (
        zeros((1, 255, 20, 20), (1, 255, 40, 40), (1, 255, 80, 80)),
        YOLO,
        "yolov3-raw",
        80,
        {"strides": (8, 16, 32)},
    ),
    "YOLOv3-tiny before decoding": (
        zeros((1, 51, 13, 13), (1, 51, 26, 26)),
        (1, 3, 416, 416),
        "yolov3-raw",
        12,
        {"strides": (16, 32)},
    ),
    "YOLOv5 before decoding": (
        zeros((1, 3, 80, 80, 17), (1, 3, 40, 40, 17), (1, 3, 20, 20, 17)),
        YOLO,
        "yolov5-raw",
        12,
        {"strides": (8, 16, 32)},
    ),
    "the first NanoDet": (
        zeros((1, 2100, 112)),
        (1, 3, 320, 320),
        "nanodet",
        80,
        {"strides": (8, 16, 32), "cell_offset": 0.5},
    ),
    "SqueezeDet": (zeros((1, 24, 78, 72)), KITTI, "squeezedet", 3, {}),
    "SqueezeDet, channels first": (zeros((1, 72, 24, 78)), KITTI, "squeezedet", 3, {}),
    "an SSD of its own": (zeros((1, 2000, 5), (1, 2000, 4)), (1, 3, 300, 300), "ssd-anchors", 4, {"anchors": ()}),
    "a classifier of logits": (filling(3, (1, 10)), (1, 3, 224, 224), "classes", 10, {"softmax": True}),
    "a classifier of probabilities": (filling(0.1, (1, 10)), (1, 3, 224, 224), "classes", 10, {}),
    "a regression": (zeros((1, 1)), (1, 3, 66, 200), "values", None, {}),
    "YOLOv8-pose": (filling(9, (1, 56, 8400)), YOLO, "yolov8-pose", None, {"nms_iou": 0.7}),
    "YOLOv8-pose in 0..1": (filling(0.5, (1, 56, 8400)), YOLO, "yolov8-pose", None, {"box_units": "unit"}),
    "YOLO26-pose": (filling(9, (1, 300, 57)), YOLO, "yolo-end2end-pose", None, {}),
    "OpenPose": (zeros((1, 57, 46, 46)), (1, 3, 368, 368), "openpose", None, {}),
    "OpenPose, channels last": (zeros((1, 46, 46, 57)), (1, 368, 368, 3), "openpose", None, {}),
    "OpenPose of two maps": (
        zeros((1, 38, 32, 57), (1, 19, 32, 57)),
        (1, 3, 256, 456),
        "openpose",
        None,
        {"min_score": 0.2},
    ),
    "BlazePose's detector": (
        zeros((1, 2254, 12), (1, 2254, 1)),
        (1, 224, 224, 3),
        "blazepose-detector",
        None,
        {"min_score": 0.75},
    ),
    "BlazePose's landmarks": (
        zeros((1, 195), (1, 1), (1, 64, 64, 39)),
        (1, 256, 256, 3),
        "blazepose-landmarks",
        None,
        {},
    ),
}


@pytest.mark.parametrize(("outputs", "shape", "decoder", "labels", "keys"), OTHERS.values(), ids=OTHERS)
def test_every_family_is_known_by_its_shapes_and_values(
    outputs: Arrays, shape: tuple[int, ...], decoder: str, labels: int | None, keys: dict[str, Any], tmp_path: Path
) -> None:
    path = model(tmp_path / "mine.onnx", outputs, shape)
    made, text = inspected(path)
    assert made is not None
    assert (made.decoder, made.labels) == (decoder, labels)
    assert {key: made.keys[key][0] for key in keys} == keys
    assert f"# guess: {made.why}" in text
    if decoder in TABLE and keys.get("anchors") != ():
        manifest = parse_manifest(parse(filled(text, tuple(f"class {n}" for n in range(labels or 0)))), path)
        shapes = {role: outputs[str(name)].shape for role, name in manifest.outputs.items()}
        assert head(manifest).misfit(shapes, manifest) is None


def test_ultralytics_own_notes_give_names_and_an_open_size(tmp_path: Path) -> None:
    notes = {"names": "{0: 'fox', 1: \"hen's egg\"}", "imgsz": "[320, 416]", "task": "detect", "stride": "32"}
    rows = np.full((1, 6, 2730), 9, np.float32)
    path = model(tmp_path / "mine.onnx", {"output0": rows}, ("batch", 3, "height", "width"), notes)
    made, text = inspected(path)
    path.with_suffix(".toml").write_text(text)
    manifest = read_manifest(path.with_suffix(".toml"))
    assert made is not None
    assert (manifest.decoder, manifest.labels) == ("yolov8", ("fox", "hen's egg"))
    assert (manifest.input.width, manifest.input.height) == (416, 320)
    assert (manifest.input.fit, manifest.input.pad, manifest.input.anchor) == ("letterbox", 114, "centre")
    assert manifest.input.scale == pytest.approx(1 / 255)
    open_detector(str(path), "onnxruntime").close()


@pytest.mark.parametrize("names", ["{0: 'a'", "[" * 9000, "__import__('os')", "{'a': 1}", "[1, 2]", "x" * 200_000])
def test_notes_that_are_no_names_are_left_aside(names: str, tmp_path: Path) -> None:
    path = model(tmp_path / "mine.onnx", filling(9, (1, 84, 8400)), YOLO, {"names": names, "imgsz": names})
    assert '"mine.labels.txt"' in inspected(path)[1]


def test_of_two_stages_of_maps_the_last_is_read(tmp_path: Path) -> None:
    stages = zeros((1, 19, 32, 57), (1, 38, 32, 57), (1, 19, 32, 57), (1, 38, 32, 57))
    made, _ = inspected(model(tmp_path / "mine.onnx", stages, (1, 3, 256, 456)))
    assert made is not None
    assert dict(made.outputs) == {"heat": "output2", "paf": "output3"}


@pytest.mark.parametrize(
    ("notes", "decoder"),
    [
        ({"task": "detect"}, "yolov8"),
        ({"names": str({number: f"class {number}" for number in range(52)})}, "yolov8"),
        ({"task": "pose", "names": "{0: 'person'}"}, "yolov8-pose"),
    ],
)
def test_notes_tell_joints_from_classes(notes: dict[str, str], decoder: str, tmp_path: Path) -> None:
    made, _ = inspected(model(tmp_path / "mine.onnx", filling(9, (1, 56, 8400)), YOLO, notes))
    assert made is not None
    assert (made.decoder, made.rivals) == (decoder, "")


def test_an_rf_detr_is_known_by_its_names(tmp_path: Path) -> None:
    encoded = FAMILIES["rf-detr"].encode(BOXES, FAMILIES["rf-detr"].manifest)
    path = model(tmp_path / "mine.onnx", {"dets": encoded["boxes"], "labels": encoded["logits"]})
    made, text = inspected(path)
    assert made is not None
    assert (made.decoder, made.labels) == ("rf-detr", 12)
    path.with_suffix(".toml").write_text(filled(text))
    assert matched(path, BOXES)


def test_the_coco_file_of_rf_detr_counts_from_one(tmp_path: Path) -> None:
    outputs = {"dets": np.zeros((1, 300, 4), np.float32), "labels": np.zeros((1, 300, 91), np.float32)}
    made, _ = inspected(model(tmp_path / "mine.onnx", outputs, (1, 3, 384, 384)))
    assert made is not None
    assert (made.labels, made.keys["first_class"][0]) == (90, 1)


SSD_SHAPES = {"boxes": (1, 10, 4), "classes": (1, 10), "scores": (1, 10), "count": (1,)}


@pytest.mark.parametrize(
    "order",
    [
        ("boxes", "classes", "scores", "count"),
        ("scores", "boxes", "count", "classes"),
        ("count", "scores", "classes", "boxes"),
    ],
)
def test_the_outputs_of_an_ssd_are_told_apart_by_the_converters_order(order: tuple[str, ...], tmp_path: Path) -> None:
    outputs = {f"out:{n}": np.zeros(SSD_SHAPES[role], np.float32) for n, role in enumerate(order)}
    made, text = inspected(model(tmp_path / "mine.onnx", outputs, (1, 300, 300, 3)))
    assert made is not None
    assert made.decoder == "tflite-ssd"
    assert made.outputs == {role: f"out:{n}" for n, role in enumerate(order)}
    assert parse_manifest(parse(filled(text)), tmp_path / "mine.toml").input.layout == "NHWC"


def test_a_frozen_graphs_names_say_what_they_are(tmp_path: Path) -> None:
    names = {"boxes": "detection_boxes", "classes": "detection_classes", "scores": "detection_scores"}
    outputs = {name: np.zeros(SSD_SHAPES[role], np.float32) for role, name in names.items()}
    made, _ = inspected(
        model(tmp_path / "mine.onnx", outputs | {"num_detections": np.zeros(1, np.float32)}, (1, 300, 300, 3))
    )
    assert made is not None
    assert (made.decoder, made.keys["first_class"][0]) == ("graph-ssd", 1)


def test_a_head_of_no_family_gets_a_draft_with_its_outputs(tmp_path: Path) -> None:
    made, text = inspected(model(tmp_path / "my model.onnx", zeros((1, 7, 9, 11), (2, 3)), (1, 1, 64, 48)))
    assert made is None
    assert "No head is recognised" in text
    assert 'role1 = "output1"' in text
    corrected = text.replace('decoder = ""', 'decoder = "yolox"').replace('"my model.labels.txt"', '["a"]')
    manifest = parse_manifest(parse(corrected), tmp_path / "x.toml")
    assert (manifest.name, manifest.input.colour, manifest.input.height) == ("my-model", "GRAY", 64)


axis = st.sampled_from([None, 0, 1, 2, 3, 4, 6, 13, 17, 26, 32, 64, 84, 85, 255, 300, 3549, 10647])
tensor = st.lists(axis, max_size=5).map(tuple)


@settings(deadline=None)
@given(shapes=st.lists(tensor, max_size=4), names=st.lists(st.sampled_from(["a", "b", "dets"]), max_size=2))
def test_whatever_the_outputs_there_is_a_draft_that_is_toml(shapes: list[Any], names: list[str]) -> None:
    picture = TensorSpec("images", (1, 3, 416, 416), "float32")
    outputs = tuple(TensorSpec(f"output{n}", shape, "float32") for n, shape in enumerate(shapes))
    samples = {
        spec.name: np.zeros([size or 0 for size in spec.shape], np.float32)
        for spec in outputs
        if None not in spec.shape and math.prod(size or 0 for size in spec.shape) < 1e6
    }
    facts = Facts(picture, (), outputs, "NCHW", 3, 416, 416, samples=samples, names=tuple(names))
    made = guess(facts)
    tree = parse(draft(Path("mine.onnx"), "", facts, made))
    assert tree["input"]["name"] == "images"
    assert tree["decoder"] == (made.decoder if made else "")


@settings(suppress_health_check=[HealthCheck.too_slow])  # the first text of a fresh checkout takes seconds to draw
@given(name=st.text(min_size=1))
def test_names_of_files_and_tensors_stay_within_their_lines(name: str) -> None:
    outputs = tuple(TensorSpec(f"{number}{name}", (7, 9), "float32") for number in range(2))
    facts = Facts(TensorSpec(name, (1, 3, 64, 64), "float32"), (TensorSpec(name, (3,), "int64"),), outputs, "NCHW")
    tree = parse(draft(Path("x" + name.replace("/", "")), "", facts, None))
    assert tree["input"]["name"] == name.encode("utf-8", "replace").decode()
    assert tree["outputs"]["role1"] == f"1{name}".encode("utf-8", "replace").decode()
    assert set(tree) == {"name", "task", "decoder", "labels", "min_score", "sha256", "input", "outputs"}


@needs_data
def test_what_the_catalogue_knows_is_written_as_it_knows_it(tmp_path: Path) -> None:
    from edge.models import catalogue

    path = Path(shutil.copy(YOLOX, tmp_path / "mine.onnx"))
    assert "known as yolox-nano" in edge("models", "inspect", path, "--write").output
    known = catalogue.by_name("yolox-nano")
    assert known is not None
    assert read_manifest(path.with_suffix(".toml")) == known.manifest


@needs_data
def test_the_models_beside_the_checkout_are_guessed_as_the_catalogue_has_them() -> None:
    from edge.models import catalogue
    from edge.models.store import sha256_of

    for path in sorted(MODELS.iterdir()):
        known = catalogue.by_sha256(sha256_of(path)) if path.suffix in (".onnx", ".tflite") else None
        if known is None:
            continue
        made, text = inspected(path)
        assert made is not None, path.name
        wanted = known.manifest
        assert (made.decoder, made.task, dict(made.outputs)) == (wanted.decoder, wanted.task, dict(wanted.outputs))
        assert made.labels in (None, len(wanted.labels))
        if wanted.task == "detect":
            drafted = parse_manifest(parse(filled(text, wanted.labels)), path).input
            assert drafted == wanted.input, path.name


def edge(*words: object) -> Any:
    return CliRunner().invoke(cli, [str(word) for word in words])


def test_the_command_writes_the_draft_beside_the_file_once(tmp_path: Path) -> None:
    path = model(tmp_path / "mine.onnx", filling(9, (1, 84, 8400)), YOLO)
    done = edge("models", "inspect", path, "--write")
    assert done.exit_code == 0, done.output
    assert "likely head: yolov8: columns of 84" in done.output
    assert f"wrote {path.with_suffix('.toml')}" in done.output
    written = path.with_suffix(".toml").read_text()
    done = edge("models", "inspect", path, "--write")
    assert "is there already" in str(done.exception)
    assert path.with_suffix(".toml").read_text() == written


def test_the_command_writes_through_no_link(tmp_path: Path) -> None:
    path = model(tmp_path / "mine.onnx", filling(9, (1, 84, 8400)), YOLO)
    path.with_suffix(".toml").symlink_to(tmp_path / "elsewhere")
    assert "is there already" in str(edge("models", "inspect", path, "--write").exception)
    assert not (tmp_path / "elsewhere").exists()


def test_the_guess_is_in_the_json(tmp_path: Path) -> None:
    path = model(tmp_path / "mine.onnx", filling(9, (1, 84, 8400)), YOLO)
    said = json.loads(edge("models", "inspect", path, "--json").output)["guess"]
    assert (said["decoder"], said["labels"], said["outputs"]) == ("yolov8", 80, {"predictions": "output0"})
    assert (said["input"]["colour"], said["input"]["width"]) == ("RGB", 640)
    path = model(tmp_path / "other.onnx", zeros((1, 7, 9, 11), (2, 3)), YOLO)
    assert json.loads(edge("models", "inspect", path, "--json").output)["guess"] is None


def test_a_file_that_may_not_be_read_is_a_line(tmp_path: Path) -> None:
    path = model(tmp_path / "mine.onnx", filling(9, (1, 84, 8400)), YOLO)
    path.chmod(0)
    if os.access(path, os.R_OK):
        pytest.skip("this user may read everything")
    done = edge("models", "inspect", path)
    assert isinstance(done.exception, ModelError)
    assert str(done.exception) == f"{path}: may not be read by this user"


def test_a_draft_of_an_unknown_head_says_what_is_to_be_filled_in(tmp_path: Path) -> None:
    path = model(tmp_path / "mine.onnx", zeros((1, 7, 9, 11), (2, 3)), YOLO)
    said = edge("models", "inspect", path, "--write").output
    assert "fill in `decoder` and the roles in [outputs]" in said
    text = path.with_suffix(".toml").read_text()
    assert "# fill in: the family of its head" in text
    assert "fill in its role in the place of role1" in text
    assert "docs/" not in text
    with pytest.raises(ModelError, match="`decoder` is empty: the family of the model's head; `edge models inspect"):
        read_manifest(path.with_suffix(".toml"))
    assert set(re.findall(r"[\w-]+", edge("models", "inspect", "--help").output)) >= set(TABLE)


@pytest.mark.parametrize(
    ("shape", "fed"),
    [
        ((1, 224, 224, 3), {"scale": 1.0, "mean": (127.5,) * 3, "std": (127.5,) * 3, "fit": "stretch"}),
        ((1, 3, 224, 224), {"scale": 1 / 255, "mean": (0.485, 0.456, 0.406), "fit": "crop"}),
    ],
)
def test_a_classifier_is_fed_as_its_school_does(shape: tuple[int, ...], fed: dict[str, Any], tmp_path: Path) -> None:
    _, text = inspected(model(tmp_path / "mine.onnx", filling(0.1, (1, 10)), shape))
    drafted = parse_manifest(parse(filled(text)), tmp_path / "mine.toml").input
    assert {key: getattr(drafted, key) for key in fed} == fed


@pytest.mark.parametrize("habit", [*HABITS.values(), KERAS, UNKNOWN])
def test_a_reason_is_a_sentence(habit: Habit) -> None:
    assert re.match(r"many do so|.* does so(;|$)", habit.why)


def test_two_drafts_in_one_folder_have_label_files_of_their_own(tmp_path: Path) -> None:
    wanted = {inspected(model(tmp_path / f"{name}.onnx", filling(9, (1, 84, 8400)), YOLO))[1] for name in "ab"}
    assert {parse(text)["labels"] for text in wanted} == {"a.labels.txt", "b.labels.txt"}


@pytest.mark.parametrize(
    ("shape", "proposed"),
    [
        (("n", 3, "h", "w"), {"batch": 4, "size_step": 64}),
        (("n", 3, 320, 416), {"batch": 4}),
        ((1, 3, "h", "w"), {"size_step": 64}),
        ((1, 3, 320, "w"), {}),
        ((1, 3, 320, 416), {}),
    ],
)
def test_sizes_that_a_file_leaves_open_are_proposed(
    shape: tuple[int | str, ...], proposed: dict[str, int], tmp_path: Path
) -> None:
    notes = {"imgsz": "[320, 416]", "stride": "64"}
    _, text = inspected(model(tmp_path / "mine.onnx", {"output0": np.full((1, 6, 2730), 9, np.float32)}, shape, notes))
    taken = re.sub(r"^# (?=batch|size_step)", "", text, flags=re.MULTILINE)
    assert {key: parse(taken)[key] for key in ("batch", "size_step") if key in parse(taken)} == proposed
    assert not {"batch", "size_step"} & set(parse(text))


def test_a_model_on_a_server_is_inspected_by_its_manifests_name(tmp_path: Path) -> None:
    server = OddServer()
    server.model = {
        "name": "mine",
        "inputs": [{"name": "images", "datatype": "FP32", "shape": [-1, 3, 416, 416]}],
        "outputs": [{"name": "output", "datatype": "FP32", "shape": [1, 6, 3549]}],
    }
    (tmp_path / "mine.toml").write_text("")
    try:
        url = f"engine.kserve.url={server.url}"
        said = edge("models", "inspect", tmp_path / "mine.toml", "--set", url).output
    finally:
        server.close()
    assert "read by kserve" in said
    assert "likely head: yolov8" in said
    tree = parse(said[said.index("# A draft") :])
    assert (tree["name"], tree["input"]["name"]) == ("mine", "images")
    assert "sha256" not in tree, "the manifest is not the model"


def test_inspect_looks_with_the_first_engine_of_a_list_that_can(tmp_path: Path) -> None:
    path = model(tmp_path / "mine.onnx", filling(9, (1, 84, 8400)), YOLO)
    done = edge("models", "inspect", path, "--engine", "openvino,onnxruntime", "--set", "model.device=NPU9", "--json")
    assert json.loads(done.stdout)["engine"] == "onnxruntime"
    assert "passed over: openvino has no device NPU9" in done.stderr


@pytest.mark.parametrize("family", [name for name in FAMILIES if name not in ("end2end", "yolov8 in 0..1", "nanodet")])
def test_a_label_file_of_the_wrong_length_is_refused_with_its_name_and_both_counts(family: str, tmp_path: Path) -> None:
    from edge.models.manifest import to_toml

    given = FAMILIES[family]
    encoded = given.encode(BOXES, given.manifest)
    path = model(tmp_path / "mine.onnx", {role: np.nan_to_num(a, neginf=-50) for role, a in encoded.items()})
    (tmp_path / "names.txt").write_text("\n".join(LABELS[:-2]))
    text = to_toml(given.manifest).replace(json.dumps(LABELS), '"names.txt"')
    path.with_suffix(".toml").write_text(text)
    with pytest.raises(ModelError) as fault:
        open_detector(str(path), "onnxruntime")
    said = str(fault.value)
    assert "names.txt" in said
    assert "12 classes" in said
    assert "10 labels" in said
    assert "\n" not in said
