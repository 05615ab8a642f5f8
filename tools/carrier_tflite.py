"""A TFLite file taken apart for packing: its constant tensors, and the flatbuffer without them.

Source: tensorflow/lite/schema/schema.fbs, as LiteRT's package carries it.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

import numpy as np

from edge.engines.base import need, one_line
from edge.errors import ModelError
from edge.models.packed.weight import Weight
from edge.tools.cutting import cut

INSTALL = "pip install 'edge-runtime[tflite]'"
IDENTIFIER = b"TFL3"
DTYPES = {
    "FLOAT32": "float32",
    "FLOAT16": "float16",
    "INT32": "int32",
    "UINT8": "uint8",
    "INT64": "int64",
    "BOOL": "bool",
    "INT16": "int16",
    "INT8": "int8",
}
FAULTS = (struct.error, IndexError, ValueError, TypeError, OverflowError, AttributeError)
"""What a flatbuffer's offsets into nowhere raise."""


def cut_tflite(content: bytes) -> tuple[bytes, list[Weight]]:
    """The file without the bytes of its weights, and the weights by offset.

    Raises:
        ModelError: no TFLite file.
        MissingError: LiteRT's package is not here.
    """
    schema = need("ai_edge_litert.schema_py_generated", INSTALL)
    if content[4:8] != IDENTIFIER:
        raise ModelError("not a TFLite file")
    try:
        return cut(content, list(_constants(schema, content)))
    except FAULTS as fault:
        raise ModelError(f"not a TFLite file: {one_line(fault)}") from None


def _constants(schema: Any, content: bytes) -> Iterator[tuple[str, tuple[int, ...], str, int]]:
    """Name, shape, element type and first byte of each tensor that lies in a buffer of the flatbuffer."""
    model = schema.Model.GetRootAs(content, 0)
    types = {code: DTYPES.get(name) for name, code in vars(schema.TensorType).items()}
    begin = _address(np.frombuffer(content, np.uint8))
    for g in range(model.SubgraphsLength()):
        graph = model.Subgraphs(g)
        for t in range(graph.TensorsLength()):
            tensor = graph.Tensors(t)
            buffer = model.Buffers(tensor.Buffer())
            dtype = types.get(tensor.Type())
            if buffer.DataLength() == 0 or tensor.ShapeLength() == 0 or dtype is None:
                continue
            data, shape = buffer.DataAsNumpy(), tuple(int(side) for side in tensor.ShapeAsNumpy())
            # A sparse tensor has fewer bytes than its shape tells.
            if data.size == int(np.prod(shape, dtype=np.int64)) * np.dtype(dtype).itemsize:
                name = (tensor.Name() or b"").decode(errors="replace")
                yield name, shape, dtype, _address(data) - begin


def _address(array: Any) -> int:
    return int(array.__array_interface__["data"][0])
