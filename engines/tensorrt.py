"""TensorRT on an NVIDIA GPU, releases 8.6 to 11: `.onnx`, built here once and kept, and `.engine`, built elsewhere.

One implementation, on the API of named tensors that all of them have. CUDA is asked before TensorRT is imported, since
its Runtime ends the process where there is no GPU. Held against the real bindings, and run on a fake GPU in memory; not
run on a GPU.
Source: https://docs.nvidia.com/deeplearning/tensorrt/latest/_static/python-api/
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.engines import cuda as gpu
from edge.engines.base import (
    EngineOptions,
    Feed,
    ModelFile,
    Unsupported,
    check_feed,
    content_of,
    need,
    path_of,
    suffix_of,
)
from edge.engines.cuda import Cuda
from edge.engines.gpu_memory import Pinned, Slot
from edge.engines.kept import entry, fetch, keep, place
from edge.engines.tensorrt_api import Bindings, ICudaEngine, IExecutionContext
from edge.engines.tensorrt_build import BUILT, build
from edge.engines.tensorrt_log import FAULTS, Log, log_of
from edge.engines.tensorrt_tensors import common, shape_of, span, spec_of
from edge.errors import EngineError, FeedError, ModelError

INSTALL = "with JetPack: apt install python3-libnvinfer; elsewhere: pip install tensorrt"
FOREIGN = re.compile(r"version|incompatible|compute|platform|rebuild", re.IGNORECASE)
"""In what TensorRT says of an engine that is sound, and not for this release or GPU."""
FOLDER = "tensorrt"
LENGTH = 4
"""Bytes of the length before the JSON that Ultralytics' exporter puts in front of an engine, little-endian."""


class TensorRt:
    """One engine, its only execution context, and its tensors' memory on the device."""

    name = "tensorrt"

    def __init__(self, engine: ICudaEngine, context: IExecutionContext, cuda: Cuda, log: Log) -> None:
        """Take over the GPU; memory for the smallest shapes is got at once, so that a lack of it shows here."""
        self._engine: ICudaEngine | None = engine
        self._context: IExecutionContext | None = context
        self._cuda, self._log = cuda, log
        self._pinned = Pinned(cuda)
        names = [engine.get_tensor_name(index) for index in range(engine.num_io_tensors)]
        given = [name for name in names if engine.get_tensor_mode(name).name == "INPUT"]
        self._ranges = {name: span(engine, name) for name in given}
        self.inputs = tuple(spec_of(engine, name, common(self._ranges[name])) for name in given)
        self.outputs = tuple(spec_of(engine, name, shape_of(engine, name)) for name in names if name not in given)
        self._slots = {spec.name: Slot(cuda, self._pinned, spec.dtype) for spec in (*self.inputs, *self.outputs)}
        self._shapes: tuple[tuple[int, ...], ...] = ()
        with ExitStack() as undo:
            undo.callback(self.close)
            self._bind(tuple(self._ranges[name][0] for name in given))
            undo.pop_all()
        if not any(None in spec.shape for spec in self.inputs):
            self.outputs = tuple(spec_of(engine, spec.name, self._slots[spec.name].shape) for spec in self.outputs)

    def run(self, feed: Feed) -> dict[str, NDArray[Any]]:
        """Infer once. Arrays of `buffer` are read by the device where they are, others by way of pinned memory."""
        wrong = check_feed(self.inputs, feed) or self._outside(feed)
        if wrong:
            raise FeedError(f"tensorrt: {wrong}")
        with self._cuda.current():
            self._bind(tuple(feed[spec.name].shape for spec in self.inputs))
            try:
                for spec in self.inputs:
                    self._slots[spec.name].put(feed[spec.name])
                self._launch()
            finally:
                # Also after a fault: what is queued reads the caller's array and writes ours.
                self._cuda.wait()
        return {spec.name: self._slots[spec.name].stage.copy() for spec in self.outputs}

    def buffer(self, name: str, shape: tuple[int, ...]) -> NDArray[Any]:
        """Pinned memory, from which the device copies by itself while the thread goes on."""
        return self._pinned.array(shape, next(spec.dtype for spec in self.inputs if spec.name == name))

    def bare(self, feed: Feed) -> Callable[[], object]:
        """Copies, `execute_async_v3` and the wait for it, with the feed in pinned memory beforehand."""
        given = {name: self._pinned.array(array.shape, str(array.dtype)) for name, array in feed.items()}
        for name, array in feed.items():
            np.copyto(given[name], array)
        self.run(given)
        outputs = [self._slots[spec.name].stage for spec in self.outputs]

        def call() -> object:
            with self._cuda.current():
                for name, array in given.items():
                    self._slots[name].put(array)
                self._launch()
                self._cuda.wait()
            return outputs

        return call

    def close(self) -> None:
        """Free the context, then the engine, then memory and stream; a second time does nothing."""
        if self._engine is None:
            return
        # A device that is lost cannot be made current; what was on it is lost as well.
        with suppress(EngineError), self._cuda.current():
            self._context = None
            self._engine = None
            for slot in self._slots.values():
                slot.free()
            self._slots = {}
            self._cuda.close()

    def _launch(self) -> None:
        """Queue the run, and the copies of what it gives."""
        self._log.forget()
        if self._context is None or not self._context.execute_async_v3(self._cuda.stream):
            raise EngineError(f"tensorrt: the run was refused: {self._log.reason()}")
        for spec in self.outputs:
            self._slots[spec.name].fetch()

    def _bind(self, shapes: tuple[tuple[int, ...], ...]) -> None:
        """Tell the context shapes and addresses, where the shapes are not those of the last run."""
        context = self._context
        if shapes == self._shapes or context is None:
            return
        self._shapes = ()  # a fault on the way leaves nothing half bound
        self._log.forget()
        for spec, shape in zip(self.inputs, shapes, strict=True):
            if not context.set_input_shape(spec.name, shape):
                raise FeedError(f"tensorrt: input `{spec.name}` cannot take shape {shape}: {self._log.reason()}")
            self._slots[spec.name].fit(shape)
        for spec in self.outputs:
            made = tuple(int(size) for size in context.get_tensor_shape(spec.name))
            if any(size < 0 for size in made):
                raise Unsupported(
                    f"output `{spec.name}` has a size that depends on the picture, for which there is no memory"
                )
            self._slots[spec.name].fit(made)
        for name, slot in self._slots.items():
            if not context.set_tensor_address(name, slot.address):
                raise EngineError(f"tensorrt: `{name}` was given no memory: {self._log.reason()}")
        self._shapes = shapes

    def _outside(self, feed: Feed) -> str | None:
        """What is wrong with the sizes that the model leaves open: they have a range."""
        for spec in self.inputs:
            shape, (least, most) = feed[spec.name].shape, self._ranges[spec.name]
            if None in spec.shape and not all(a <= b <= c for a, b, c in zip(least, shape, most, strict=True)):
                return f"input `{spec.name}` wants shapes from {least} to {most}, got {shape}"
        return None


def devices(options: EngineOptions) -> tuple[str, ...]:
    """The GPUs that CUDA finds, where TensorRT can be imported as well."""
    found = gpu.devices()
    need("tensorrt", INSTALL)
    return found


def quick(model: ModelFile, options: EngineOptions) -> bool:
    """Whether `load` has nothing to build, and takes seconds instead of minutes; raises MissingError as it does.

    A chain that is told False lets another engine serve while this one loads in a thread of its own.
    """
    if suffix_of(model) == ".engine":
        return True
    cuda = gpu.open_cuda(options.device)
    cuda.close()
    trt: Bindings = need("tensorrt", INSTALL)
    return fetch(_kept(trt, model, cuda, options)) is not None


def load(model: ModelFile, options: EngineOptions) -> TensorRt:
    """Load an engine, or build one of an ONNX model where none is kept that fits; a build tells its progress."""
    with ExitStack() as undo:
        cuda = gpu.open_cuda(options.device)
        undo.callback(cuda.close)
        with cuda.current():
            trt: Bindings = need("tensorrt", INSTALL)
            log = log_of(trt)
            trt.init_libnvinfer_plugins(log.logger, "")
            if suffix_of(model) == ".engine":
                engine = _given(trt, log, model, cuda)
            else:
                engine = _kept_or_built(trt, log, model, cuda, options)
            context = engine.create_execution_context()
            if context is None:
                raise EngineError(f"tensorrt: {path_of(model).name} cannot be made ready to run: {log.reason()}")
            loaded = TensorRt(engine, context, cuda, log)
        undo.pop_all()
    options.progress(1.0, "ready")
    return loaded


def _given(trt: Bindings, log: Log, model: ModelFile, cuda: Cuda) -> ICudaEngine:
    """An engine that somebody built: by another release or for another GPU it is of no use here."""
    engine = _read(trt, log, _plan(content_of(model)))
    if engine is not None:
        return engine
    reason = log.reason()
    if FOREIGN.search(reason):
        raise ModelError(
            f"{path_of(model)}: built by another release of TensorRT or for another GPU ({reason}); "
            f"here are TensorRT {trt.__version__} and {cuda.gpu}: give its .onnx, which is built here"
        )
    raise ModelError(f"{path_of(model)}: not a model that tensorrt can read: {reason}")


def _kept_or_built(trt: Bindings, log: Log, model: ModelFile, cuda: Cuda, options: EngineOptions) -> ICudaEngine:
    """The kept engine; where it is missing, damaged or refused, one that is built now and kept."""
    kept = _kept(trt, model, cuda, options)
    plan = fetch(kept)
    engine = None if plan is None else _read(trt, log, plan)
    if engine is None:
        plan = build(trt, log, model, options, _timing(trt, cuda))
        options.progress(BUILT, "loading what was built")
        engine = _read(trt, log, plan)
        if engine is None:
            raise EngineError(f"tensorrt: {path_of(model).name} was built and cannot be read: {log.reason()}")
        keep(kept, plan)
    return engine


def _kept(trt: Bindings, model: ModelFile, cuda: Cuda, options: EngineOptions) -> Path | None:
    """Where the engine of this model is kept: another release, GPU, precision or shape is another place."""
    shapes = sorted((name, list(shape)) for name, shape in options.inputs.items())
    circumstances = json.dumps([trt.__version__, cuda.gpu, options.precision, shapes])
    return entry(model, circumstances, FOLDER, ".built")


def _timing(trt: Bindings, cuda: Cuda) -> Path | None:
    """Where the timing cache of this release on this GPU is kept."""
    return place(FOLDER, f"timing-{re.sub(r'[^A-Za-z0-9.]+', '-', f'{trt.__version__}-{cuda.gpu}')}.cache")


def _read(trt: Bindings, log: Log, plan: bytes) -> ICudaEngine | None:
    """The engine in a plan; None where TensorRT refuses it, and `log` has the reason."""
    runtime = log.start(trt.Runtime)
    if not plan:
        return None
    try:
        return runtime.deserialize_cuda_engine(plan)
    except FAULTS:
        return None


def _plan(data: bytes) -> bytes:
    """An engine file without the description that Ultralytics' exporter puts before it."""
    start = LENGTH + int.from_bytes(data[:LENGTH], "little")
    if start >= len(data) or data[LENGTH : LENGTH + 1] != b"{":
        return data
    try:
        json.loads(data[LENGTH:start])
    except ValueError:
        return data
    return data[start:]
