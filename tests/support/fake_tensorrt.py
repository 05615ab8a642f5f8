"""A fake `tensorrt` of any release, where no GPU is: the classes, members and arguments are those of the real bindings.

What a member does is written here, in classes that are named as TensorRT's; whether it is there, and which arguments it
takes, is what the real bindings say (`tensorrt_bindings`). Models are computed by the reference engine, on the memory
whose addresses were given, when the fake GPU comes to it.
"""

from __future__ import annotations

import ctypes
import enum
import importlib.machinery
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar

import numpy as np
import onnx
from google.protobuf.message import DecodeError

from edge.engines.base import EngineOptions
from edge.engines.reference import OPERATORS, Reference
from tests.support.gpu import FakeGpu

MAGIC = b"ftrt"
KINDS = {
    onnx.TensorProto.FLOAT: "FLOAT",
    onnx.TensorProto.FLOAT16: "HALF",
    onnx.TensorProto.BFLOAT16: "BF16",
    onnx.TensorProto.INT8: "INT8",
    onnx.TensorProto.UINT8: "UINT8",
    onnx.TensorProto.INT32: "INT32",
    onnx.TensorProto.INT64: "INT64",
    onnx.TensorProto.BOOL: "BOOL",
}
LAYERS = {"QuantizeLinear": "QUANTIZE", "DequantizeLinear": "DEQUANTIZE", "Add": "ELEMENTWISE"}
PLAIN = {
    "str": (str,),
    "int": (int,),
    "typing.SupportsInt": (int,),
    "bool": (bool,),
    "tuple": (tuple,),
    "list": (list,),
}
BYTES = (bytes, bytearray, memoryview)
SHAPES = (tuple, list)


class Fake:
    """One release on one fake GPU.

    module: to be put in the place of `tensorrt`
    built: what each build was told: flags of network and config, workspace, profile, size of the timing cache
    refuse: what `build_serialized_network` says instead of building, if anything
    no_start: what is said as neither a Builder nor a Runtime can be made, if anything
    data_dependent: whether outputs have a size that is known only after a run
    """

    def __init__(self, dump: Mapping[str, Any], gpu: FakeGpu) -> None:
        self.dump, self.gpu = dump, gpu
        self.built: list[dict[str, Any]] = []
        self.refuse = ""
        self.no_start = ""
        self.data_dependent = False
        self.module = ModuleType("tensorrt")
        self.module.__spec__ = importlib.machinery.ModuleSpec("tensorrt", None)
        offered = {"__version__": dump["version"], "init_libnvinfer_plugins": self._plugins}
        for name, members in dump["classes"].items():
            values = {k: v for k, v in members.items() if isinstance(v, int)}
            if values:
                offered[name] = enum.IntEnum(name, values)
            elif name in BEHAVIOUR:
                offered[name] = _guarded(name, BEHAVIOUR[name], members, self)
        vars(self.module).update(offered)

    def _plugins(self, logger: object, namespace: str) -> bool:
        return True

    def make(self, name: str, *given: Any) -> Any:
        """An instance of a class that TensorRT makes by itself."""
        made = object.__new__(getattr(self.module, name))
        made._begin(*given)
        return made

    def member(self, enumeration: str, name: str) -> Any:
        """A value of an enumeration of this release."""
        return getattr(self.module, enumeration)[name]


def _guarded(name: str, behaviour: type, members: Mapping[str, Any], fake: Fake) -> type:
    """The behaviour with the members that this release has and no other, each held against its arguments."""
    space: dict[str, Any] = {"_fake": fake, "__module__": "tensorrt"}
    for key in dir(behaviour):
        if not key.startswith("_") and key not in members:
            space[key] = property(_absent(name, key))
        elif not key.startswith("_") and isinstance(members[key], list):
            space[key] = _checked(f"{name}.{key}", getattr(behaviour, key), members[key])
    if "__init__" in members and "_begin" in vars(behaviour):
        space["__init__"] = _checked(f"{name}.__init__", vars(behaviour)["_begin"], members["__init__"])

    def only_known(self: object, key: str, value: object) -> None:
        if not key.startswith("_") and members.get(key) != "property":
            raise AttributeError(f"{name} has no {key}")
        object.__setattr__(self, key, value)

    space["__setattr__"] = only_known
    return type(name, (behaviour,), space)


def _absent(kind: str, key: str) -> Callable[[object], Any]:
    def get(self: object) -> Any:
        raise AttributeError(f"{kind} has no {key}")

    return get


def _checked(what: str, does: Callable[..., Any], overloads: list[list[list[Any]]]) -> Callable[..., Any]:
    def call(self: object, *given: Any, **named: Any) -> Any:
        if not any(_takes(arguments, given, named) for arguments in overloads):
            raise TypeError(f"{what}(): incompatible function arguments {given} {named}; it takes {overloads}")
        return does(self, *given, **named)

    return call


def _takes(arguments: list[list[Any]], given: tuple[Any, ...], named: Mapping[str, Any]) -> bool:
    if len(given) > len(arguments):
        return False
    values = dict(zip((a[0] for a in arguments), given, strict=False))
    if values.keys() & named.keys() or named.keys() - {a[0] for a in arguments}:
        return False
    values |= named
    return all(_is(kind, values[name]) if name in values else optional for name, kind, optional in arguments)


def _is(kind: str, value: object) -> bool:
    if kind in PLAIN:
        return isinstance(value, PLAIN[kind]) and (kind == "bool" or not isinstance(value, bool))
    if kind.lower().endswith("buffer"):
        return isinstance(value, BYTES)
    if kind == "Dims":
        return isinstance(value, SHAPES)
    return "capsule" in kind.lower() or any(base.__name__ == kind for base in type(value).__mro__)


class Behaviour:
    """What all classes have: the release that they belong to."""

    _fake: ClassVar[Fake]


class Severity(enum.IntEnum):
    ERROR = 1


class ILogger(Behaviour):
    def log(self, severity: Any, msg: str) -> None: ...

    def _complain(self, msg: str) -> None:
        self.log(Severity.ERROR, msg)


class IProgressMonitor(Behaviour):
    def phase_start(self, phase_name: str, parent_phase: str | None, num_steps: int) -> None: ...
    def step_complete(self, phase_name: str, step: int) -> bool: ...
    def phase_finish(self, phase_name: str) -> None: ...


class IHostMemory(Behaviour):
    def _begin(self, content: bytes) -> None:
        self._content = content

    def __bytes__(self) -> bytes:
        return self._content


class ITensor(Behaviour):
    def _begin(self, name: str, shape: tuple[int, ...], dtype: Any) -> None:
        self._all = name, shape, dtype

    name = property(lambda self: self._all[0])
    shape = property(lambda self: self._all[1])
    dtype = property(lambda self: self._all[2])


class ILayer(Behaviour):
    def _begin(self, kind: Any, outputs: list[Any]) -> None:
        self._kind, self._outputs = kind, outputs

    type = property(lambda self: self._kind)
    num_outputs = property(lambda self: len(self._outputs))

    def get_output(self, index: int) -> Any:
        return self._outputs[index]


class INetworkDefinition(Behaviour):
    def _begin(self, flags: int) -> None:
        names = self._fake.module.NetworkDefinitionCreationFlag
        self._flags = {flag.name for flag in names if flags >> flag & 1}
        self._model: Any = None
        self._inputs: list[Any] = []
        self._layers: list[Any] = []

    num_inputs = property(lambda self: len(self._inputs))
    num_layers = property(lambda self: len(self._layers))

    def get_input(self, index: int) -> Any:
        return self._inputs[index]

    def get_layer(self, index: int) -> Any:
        return self._layers[index]


class ParserError(Behaviour):
    def _begin(self, code: str, desc: str) -> None:
        self._code, self._desc = code, desc

    def code(self) -> Any:
        return self._fake.member("ErrorCode", self._code)

    def desc(self) -> str:
        return self._desc


class OnnxParser(Behaviour):
    def _begin(self, network: Any, logger: Any) -> None:
        self._network, self._errors = network, []

    num_errors = property(lambda self: len(self._errors))

    def get_error(self, index: int) -> Any:
        return self._errors[index]

    def parse(self, model: bytes, path: str) -> bool:
        try:
            read = onnx.load_from_string(bytes(model))
            onnx.load_external_data_for_model(read, str(Path(path).parent))
            onnx.checker.check_model(read)
        except (DecodeError, onnx.checker.ValidationError):
            return self._fault("MODEL_DESERIALIZE_FAILED", "Failed to parse the ONNX model.\nline two")
        for node in read.graph.node:
            if node.op_type not in OPERATORS and node.op_type not in LAYERS:
                return self._fault("UNSUPPORTED_NODE", f"Plugin not found for {node.op_type}")
        fake, network = self._fake, self._network
        if "EXPLICIT_BATCH" not in network._flags and fake.dump["version"].startswith("8"):
            return self._fault("INVALID_GRAPH", "the network has an implicit batch")
        network._model = read
        network._inputs = [fake.make("ITensor", n.name, _shape(n), _kind(fake, n)) for n in _given(read.graph)]
        known = onnx.shape_inference.infer_shapes(read).graph
        values = {value.name: value for value in (*known.value_info, *known.output)}
        for node in read.graph.node:
            made = [fake.make("ITensor", n, _shape(values[n]), _kind(fake, values[n])) for n in node.output]
            kind = fake.member("LayerType", LAYERS.get(node.op_type, "SHUFFLE"))
            network._layers.append(fake.make("ILayer", kind, made))
        return True

    def _fault(self, code: str, desc: str) -> bool:
        self._errors.append(self._fake.make("ParserError", code, desc))
        return False


class ITimingCache(Behaviour):
    def _begin(self, content: bytes) -> None:
        self._content = content

    def serialize(self) -> Any:
        return self._fake.make("IHostMemory", self._content + b"|timed")


class IOptimizationProfile(Behaviour):
    def _begin(self) -> None:
        self._shapes: dict[str, list[list[int]]] = {}

    def set_shape(self, input: str, min: Any, opt: Any, max: Any) -> None:
        self._shapes[input] = [list(min), list(opt), list(max)]


class IBuilderConfig(Behaviour):
    def _begin(self) -> None:
        self._flags = {"TF32"}
        self._profile: dict[str, list[list[int]]] = {}
        self._limits: dict[str, int] = {}
        self._cache: Any = None
        self._monitor: Any = None

    def _watch(self, monitor: Any) -> None:
        self._monitor = monitor

    progress_monitor = property(lambda self: self._monitor, _watch)

    def set_flag(self, flag: Any) -> None:
        self._flags.add(flag.name)

    def clear_flag(self, flag: Any) -> None:
        self._flags.discard(flag.name)

    def set_memory_pool_limit(self, pool: Any, pool_size: int) -> None:
        self._limits[pool.name] = pool_size

    def add_optimization_profile(self, profile: Any) -> int:
        self._profile = profile._shapes
        return 0

    def create_timing_cache(self, serialized_timing_cache: bytes) -> Any:
        return self._fake.make("ITimingCache", bytes(serialized_timing_cache))

    def set_timing_cache(self, cache: Any, ignore_mismatch: bool) -> bool:
        self._cache = cache
        return True

    def get_timing_cache(self) -> Any:
        return self._cache


def _start(fake: Fake, logger: Any) -> None:
    assert fake.gpu.get("devices"), "the real one ends the process here"
    if fake.no_start:
        logger._complain(fake.no_start)
        raise TypeError("pybind11::init(): factory function returned nullptr")


class Builder(Behaviour):
    def _begin(self, logger: Any) -> None:
        _start(self._fake, logger)
        self._logger = logger

    def create_network(self, flags: int) -> Any:
        return self._fake.make("INetworkDefinition", flags)

    def create_builder_config(self) -> Any:
        return self._fake.make("IBuilderConfig")

    def create_optimization_profile(self) -> Any:
        return self._fake.make("IOptimizationProfile")

    def build_serialized_network(self, network: Any, config: Any) -> Any:
        fake = self._fake
        told = {
            "network": network._flags,
            "flags": config._flags,
            "limits": config._limits,
            "profile": config._profile,
            "timed": config._cache._content,
        }
        fake.built.append(told)
        wrong = fake.refuse or _refusal(network, config, fake)
        if wrong:
            self._logger._complain(wrong)
            return None
        if config._monitor is not None:
            _report(config._monitor)
        about = {"version": fake.dump["version"], "profile": config._profile}
        return fake.make("IHostMemory", plan(about, network._model.SerializeToString()))


def _refusal(network: Any, config: Any, fake: Fake) -> str:
    """What TensorRT has against a network with these flags, if anything."""
    kinds = {t.dtype.name for layer in network._layers for t in layer._outputs} | {
        t.dtype.name for t in network._inputs
    }
    quantized = any(layer._kind.name == "QUANTIZE" for layer in network._layers)
    if "STRONGLY_TYPED" in network._flags and config._flags & {"FP16", "BF16", "INT8"}:
        return "flags of precision with a strongly typed network"
    if "STRONGLY_TYPED" not in network._flags and int(fake.dump["version"].split(".")[0]) < 11:
        if "HALF" in kinds and "FP16" not in config._flags:
            return "float16 without FP16"
        if quantized and "INT8" not in config._flags:
            return "quantized without INT8"
    if any(-1 in tensor.shape and tensor.name not in config._profile for tensor in network._inputs):
        return "dynamic inputs, but no optimization profile has been defined"
    return ""


def _report(monitor: Any) -> None:
    monitor.phase_start("Building", None, 2)
    monitor.phase_start("Tactics", "Building", 4)
    assert all([monitor.step_complete("Tactics", step) for step in range(4)])
    monitor.phase_finish("Tactics")
    assert monitor.step_complete("Building", 0)
    assert monitor.step_complete("Building", 1)
    monitor.phase_finish("Building")


def plan(about: Mapping[str, Any], model: bytes) -> bytes:
    """An engine of the fake: what it is of, and the model itself."""
    head = json.dumps(about).encode()
    return MAGIC + len(head).to_bytes(4, "little") + head + len(model).to_bytes(4, "little") + model


class Runtime(Behaviour):
    def _begin(self, logger: Any) -> None:
        _start(self._fake, logger)
        self._logger = logger

    def deserialize_cuda_engine(self, serialized_engine: bytes) -> Any:
        data = bytes(serialized_engine)
        if data[:4] != MAGIC:
            self._logger._complain("Serialization assertion magicTagRead failed.\nMagic tag does not match")
            return None
        end = 8 + int.from_bytes(data[4:8], "little")
        about = json.loads(data[8:end])
        if about["version"] != self._fake.dump["version"]:
            self._logger._complain(
                "The engine plan file is not compatible with this version of TensorRT, expecting library version "
                f"{self._fake.dump['version']} got {about['version']}, please rebuild."
            )
            return None
        return self._fake.make("ICudaEngine", about["profile"], onnx.load_from_string(data[end + 4 :]), self._logger)


class ICudaEngine(Behaviour):
    def _begin(self, profile: Any, model: Any, logger: Any) -> None:
        self._profile, self._model, self._logger = profile, model, logger
        self._given = {node.name: node for node in _given(model.graph)}
        self._made = {node.name: node for node in model.graph.output}
        self._names = [*self._given, *self._made]

    num_io_tensors = property(lambda self: len(self._names))

    def get_tensor_name(self, index: int) -> str:
        return self._names[index]

    def get_tensor_mode(self, name: str) -> Any:
        return self._fake.member("TensorIOMode", "INPUT" if name in self._given else "OUTPUT")

    def get_tensor_shape(self, name: str) -> Any:
        return _shape((self._given | self._made)[name])

    def get_tensor_dtype(self, name: str) -> Any:
        return _kind(self._fake, (self._given | self._made)[name])

    def get_tensor_location(self, name: str) -> Any:
        return self._fake.member("TensorLocation", "HOST" if name == "host" else "DEVICE")

    def get_tensor_format(self, name: str) -> Any:
        return self._fake.member("TensorFormat", "CHW4" if name == "packed" else "LINEAR")

    def get_tensor_profile_shape(self, name: str, profile_index: int) -> Any:
        assert profile_index == 0
        return [list(shape) for shape in self._profile[name]]

    def create_execution_context(self) -> Any:
        return self._fake.make("IExecutionContext", self)


class IExecutionContext(Behaviour):
    def _begin(self, engine: Any) -> None:
        self._engine = engine
        self._reference = Reference(engine._model.graph, EngineOptions())
        self._shapes: dict[str, tuple[int, ...]] = {}
        self._addresses: dict[str, int] = {}
        self._queued: list[Any] = []

    def set_input_shape(self, name: str, shape: tuple[int, ...]) -> bool:
        least, _, most = self._engine._profile.get(name, [_shape(self._engine._given[name])] * 3)
        self._shapes[name] = tuple(shape)
        return len(shape) == len(least) and all(a <= b <= c for a, b, c in zip(least, shape, most, strict=True))

    def get_tensor_shape(self, name: str) -> Any:
        if name in self._engine._given:
            return self._shapes[name]
        if self._fake.data_dependent:
            return (-1, *_shape(self._engine._made[name])[1:])
        zeros = {s.name: np.zeros(self._shapes[s.name], s.dtype) for s in self._reference.inputs}
        return self._reference.run(zeros)[name].shape

    def set_tensor_address(self, name: str, memory: int) -> bool:
        self._addresses[name] = memory
        return bool(memory)

    def execute_async_v3(self, stream_handle: int) -> bool:
        if self._addresses.keys() != set(self._engine._names):
            self._engine._logger._complain("Neither address or allocator is set for every tensor")
            return False
        call = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(lambda _: self._compute())
        self._queued = [*self._queued[-8:], call]  # one that runs must not be let go
        library = self._fake.gpu.library
        return not library.cudaLaunchHostFunc(stream_handle, ctypes.cast(call, ctypes.c_void_p), None)

    def _compute(self) -> None:
        given = {s.name: self._memory(s.name, self._shapes[s.name], s.dtype) for s in self._reference.inputs}
        for name, array in self._reference.run(given).items():
            self._memory(name, array.shape, str(array.dtype))[...] = array

    def _memory(self, name: str, shape: tuple[int, ...], dtype: str) -> Any:
        size = int(np.prod(shape)) * np.dtype(dtype).itemsize
        address = self._addresses[name]
        assert self._fake.gpu.library.fake_is_device(address, size), f"{name} is not {size} bytes of the device"
        return np.ndarray(shape, dtype, buffer=memoryview((ctypes.c_byte * size).from_address(address)))


def _given(graph: Any) -> list[Any]:
    weights = {weight.name for weight in graph.initializer}
    return [node for node in graph.input if node.name not in weights]


def _shape(node: Any) -> tuple[int, ...]:
    return tuple(d.dim_value if d.HasField("dim_value") else -1 for d in node.type.tensor_type.shape.dim)


def _kind(fake: Fake, node: Any) -> Any:
    return fake.member("DataType", KINDS[node.type.tensor_type.elem_type])


BEHAVIOUR: Mapping[str, type] = {
    kind.__name__: kind for kind in list(globals().values()) if isinstance(kind, type) and issubclass(kind, Behaviour)
}
