"""A network of `layers` as a TFLite file, written with the schema that LiteRT's package carries.

The converters of TensorFlow and of torch want hundreds of megabytes; the format wants a table of tensors and one of
operators. Source: tensorflow/lite/schema/schema.fbs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.engines.base import need
from edge.tools.carrier_tflite import IDENTIFIER, INSTALL
from edge.tools.steer.layers import Active, Concat, Conv, Dense, Flatten, Mean, Net, Pool, Scale, Step, steps
from edge.types import F32

SCHEMA = "ai_edge_litert.schema_py_generated"
ALIGNED = 16
"""Bytes: where a constant begins, as the schema has it."""
_SAME, _VALID = 0, 1


def tflite(net: Net, weights: Mapping[str, F32]) -> bytes:
    """The file of a network around its weights, as `layers` names and shapes them; the same bytes for the same.

    Raises:
        MissingError: LiteRT's package is not here.
        ValueError: a layer does not fit what it gets.
    """
    schema, buffers = need(SCHEMA, INSTALL), need("flatbuffers", INSTALL)
    made = _Made(schema)
    made.tensor(net.given, (1, *net.shape))
    for step in steps(net):
        _write(made, step, weights)
    graph = made.graph
    graph.inputs, graph.outputs = [made.at[net.given]], [made.at[net.gives]]
    model = made.model
    model.version, model.description, model.subgraphs = 3, net.name.encode(), [graph]
    builder = buffers.Builder(1024)
    builder.Finish(model.Pack(builder), IDENTIFIER)
    return bytes(builder.Output())


@dataclass(frozen=True, slots=True)
class _Constant:
    """A buffer of the file, as the schema's objects write themselves."""

    schema: Any
    content: bytes

    def Pack(self, builder: Any) -> int:
        builder.Prep(ALIGNED, len(self.content))
        content = builder.CreateByteVector(self.content)
        self.schema.BufferStart(builder)
        self.schema.BufferAddData(builder, content)
        return int(self.schema.BufferEnd(builder))


@dataclass(slots=True)
class _Made:
    """A model that grows. at: the number of each tensor by its name; codes: of each operator's code by its name."""

    schema: Any
    model: Any = field(init=False)
    graph: Any = field(init=False)
    at: dict[str, int] = field(default_factory=dict)
    codes: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.model, self.graph = self.schema.ModelT(), self.schema.SubGraphT()
        # The first buffer is empty, and that of every tensor without values.
        self.model.buffers, self.model.operatorCodes = [self.schema.BufferT()], []
        self.graph.tensors, self.graph.operators = [], []

    def tensor(self, name: str, shape: tuple[int, ...], dtype: str = "float32") -> None:
        made = self.schema.TensorT()
        made.name, made.shape = name.encode(), list(shape)
        made.type, made.buffer = getattr(self.schema.TensorType, dtype.upper()), 0
        self.at[name] = len(self.graph.tensors)
        self.graph.tensors.append(made)

    def constant(self, name: str, array: NDArray[Any]) -> str:
        self.tensor(name, array.shape, array.dtype.name)
        self.graph.tensors[-1].buffer = len(self.model.buffers)
        self.model.buffers.append(_Constant(self.schema, array.astype(array.dtype.newbyteorder("<")).tobytes()))
        return name

    def operator(self, code: str, takes: tuple[str, ...], gives: str, shape: tuple[int, ...], **how: Any) -> None:
        """Append one by its builtin name; its options are named after it."""
        schema = self.schema
        self.tensor(gives, shape)
        if code not in self.codes:
            self.codes[code] = len(self.codes)
            known = schema.OperatorCodeT()
            known.builtinCode = known.deprecatedBuiltinCode = getattr(schema.BuiltinOperator, code)
            known.version = 1
            self.model.operatorCodes.append(known)
        made = schema.OperatorT()
        made.opcodeIndex, made.inputs, made.outputs = self.codes[code], [self.at[k] for k in takes], [self.at[gives]]
        if code in _OPTIONS:
            kind = f"{_OPTIONS[code]}Options"
            made.builtinOptionsType = getattr(schema.BuiltinOptions, kind)
            made.builtinOptions = getattr(schema, f"{kind}T")()
            for key, value in how.items():
                setattr(made.builtinOptions, key, value)
        self.graph.operators.append(made)


_OPTIONS = {
    "DIV": "Div",
    "SUB": "Sub",
    "CONV_2D": "Conv2D",
    "MAX_POOL_2D": "Pool2D",
    "CONCATENATION": "Concatenation",
    "MEAN": "Reducer",
    "RESHAPE": "Reshape",
    "FULLY_CONNECTED": "FullyConnected",
    "SOFTMAX": "Softmax",
}
"""Operators that have options, and how these are called."""


def _write(made: _Made, step: Step, weights: Mapping[str, F32]) -> None:
    layer, takes, gives, shape = step.layer, step.takes, step.gives, (1, *step.after)
    match layer:
        case Scale():
            by, less = (np.array([value], np.float32) for value in (layer.by, layer.less))
            made.operator("DIV", (*takes, made.constant(f"{gives}_by", by)), f"{gives}_part", shape)
            made.operator("SUB", (f"{gives}_part", made.constant(f"{gives}_less", less)), gives, shape)
        case Conv():
            filters = made.constant(layer.name, weights[layer.name].transpose(3, 0, 1, 2))
            bias = made.constant(f"{layer.name}_b", weights[f"{layer.name}_b"])
            how = {"padding": _SAME if layer.same else _VALID, "strideH": layer.stride, "strideW": layer.stride}
            made.operator("CONV_2D", (*takes, filters, bias), gives, shape, **how)
        case Pool():
            sides = {"filterHeight": layer.side, "filterWidth": layer.side}
            how = {"padding": _VALID, "strideH": layer.stride, "strideW": layer.stride, **sides}
            made.operator("MAX_POOL_2D", takes, gives, shape, **how)
        case Concat():
            made.operator("CONCATENATION", takes, gives, shape, axis=len(shape) - 1)
        case Mean():
            axes = made.constant(f"{gives}_axes", np.array([1, 2], np.int32))
            made.operator("MEAN", (*takes, axes), gives, shape, keepDims=False)
        case Flatten():
            row = made.constant(f"{gives}_shape", np.array(shape, np.int32))
            made.operator("RESHAPE", (*takes, row), gives, shape, newShape=list(shape))
        case Dense():
            matrix = made.constant(layer.name, weights[layer.name].T)
            bias = made.constant(f"{layer.name}_b", weights[f"{layer.name}_b"])
            made.operator("FULLY_CONNECTED", (*takes, matrix, bias), gives, shape)
        case Active():
            made.operator(layer.kind.upper(), takes, gives, shape, **({"beta": 1.0} if layer.kind == "softmax" else {}))
