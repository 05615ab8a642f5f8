"""ONNX Runtime: `.onnx` (and `.ort`) models on its execution providers, the CPU's by default.

Source: https://onnxruntime.ai/docs/api/python/api_summary.html
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.cache import cache_root
from edge.engines.base import (
    EngineOptions,
    Feed,
    ModelFile,
    TensorSpec,
    Unpacked,
    Unsupported,
    check_feed,
    fits,
    need,
    one_line,
    path_of,
    plain_buffer,
)
from edge.errors import EngineError, FeedError, MissingError, ModelError

INSTALL = "pip install 'edge-runtime[onnx]'"
FATAL = 4
"""The log severity at which ONNX Runtime writes nothing that it does not also raise."""
DTYPES = {
    "tensor(float)": "float32",
    "tensor(float16)": "float16",
    "tensor(double)": "float64",
    "tensor(uint8)": "uint8",
    "tensor(int8)": "int8",
    "tensor(uint16)": "uint16",
    "tensor(int16)": "int16",
    "tensor(int32)": "int32",
    "tensor(int64)": "int64",
    "tensor(bool)": "bool",
}
GPUS = ("CUDA", "Tensorrt")
"""Execution providers whose devices are numbered: `CUDA:1` is the second GPU."""
LOCAL = ("CPU", "CUDA", "Tensorrt", "OpenVINO", "Dnnl", "ACL", "ArmNN", "XNNPACK", "Xnnpack", "ROCM", "MIGraphX", "QNN")
"""Execution providers that compute on this device; the others send tensors elsewhere or are another system's."""


class OnnxRuntime:
    """One inference session. Not thread-safe by contract, though the session itself is."""

    name = "onnxruntime"

    def __init__(self, session: Any, options: EngineOptions, faults: tuple[type[Exception], ...]) -> None:
        self._session = session
        self._faults = faults
        self.inputs = tuple(_spec(node, options.inputs.get(node.name)) for node in session.get_inputs())
        self.outputs = tuple(_spec(node, None) for node in session.get_outputs())
        self._wanted = [spec.name for spec in self.outputs]

    def run(self, feed: Feed) -> dict[str, NDArray[Any]]:
        """Infer once, without copying contiguous inputs."""
        wrong = check_feed(self.inputs, feed)
        if wrong:
            raise FeedError(f"onnxruntime: {wrong}")
        try:
            return dict(zip(self._wanted, self._session.run(self._wanted, feed), strict=True))
        except self._faults as fault:
            raise EngineError(f"onnxruntime: {one_line(fault)}") from fault

    def buffer(self, name: str, shape: tuple[int, ...]) -> NDArray[Any]:
        """Plain memory: `run` reads it where it is."""
        return plain_buffer(self.inputs, name, shape)

    @property
    def metadata(self) -> dict[str, str]:
        """What the exporter wrote into the file for people and programs (`metadata_props`)."""
        return dict(self._session.get_modelmeta().custom_metadata_map)

    def bare(self, feed: Feed) -> Callable[[], object]:
        """`InferenceSession.run` itself."""
        session, wanted, given = self._session, self._wanted, dict(feed)
        return lambda: session.run(wanted, given)

    def close(self) -> None:
        """Drop the session; its memory goes with the last reference."""
        self._session = None


def devices(options: EngineOptions) -> tuple[str, ...]:
    """Names for `EngineOptions.device` that this build of ONNX Runtime offers."""
    return tuple(_device(provider) for provider in _local(need("onnxruntime", INSTALL)))


def load(model: ModelFile, options: EngineOptions) -> OnnxRuntime:
    """Open a session on the asked provider; a provider that silently falls back to the CPU is refused."""
    ort = need("onnxruntime", INSTALL)
    ort.disable_telemetry_events()
    faults = _faults()
    device = options.device or "CPU"
    available = _local(ort)
    provider = _provider(device.partition(":")[0], available)
    chosen = _providers(provider, available, options)
    settings = ort.SessionOptions()
    settings.intra_op_num_threads = options.cpu_threads
    settings.inter_op_num_threads = 1
    settings.log_severity_level = FATAL
    # Spinning threads win microseconds and cost a core: ten times the CPU time in a loop paced by a camera.
    settings.add_session_config_entry("session.intra_op.allow_spinning", "0")
    settings.add_session_config_entry("session.inter_op.allow_spinning", "0")
    try:
        source, weights = _source(ort, model, settings)
        session = ort.InferenceSession(source, settings, providers=chosen, enable_fallback=False)
        del source, weights  # the session has copies of its own
    except faults as fault:
        if "not a registered function/op" in str(fault) or "NOT_IMPLEMENTED" in str(fault):
            raise Unsupported(f"onnxruntime cannot run it: {one_line(fault)}") from None
        raise ModelError(f"{path_of(model)}: not a model that onnxruntime can read: {one_line(fault)}") from None
    if session.get_providers()[0] != provider:
        raise MissingError(
            f"onnxruntime gave {_device(session.get_providers()[0])} instead of {device}: the device or its "
            f"driver is not usable here; set the device to CPU, or install what {provider} needs"
        )
    return OnnxRuntime(session, options, faults)


def _source(ort: Any, model: ModelFile, settings: Any) -> tuple[str | bytes, list[Any]]:
    """What a session is made of, and the weights, which must live until it is made.

    ONNX Runtime takes weights by their names as they are decoded, so the plain file is never put together.
    Source: `AddExternalInitializers`, https://onnxruntime.ai/docs/api/c/struct_ort_api.html
    """
    if not isinstance(model, Unpacked):
        return str(model), []
    if model.skeleton is None:
        return model.plain(), []
    settings.add_session_config_entry("session.load_model_format", "ONNX")  # what was checked is what runs
    skeleton, tensors = model.skeleton()
    weights = {name: ort.OrtValue.ortvalue_from_numpy(array) for name, array in tensors}
    if weights:
        settings.add_external_initializers(list(weights), list(weights.values()))
    return skeleton, list(weights.values())


def _faults() -> tuple[type[Exception], ...]:
    # The binding's exceptions share no base but Exception, so the ones it defines are collected from its module.
    state = need("onnxruntime.capi.onnxruntime_pybind11_state", INSTALL)
    own = [v for v in vars(state).values() if isinstance(v, type) and issubclass(v, Exception)]
    return (*own, RuntimeError, ValueError, TypeError)


def _local(ort: Any) -> list[str]:
    return [provider for provider in ort.get_available_providers() if provider.startswith(LOCAL)]


def _provider(device: str, available: list[str]) -> str:
    for provider in available:
        if device.lower() in (provider.lower(), _device(provider).lower()):
            return provider
    have = ", ".join(_device(p) for p in available)
    raise MissingError(f"onnxruntime has no device {device} here; it has {have}")


def _providers(provider: str, available: list[str], options: EngineOptions) -> list[tuple[str, dict[str, str]]]:
    """The provider asked for with its settings, and behind TensorRT's the CUDA one for operators that it lacks.

    Source: https://onnxruntime.ai/docs/execution-providers/TensorRT-ExecutionProvider.html and its sibling for CUDA.
    """
    kind = _device(provider)
    if options.precision != "f32" and (kind, options.precision) != ("Tensorrt", "f16"):
        raise MissingError(
            f"onnxruntime on {kind} computes in the precision that the file has, not in {options.precision}: convert "
            "the model, or leave the precision at f32"
        )
    _, _, number = (options.device or "").partition(":")
    if number and (kind not in GPUS or not number.isdecimal()):
        raise MissingError(f"onnxruntime has no device {options.device} here; {kind} is not numbered so")
    if kind not in GPUS:
        return [(provider, {})]
    settings = {"device_id": number or "0"}
    # Trying every convolution costs seconds at each start; TF32 gives other numbers than every other back end.
    cuda = {**settings, "cudnn_conv_algo_search": "HEURISTIC", "use_tf32": "0"}
    if kind == "CUDA":
        return [(provider, cuda)]
    settings["trt_fp16_enable"] = str(int(options.precision == "f16"))
    root = cache_root()
    if root is not None:  # building an engine takes minutes
        settings |= {"trt_engine_cache_enable": "1", "trt_timing_cache_enable": "1"}
        settings |= {"trt_engine_cache_path": str(root / "tensorrt"), "trt_timing_cache_path": str(root / "tensorrt")}
    behind = [(name, cuda) for name in available if _device(name) == "CUDA"]
    return [(provider, settings), *behind]


def _device(provider: str) -> str:
    return provider.removesuffix("ExecutionProvider")


def _spec(node: Any, given: tuple[int | None, ...] | None) -> TensorSpec:
    dtype = DTYPES.get(node.type)
    if dtype is None:
        raise Unsupported(f"tensor `{node.name}` is {node.type}, which the runtime does not handle")
    shape = tuple(size if isinstance(size, int) else None for size in node.shape)
    return TensorSpec(node.name, given if given and fits(shape, given) else shape, np.dtype(dtype).name)
