"""LiteRT (formerly TensorFlow Lite): `.tflite` models on the CPU through XNNPACK, or on a Coral Edge TPU.

The package is ai-edge-litert, or tflite-runtime where only that fits (Python <= 3.11 with NumPy 1); both offer the
same `Interpreter`. Source: https://ai.google.dev/edge/api/tflite/python/tf/lite/Interpreter
"""

from __future__ import annotations

import ctypes
import importlib
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.engines import edgetpu
from edge.engines.base import (
    EngineOptions,
    Feed,
    ModelFile,
    TensorSpec,
    Unpacked,
    Unsupported,
    check_feed,
    content_of,
    one_line,
    path_of,
    plain_buffer,
)
from edge.engines.quiet import no_chatter
from edge.errors import EngineError, FeedError, MissingError, ModelError

INSTALL = "pip install 'edge-runtime[tflite]'"
PACKAGES = ("ai_edge_litert.interpreter", "tflite_runtime.interpreter")
EDGETPU = "EDGETPU"
FAULTS = (ValueError, RuntimeError, TypeError, OSError)


class TfLite:
    """One interpreter, its tensors allocated."""

    name = "tflite"

    def __init__(self, interpreter: Any) -> None:
        self._interpreter = interpreter
        details = interpreter.get_input_details()
        self.inputs = tuple(_spec(detail) for detail in details)
        self._in = {detail["name"]: int(detail["index"]) for detail in details}
        details = interpreter.get_output_details()
        self.outputs = tuple(_spec(detail) for detail in details)
        self._out = {detail["name"]: int(detail["index"]) for detail in details}

    def run(self, feed: Feed) -> dict[str, NDArray[Any]]:
        """Infer once; inputs and outputs are copied, which costs some microseconds beside the interpreter's run."""
        wrong = check_feed(self.inputs, feed)
        if wrong:
            raise FeedError(f"tflite: {wrong}")
        tflite = self._interpreter
        try:
            for name, array in feed.items():
                tflite.set_tensor(self._in[name], array)
            tflite.invoke()
            return {name: tflite.get_tensor(index) for name, index in self._out.items()}
        except FAULTS as fault:
            raise EngineError(f"tflite: {one_line(fault)}") from fault

    def buffer(self, name: str, shape: tuple[int, ...]) -> NDArray[Any]:
        """Plain memory, copied into the interpreter's arena by `run`: twenty microseconds for 300 x 300 pixels."""
        return plain_buffer(self.inputs, name, shape)

    def bare(self, feed: Feed) -> Callable[[], object]:
        """`set_tensor`, `invoke`, `get_tensor`."""
        tflite, outputs = self._interpreter, list(self._out.values())
        given = [(self._in[name], array) for name, array in feed.items()]

        def call() -> list[object]:
            for index, array in given:
                tflite.set_tensor(index, array)
            tflite.invoke()
            return [tflite.get_tensor(index) for index in outputs]

        return call

    def close(self) -> None:
        """Drop the interpreter; its arena goes with the last reference."""
        self._interpreter = None


def devices(options: EngineOptions) -> tuple[str, ...]:
    """The CPU, and the Edge TPU where one can be used."""
    _package()
    return ("CPU",) if edgetpu.missing() else ("CPU", EDGETPU)


def load(model: ModelFile, options: EngineOptions) -> TfLite:
    """Read the model, resize open inputs, allocate its tensors."""
    package = _package()
    if options.precision != "f32":
        raise MissingError(
            f"tflite computes in the precision that the file has, not in {options.precision}: convert the model, or "
            "leave the precision at f32"
        )
    given: dict[str, Any] = {"model_path": str(model)}
    if isinstance(model, Unpacked):
        given = {"model_content": model.plain()}
    delegates = _delegates(package, model, (options.device or "CPU").upper())
    try:
        with no_chatter():
            interpreter = package.Interpreter(
                **given, num_threads=options.cpu_threads, experimental_delegates=delegates
            )
            for detail in interpreter.get_input_details():
                shape = options.inputs.get(detail["name"])
                if shape is not None and tuple(detail["shape"]) != shape:
                    interpreter.resize_tensor_input(detail["index"], shape)
            interpreter.allocate_tensors()
    except FAULTS as fault:
        if not delegates and edgetpu.compiled(content_of(model)):
            raise Unsupported(f"it is compiled for the Edge TPU: set the device to {EDGETPU}") from None
        if "custom op" in str(fault) or "unresolved" in str(fault).lower():
            raise Unsupported(f"tflite cannot run it: {one_line(fault)}") from None
        raise ModelError(f"{path_of(model)}: not a model that tflite can read: {one_line(fault)}") from None
    return TfLite(interpreter)


def _delegates(package: Any, model: ModelFile, device: str) -> list[Any]:
    """What computes instead of the CPU; all that it needs is looked for before its library is loaded."""
    if device == "CPU":
        return []
    lacking = edgetpu.missing() if device == EDGETPU else "it has " + ", ".join(devices(EngineOptions()))
    if lacking:
        raise MissingError(f"tflite has no device {device} here; {lacking}")
    if not edgetpu.compiled(content_of(model)):
        raise Unsupported("it was not compiled for the Edge TPU: run edgetpu_compiler on it, or take the CPU")
    try:
        library = str(edgetpu.library())
        ctypes.CDLL(library)  # the package's own attempt leaves a half-made object, whose end prints a traceback
        return [package.load_delegate(library)]
    except FAULTS as fault:
        raise MissingError(f"tflite cannot start the Edge TPU: {one_line(fault)}; plug it in again") from None


def _package() -> Any:
    reasons = []
    for package in PACKAGES:
        try:
            return importlib.import_module(package)
        except ImportError as fault:
            reasons.append(one_line(fault, 80))
    raise MissingError(f"no LiteRT interpreter can be imported ({'; '.join(reasons)}); install it: {INSTALL}")


def _spec(detail: Any) -> TensorSpec:
    scale, zero = detail["quantization"]
    shape = tuple(int(size) for size in detail["shape"])
    return TensorSpec(
        detail["name"],
        shape,
        np.dtype(detail["dtype"]).name,
        float(scale) if scale else None,
        int(zero) if scale else None,
    )
