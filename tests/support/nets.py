"""Tiny models made on the spot: ONNX by the onnx helpers, TFLite by the schema that LiteRT carries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

Shape = Sequence[int | str]


def onnx_file(
    path: Path,
    nodes: Sequence[onnx.NodeProto],
    inputs: Mapping[str, tuple[Shape, int]],
    outputs: Mapping[str, tuple[Shape, int]],
    weights: Mapping[str, NDArray[Any]] | None = None,
) -> Path:
    """Write a graph that every back end can read (opset 17, IR 9)."""
    graph = helper.make_graph(
        list(nodes),
        "tiny",
        [helper.make_tensor_value_info(name, kind, list(shape)) for name, (shape, kind) in inputs.items()],
        [helper.make_tensor_value_info(name, kind, list(shape)) for name, (shape, kind) in outputs.items()],
        [numpy_helper.from_array(value, name) for name, value in (weights or {}).items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(model, str(path))
    return path


def add_one(path: Path, shape: Shape = (1, 4)) -> Path:
    """y = x + 1, float32."""
    node = helper.make_node("Add", ["x", "one"], ["y"])
    spec = (shape, TensorProto.FLOAT)
    return onnx_file(path, [node], {"x": spec}, {"y": spec}, {"one": np.ones(1, np.float32)})


def grid_detector(path: Path, classes: int = 2, size: int = 32, *, vary: bool = False) -> Path:
    """A YOLOX of stride 16 on `images` (1, 3, size, size) that sees one object in each cell whose mean is bright; where
    it may vary, on any number of pictures of any multiple of 16.

    Objectness and every class score of a cell are its mean value over all channels / 255; the box is the cell.
    """
    cells, batch = (size // 16) ** 2, "n" if vary else 1
    sides: Shape = ("h", "w") if vary else (size, size)
    nodes = [
        helper.make_node("Conv", ["images", "mean"], ["brightness"], kernel_shape=[16, 16], strides=[16, 16]),
        helper.make_node("Reshape", ["brightness", "column"], ["score"]),
        helper.make_node("MatMul", ["score", "spread"], ["scores"]),
        helper.make_node("Add", ["scores", "boxes"], ["output"]),
    ]
    spread = np.array([[0, 0, 0, 0, *[1] * (1 + classes)]], np.float32)
    boxes = np.array([0.5, 0.5, 0, 0, *[0] * (1 + classes)], np.float32)
    return onnx_file(
        path,
        nodes,
        {"images": ((batch, 3, *sides), TensorProto.FLOAT)},
        {"output": ((batch, "cells" if vary else cells, 5 + classes), TensorProto.FLOAT)},
        {
            "mean": np.full((1, 3, 16, 16), 1 / (3 * 256 * 255), np.float32),
            "column": np.array([0 if vary else 1, -1, 1], np.int64),
            "spread": spread,
            "boxes": boxes,
        },
    )


def saying(path: Path, shape: Shape, outputs: Mapping[str, NDArray[Any]]) -> Path:
    """A graph on `images` that gives these tensors, plus nought times the picture: no engine may fold it away."""
    nodes = [
        helper.make_node("ReduceMean", ["images"], ["mean"], keepdims=0),
        helper.make_node("Mul", ["mean", "zero"], ["nought"]),
    ]
    nodes += [helper.make_node("Add", [f"{role}_values", "nought"], [role]) for role in outputs]
    return onnx_file(
        path,
        nodes,
        {"images": (shape, TensorProto.FLOAT)},
        {role: (array.shape, TensorProto.FLOAT) for role, array in outputs.items()},
        {"zero": np.zeros(1, np.float32)} | {f"{role}_values": array for role, array in outputs.items()},
    )


GRID_MANIFEST = """
name = "grid"
decoder = "yolox"
labels = ["Person", "traffic light"]
strides = [16]
min_score = 0.5

[input]
name = "images"
width = 32
height = 32
layout = "NCHW"
dtype = "float32"

[outputs]
predictions = "output"
"""


POSER_MANIFEST = """
name = "poser"
task = "pose"
decoder = "movenet"
min_score = 0.3

[input]
name = "images"
width = 64
height = 64
layout = "NCHW"
dtype = "float32"

[outputs]
keypoints = "keypoints"
"""


def poser(path: Path, places: Sequence[tuple[float, float]], score: float = 0.9) -> Path:
    """A pose model on `images` (1, 3, 64, 64) that finds these seventeen joints, x and y in 0..1, in every picture; its
    manifest beside it."""
    rows = np.array([(y, x, score) for x, y in places], np.float32).reshape(1, 1, 17, 3)
    path.with_suffix(".toml").write_text(POSER_MANIFEST)
    return saying(path, (1, 3, 64, 64), {"keypoints": rows})


@dataclass(frozen=True, slots=True)
class Tensor:
    """A tensor of a TFLite graph: constant where it has `data`, quantized where it has `scale`."""

    name: str
    shape: Sequence[int]
    dtype: str = "float32"
    data: NDArray[Any] | None = None
    scale: float | None = None
    zero_point: int = 0


def tflite_file(
    path: Path,
    tensors: Sequence[Tensor],
    operators: Sequence[tuple[str, Any, Sequence[int], Sequence[int]]],
    inputs: Sequence[int],
    outputs: Sequence[int],
) -> Path:
    """Write a flatbuffer; an operator is its builtin name, its options and the tensors that it takes and gives."""
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    model, graph = schema.ModelT(), schema.SubGraphT()
    model.version, model.description = 3, b"tiny"
    model.buffers, graph.tensors = [schema.BufferT()], []
    for tensor in tensors:
        made, buffer = schema.TensorT(), schema.BufferT()
        made.name, made.shape, made.buffer = tensor.name.encode(), list(tensor.shape), len(model.buffers)
        made.type = getattr(schema.TensorType, tensor.dtype.upper())
        if tensor.data is not None:
            buffer.data = np.frombuffer(tensor.data.tobytes(), np.uint8)
        if tensor.scale is not None:
            made.quantization = schema.QuantizationParametersT()
            made.quantization.scale, made.quantization.zeroPoint = [tensor.scale], [tensor.zero_point]
        model.buffers.append(buffer)
        graph.tensors.append(made)
    model.operatorCodes, graph.operators = [], []
    for name, options, taken, given in operators:
        code, operator = schema.OperatorCodeT(), schema.OperatorT()
        code.builtinCode = code.deprecatedBuiltinCode = getattr(schema.BuiltinOperator, name)
        code.version = 1
        operator.opcodeIndex, operator.inputs, operator.outputs = len(model.operatorCodes), list(taken), list(given)
        kind = type(options).__name__.removesuffix("T")
        operator.builtinOptionsType, operator.builtinOptions = getattr(schema.BuiltinOptions, kind), options
        model.operatorCodes.append(code)
        graph.operators.append(operator)
    graph.inputs, graph.outputs, model.subgraphs = list(inputs), list(outputs), [graph]
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    path.write_bytes(builder.Output())
    return path


def tflite_pair(path: Path, operator: str, size: int) -> Path:
    """y from a and b, float32 (1, size), by `ADD`, `SUB` or `MUL`."""
    from ai_edge_litert import schema_py_generated as schema

    options = getattr(schema, f"{operator.title()}OptionsT")()
    return tflite_file(
        path, [Tensor(name, (1, size)) for name in "aby"], [(operator, options, (0, 1), (2,))], (0, 1), (2,)
    )


def tflite_add_one(path: Path, shape: Sequence[int] = (1, 4)) -> Path:
    """y = x + 1, float32, as a flatbuffer."""
    from ai_edge_litert import schema_py_generated as schema

    tensors = [Tensor("x", shape), Tensor("one", (1,), data=np.ones(1, np.float32)), Tensor("y", shape)]
    return tflite_file(path, tensors, [("ADD", schema.AddOptionsT(), (0, 1), (2,))], (0,), (2,))


def ir_adding(path: Path, numbers: NDArray[np.float32]) -> Path:
    """y = x + numbers, float32, as an OpenVINO IR of version 10, which old releases read as well."""

    def port(number: int) -> str:
        sides = "".join(f"<dim>{side}</dim>" for side in numbers.shape)
        return f'<port id="{number}" precision="FP32">{sides}</port>'

    shape = ",".join(map(str, numbers.shape))
    data = f'<data element_type="f32" shape="{shape}"'
    path.write_text(
        f'''<?xml version="1.0"?><net name="add" version="10"><layers>
<layer id="0" name="x" type="Parameter" version="opset1">{data}/><output>{port(0)}</output></layer>
<layer id="1" name="numbers" type="Const" version="opset1">{data} offset="8" size="{numbers.nbytes}"/><output>{port(0)}
</output></layer>
<layer id="2" name="y" type="Add" version="opset1"><data auto_broadcast="numpy"/>
<input>{port(0)}{port(1)}</input><output>{port(2)}</output></layer>
<layer id="3" name="y/sink" type="Result" version="opset1"><input>{port(0)}</input></layer></layers>
<edges><edge from-layer="0" from-port="0" to-layer="2" to-port="0"/>
<edge from-layer="1" from-port="0" to-layer="2" to-port="1"/>
<edge from-layer="2" from-port="2" to-layer="3" to-port="0"/></edges></net>'''
    )
    path.with_suffix(".bin").write_bytes(b"\x07" * 8 + numbers.tobytes())
    return path
