"""OpenVINO: `.xml` (IR), `.onnx`, `.tflite` and TensorFlow's frozen `.pb`, on the CPU by default.

Compiled models are kept in the user's cache, since reading and compiling a frozen graph takes seconds and reading the
cache a tenth of one. Source: https://docs.openvino.ai/2026/api/ie_python_api/api.html
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import sys
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.cache import cache_root
from edge.engines.base import EngineOptions, Feed, TensorSpec, Unsupported, check_feed, need, one_line, plain_buffer
from edge.engines.quiet import no_chatter
from edge.errors import EngineError, FeedError, MissingError, ModelError

INSTALL = "pip install 'edge-runtime[openvino]'"
FAULTS = (RuntimeError, ValueError, TypeError, OSError)
UNTRANSLATED = re.compile(r"No translator found for:? ?(\S+)|conversion is failed for:? ?([^\s,]+)", re.IGNORECASE)


class OpenVino:
    """One compiled model and its only inference request."""

    name = "openvino"

    def __init__(self, compiled: Any) -> None:
        self.inputs = tuple(_spec(port) for port in compiled.inputs)
        self.outputs = tuple(_spec(port) for port in compiled.outputs)
        self._names = [spec.name for spec in self.outputs]
        self._request = compiled.create_infer_request()

    def run(self, feed: Feed) -> dict[str, NDArray[Any]]:
        """Infer once; contiguous inputs are shared with the request, outputs copied out of it."""
        wrong = check_feed(self.inputs, feed)
        if wrong:
            raise FeedError(f"openvino: {wrong}")
        try:
            results = self._request.infer(feed, share_inputs=True)
        except FAULTS as fault:
            raise EngineError(f"openvino: {one_line(fault)}") from fault
        return dict(zip(self._names, results.values(), strict=True))

    def buffer(self, name: str, shape: tuple[int, ...]) -> NDArray[Any]:
        """Plain memory: `run` reads it where it is."""
        return plain_buffer(self.inputs, name, shape)

    def bare(self, feed: Feed) -> Callable[[], object]:
        """`InferRequest.infer` itself."""
        request, given = self._request, dict(feed)
        return lambda: list(request.infer(given, share_inputs=True).values())

    def close(self) -> None:
        """Drop the request; the compiled model goes with it."""
        self._request = None


def devices(options: EngineOptions) -> tuple[str, ...]:
    """What OpenVINO finds on this machine."""
    return tuple(_core().available_devices)


def load(model: Path, options: EngineOptions) -> OpenVino:
    """Read, reshape open inputs, compile for one stream and low latency in float32."""
    core, device = _core(), options.device or "CPU"
    if device not in core.available_devices:
        raise MissingError(f"openvino has no device {device} here; it has {', '.join(core.available_devices)}")
    config: dict[str, Any] = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32"}
    if device == "CPU":
        config["INFERENCE_NUM_THREADS"] = options.cpu_threads
    folder = _cache_folder()
    if folder is not None:
        config["CACHE_DIR"] = str(folder)
    try:
        with no_chatter():
            source = _shaped(core, model, options, folder)
            return OpenVino(core.compile_model(source, device, config))
    except FAULTS as fault:
        missing = UNTRANSLATED.search(str(fault))
        if missing:
            operator = missing.group(1) or missing.group(2)
            raise Unsupported(f"openvino has no operator {operator}, which this model needs") from None
        raise ModelError(f"{model}: not a model that openvino can read: {_reason(fault)}") from None


def _cache_folder() -> Path | None:
    """Where compiled models are kept; None where there is no cache, or none that may be written."""
    root = cache_root()
    if root is None:
        return None
    folder = root / "openvino"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return None
    return folder if os.access(folder, os.W_OK) else None


@cache
def _core() -> Any:
    # Importing openvino reports that to its maker over the network and makes ~/intel, unless openvino_telemetry cannot
    # be imported: then it takes its own stub. A device that watches a home tells nobody that it does.
    modules: dict[str, Any] = sys.modules
    modules.setdefault("openvino_telemetry", None)
    return need("openvino", INSTALL).Core()


def _shaped(core: Any, model: Path, options: EngineOptions, folder: Path | None) -> Any:
    """What to compile: the file itself, or a copy with fixed shapes where the user gave some for open inputs."""
    if not options.inputs:
        return str(model)
    copy = None if folder is None else folder / f"{model.stem}-{_key(core, model, options)}.xml"
    if copy is not None and copy.exists():
        return str(copy)
    read = core.read_model(str(model))
    wanted = {
        port: [-1 if size is None else size for size in shape]
        for port in read.inputs
        for name, shape in options.inputs.items()
        if name in port.get_names() and port.get_partial_shape().is_dynamic
    }
    if not wanted:
        return str(model)
    read.reshape(wanted)
    if copy is None:
        return read
    _save(read, copy)
    return str(copy)


def _save(model: Any, copy: Path) -> None:
    # The .bin goes into place first: whoever sees the .xml then sees the whole model.
    with tempfile.TemporaryDirectory(dir=copy.parent) as scratch:
        draft = Path(scratch) / copy.name
        need("openvino", INSTALL).save_model(model, str(draft), compress_to_fp16=False)
        draft.with_suffix(".bin").replace(copy.with_suffix(".bin"))
        draft.replace(copy)


def _key(core: Any, model: Path, options: EngineOptions) -> str:
    digest = hashlib.sha256(model.read_bytes())
    digest.update(
        json.dumps([sorted(options.inputs.items()), str(core.get_versions("CPU")["CPU"].build_number)]).encode()
    )
    return digest.hexdigest()[:16]


def _reason(fault: Exception) -> str:
    """The last telling line of OpenVINO's report, whose first lines are places in its own sources."""
    lines = [line.strip() for line in str(fault).splitlines()]
    telling = [line for line in lines if line and not line.startswith(("Exception from", "Check '", "FrontEnd API"))]
    return one_line(RuntimeError(telling[-1] if telling else str(fault)))


def _spec(port: Any) -> TensorSpec:
    # A port has a set of names; sorting makes the first one the same in every process.
    first, *others = sorted(port.get_names(), key=lambda name: (len(name), name)) or [f"tensor_{port.get_index()}"]
    shape = tuple(int(size.get_length()) if size.is_static else None for size in port.get_partial_shape())
    return TensorSpec(first, shape, np.dtype(port.get_element_type().to_dtype()).name, aliases=tuple(others))
