"""OpenVINO: `.xml` (IR), `.onnx`, `.tflite` and TensorFlow's frozen `.pb`, on the CPU by default.

Compiled models are kept in the user's cache (`kept`), since reading and compiling a frozen graph takes seconds and
reading the cache a tenth of one. Source: https://docs.openvino.ai/2026/api/ie_python_api/api.html
"""

from __future__ import annotations

import io
import json
import re
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.engines.base import (
    EngineOptions,
    Feed,
    ModelFile,
    TensorSpec,
    Unpacked,
    Unsupported,
    check_feed,
    need,
    one_line,
    path_of,
    plain_buffer,
    suffix_of,
)
from edge.engines.kept import entry, fetch, keep
from edge.engines.plain import as_file
from edge.engines.quiet import no_chatter
from edge.errors import EngineError, FeedError, MissingError, ModelError

INSTALL = "pip install 'edge-runtime[openvino]'"
FAULTS = (RuntimeError, ValueError, TypeError, OSError)
VIRTUAL = ("AUTO", "MULTI", "HETERO", "BATCH")
"""Names under which OpenVINO chooses among devices or joins them."""
LOWER = {"f16": "FP16", "bf16": "BF16"}
"""What OpenVINO calls the precisions below float32, which every device has, among a device's capabilities."""
IN_MEMORY = (".xml", ".onnx")
"""What OpenVINO reads from memory; its reader for TFLite opens nothing but files."""
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


def load(model: ModelFile, options: EngineOptions) -> OpenVino:
    """Read, reshape open inputs, compile for one stream and low latency, or fetch what was compiled before.

    The precision is float32 unless another is asked for: left alone, OpenVINO takes bfloat16 on CPUs that have it.
    """
    core = _core()
    device = _device(options.device or "CPU", core.available_devices)
    _check_precision(core, device, options.precision)
    config: dict[str, Any] = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": options.precision}
    if device.partition(".")[0] == "CPU":
        config["INFERENCE_NUM_THREADS"] = options.cpu_threads
    # AUTO and its like choose where to run at each load: nothing to be kept.
    known = "" if device.partition(":")[0] in VIRTUAL else str(core.get_property(device, "FULL_DEVICE_NAME"))
    circumstances = _circumstances(config, device, known, options)
    kept = entry(model, circumstances, "openvino", ".blob") if known else None
    try:
        with no_chatter():
            compiled = _fetched(core, device, config, kept)
            if compiled is None:
                compiled = _compiled(core, model, device, config, options, kept)
            return OpenVino(compiled)
    except FAULTS as fault:
        missing = UNTRANSLATED.search(str(fault))
        if missing:
            operator = missing.group(1) or missing.group(2)
            raise Unsupported(f"openvino has no operator {operator}, which this model needs") from None
        raise ModelError(f"{path_of(model)}: not a model that openvino can read: {_reason(fault)}") from None


def _device(wanted: str, available: list[str]) -> str:
    """OpenVINO's name of a device that is here, or of a way to choose among several (`AUTO`, `HETERO:GPU,CPU`)."""
    way, _, listed = wanted.upper().partition(":")
    names = listed.split(",") if listed else [] if way == "AUTO" else [way]
    absent = [name for name in names if not _is_here(name.strip(), available)]
    if absent or (listed and way not in VIRTUAL):
        raise MissingError(
            f"openvino has no device {(absent or [wanted])[0] if listed else wanted} here; "
            f"it has {', '.join(available)}"
        )
    return wanted.upper()


def _is_here(name: str, available: list[str]) -> bool:
    # One GPU is listed as `GPU`, two are as `GPU.0` and `GPU.1`; both spellings name the first one. No other plug-in
    # takes a number that it does not list: to the CPU's, `CPU.0` is a fault of the model's loading.
    return name in available or f"{name}.0" in available or (name == "GPU.0" and "GPU" in available)


def _check_precision(core: Any, device: str, precision: str) -> None:
    """Refuse what the device has no arithmetic for: asked for f16, a CPU with bfloat16 alone silently takes that."""
    if precision == "f32":
        return
    if device.partition(":")[0] in VIRTUAL:
        raise MissingError(f"openvino on {device} may not compute in {precision}: name the one device to run on")
    capable = core.get_property(device, "OPTIMIZATION_CAPABILITIES")
    may = ["f32", *(name for name, capability in LOWER.items() if capability in capable)]
    if precision not in may:
        raise MissingError(
            f"openvino cannot compute in {precision} on {device} here; the precision may be {' or '.join(may)}"
        )


def _circumstances(config: dict[str, Any], device: str, known: str, options: EngineOptions) -> str:
    release = need("openvino", INSTALL).get_version()
    return json.dumps([release, device, known, sorted(config.items()), sorted(options.inputs.items())])


def _fetched(core: Any, device: str, config: dict[str, Any], kept: Path | None) -> Any:
    """The model as it was compiled before; None where it was not, or not for this release."""
    payload = fetch(kept)
    if payload is None:
        return None
    try:
        return core.import_model(io.BytesIO(payload), device, config)
    except FAULTS:
        return None


def _compiled(
    core: Any, model: ModelFile, device: str, config: dict[str, Any], options: EngineOptions, kept: Path | None
) -> Any:
    compiled = core.compile_model(_shaped(core, model, options), device, config)
    if kept is not None:
        try:
            keep(kept, compiled.export_model().getvalue())
        except FAULTS:  # some devices cannot export: nothing is kept, and nothing is lost but time
            return compiled
    return compiled


@cache
def _core() -> Any:
    # Importing openvino reports that to its maker over the network and makes ~/intel, unless openvino_telemetry cannot
    # be imported: then it takes its own stub. A device that watches a home tells nobody that it does.
    modules: dict[str, Any] = sys.modules
    modules.setdefault("openvino_telemetry", None)
    return need("openvino", INSTALL).Core()


def _shaped(core: Any, model: ModelFile, options: EngineOptions) -> Any:
    """What to compile: the file itself, or what was read of it with the shapes that the user gave for open inputs."""
    if not options.inputs and not isinstance(model, Unpacked):
        return str(model)
    read = _read(core, model)
    wanted = {
        port: [-1 if size is None else size for size in shape]
        for port in read.inputs
        for name, shape in options.inputs.items()
        if name in port.get_names() and port.get_partial_shape().is_dynamic
    }
    if wanted:
        read.reshape(wanted)
    return read


def _read(core: Any, model: ModelFile) -> Any:
    if not isinstance(model, Unpacked):
        return core.read_model(str(model))
    if suffix_of(model) not in IN_MEMORY:
        with as_file(model) as file:
            return core.read_model(str(file))
    blob = model.blob()
    return core.read_model(model.plain(), blob) if blob else core.read_model(model.plain())


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
