"""An ONNX model built into a TensorRT engine for the GPU that is here, by every release from 8.6 to 11.

What differs is asked for, never guessed from the release's number. Precision is the file's own where a release can
leave it so (strongly typed networks, 10 on); by flags in 8.6, and in 10 for a precision below the file's.
Source: https://docs.nvidia.com/deeplearning/tensorrt/latest/api/migration/tensorrt-10x-to-11x-python-api.html
"""

from __future__ import annotations

import threading
from pathlib import Path

from edge.engines.base import EngineOptions, ModelFile, Unsupported, content_of, fits, one_line, path_of
from edge.engines.kept import fetch, keep
from edge.engines.tensorrt_api import Bindings, Builder, IBuilderConfig, INetworkDefinition, OnnxParser, optional
from edge.engines.tensorrt_log import FAULTS, Log, Progress
from edge.errors import ModelError

WORKSPACE = 1 << 30
"""Bytes that one layer may use as it runs. TensorRT's default is all of the GPU's, on a Jetson the system's."""
OPEN_BATCH = (1, 4, 16)
"""Smallest, usual and largest size of a first axis that is left open; the engine is tuned for the usual one."""
PRECISIONS = {"f16": ("FP16", "HALF", "float16"), "bf16": ("BF16", "BF16", "bfloat16")}
"""The builder's flag, the element type and its usual name, by precision."""
READ, BUILT = 0.02, 0.95
"""How far a load is when the model was read, and when it was built."""
_ONE = threading.Lock()


def build(trt: Bindings, log: Log, model: ModelFile, options: EngineOptions, timing: Path | None) -> bytes:
    """The serialized engine. Takes minutes; another thread's build waits, since both would time kernels on one GPU.

    Args:
        timing: where the timing cache is kept, None for none.

    Raises:
        ModelError: no ONNX model, a precision that this release cannot give it, or an open size that nobody gave.
        Unsupported: a model that TensorRT cannot build.
    """
    with _ONE:
        log.forget()
        options.progress(0.0, f"reading {path_of(model).name}")
        try:
            return _built(trt, log, model, options, timing)
        except FAULTS as fault:
            raise Unsupported(f"tensorrt cannot build it: {one_line(fault)}") from None


def _built(trt: Bindings, log: Log, model: ModelFile, options: EngineOptions, timing: Path | None) -> bytes:
    builder = log.start(trt.Builder)
    network = builder.create_network(_network_flags(trt, options))
    parser = trt.OnnxParser(network, log.logger)
    if not parser.parse(content_of(model), str(path_of(model))):
        raise _unread(path_of(model), parser)
    config = builder.create_builder_config()
    config.set_memory_pool_limit(trt.MemoryPoolType.WORKSPACE, WORKSPACE)
    _set_precision(trt, config, network, path_of(model), options)
    _set_shapes(builder, config, network, path_of(model), options)
    cache = config.create_timing_cache(fetch(timing) or b"") or config.create_timing_cache(b"")
    if cache is not None:
        config.set_timing_cache(cache, ignore_mismatch=False)
    options.progress(READ, "building for this GPU, which takes minutes")
    progress = Progress(lambda part, doing: options.progress(READ + (BUILT - READ) * part, doing))
    monitor = progress.monitor(trt)
    if monitor is not None:
        config.progress_monitor = monitor
    plan = builder.build_serialized_network(network, config)
    if plan is None:
        raise Unsupported(f"tensorrt cannot build it: {log.reason()}")
    cache = config.get_timing_cache()
    if cache is not None:
        keep(timing, bytes(cache.serialize()))
    return bytes(plan)


def _network_flags(trt: Bindings, options: EngineOptions) -> int:
    names = ["EXPLICIT_BATCH"] if _lowered(trt, options) else ["EXPLICIT_BATCH", "STRONGLY_TYPED"]
    flags = [optional(trt.NetworkDefinitionCreationFlag, name) for name in names]
    return sum(1 << int(flag) for flag in flags if flag is not None)


def _lowered(trt: Bindings, options: EngineOptions) -> bool:
    """Whether a flag lowers the precision below the file's."""
    return options.precision != "f32" and optional(trt.BuilderFlag, PRECISIONS[options.precision][0]) is not None


def _set_precision(
    trt: Bindings, config: IBuilderConfig, network: INetworkDefinition, model: Path, options: EngineOptions
) -> None:
    layers = [network.get_layer(index) for index in range(network.num_layers)]
    types = {layer.get_output(k).dtype.name for layer in layers for k in range(layer.num_outputs)}
    types |= {network.get_input(index).dtype.name for index in range(network.num_inputs)}
    if options.precision == "f32":
        # On by default, and ten bits of mantissa: not the numbers on which all back ends agree.
        config.clear_flag(trt.BuilderFlag.TF32)
    elif not _lowered(trt, options) and PRECISIONS[options.precision][1] not in types:
        usual = PRECISIONS[options.precision][2]
        raise ModelError(
            f"{model}: TensorRT {trt.__version__} computes in the file's own types, and nothing in it is {usual}: "
            f"convert the ONNX to {usual}, or set precision to f32"
        )
    if _typed(trt, options):
        return
    wanted = {
        flag for precision, (flag, kind, _) in PRECISIONS.items() if kind in types or options.precision == precision
    }
    if {"QUANTIZE", "DEQUANTIZE"} & {layer.type.name for layer in layers}:
        wanted.add("INT8")
    for flag in (optional(trt.BuilderFlag, name) for name in sorted(wanted)):
        if flag is not None:
            config.set_flag(flag)


def _typed(trt: Bindings, options: EngineOptions) -> bool:
    """Whether the network keeps the file's types; flags of precision are then refused or gone."""
    return optional(trt.NetworkDefinitionCreationFlag, "STRONGLY_TYPED") is not None and not _lowered(trt, options)


def _set_shapes(
    builder: Builder, config: IBuilderConfig, network: INetworkDefinition, model: Path, options: EngineOptions
) -> None:
    """Give open sizes what the user gave; a first axis left open takes the sizes of `OPEN_BATCH`."""
    profile, open_inputs = builder.create_optimization_profile(), 0
    for index in range(network.num_inputs):
        tensor = network.get_input(index)
        shape = tuple(None if size < 0 else int(size) for size in tensor.shape)
        if None not in shape:
            continue
        given = options.inputs.get(tensor.name)
        wanted = given if given is not None and fits(shape, given) else shape
        if None in wanted[1:]:
            axis = wanted.index(None, 1)
            raise ModelError(
                f"{model}: input `{tensor.name}` leaves axis {axis} open, and TensorRT builds for known sizes: "
                "give them in the manifest's [input]; only the first axis may stay open"
            )
        rest = tuple(size for size in wanted[1:] if size is not None)
        least, usual, most = ((first, *rest) for first in (OPEN_BATCH if wanted[0] is None else (wanted[0],) * 3))
        profile.set_shape(tensor.name, least, usual, most)
        open_inputs += 1
    if open_inputs:
        config.add_optimization_profile(profile)


def _unread(model: Path, parser: OnnxParser) -> ModelError:
    """Why the parser refused: a file that is no model, or one with an operator that TensorRT lacks."""
    faults = [parser.get_error(index) for index in range(parser.num_errors)]
    said = one_line(RuntimeError(faults[0].desc() if faults else "the parser says nothing of why"))
    if any(fault.code().name.startswith("UNSUPPORTED") for fault in faults):
        return Unsupported(f"tensorrt has no operator for it: {said}")
    return ModelError(f"{model}: not a model that tensorrt can read: {said}")
