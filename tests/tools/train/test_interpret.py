"""A graph run in torch gives what ONNX Runtime gives."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper

from edge.errors import ModelError
from edge.tools import graph
from edge.tools.evaluate import run
from edge.tools.train import architectures
from edge.tools.train.interpret import read_net
from tests.support.nets import onnx_file

torch = pytest.importorskip("torch", reason="torch is not here: pip install 'edge-runtime[train]'")

PICTURE = (2, 4, 9, 7)
draw = np.random.default_rng(4)


def drawn(*shape: int) -> NDArray[np.float32]:
    return draw.normal(0, 1, shape).astype(np.float32)


def net(path: Path, nodes: list[onnx.NodeProto], weights: dict[str, NDArray[Any]], shape: tuple[int, ...]) -> Path:
    spec = (shape, TensorProto.FLOAT)
    return onnx_file(path, nodes, {"x": spec}, {"y": (["?"] * len(shape), TensorProto.FLOAT)}, weights)


def ran(model: onnx.ModelProto, feed: dict[str, NDArray[np.float32]]) -> list[NDArray[np.float32]]:
    made = read_net(model)
    tensors = {name: torch.from_numpy(value) for name, value in made.weights.items()}
    outputs = made.run({name: torch.from_numpy(value) for name, value in feed.items()}, tensors)
    return [outputs[name].numpy() for name in made.outputs]


PAIRS = {"strides": [2, 2], "kernel_shape": [3, 3]}
CASES: dict[str, tuple[str, dict[str, NDArray[Any]], dict[str, Any]]] = {
    "conv": ("Conv", {"w": drawn(6, 4, 3, 3), "b": drawn(6)}, {"pads": [1, 1, 1, 1], "strides": [2, 1]}),
    "conv, uneven pads": ("Conv", {"w": drawn(6, 4, 3, 3)}, {"pads": [0, 1, 2, 0], "dilations": [2, 1]}),
    "conv, groups": ("Conv", {"w": drawn(8, 1, 3, 3)}, {"group": 4}),
    "conv, same": ("Conv", {"w": drawn(6, 4, 3, 3)}, {"auto_pad": "SAME_UPPER", "strides": [2, 2]}),
    "transposed": (
        "ConvTranspose",
        {"w": drawn(4, 5, 3, 3), "b": drawn(5)},
        {"strides": [2, 2], "pads": [1, 1, 1, 1], "output_padding": [1, 1]},
    ),
    "max pool": ("MaxPool", {}, {**PAIRS, "pads": [1, 0, 1, 1]}),
    "max pool, ceiling": ("MaxPool", {}, {**PAIRS, "ceil_mode": 1}),
    "average pool": ("AveragePool", {}, {**PAIRS, "pads": [1, 1, 1, 1]}),
    "average pool, pads counted": ("AveragePool", {}, {**PAIRS, "pads": [1, 1, 1, 1], "count_include_pad": 1}),
    "global pool": ("GlobalAveragePool", {}, {}),
    "batch norm": (
        "BatchNormalization",
        {"s": drawn(4), "b": drawn(4), "m": drawn(4), "v": drawn(4) ** 2 + 0.1},
        {"epsilon": 1e-3},
    ),
    "leaky": ("LeakyRelu", {}, {"alpha": 0.2}),
    "clip": ("Clip", {"low": np.array(-0.5, np.float32), "high": np.array(0.7, np.float32)}, {}),
    "clip, from above": ("Clip", {"": np.zeros(0, np.float32), "high": np.array(0.7, np.float32)}, {}),
    "softmax": ("Softmax", {}, {"axis": 1}),
    "sigmoid": ("Sigmoid", {}, {}),
    "tanh": ("Tanh", {}, {}),
    "transpose": ("Transpose", {}, {"perm": [0, 2, 3, 1]}),
    "multiply": ("Mul", {"w": drawn(4, 1, 1)}, {}),
    "subtract": ("Sub", {"w": drawn(1, 4, 1, 7)}, {}),
    "matrix": ("MatMul", {"w": drawn(7, 5)}, {}),
    "reshape": ("Reshape", {"shape": np.array([0, 4, -1, 1], np.int64)}, {}),
}


@pytest.mark.parametrize("case", CASES)
def test_each_operator_gives_what_onnx_runtime_gives(case: str, tmp_path: Path) -> None:
    op, weights, attributes = CASES[case]
    nodes = [
        helper.make_node(op, ["x", *weights], ["t"], **attributes),
        helper.make_node("MatMul", ["t", "last"], ["y"]),
    ]
    weights = {name: value for name, value in weights.items() if name}
    feed = {"x": drawn(*PICTURE)}
    side = {"transpose": 4, "reshape": 1, "matrix": 5}.get(case)
    if side is None:  # what comes out is multiplied, so that there is something to train
        alone = [helper.make_node(op, nodes[0].input, ["y"], **attributes)]
        side = run(net(tmp_path / "alone.onnx", alone, weights, PICTURE).read_bytes(), [feed])[0]["y"].shape[-1]
    path = net(tmp_path / "net.onnx", nodes, {**weights, "last": drawn(side, 3)}, PICTURE)
    (expected,) = run(path.read_bytes(), [feed])
    (got,) = ran(graph.load(path), feed)
    np.testing.assert_allclose(got, expected["y"], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("attributes", [{}, {"transB": 1}, {"transA": 1}, {"alpha": 0.5, "beta": 2.0}])
def test_general_matrix_products_give_what_onnx_runtime_gives(attributes: dict[str, Any], tmp_path: Path) -> None:
    weights = {"w": drawn(3, 5) if attributes.get("transB") else drawn(5, 3), "b": drawn(3)}
    shape = (5, 4) if attributes.get("transA") else (4, 5)
    path = net(tmp_path / "net.onnx", [helper.make_node("Gemm", ["x", "w", "b"], ["y"], **attributes)], weights, shape)
    feed = {"x": drawn(*shape)}
    (expected,) = run(path.read_bytes(), [feed])
    np.testing.assert_allclose(ran(graph.load(path), feed)[0], expected["y"], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", architectures.TABLE)
def test_a_built_in_architecture_gives_what_onnx_runtime_gives(name: str) -> None:
    model = architectures.build(name, 3)
    feed = {"x": draw.random((3, 1, 28, 28), np.float32)}
    (expected,) = run(model.SerializeToString(), [feed])
    np.testing.assert_allclose(ran(model, feed)[0], expected["y"], rtol=1e-4, atol=1e-4)


def test_branches_and_constants_are_followed(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["a"]),
        helper.make_node("Constant", [], ["half"], value=onnx.numpy_helper.from_array(np.float32([0.5]))),
        helper.make_node("Mul", ["a", "half"], ["b"]),
        helper.make_node("Relu", ["a"], ["c"]),
        helper.make_node("Dropout", ["c"], ["d"]),
        helper.make_node("Concat", ["b", "d"], ["e"], axis=1),
        helper.make_node("Flatten", ["e"], ["y"]),
    ]
    path = net(tmp_path / "net.onnx", nodes, {"w": drawn(3, 4, 1, 1)}, PICTURE)
    feed = {"x": drawn(*PICTURE)}
    model = graph.load(path)
    (expected,) = run(graph.to_bytes(model), [feed])
    np.testing.assert_allclose(ran(model, feed)[0], expected["y"], rtol=1e-4, atol=1e-5)
    assert read_net(model).prunable == ("w",)


def test_a_reshape_that_was_exported_for_one_picture_takes_many(tmp_path: Path) -> None:
    weights = {"w": drawn(252, 3), "flat": np.array([1, -1], np.int64)}
    nodes = [helper.make_node("Reshape", ["x", "flat"], ["f"]), helper.make_node("MatMul", ["f", "w"], ["y"])]
    path = net(tmp_path / "net.onnx", nodes, weights, (1, 4, 9, 7))
    assert ran(graph.load(path), {"x": drawn(5, 4, 9, 7)})[0].shape == (5, 3)


def test_statistics_of_a_normalization_are_not_trained(tmp_path: Path) -> None:
    weights = {"w": drawn(3, 4, 1, 1), **{name: np.ones(3, np.float32) for name in "sbmv"}}
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["a"]),
        helper.make_node("BatchNormalization", ["a", *"sbmv"], ["y"]),
    ]
    made = read_net(graph.load(net(tmp_path / "net.onnx", nodes, weights, PICTURE)))
    assert (set(made.weights), made.prunable) == ({"w", "s", "b"}, ("w",))


def test_an_operator_that_cannot_be_trained_is_named(tmp_path: Path) -> None:
    path = net(tmp_path / "net.onnx", [helper.make_node("Erf", ["x"], ["y"])], {}, PICTURE)
    with pytest.raises(ModelError, match=r"^the operator Erf cannot be trained"):
        read_net(graph.load(path))


def test_a_model_without_weights_is_refused(tmp_path: Path) -> None:
    path = net(tmp_path / "net.onnx", [helper.make_node("Relu", ["x"], ["y"])], {}, PICTURE)
    with pytest.raises(ModelError, match="no floating-point weights"):
        read_net(graph.load(path))


def test_a_graph_that_does_not_fit_what_it_is_fed_is_one_line(tmp_path: Path) -> None:
    path = net(tmp_path / "net.onnx", [helper.make_node("MatMul", ["x", "w"], ["y"])], {"w": drawn(7, 5)}, (2, 7))
    with pytest.raises(ModelError, match=r"^MatMul `y` cannot be run in torch: [^\n]+$"):
        ran(graph.load(path), {"x": drawn(2, 6)})
