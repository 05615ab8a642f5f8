"""What this runtime uses of TensorRT's Python API, as types: every class, member and argument name, and no other.

mypy holds the code against these, and a test holds these against the real bindings of each release, so that nothing can
be called that one of them lacks. What not all releases have is in `VARIES` and asked for through `optional`.
Source: https://docs.nvidia.com/deeplearning/tensorrt/latest/_static/python-api/
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol

VARIES = {
    "BuilderFlag.FP16": "8.6 to 10",
    "BuilderFlag.BF16": "10",
    "BuilderFlag.INT8": "8.6 to 10",
    "NetworkDefinitionCreationFlag.EXPLICIT_BATCH": "8.6 to 10, where 10 ignores it",
    "NetworkDefinitionCreationFlag.STRONGLY_TYPED": "10 on, where 11 knows nothing else",
    "IBuilderConfig.progress_monitor": "10 on",
    "Bindings.IProgressMonitor": "10 on",
}
"""Members that not every release has, and which have them."""


def optional(owner: object, name: str) -> Any:
    """A member that is in `VARIES`; None where this release lacks it."""
    return getattr(owner, name, None)


class Member(Protocol):
    """A value of one of the enumerations."""

    @property
    def name(self) -> str:
        """As the enumeration spells it."""
        ...

    def __int__(self) -> int:
        """Its number, which differs between releases."""
        ...


class IHostMemory(Protocol):
    """A serialized engine or timing cache."""

    def __buffer__(self, flags: int, /) -> memoryview: ...


class ITensor(Protocol):
    """A tensor of a network that is being built."""

    name: str
    dtype: Member
    shape: Iterable[int]


class ILayer(Protocol):
    """A node of a network that is being built."""

    @property
    def type(self) -> Member:
        """What kind of node."""
        ...

    @property
    def num_outputs(self) -> int:
        """How many tensors it makes."""
        ...

    def get_output(self, index: int) -> ITensor:
        """One of them."""
        ...


class INetworkDefinition(Protocol):
    """A network that is being built."""

    @property
    def num_inputs(self) -> int:
        """How many inputs the model has."""
        ...

    @property
    def num_layers(self) -> int:
        """How many nodes."""
        ...

    def get_input(self, index: int) -> ITensor:
        """An input."""
        ...

    def get_layer(self, index: int) -> ILayer:
        """A node."""
        ...


class ParserError(Protocol):
    """Why a model could not be read."""

    def code(self) -> Member:
        """What kind of fault."""
        ...

    def desc(self) -> str:
        """The fault in words, perhaps of several lines."""
        ...


class OnnxParser(Protocol):
    """ONNX into a network."""

    @property
    def num_errors(self) -> int:
        """How many faults the last model had."""
        ...

    def parse(self, model: bytes, path: str) -> bool:
        """Add a model to the network; False where it cannot. Weights beside it are looked for from `path`."""
        ...

    def get_error(self, index: int) -> ParserError:
        """One of the faults."""
        ...


class ITimingCache(Protocol):
    """What was measured of kernels in earlier builds."""

    def serialize(self) -> IHostMemory:
        """As bytes, to be kept."""
        ...


class IOptimizationProfile(Protocol):
    """The sizes that open shapes may take."""

    def set_shape(self, input: str, min: tuple[int, ...], opt: tuple[int, ...], max: tuple[int, ...]) -> None:
        """The smallest, usual and largest shape of an input."""
        ...


class IBuilderConfig(Protocol):
    """How to build."""

    progress_monitor: object

    def set_flag(self, flag: Member) -> None:
        """Switch on."""
        ...

    def clear_flag(self, flag: Member) -> None:
        """Switch off."""
        ...

    def set_memory_pool_limit(self, pool: Member, pool_size: int) -> None:
        """At most so many bytes of this kind of memory."""
        ...

    def add_optimization_profile(self, profile: IOptimizationProfile) -> int:
        """Build for these sizes."""
        ...

    def create_timing_cache(self, serialized_timing_cache: bytes) -> ITimingCache | None:
        """Of what `serialize` gave once; empty bytes make an empty one."""
        ...

    def set_timing_cache(self, cache: ITimingCache, ignore_mismatch: bool) -> bool:
        """Use it; False where it is of another GPU or release."""
        ...

    def get_timing_cache(self) -> ITimingCache | None:
        """With what this build measured."""
        ...


class Builder(Protocol):
    """Makes networks and builds engines of them."""

    def __init__(self, logger: object) -> None: ...
    def create_network(self, flags: int) -> INetworkDefinition:
        """An empty network; `flags` has a bit for each of `NetworkDefinitionCreationFlag`."""
        ...

    def create_builder_config(self) -> IBuilderConfig:
        """The usual settings."""
        ...

    def create_optimization_profile(self) -> IOptimizationProfile:
        """An empty profile."""
        ...

    def build_serialized_network(self, network: INetworkDefinition, config: IBuilderConfig) -> IHostMemory | None:
        """Build; takes minutes. None where it failed, and the logger heard why."""
        ...


class IExecutionContext(Protocol):
    """One run of an engine at a time."""

    def set_input_shape(self, name: str, shape: tuple[int, ...]) -> bool:
        """False for a shape that the engine was not built for."""
        ...

    def get_tensor_shape(self, name: str) -> Iterable[int]:
        """With the input shapes set; -1 for what is known only after a run."""
        ...

    def set_tensor_address(self, name: str, memory: int) -> bool:
        """Where on the device a tensor is read from or written to."""
        ...

    def execute_async_v3(self, stream_handle: int) -> bool:
        """Queue a run on a stream; False where it cannot be."""
        ...


class ICudaEngine(Protocol):
    """A built model."""

    @property
    def num_io_tensors(self) -> int:
        """How many inputs and outputs."""
        ...

    def get_tensor_name(self, index: int) -> str:
        """Its name, by which the rest is asked."""
        ...

    def get_tensor_mode(self, name: str) -> Member:
        """`INPUT` or `OUTPUT`."""
        ...

    def get_tensor_shape(self, name: str) -> Iterable[int]:
        """-1 for an open size."""
        ...

    def get_tensor_dtype(self, name: str) -> Member:
        """The element type."""
        ...

    def get_tensor_location(self, name: str) -> Member:
        """`DEVICE`, or `HOST` for a tensor that is a shape."""
        ...

    def get_tensor_format(self, name: str) -> Member:
        """`LINEAR`, or an order of hardware's own."""
        ...

    def get_tensor_profile_shape(self, name: str, profile_index: int) -> list[Iterable[int]]:
        """Smallest, usual and largest shape of an input."""
        ...

    def create_execution_context(self) -> IExecutionContext | None:
        """Memory for a run; None where there is too little."""
        ...


class Runtime(Protocol):
    """Reads built engines."""

    def __init__(self, logger: object) -> None: ...
    def deserialize_cuda_engine(self, serialized_engine: bytes) -> ICudaEngine | None:
        """None where it cannot, and the logger heard why."""
        ...


class BuilderFlag(Protocol):
    """Switches of a build."""

    TF32: Member


class MemoryPoolType(Protocol):
    """Kinds of memory that a build may limit."""

    WORKSPACE: Member


class ILogger(Protocol):
    """Hears what TensorRT says; derived from, its method called from any thread."""

    def log(self, severity: Member, msg: str) -> None:
        """One message."""
        ...


class IProgressMonitor(Protocol):
    """Hears how far a build is; derived from, its methods called from any thread."""

    def phase_start(self, phase_name: str, parent_phase: str | None, num_steps: int) -> None:
        """A phase begins, perhaps within another."""
        ...

    def step_complete(self, phase_name: str, step: int) -> bool:
        """A step is done; False would cancel the build."""
        ...

    def phase_finish(self, phase_name: str) -> None:
        """A phase ends, perhaps early."""
        ...


class Bindings(Protocol):
    """The module `tensorrt` itself."""

    __version__: str

    def __hash__(self) -> int: ...

    BuilderFlag: BuilderFlag
    MemoryPoolType: MemoryPoolType
    NetworkDefinitionCreationFlag: object
    ILogger: type
    IProgressMonitor: type

    def Builder(self, logger: object) -> Builder:
        """Make a builder."""
        ...

    def Runtime(self, logger: object) -> Runtime:
        """Make a runtime; ends the process where there is no GPU."""
        ...

    def OnnxParser(self, network: INetworkDefinition, logger: object) -> OnnxParser:
        """A parser that fills this network."""
        ...

    def init_libnvinfer_plugins(self, logger: object, namespace: str) -> bool:
        """Make the operators known that come as plugins."""
        ...
