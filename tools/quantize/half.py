"""Float16 for float32."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import onnx


def half(model: onnx.ModelProto, compute: Literal["float32", "float16"] = "float32") -> onnx.ModelProto:
    """A copy with its weights in float16.

    compute: `float32` puts a Cast behind each weight, which engines fold while they load: half the bytes, and the same
        speed and memory; `float16` makes the tensors between inputs and outputs float16 too, for GPUs. Inputs and
        outputs stay as they are. Weights beyond float16's span are clipped to it.
    """
    raise NotImplementedError
