"""Inputs and outputs of a TensorRT engine, as it tells them."""

from __future__ import annotations

from edge.engines.base import TensorSpec, Unsupported
from edge.engines.tensorrt_api import ICudaEngine

DTYPES = {
    "FLOAT": "float32",
    "HALF": "float16",
    "INT8": "int8",
    "UINT8": "uint8",
    "INT32": "int32",
    "INT64": "int64",
    "BOOL": "bool",
}


def span(engine: ICudaEngine, name: str) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The smallest and the largest shape of an input; the same where it has one shape."""
    shape = shape_of(engine, name)
    if None not in shape:
        fixed = tuple(size for size in shape if size is not None)
        return fixed, fixed
    least, _, most = engine.get_tensor_profile_shape(name, 0)
    return tuple(int(size) for size in least), tuple(int(size) for size in most)


def common(ends: tuple[tuple[int, ...], tuple[int, ...]]) -> tuple[int | None, ...]:
    """The sizes that both ends have; None where they differ."""
    return tuple(low if low == high else None for low, high in zip(*ends, strict=True))


def shape_of(engine: ICudaEngine, name: str) -> tuple[int | None, ...]:
    """The shape of a tensor; None where its size is open."""
    return tuple(None if size < 0 else int(size) for size in engine.get_tensor_shape(name))


def spec_of(engine: ICudaEngine, name: str, shape: tuple[int | None, ...]) -> TensorSpec:
    """A tensor as the runtime knows it; Unsupported where its type, order or place is none that it handles."""
    kind, form = engine.get_tensor_dtype(name).name, engine.get_tensor_format(name).name
    if kind not in DTYPES or form != "LINEAR":
        raise Unsupported(f"tensor `{name}` is {kind} in {form} order, which the runtime does not handle")
    if engine.get_tensor_location(name).name != "DEVICE":
        raise Unsupported(f"tensor `{name}` has to be in the host's memory, which the runtime does not handle")
    return TensorSpec(name, shape, DTYPES[kind])
