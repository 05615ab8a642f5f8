"""What filters are multiplied with, beside what ONNX Runtime computes."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from edge.tools.evaluate import run
from edge.tools.patches import at, drawn, patches

EVERY = drawn(1 << 20, np.random.default_rng(0))


def computed(node: onnx.NodeProto, given: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """What ONNX Runtime makes of a node's input `x` and weight `w`."""
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in "xwy"]
    graph = helper.make_graph([node], "one", values[:2], values[2:])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    return run(model.SerializeToString(), [{"x": given, "w": weight}])[0]["y"]


@pytest.mark.parametrize("sizes", [(9, 12), (8, 7), (6,), (5, 4, 6)])
@pytest.mark.parametrize(
    "more",
    [
        {},
        {"group": 2},
        {"strides": 2, "auto_pad": "SAME_UPPER"},
        {"strides": 2, "auto_pad": "SAME_LOWER"},
        {"dilations": 2, "pads": (1, 2)},
        {"auto_pad": "VALID", "strides": 2},
        {"pads": (2, 1), "strides": 2, "group": 4},
    ],
)
def test_a_convolution_is_its_filters_times_the_patches_over_the_whole_batch(
    sizes: tuple[int, ...], more: dict[str, object]
) -> None:
    random, rank = np.random.default_rng(1), len(sizes)
    say = {
        name: [value] * rank if isinstance(value, int) and name != "group" else value for name, value in more.items()
    }
    if "pads" in more:
        before, after = more["pads"]  # type: ignore[misc]
        say["pads"] = [before] * rank + [after] * rank
    groups = int(str(more.get("group", 1)))
    given = random.standard_normal((3, 4, *sizes)).astype("f4")
    weight = random.standard_normal((8, 4 // groups, *[3] * rank)).astype("f4")
    node = helper.make_node("Conv", ["x", "w"], ["y"], **say)
    found = patches(node, weight.shape, given, EVERY)
    made = weight.reshape(groups, 8 // groups, -1) @ found.transpose(0, 2, 1)
    truth = computed(node, given, weight)
    np.testing.assert_allclose(made.reshape(8, -1), np.moveaxis(truth, 1, 0).reshape(8, -1), rtol=1e-4, atol=1e-4)
    some = np.array([0, 5, found.shape[1] - 1])
    np.testing.assert_array_equal(patches(node, weight.shape, given, at(some)), found[:, some])


def test_a_matrix_product_is_fed_rows() -> None:
    given = np.random.default_rng(1).standard_normal((2, 5, 3)).astype("f4")
    found = patches(helper.make_node("MatMul", ["x", "w"], ["y"]), (3, 4), given, EVERY)
    np.testing.assert_array_equal(found, given.reshape(1, 10, 3))


def test_places_are_drawn_over_the_batch_each_once() -> None:
    chosen = drawn(100, np.random.default_rng(2))(3000)
    assert len(set(chosen.tolist())) == 100
    assert (np.diff(chosen) > 0).all()
    assert chosen.max() > 2000
