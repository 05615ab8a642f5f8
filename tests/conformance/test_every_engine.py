"""What every back end must do alike, held against the NumPy oracle on graphs made here."""

from __future__ import annotations

import resource
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from onnx import NodeProto, TensorProto, helper

from edge.engines import registry
from edge.engines.base import Engine, EngineOptions
from edge.errors import EngineError, MissingError, ModelError
from tests.support.nets import add_one, onnx_file, tflite_add

ONE = EngineOptions(threads=1)
ONNX_ENGINES = ("onnxruntime", "openvino")
FLOAT = TensorProto.FLOAT
RANDOM = np.random.default_rng(7)


def weights(*shape: int) -> NDArray[np.float32]:
    return RANDOM.normal(0, 0.5, shape).astype(np.float32)


def node(kind: str, sources: Sequence[str], target: str = "y", **attributes: object) -> NodeProto:
    return helper.make_node(kind, list(sources), [target], **attributes)


GRAPHS = {
    "convolution": (
        [
            node("Conv", ["x", "w", "b"], "c", kernel_shape=[3, 3], pads=[1, 1, 1, 1], strides=[2, 2]),
            node("Relu", ["c"]),
        ],
        (1, 3, 9, 9),
        (1, 4, 5, 5),
        {"w": weights(4, 3, 3, 3), "b": weights(4)},
    ),
    "depthwise and dilated": (
        [node("Conv", ["x", "w"], kernel_shape=[3, 3], group=3, dilations=[2, 2], pads=[2, 2, 2, 2])],
        (1, 3, 8, 8),
        (1, 3, 8, 8),
        {"w": weights(3, 1, 3, 3)},
    ),
    "classifier": (
        [
            node("MaxPool", ["x"], "p", kernel_shape=[2, 2], strides=[2, 2]),
            node("GlobalAveragePool", ["p"], "g"),
            node("Flatten", ["g"], "f"),
            node("Gemm", ["f", "w", "b"], "l", transB=1),
            node("Softmax", ["l"], axis=-1),
        ],
        (1, 4, 6, 6),
        (1, 5),
        {"w": weights(5, 4), "b": weights(5)},
    ),
    "detection head": (
        [
            node("Sigmoid", ["x"], "s"),
            node("Tanh", ["x"], "t"),
            node("Concat", ["s", "t"], "c", axis=1),
            node("Reshape", ["c", "shape"], "r"),
            node("Transpose", ["r"], perm=[0, 2, 1]),
        ],
        (1, 3, 4, 4),
        (1, 16, 6),
        {"shape": np.array([1, 6, -1], np.int64)},
    ),
    "arithmetic": (
        [
            node("Mul", ["x", "a"], "m"),
            node("Sub", ["m", "b"], "s"),
            node("Div", ["s", "a"], "d"),
            node("Clip", ["d", "low", "high"], "c"),
            node("Exp", ["c"]),
        ],
        (2, 7),
        (2, 7),
        {
            "a": np.abs(weights(1, 7)) + np.float32(0.5),
            "b": weights(1, 7),
            "low": np.array(-1, np.float32),
            "high": np.array(1, np.float32),
        },
    ),
}


@pytest.fixture
def add(tmp_path: Path) -> Callable[[str], Engine]:
    return lambda engine: registry.load(engine, add_one(tmp_path / "add.onnx"), ONE)


@pytest.mark.parametrize("engine", ONNX_ENGINES)
@pytest.mark.parametrize("graph", GRAPHS)
def test_agrees_with_the_oracle(engine: str, graph: str, tmp_path: Path) -> None:
    nodes, given, made, values = GRAPHS[graph]
    model = onnx_file(tmp_path / "net.onnx", nodes, {"x": (given, FLOAT)}, {"y": (made, FLOAT)}, values)
    feed = {"x": weights(*given)}
    wanted = registry.load("reference", model).run(feed)["y"]
    got = registry.load(engine, model, ONE).run(feed)["y"]
    assert got.shape == made
    np.testing.assert_allclose(got, wanted, rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize("engine", [*ONNX_ENGINES, "reference"])
def test_says_names_shapes_and_types_of_its_tensors(engine: str, add: Callable[[str], Engine]) -> None:
    loaded = add(engine)
    assert loaded.name == engine
    assert [(s.name, s.shape, s.dtype) for s in (*loaded.inputs, *loaded.outputs)] == [
        ("x", (1, 4), "float32"),
        ("y", (1, 4), "float32"),
    ]


@pytest.mark.parametrize("engine", [*ONNX_ENGINES, "reference"])
@pytest.mark.parametrize(
    ("feed", "complaint"),
    [
        ({}, "`x` is missing"),
        ({"x": np.zeros((1, 4), np.float64)}, "wants float32, got float64"),
        ({"x": np.zeros((1, 5), np.float32)}, r"wants shape \(1, 4\), got \(1, 5\)"),
        ({"x": np.zeros(4, np.float32)}, r"wants shape \(1, 4\), got \(4,\)"),
        ({"x": np.zeros((1, 4), np.float32), "z": np.zeros(1, np.float32)}, "no input is called `z`"),
    ],
)
def test_refuses_a_feed_that_does_not_fit(
    engine: str, feed: dict[str, NDArray[np.float32]], complaint: str, add: Callable[[str], Engine]
) -> None:
    with pytest.raises(EngineError, match=complaint):
        add(engine).run(feed)


@pytest.mark.parametrize("engine", ONNX_ENGINES)
def test_results_belong_to_the_caller(engine: str, add: Callable[[str], Engine]) -> None:
    loaded = add(engine)
    first = loaded.run({"x": np.zeros((1, 4), np.float32)})["y"]
    loaded.run({"x": np.full((1, 4), 9, np.float32)})
    np.testing.assert_array_equal(first, 1)


@pytest.mark.parametrize("engine", ONNX_ENGINES)
def test_takes_an_array_that_is_not_contiguous(engine: str, add: Callable[[str], Engine]) -> None:
    strided = np.arange(8, dtype=np.float32).reshape(1, 8)[:, ::2]
    np.testing.assert_array_equal(add(engine).run({"x": strided})["y"], [[1, 3, 5, 7]])


@pytest.mark.parametrize("engine", ONNX_ENGINES)
def test_open_sizes_take_the_shape_given_at_loading(engine: str, tmp_path: Path) -> None:
    model = add_one(tmp_path / "open.onnx", ("n", 4))
    loaded = registry.load(engine, model, EngineOptions(threads=1, inputs={"x": (3, 4)}))
    assert loaded.inputs[0].shape == (3, 4)
    assert loaded.run({"x": np.zeros((3, 4), np.float32)})["y"].shape == (3, 4)


@pytest.mark.parametrize("engine", ONNX_ENGINES)
def test_its_bare_call_computes_the_same(engine: str, add: Callable[[str], Engine]) -> None:
    feed = {"x": np.ones((1, 4), np.float32)}
    np.testing.assert_array_equal(np.asarray(add(engine).bare(feed)())[0], [[2, 2, 2, 2]])


@pytest.mark.parametrize("engine", [*ONNX_ENGINES, "tflite", "reference"])
def test_a_device_that_is_not_here_is_refused(engine: str, tmp_path: Path) -> None:
    model = tflite_add(tmp_path / "a.tflite") if engine == "tflite" else add_one(tmp_path / "a.onnx")
    with pytest.raises(MissingError, match=f"{engine} has no device NPU9 here; it has .*CPU"):
        registry.load(engine, model, EngineOptions(device="NPU9"))


@pytest.mark.parametrize("engine", [*ONNX_ENGINES, "tflite", "reference"])
@pytest.mark.parametrize("content", [b"", b"this is no model\n", bytes(range(256)) * 40, b"\x08\x08TFL3" * 100])
def test_a_file_that_is_no_model_is_one_line(
    engine: str, content: bytes, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / ("bad.tflite" if engine == "tflite" else "bad.onnx")
    path.write_bytes(content)
    with pytest.raises(ModelError, match=f"not a model that {engine} can read") as fault:
        registry.load(engine, path, ONE)
    assert "\n" not in str(fault.value)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("engine", [*ONNX_ENGINES, "tflite", "reference"])
def test_a_truncated_model_is_refused(engine: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    whole = tflite_add(tmp_path / "w.tflite") if engine == "tflite" else add_one(tmp_path / "w.onnx")
    data = whole.read_bytes()
    cut = tmp_path / f"cut{whole.suffix}"
    for length in range(4, len(data) - 40, max(1, len(data) // 12)):
        cut.write_bytes(data[:length])
        with pytest.raises(ModelError):
            registry.load(engine, cut, ONE)
    assert capfd.readouterr() == ("", "")


def test_tflite_computes_and_copies(tmp_path: Path) -> None:
    loaded = registry.load("tflite", tflite_add(tmp_path / "add.tflite"), ONE)
    feed = {"a": np.arange(8, dtype=np.float32)[None], "b": np.ones((1, 8), np.float32)}
    first = loaded.run(feed)["y"]
    loaded.run({"a": np.zeros((1, 8), np.float32), "b": np.zeros((1, 8), np.float32)})
    np.testing.assert_array_equal(first, [range(1, 9)])
    with pytest.raises(EngineError, match="`b` is missing"):
        loaded.run({"a": feed["a"]})


@pytest.mark.parametrize("engine", [*ONNX_ENGINES, "tflite"])
def test_memory_stays_level_over_a_thousand_runs(engine: str, tmp_path: Path) -> None:
    if engine == "tflite":
        loaded = registry.load(engine, tflite_add(tmp_path / "a.tflite", 40_000), ONE)
    else:
        loaded = registry.load(engine, add_one(tmp_path / "a.onnx", (1, 40_000)), ONE)
    feed = {spec.name: np.zeros((1, 40_000), np.float32) for spec in loaded.inputs}
    for _ in range(100):
        loaded.run(feed)
    before = resident_kb()
    for _ in range(1000):
        loaded.run(feed)
    # One leaked output a run would be 160 kB, 160 MB in all.
    assert resident_kb() - before < 4096


def resident_kb() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() // 1024
