"""ONNX models as compression sees them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import helper, numpy_helper

from edge.errors import ModelError
from edge.tools import evaluate, graph
from tests.support.small_cnn import small_cnn, small_feeds


def test_weights_are_what_layers_hold_constant_and_is_large_enough() -> None:
    assert list(graph.weights(small_cnn())) == ["w1", "w2", "w3", "w4"]


def test_constants_become_initializers_and_initializers_are_no_inputs() -> None:
    model = small_cnn()
    held = next(tensor for tensor in model.graph.initializer if tensor.name == "w3")
    model.graph.input.append(helper.make_tensor_value_info("w1", onnx.TensorProto.FLOAT, [16, 3, 3, 3]))
    constant = helper.make_node("Constant", [], ["w3"], value=numpy_helper.from_array(numpy_helper.to_array(held)))
    model.graph.initializer.remove(held)
    model.graph.node.insert(0, constant)
    loaded = graph.load(graph.to_bytes(model))
    assert [given.name for given in loaded.graph.input] == ["data"]
    assert set(graph.weights(loaded)) == {"w1", "w2", "w3", "w4"}
    feeds = small_feeds(2)
    before, after = (evaluate.run(graph.to_bytes(one), feeds) for one in (small_cnn(), loaded))
    assert all(np.array_equal(a["scores"], b["scores"]) for a, b in zip(before, after, strict=True))


def test_nodes_without_a_name_get_one_that_no_other_has() -> None:
    model = small_cnn()
    first, second, third = model.graph.node[:3]
    first.name, third.name = second.output[0], "mine"
    loaded = graph.load(graph.to_bytes(model))
    assert [node.name for node in loaded.graph.node[:3]] == [first.name, "", "mine"]
    assert [node.name for node in loaded.graph.node[3:]] == [node.output[0] for node in model.graph.node[3:]]


def test_the_opset_is_raised_unless_it_is_to_stay() -> None:
    old = graph.to_bytes(small_cnn(opset=11))
    assert graph.load(old).opset_import[0].version == graph.OPSET
    assert graph.load(old, opset=0).opset_import[0].version == 11


def test_a_skeleton_runs_once_it_is_given_the_weights() -> None:
    model = small_cnn()
    weights = graph.weights(model)
    bare = graph.skeleton(model, weights)
    assert len(bare) < len(graph.to_bytes(model)) / 3
    settings = onnxruntime.SessionOptions()
    values = [onnxruntime.OrtValue.ortvalue_from_numpy(array) for array in weights.values()]
    settings.add_external_initializers(list(weights), values)
    session = onnxruntime.InferenceSession(bare, settings)
    (feed,) = small_feeds(1)
    (truth,) = evaluate.run(graph.to_bytes(model), [feed])
    assert np.array_equal(session.run(["scores"], feed)[0], truth["scores"])


def test_nodes_of_a_skeleton_have_names_of_their_own() -> None:
    model = small_cnn()
    for node in model.graph.node:
        node.name = "same"
    names = [node.name for node in onnx.load_from_string(graph.skeleton(model, ())).graph.node]
    assert all(names)
    assert len(set(names)) == len(names) > 3


def test_a_copy_has_the_new_values_and_the_original_its_own() -> None:
    model = small_cnn()
    made = graph.replace(model, {"w3": np.zeros((24, 16, 1, 1), np.float32)})
    assert not graph.weights(made)["w3"].any()
    assert graph.weights(model)["w3"].any()
    with pytest.raises(KeyError):
        graph.replace(model, {"nobody": np.zeros(1, np.float32)})


@pytest.mark.parametrize("content", [b"", b"no model", b"\x08\x03" + b"\xff" * 40])
def test_other_files_are_one_line(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "other.onnx"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=r"other\.onnx: not an ONNX model") as told:
        graph.load(path)
    assert "\n" not in str(told.value)
