"""A picture through a whole detector: fitted, inferred, decoded; and what does not fit is told when it is opened."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from edge import boxes
from edge.costs import Costs
from edge.crops import TABLE_COST, Cost, Crop, Planner, Policy
from edge.detector import Detector, open_detector
from edge.engines import registry
from edge.engines.base import Engine, EngineOptions, Feed, TensorSpec
from edge.engines.chain import Chain
from edge.engines.links import Link
from edge.engines.worker import Worker
from edge.errors import EngineError, MissingError, ModelError
from edge.metrics import Stages
from edge.models.store import find
from edge.opening import links_of
from edge.predictor import Predictor, plain
from edge.preprocess import Input
from edge.track import Tracker
from edge.types import I420, Box, Detections
from tests.support.nets import GRID_MANIFEST, grid_detector
from tests.support.shared_data import FASTESTDET, IMAGES, SSD, YOLOX, needs_data

ONE = EngineOptions(threads=1)


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGE_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def grid(tmp_path: Path) -> Callable[..., str]:
    """A tiny detector with its manifest beside it, some text of which is replaced."""

    def make(old: str = "", new: str = "", classes: int = 2) -> str:
        assert old in GRID_MANIFEST
        (tmp_path / "grid.toml").write_text(GRID_MANIFEST.replace(old, new) if old else GRID_MANIFEST)
        return str(grid_detector(tmp_path / "grid.onnx", classes))

    return make


def grey(value: int, width: int = 64, height: int = 64) -> I420:
    half = np.full((height // 2, width // 2), 128, np.uint8)
    return I420(np.full((height, width), value, np.uint8), half, half)


@pytest.mark.parametrize("engine", ["onnxruntime", "openvino", "reference"])
def test_a_bright_corner_is_found_where_it_is(engine: str, grid: Callable[..., str]) -> None:
    picture = grey(16, 128, 64)
    picture.y[32:, 64:] = 235
    detector = open_detector(grid(), engine, options=ONE)
    stages = Stages()
    seen = detector.detect(picture, stages)
    np.testing.assert_allclose(seen.boxes, [[64, 32, 128, 64]], atol=0.1)
    assert seen.scores[0] > 0.99
    assert detector.labels[seen.classes[0]] == "person"
    assert set(stages.summary()) == {"preprocess", "infer", "decode"}
    assert (detector.ref.name, detector.ref.engine, detector.ref.infer_ms) == ("grid", engine, None)
    image = np.zeros((64, 128, 3), np.uint8)
    image[:32, :64] = 255
    np.testing.assert_allclose(detector.detect(image).boxes, [[0, 0, 64, 32]], atol=0.1)
    detector.close()


def test_pictures_of_changing_size_and_threshold_are_followed(grid: Callable[..., str]) -> None:
    detector = open_detector(grid(), options=ONE)
    assert detector.min_score == 0.5
    for width, height in ((64, 64), (320, 240), (64, 64)):
        assert len(detector.detect(grey(200, width, height))) == 4
        assert detector.detect(grey(200, width, height)).boxes.max() == width
    detector.min_score = 0.99
    assert len(detector.detect(grey(200))) == 0


def test_labels_are_spelled_for_topics_and_kept_for_people(grid: Callable[..., str]) -> None:
    detector = open_detector(grid(), options=ONE)
    assert detector.labels == ("person", "traffic_light")
    assert detector.names == ("Person", "traffic light")
    assert plain("N/A Ü-9") == "n_a___9"


def test_cameras_share_one_engine_through_its_worker(grid: Callable[..., str]) -> None:
    first = open_detector(grid(), options=ONE)
    worker = Worker(first.runner)
    twins = [first.twin(worker), first.twin(worker)]
    assert [len(twin.detect(grey(value))) for twin, value in zip(twins, (235, 16), strict=True)] == [4, 0]
    assert twins[0].ref == first.ref
    worker.close()


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ('["Person", "traffic light"]', '["a", "b", "c"]', "its head has 2 classes, but the manifest has 3 labels"),
        ('name = "images"', 'name = "image"', "it has no input `image`; it has: images"),
        ('predictions = "output"', 'predictions = "out"', "it has no output `out`; it has: output"),
        ('predictions = "output"', "predictions = 3", "it has no output `3`"),
        ('predictions = "output"', 'boxes = "output"', "names no output `predictions`"),
        ('dtype = "float32"', 'dtype = "uint8"', "input `images` is float32, its manifest says uint8"),
        ("width = 32", "width = 64", r"has shape \(1, 3, 32, 32\), its manifest says \(1, 3, 32, 64\)"),
        ('decoder = "yolox"', 'decoder = "yolo9"', "needs the decoder `yolo9`, which this release does not have"),
        ("[input]", f'sha256 = "{"0" * 64}"\n[input]', "not the file that the manifest of grid describes"),
    ],
)
def test_a_manifest_that_does_not_fit_the_model_is_told_in_one_line(
    old: str, new: str, complaint: str, grid: Callable[..., str]
) -> None:
    with pytest.raises(ModelError, match=complaint) as fault:
        open_detector(grid(old, new), options=ONE)
    assert "\n" not in str(fault.value)


def test_a_missing_engine_is_told_with_its_way_here(grid: Callable[..., str]) -> None:
    with pytest.raises(MissingError, match=r"tensorrt .*is not installed \(with JetPack: apt install"):
        open_detector(grid(), "tensorrt")
    assert open_detector(grid(), ["tensorrt", "openvino"], options=ONE).ref.engine == "openvino"


@needs_data
@pytest.mark.parametrize("model", [SSD, YOLOX, FASTESTDET], ids=["ssd", "yolox", "fastestdet"])
def test_real_models_see_what_is_on_real_pictures(model: Path) -> None:
    import cv2

    detector = open_detector(str(model), options=ONE)
    for picture, label, box in (
        ("squat.bmp", "person", (103, 135, 366, 588)),
        ("cat_720p.jpg", "cat", (105, 102, 945, 712)),
        ("hot_dog.jpg", "hot_dog", (125, 86, 475, 231)),
    ):
        seen = detector.detect(np.asarray(cv2.imread(str(IMAGES / picture)), np.uint8))
        best = [b for b, k in zip(seen.boxes, seen.classes, strict=True) if detector.labels[k] == label]
        assert best, f"{label} is missed on {picture}"
        np.testing.assert_allclose(best[0], box, atol=40)


@needs_data
def test_one_model_on_two_back_ends_gives_the_same_boxes() -> None:
    import cv2

    a, b = (open_detector(str(YOLOX), engine, options=ONE) for engine in ("onnxruntime", "openvino"))
    for path in sorted(IMAGES.iterdir()):
        image = np.asarray(cv2.imread(str(path)), np.uint8)
        one, two = a.detect(image), b.detect(image)
        np.testing.assert_array_equal(one.classes, two.classes)
        np.testing.assert_allclose(one.boxes, two.boxes, atol=0.05)
        np.testing.assert_allclose(one.scores, two.scores, atol=1e-3)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("strides = [16]", "strides = []", "the head needs `strides`"),
        ("strides = [16]", "strides = [8]", "`predictions` has shape .* but the head wants"),
        ('decoder = "yolox"', 'decoder = "fastestdet"', "names no output `grid`"),
    ],
)
def test_a_manifest_of_another_head_is_one_line(grid: Callable[..., str], old: str, new: str, says: str) -> None:
    with pytest.raises(ModelError, match=says) as fault:
        open_detector(grid(old, new), "onnxruntime", options=ONE)
    assert "\n" not in str(fault.value)


@pytest.mark.parametrize(
    ("array", "says"),
    [
        (np.zeros((1, 5, 7), np.float32), "`predictions` has shape"),
        (np.zeros((1, 4, 9), np.float32), "its head has 4 classes"),
        (np.zeros((1, 4, 7), np.str_), "no numbers"),
    ],
)
def test_shapes_known_only_after_a_run_are_checked_then(grid: Callable[..., str], array: Any, says: str) -> None:
    class Late:
        name, inputs, outputs = (
            "late",
            (TensorSpec("images", (1, 3, 32, 32), "float32"),),
            (TensorSpec("output", (), "float32"),),
        )

        def run(self, feed: Feed) -> Mapping[str, Any]:
            return {"output": array}

        def buffer(self, name: str, shape: tuple[int, ...]) -> Any:
            return np.empty(shape, np.float32)

        def close(self) -> None: ...

    detector = Predictor(find(grid()), Late())
    for _ in range(2):
        with pytest.raises(ModelError, match=says):
            detector.predict(grey(16))


FAR_OFF = 8
"""Side of something far away, pixels."""


@pytest.fixture
def open_grid(tmp_path: Path) -> str:
    """The grid detector on pictures of any size, any number of them."""
    keys = GRID_MANIFEST.replace("strides = [16]", "strides = [16]\nsize_step = 16\nbatch = 4")
    (tmp_path / "grid.toml").write_text(keys.replace("= 32", "= 128").replace('"NCHW"', '"NCHW"\nfit = "letterbox"'))
    return str(grid_detector(tmp_path / "grid.onnx", vary=True))


def lit(*places: tuple[int, int, int, int], width: int = 512, height: int = 256) -> I420:
    """A dark picture with bright places x1 y1 x2 y2."""
    picture = grey(16, width, height)
    for x1, y1, x2, y2 in places:
        picture.y[y1:y2, x1:x2] = 235
    return picture


@pytest.mark.parametrize("engine", ["onnxruntime", "openvino", "reference"])
def test_a_crop_shows_the_same_object_where_it_is_in_the_frame(engine: str, open_grid: str) -> None:
    detector = open_detector(open_grid, engine, ONE, flexible=True)
    detector.planner = Planner("auto", detector.planner.input, 16)
    stages = Stages()
    picture = lit((64, 64, 128, 128), (448, 192, 512, 256))
    whole = detector.look(picture, [(0.0, 0.0, 512.0, 256.0)], stages)
    assert whole.looked is None
    assert len(whole.detections) == 2
    part = detector.look(picture, [(70.0, 70.0, 120.0, 120.0)], stages)
    assert part.looked is not None
    np.testing.assert_allclose(part.detections.boxes, [[64, 64, 128, 128]], atol=1)
    both = detector.look(picture, [(70.0, 70.0, 120.0, 120.0), (450.0, 200.0, 500.0, 250.0)], stages)
    assert len(both.looked or ()) == 2
    np.testing.assert_allclose(
        sorted(both.detections.boxes.tolist()), [[64, 64, 128, 128], [448, 192, 512, 256]], atol=1
    )
    detector.close()


def test_what_a_crop_cuts_is_not_told(grid: Callable[..., str]) -> None:
    detector = open_detector(grid(), options=ONE)
    detector.planner = Planner("crop", detector.planner.input)
    picture = lit((0, 0, 256, 256))
    seen = detector.look(picture, [(96.0, 96.0, 100.0, 100.0)], Stages())
    assert seen.looked is not None
    assert len(seen.detections) == 0, "every cell of the crop is bright up to its inner sides"


def test_a_crop_magnifies_what_a_whole_frame_is_too_coarse_for(grid: Callable[..., str]) -> None:
    detector = open_detector(grid(), options=ONE)
    detector.planner = Planner("crop", detector.planner.input)
    picture = lit((248, 120, 248 + 2 * FAR_OFF, 120 + 2 * FAR_OFF))
    assert len(detector.detect(picture)) == 0
    seen = detector.look(picture, [(248.0, 120.0, 264.0, 136.0)], Stages())
    assert seen.looked is not None
    assert len(detector.look(picture, [(240.0, 112.0, 272.0, 144.0)], Stages()).looked or ()) == 1


def test_cameras_that_wait_together_share_one_run(open_grid: str) -> None:
    first = open_detector(open_grid, "onnxruntime", ONE)
    assert first.runner.inputs[0].shape == (None, 3, 128, 128)
    with closing(Worker(first.runner, first.predictor.model.manifest.batch)) as worker:
        twins = [first.twin(worker) for _ in range(4)]
        pictures = [lit((64 * i, 64, 64 * i + 64, 128)) for i in range(4)]
        with ThreadPoolExecutor(4) as cameras:
            for _ in range(20):
                seen = list(cameras.map(lambda twin, picture: twin.detect(picture), twins, pictures))
                assert [round(one.boxes[0, 0]) for one in seen] == [0, 64, 128, 192]


def test_what_smaller_pictures_cost_is_measured_once(open_grid: str, tmp_path: Path) -> None:
    detector = open_detector(open_grid, "onnxruntime", ONE, flexible=True)
    costs = Costs(detector.predictor, 1)
    assert costs() is TABLE_COST
    costs.measure()
    assert costs() is not TABLE_COST
    assert 0 <= costs().fixed <= 1
    stored = tmp_path / "cache" / "costs.json"
    (key,) = json.loads(stored.read_text())
    assert key == f"{detector.ref.sha256[:16]} onnxruntime 1"
    stored.write_text(json.dumps({key: 0.125}))
    again = Costs(detector.predictor, 1)
    again.measure()
    assert again() == Cost(0.125)
    stored.write_text("[")
    damaged = Costs(detector.predictor, 2)
    damaged.measure()
    assert json.loads(stored.read_text()).keys() == {f"{detector.ref.sha256[:16]} onnxruntime 2"}


@pytest.mark.parametrize(
    ("keys", "says"),
    [("size_step = 16", "its manifest has `size_step`, but the file takes"), ("batch = 4", "has `batch`")],
)
def test_a_size_that_the_file_does_not_leave_open_is_told_at_the_start(
    keys: str, says: str, grid: Callable[..., str]
) -> None:
    with pytest.raises(ModelError, match=says):
        open_detector(grid("strides = [16]", f"strides = [16]\n{keys}"), "onnxruntime", ONE, flexible=True)


class Pulled:
    """An engine of open sizes that can be pulled out."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.name, self.inputs, self.outputs = engine.name, engine.inputs, engine.outputs
        self.buffer, self.bare, self.close = engine.buffer, engine.bare, engine.close
        self.there = True

    def run(self, feed: Feed) -> Mapping[str, Any]:
        if not self.there:
            raise EngineError("it was pulled out")
        return self._engine.run(feed)


def test_one_that_stands_in_and_takes_whole_frames_alone_gets_them(
    open_grid: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(registry.TABLE, "openvino", replace(registry.TABLE["openvino"], opens=()))
    model = find(open_grid)
    flexible, fixed = links_of(model, ["onnxruntime", "openvino"], ONE, flexible=True)
    pulled = Pulled(flexible.load())
    with closing(Chain([Link("onnxruntime", lambda: pulled), fixed], again_s=(60, 60))) as chain:
        detector = Detector(Predictor(model, chain), Planner("auto", model.manifest.input, 16))
        picture, place = lit((64, 64, 128, 128)), [(70.0, 70.0, 120.0, 120.0)]
        assert detector.look(picture, place, Stages()).looked is not None
        pulled.there = False
        for _ in range(2):
            seen = detector.look(picture, place, Stages())
            assert (seen.looked, len(seen.detections), chain.name) == (None, 1, "openvino")


class Sketch:
    """A fake model that sees given boxes wherever a crop shows at least a tenth of them, cut where it ends."""

    labels = names = ("person",)
    usual_score, flexible = 0.5, True
    model = SimpleNamespace(manifest=SimpleNamespace(nms_iou=0.5, input=Input("x", 640, 360)))

    def __init__(self) -> None:
        self.there: list[Box] = []

    def predict(self, picture: I420, stages: Stages, crop: Crop | None = None) -> Detections:
        x1, y1, x2, y2 = map(float, crop.box if crop else (0, 0, picture.width, picture.height))
        shown = [
            (max(box[0], x1), max(box[1], y1), min(box[2], x2), min(box[3], y2))
            for box in self.there
            if boxes.shared(box, (x1, y1, x2, y2)) > boxes.area(box) / 10
        ]
        found = np.array(shown, np.float32).reshape(-1, 4)
        return Detections(found, np.full(len(found), 0.9, np.float32), np.zeros(len(found), np.int32))


@pytest.mark.parametrize("policy", ["frame", "crop"])
@pytest.mark.parametrize(
    "still", [(480.0, 150.0, 640.0, 560.0), (620.0, 300.0, 700.0, 500.0), (300.0, 180.0, 380.0, 460.0)]
)
def test_somebody_who_stands_beside_somebody_who_moves_is_not_lost(policy: Policy, still: Box) -> None:
    sketch: Any = Sketch()
    detector = Detector(sketch, Planner(policy, Input("x", 320, 320)))
    tracker, picture, stages = Tracker(("person",), ["person"]), grey(16, 1280, 720), Stages()
    cropped, numbers = 0, set()
    for i in range(100):
        sway = 4.0 * (i % 5)
        moving = (200.0 + sway, 200.0, 280.0 + sway, 440.0)
        sketch.there = [still, moving]
        moved = [moving] if i >= 15 else [moving, still]
        seen = detector.look(picture, [*moved, *tracker.due(i / 10, moved)], stages)
        tracks = tracker.update(seen, i / 10, i / 10, moved)
        cropped += seen.looked is not None
        near = [track for track in tracks if boxes.iou(track.box, still) > 0.8]
        numbers |= {track.number for track in near}
        if i >= 10:
            assert len(near) == 1, f"frame {i}"
            assert len(tracks) == 2
    assert len(numbers) == 1
    assert (cropped > 20) == (policy == "crop")


@pytest.mark.parametrize(
    ("engine", "serves"),
    [
        (["openvino", "onnxruntime"], "onnxruntime"),
        (["tensorrt", "openvino"], "openvino"),
        ("auto", None),
        (("auto",), None),
    ],
)
def test_a_device_is_that_of_the_engine_named_first(
    engine: Sequence[str], serves: str | None, grid: Callable[..., str]
) -> None:
    options = EngineOptions(threads=1, device="NPU9")
    if serves is None:
        with pytest.raises(MissingError, match="no device NPU9"):
            open_detector(grid(), engine, options)
    else:
        assert open_detector(grid(), engine, options).ref.engine == serves
