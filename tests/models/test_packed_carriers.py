"""Tensors back into the files of engines: what the onnx package would write, else ModelError and nothing else."""

from __future__ import annotations

import contextlib
import time
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from edge.errors import ModelError
from edge.models.packed import carriers, protobuf
from tests.support.packing import same, skeleton_of

DTYPES = ("float32", "float16", "int8", "uint8", "int16", "int32", "int64", "bool", "float64", "uint16", "uint32")
NAMES = st.text(st.characters(codec="utf-8"), min_size=1, max_size=20)
ARRAYS = st.sampled_from(DTYPES).flatmap(
    lambda dtype: arrays.arrays(dtype, arrays.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=6))
)
WEIGHTS = st.dictionaries(NAMES, ARRAYS, max_size=6)
Weights = dict[str, NDArray[Any]]


def model_of(weights: Weights, external: bool) -> onnx.ModelProto:
    """A model with these initializers, each of them external, and a small one within."""
    tensors = []
    for name, array in weights.items():
        tensor = numpy_helper.from_array(array, name)
        if external:
            tensor.ClearField("raw_data")
            tensor.data_location = TensorProto.EXTERNAL
            tensor.external_data.add(key="location", value="w")
        tensors.append(tensor)
    spec = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1])
    within = numpy_helper.from_array(np.arange(3), "a location")
    node = helper.make_node("Identity", ["x"], ["y"], name="location")
    graph = helper.make_graph([node], "g", [spec], [spec], [within, *tensors])
    return helper.make_model(graph, producer_name="location")


@given(WEIGHTS)
@settings(max_examples=60, deadline=None)
def test_a_filled_skeleton_is_what_the_onnx_package_reads_as_the_model(weights: Weights) -> None:
    skeleton = model_of(weights, external=True).SerializeToString()
    wanted = model_of(weights, external=False)
    found = carriers.external_names(skeleton)
    assert [(one.name, one.shape, one.dtype, one.nbytes) for one in found] == [
        (name, array.shape, array.dtype.name, array.nbytes) for name, array in weights.items()
    ]
    filled = onnx.load_from_string(carriers.fill_onnx(skeleton, weights.items()))
    again = carriers.fill_onnx(skeleton, reversed(weights.items()))
    assert filled == onnx.load_from_string(again)
    for got, want in zip(filled.graph.initializer, wanted.graph.initializer, strict=True):
        assert got.name == want.name
        assert same(np.atleast_1d(numpy_helper.to_array(got)), np.atleast_1d(numpy_helper.to_array(want)))
    del filled.graph.initializer[:], wanted.graph.initializer[:]
    assert filled == wanted


def test_arrays_are_written_in_c_order_and_little_endian() -> None:
    plain = np.arange(12, dtype=np.float32).reshape(3, 4)
    skeleton = model_of({"a": plain, "b": plain.T.copy()}, external=True).SerializeToString()
    weights: Weights = {"a": plain, "b": plain.T}
    filled = onnx.load_from_string(carriers.fill_onnx(skeleton, weights.items()))
    for tensor in filled.graph.initializer[1:]:
        np.testing.assert_array_equal(numpy_helper.to_array(tensor), weights[tensor.name])


A = np.zeros((2, 3), np.float32)
WRONG: dict[str, tuple[list[tuple[str, NDArray[Any]]], str]] = {
    "none": ([], "tensor `a` is missing"),
    "one left out": ([("a", A)], "tensor `b` is missing"),
    "one twice": ([("a", A), ("a", A)], "`a` comes twice"),
    "one too many": ([("a", A), ("b", A), ("c", A)], "`c` comes twice, or the skeleton has no place"),
    "one of another type": ([("a", A.astype("int32"))], r"`a` is int32 \(2, 3\); the skeleton wants float32"),
    "one of another shape": ([("a", A.T)], r"`a` is float32 \(3, 2\); the skeleton wants float32 \(2, 3\)"),
}


@pytest.mark.parametrize(("weights", "said"), WRONG.values(), ids=WRONG)
def test_weights_that_are_not_those_of_the_skeleton_are_refused(
    weights: list[tuple[str, NDArray[Any]]], said: str
) -> None:
    skeleton = model_of({"a": A, "b": A}, external=True).SerializeToString()
    with pytest.raises(ModelError, match=said):
        carriers.fill_onnx(skeleton, weights)
    with pytest.raises(ModelError, match=said):
        list(carriers.matched(carriers.external_names(skeleton), weights))


def external(**entries: str) -> TensorProto:
    """A tensor whose data is elsewhere."""
    tensor = TensorProto(name="t", data_type=TensorProto.FLOAT, dims=[4], data_location=TensorProto.EXTERNAL)
    for key, value in entries.items():
        tensor.external_data.add(key=key, value=value)
    return tensor


def test_a_skeleton_that_names_a_file_is_refused_wherever_it_does() -> None:
    inner = helper.make_graph([], "inner", [], [], [external(location="w")])
    constant = helper.make_node("Constant", [], ["c"], value=external(location="../../etc/passwd"))
    sparse = onnx.SparseTensorProto(values=external(location="w"), indices=external(location="w"), dims=[4])
    function = onnx.FunctionProto(name="f", node=[constant])
    graphs: dict[str, onnx.ModelProto] = {
        "an initializer's path": with_graph(initializer=[external(location="/etc/passwd")]),
        "an offset": with_graph(initializer=[external(location="w", offset="4")]),
        "no location": with_graph(initializer=[external()]),
        "a constant node": with_graph(node=[constant]),
        "a branch": with_graph(node=[helper.make_node("If", ["c"], ["y"], then_branch=inner)]),
        "a sparse tensor": with_graph(sparse_initializer=[sparse]),
        "a function": onnx.ModelProto(graph=onnx.GraphProto(), functions=[function]),
    }
    for what, model in graphs.items():
        with pytest.raises(ModelError):
            print(what, carriers.external_names(model.SerializeToString()))


def with_graph(**parts: Any) -> onnx.ModelProto:
    """A model of a graph with nothing else in it."""
    return onnx.ModelProto(graph=onnx.GraphProto(**parts))


def test_data_beside_the_place_of_an_external_initializer_is_refused() -> None:
    for more in ({"raw_data": b"1234"}, {"float_data": [1.0]}, {"doc_string": "text"}, {"data_type": 99}):
        tensor = external(location="w")
        for field, value in more.items():
            getattr(tensor, field).extend(value) if field == "float_data" else setattr(tensor, field, value)
        with pytest.raises(ModelError):
            carriers.external_names(with_graph(initializer=[tensor]).SerializeToString())
    two = with_graph(initializer=[external(location="w"), external(location="w")])
    with pytest.raises(ModelError, match="one name"):
        carriers.external_names(two.SerializeToString())


def test_a_shape_of_more_bytes_than_a_file_may_have_is_refused_before_anything_is_made() -> None:
    tensor = external(location="w")
    tensor.dims[:] = [1 << 30, 1 << 30, 1 << 30]
    with pytest.raises(ModelError):
        carriers.external_names(with_graph(initializer=[tensor]).SerializeToString())
    tensor.dims[:] = [-1]
    with pytest.raises(ModelError):
        carriers.external_names(with_graph(initializer=[tensor]).SerializeToString())


def test_many_small_messages_take_neither_time_nor_memory() -> None:
    tensors = protobuf.head(5, 0) * (1 << 22)
    begun = time.monotonic()
    with pytest.raises(ModelError, match="more than 1048576 fields"):
        carriers.external_names(protobuf.head(7, len(tensors)) + tensors)
    some = [external(location="w") for _ in range(5000)]
    for number, tensor in enumerate(some):
        tensor.name = str(number)
    with pytest.raises(ModelError, match="more than 4096 initializers"):
        carriers.external_names(with_graph(initializer=some).SerializeToString())
    assert time.monotonic() - begun < 20


def test_a_fault_is_one_line_whatever_a_tensor_is_called() -> None:
    skeleton = model_of({"a\nb\x1b[31m": A}, external=True).SerializeToString()
    for weights in ([], [("c\nd", A)]):
        with pytest.raises(ModelError) as fault:
            carriers.fill_onnx(skeleton, weights)
        assert str(fault.value).isprintable()


def test_messages_within_messages_end_somewhere() -> None:
    deep = b""
    for _ in range(3000):
        attribute = protobuf.head(6, len(deep)) + deep
        node = protobuf.head(5, len(attribute)) + attribute
        deep = protobuf.head(1, len(node)) + node
    name = protobuf.head(2, 8) + b"location"
    model = protobuf.head(7, len(deep) + len(name)) + deep + name
    with pytest.raises(ModelError, match="without end"):
        carriers.external_names(model)


WHOLE, NUMBERS = skeleton_of(
    model_of({"a": A, "b": np.arange(100, dtype=np.int8)}, external=False).SerializeToString(), 1
)


@given(st.data())
@settings(max_examples=400, deadline=None)
def test_a_mutated_skeleton_is_refused_or_filled_and_nothing_else(data: st.DataObject) -> None:
    broken = bytearray(WHOLE)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(broken) - 1))
        kind = data.draw(st.sampled_from(["flip", "cut", "insert", "delete"]))
        if kind == "flip":
            broken[at] ^= 1 << data.draw(st.integers(0, 7))
        elif kind == "cut":
            del broken[at + 1 :]
        elif kind == "insert":
            broken[at:at] = data.draw(st.binary(min_size=1, max_size=8))
        else:
            del broken[at : at + data.draw(st.integers(1, 8))]
            broken = broken or bytearray(b"\0")
    with contextlib.suppress(ModelError):
        made = carriers.fill_onnx(bytes(broken), NUMBERS.items())
        assert len(made) >= len(broken)


@given(st.binary(max_size=60))
@example(b"\x3a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01")
@example(b"\x3a\x80")
@example(b"\x3a\x05\x2a\x7f")
@settings(max_examples=300, deadline=None)
def test_bytes_that_are_no_model_are_refused_or_have_nothing_to_fill(content: bytes) -> None:
    with contextlib.suppress(ModelError):
        assert carriers.external_names(content) == ()


@given(st.integers(0, (1 << 64) - 1), st.binary(max_size=3))
@settings(max_examples=200, deadline=None)
def test_varints_are_read_as_they_are_written(value: int, behind: bytes) -> None:
    written = protobuf.number(value)
    assert protobuf.varint(written + behind, 0, len(written + behind)) == (value, len(written))
    for length in range(len(written)):
        with pytest.raises(ModelError):
            protobuf.varint(written + behind, 0, length)


@given(st.binary(max_size=80), st.lists(st.tuples(st.integers(0, 90), st.integers(0, 20)), max_size=5))
@settings(max_examples=200, deadline=None)
def test_holes_are_filled_with_what_was_cut_out(content: bytes, spans: list[tuple[int, int]]) -> None:
    pieces, left, end = [], b"", 0
    for at, size in sorted(spans):
        if at >= end and at + size <= len(content):
            pieces.append((at, np.frombuffer(content, np.uint8, size, at)))
            left += content[end:at]
            end = at + size
    left += content[end:]
    assert carriers.fill_holes(left, len(content), pieces) == content


BYTES = np.arange(4, dtype=np.uint8)


@pytest.mark.parametrize(
    ("skeleton", "size", "pieces"),
    [
        (b"abcd", 8, [(2, BYTES), (1, BYTES)]),
        (b"abcd", 12, [(2, BYTES), (5, BYTES)]),
        (b"abcd", 8, [(6, BYTES)]),
        (b"abcd", 8, [(-1, BYTES)]),
        (b"ab", 8, [(3, BYTES)]),
        (b"abcd", 9, [(2, BYTES)]),
        (b"abcde", 8, [(2, BYTES)]),
        (b"", -1, []),
        (b"", 1 << 40, []),
    ],
)
def test_pieces_that_do_not_fit_are_refused(skeleton: bytes, size: int, pieces: list[tuple[int, Any]]) -> None:
    with pytest.raises(ModelError):
        carriers.fill_holes(skeleton, size, pieces)


def test_an_ir_is_joined_and_split() -> None:
    assert carriers.split_ir(carriers.join_ir(b"<net/>", b"\0rest\0")) == (b"<net/>", b"\0rest\0")
    with pytest.raises(ModelError):
        carriers.join_ir(b"<net\0/>", b"")
    with pytest.raises(ModelError):
        carriers.split_ir(b"<net/>")
