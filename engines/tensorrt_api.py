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
    def name(self) -> str: ...
    def __int__(self) -> int: ...


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
    def type(self) -> Member: ...
    @property
    def num_outputs(self) -> int: ...
    def get_output(self, index: int) -> ITensor: ...


class INetworkDefinition(Protocol):
    """A network that is being built."""

    @property
    def num_inputs(self) -> int: ...
    @property
    def num_layers(self) -> int: ...
    def get_input(self, index: int) -> ITensor: ...
    def get_layer(self, index: int) -> ILayer: ...


class ParserError(Protocol):
    """Why a model could not be read."""

    def code(self) -> Member: ...
    def desc(self) -> str: ...


class OnnxParser(Protocol):
    """ONNX into a network."""

    @property
    def num_errors(self) -> int: ...
    def parse(self, model: bytes, path: str) -> bool: ...
    def get_error(self, index: int) -> ParserError: ...


class ITimingCache(Protocol):
    """What was measured of kernels in earlier builds."""

    def serialize(self) -> IHostMemory: ...


class IOptimizationProfile(Protocol):
    """The sizes that open shapes may take."""

    def set_shape(self, input: str, min: tuple[int, ...], opt: tuple[int, ...], max: tuple[int, ...]) -> None: ...


class IBuilderConfig(Protocol):
    """How to build."""

    progress_monitor: object

    def set_flag(self, flag: Member) -> None: ...
    def clear_flag(self, flag: Member) -> None: ...
    def set_memory_pool_limit(self, pool: Member, pool_size: int) -> None: ...
    def add_optimization_profile(self, profile: IOptimizationProfile) -> int: ...
    def create_timing_cache(self, serialized_timing_cache: bytes) -> ITimingCache | None: ...
    def set_timing_cache(self, cache: ITimingCache, ignore_mismatch: bool) -> bool: ...
    def get_timing_cache(self) -> ITimingCache | None: ...


class Builder(Protocol):
    """Makes networks and builds engines of them."""

    def __init__(self, logger: object) -> None: ...
    def create_network(self, flags: int) -> INetworkDefinition: ...
    def create_builder_config(self) -> IBuilderConfig: ...
    def create_optimization_profile(self) -> IOptimizationProfile: ...
    def build_serialized_network(self, network: INetworkDefinition, config: IBuilderConfig) -> IHostMemory | None: ...


class IExecutionContext(Protocol):
    """One run of an engine at a time."""

    def set_input_shape(self, name: str, shape: tuple[int, ...]) -> bool: ...
    def get_tensor_shape(self, name: str) -> Iterable[int]: ...
    def set_tensor_address(self, name: str, memory: int) -> bool: ...
    def execute_async_v3(self, stream_handle: int) -> bool: ...


class ICudaEngine(Protocol):
    """A built model."""

    @property
    def num_io_tensors(self) -> int: ...
    def get_tensor_name(self, index: int) -> str: ...
    def get_tensor_mode(self, name: str) -> Member: ...
    def get_tensor_shape(self, name: str) -> Iterable[int]: ...
    def get_tensor_dtype(self, name: str) -> Member: ...
    def get_tensor_location(self, name: str) -> Member: ...
    def get_tensor_format(self, name: str) -> Member: ...
    def get_tensor_profile_shape(self, name: str, profile_index: int) -> list[Iterable[int]]: ...
    def create_execution_context(self) -> IExecutionContext | None: ...


class Runtime(Protocol):
    """Reads built engines."""

    def __init__(self, logger: object) -> None: ...
    def deserialize_cuda_engine(self, serialized_engine: bytes) -> ICudaEngine | None: ...


class BuilderFlag(Protocol):
    """Switches of a build."""

    TF32: Member


class MemoryPoolType(Protocol):
    """Kinds of memory that a build may limit."""

    WORKSPACE: Member


class ILogger(Protocol):
    """Hears what TensorRT says; derived from, its method called from any thread."""

    def log(self, severity: Member, msg: str) -> None: ...


class IProgressMonitor(Protocol):
    """Hears how far a build is; derived from, its methods called from any thread."""

    def phase_start(self, phase_name: str, parent_phase: str | None, num_steps: int) -> None: ...
    def step_complete(self, phase_name: str, step: int) -> bool: ...
    def phase_finish(self, phase_name: str) -> None: ...


class Bindings(Protocol):
    """The module `tensorrt` itself."""

    __version__: str

    def __hash__(self) -> int: ...

    BuilderFlag: BuilderFlag
    MemoryPoolType: MemoryPoolType
    NetworkDefinitionCreationFlag: object
    ILogger: type
    IProgressMonitor: type

    def Builder(self, logger: object) -> Builder: ...
    def Runtime(self, logger: object) -> Runtime: ...
    def OnnxParser(self, network: INetworkDefinition, logger: object) -> OnnxParser: ...
    def init_libnvinfer_plugins(self, logger: object, namespace: str) -> bool: ...
