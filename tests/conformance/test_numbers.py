"""The same model and inputs give the same outputs on every back end, held against the NumPy oracle."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import openvino
import pytest
from ai_edge_litert import schema_py_generated as schema

from edge.engines import registry
from edge.engines.base import Engine, EngineOptions
from edge.errors import MissingError
from tests.conformance.engines import CASES, GRAPH, LOCAL, Case, each, each_graph
from tests.conformance.graphs import GRAPHS, QUANTIZED, weights
from tests.support.nets import Tensor, tflite_file


@each_graph(GRAPHS)
def test_agrees_with_the_oracle(case: Case, graph: str, load: Callable[..., Engine], tmp_path: Path) -> None:
    model = GRAPHS[graph].file(tmp_path / "net.onnx")
    feed = {"x": weights(*GRAPHS[graph].takes)}
    wanted = registry.load("reference", model).run(feed)
    got = load(model).run(feed)
    assert got.keys() == GRAPHS[graph].gives.keys()
    for name, (shape, dtype) in GRAPHS[graph].gives.items():
        assert (got[name].shape, got[name].dtype) == (shape, dtype)
        np.testing.assert_allclose(got[name], wanted[name], *case.f32)


@each_graph(["convolution", "classifier"])
def test_agrees_in_float16(case: Case, graph: str, load: Callable[..., Engine], tmp_path: Path) -> None:
    feed = {"x": weights(*GRAPHS[graph].takes)}
    wanted = registry.load("reference", GRAPHS[graph].file(tmp_path / "full.onnx")).run(feed)["y"]
    engine = load(GRAPHS[graph].file(tmp_path / "half.onnx", "float16"))
    assert engine.inputs[0].dtype == case.f16_as
    got = engine.run({"x": feed["x"].astype(case.f16_as)})["y"]
    assert got.dtype == case.f16_as
    np.testing.assert_allclose(got, wanted, *case.f16)


@each(GRAPH)
def test_agrees_on_a_quantized_graph(case: Case, load: Callable[..., Engine], tmp_path: Path) -> None:
    model = QUANTIZED.file(tmp_path / "qdq.onnx")
    feed = {"x": weights(*QUANTIZED.takes)}
    wanted = registry.load("reference", model).run(feed)["y"]
    assert len(np.unique(wanted)) > 10
    far = np.abs(load(model).run(feed)["y"] - wanted) / 0.05
    # Rounding half the other way, or scales folded into one, moves a value by one step, and few of them.
    assert far.max() < 1.01
    assert (far > 0.01).mean() < 0.02


@each(LOCAL)
@pytest.mark.parametrize("precision", ["f16", "bf16"])
def test_a_precision_is_honoured_or_refused_in_one_line(
    case: Case, precision: str, load: Callable[..., Engine], tmp_path: Path
) -> None:
    model = case.adding(tmp_path)
    if case.name == "openvino" and {"f16": "FP16", "bf16": "BF16"}[precision] in capabilities():
        x = np.ones((1, 4), np.float32)
        np.testing.assert_allclose(load(model, precision=precision).run({"x": x})["y"], 2)
        return
    with pytest.raises(MissingError, match=f"{case.name} .*{precision}") as refusal:
        load(model, precision=precision)
    assert "\n" not in str(refusal.value)


def test_openvino_computes_in_float32_unless_told(tmp_path: Path) -> None:
    graph = GRAPHS["convolution"]
    feed = {"x": weights(*graph.takes)}
    model = graph.file(tmp_path / "net.onnx")
    wanted = registry.load("reference", model).run(feed)["y"]
    plain = registry.load("openvino", model, EngineOptions(threads=1)).run(feed)["y"]
    np.testing.assert_allclose(plain, wanted, rtol=2e-5, atol=2e-6)
    if "BF16" not in capabilities():
        pytest.skip("this CPU has no bfloat16")
    less = registry.load("openvino", model, EngineOptions(threads=1, precision="bf16")).run(feed)["y"]
    assert 1e-4 < np.abs(less - wanted).max() < 0.05


@each(CASES)
def test_a_device_that_is_not_here_is_refused(case: Case, load: Callable[..., Engine], tmp_path: Path) -> None:
    with pytest.raises(MissingError, match=f"{case.name} has no device NPU9 here; it has ") as fault:
        load(case.adding(tmp_path), device="NPU9")
    assert "\n" not in str(fault.value)


@pytest.mark.parametrize("engine", ["tflite", "openvino"])
def test_a_tflite_convolution_is_the_sum_that_it_should_be(engine: str, tmp_path: Path) -> None:
    kernel, bias = weights(2, 3, 3, 3), weights(2)
    tensors = [
        Tensor("x", (1, 6, 6, 3)),
        Tensor("w", kernel.shape, data=kernel),
        Tensor("b", (2,), data=bias),
        Tensor("y", (1, 4, 4, 2)),
    ]
    options = schema.Conv2DOptionsT()
    options.padding, options.strideH, options.strideW = schema.Padding.VALID, 1, 1
    options.dilationHFactor = options.dilationWFactor = 1
    model = tflite_file(tmp_path / "c.tflite", tensors, [("CONV_2D", options, (0, 1, 2), (3,))], (0,), (3,))
    x = weights(1, 6, 6, 3)
    views = np.lib.stride_tricks.sliding_window_view(x, (3, 3), axis=(1, 2))
    wanted = np.einsum("nhwcyx,oyxc->nhwo", views, kernel) + bias
    got = registry.load(engine, model, EngineOptions(threads=1)).run({"x": x})["y"]
    np.testing.assert_allclose(got, wanted, rtol=1e-4, atol=1e-5)


def test_a_quantized_tflite_tensor_says_its_scale(tmp_path: Path) -> None:
    tensors = [Tensor("x", (1, 4), "uint8", None, 0.5, 10), Tensor("y", (1, 4))]
    operators = [("DEQUANTIZE", schema.DequantizeOptionsT(), (0,), (1,))]
    engine = registry.load("tflite", tflite_file(tmp_path / "q.tflite", tensors, operators, (0,), (1,)))
    spec = engine.inputs[0]
    assert (spec.dtype, spec.scale, spec.zero_point) == ("uint8", 0.5, 10)
    got = engine.run({"x": np.array([[0, 10, 12, 255]], np.uint8)})["y"]
    np.testing.assert_array_equal(got, [[-5, 0, 1, 122.5]])


def capabilities() -> list[str]:
    """What OpenVINO says that this CPU computes in."""
    return list(openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"))
