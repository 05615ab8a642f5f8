"""Fit a frame to a model's input, and the model's boxes back to the frame: both made together.

OpenCV comes with the first `Fit`, not with `Input`: a model is described, unpacked and loaded without it, which a start
feels (30 MB of memory, and a third of the time that ONNX Runtime takes to load a small model).
"""

from typing import TYPE_CHECKING, Any

from edge.preprocess.input import CHANNELS, Input
from edge.preprocess.place import Square

if TYPE_CHECKING:
    from edge.preprocess.fit import Fit
    from edge.preprocess.turned import Turned

__all__ = ["CHANNELS", "Fit", "Input", "Square", "Turned"]


def __getattr__(name: str) -> Any:
    if name == "Fit":
        from edge.preprocess.fit import Fit

        return Fit
    if name == "Turned":
        from edge.preprocess.turned import Turned

        return Turned
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
