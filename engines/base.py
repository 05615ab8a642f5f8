"""The contract of a back end: tensors in, tensors out. It knows nothing of boxes, labels or pictures."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from edge.errors import MissingError, ModelError

Feed = Mapping[str, NDArray[Any]]
"""Arrays by tensor name: the inputs of one run."""
Feeds: TypeAlias = Sequence[Feed]

BUGS = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    BufferError,
    ImportError,
    LookupError,
    MemoryError,
    NameError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
)
"""What a back end should have told as EngineError, or could not: no memory. The next picture may fare better."""


class Unsupported(ModelError):
    """A sound model that this back end cannot run (file type, operator); the registry adds which one may."""


@dataclass(frozen=True, slots=True)
class TensorSpec:
    """One input or output of a loaded model.

    shape: a size that the model leaves open is None; empty where the back end knows it only after a run
    dtype: NumPy's name of the element type
    scale, zero_point: of a quantized tensor, real = scale * (q - zero_point); None where it is not quantized
    aliases: further names of the same tensor (OpenVINO keeps those of the source format)
    """

    name: str
    shape: tuple[int | None, ...]
    dtype: str
    scale: float | None = None
    zero_point: int | None = None
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Unpacked:
    """A model out of a packed file, which never lies on the disk as what it stands for.

    path: the packed file, for messages, and for the names of what is made of it
    suffix: of the plain file, e.g. ".onnx"
    sha256: of the packed file, lower-case hex
    plain: the whole content of the plain file (of an OpenVINO IR the .xml)
    blob: of an OpenVINO IR the content of the .bin, else empty
    skeleton: of an ONNX model, the file with its weights declared external, and the weights by name, a window at a
        time so that no more than that is decoded at once; None for other carriers

    All three decode when called and raise ModelError where the file is not what it says.
    """

    path: Path
    suffix: str
    sha256: str
    plain: Callable[[], bytes]
    blob: Callable[[], bytes] = lambda: b""
    skeleton: Callable[[], tuple[bytes, Iterator[tuple[str, NDArray[Any]]]]] | None = None


ModelFile: TypeAlias = "Path | Unpacked"
"""What a back end loads: a file, or what a packed file gives."""

Precision = Literal["f32", "f16", "bf16"]


@dataclass(frozen=True, slots=True)
class EngineOptions:
    """What a user may set of a back end; each takes what it has and refuses what it cannot honour.

    threads: CPU threads of one run; 0 takes `default_threads()`
    device: the back end's own device name (`CPU`, `GPU`, `CUDA`), None its usual one; asked for and not given is an
        error, never silent
    precision: of the computation, where the file leaves it open; f32 gives the numbers that every back end agrees on
    inputs: shapes for model inputs whose size is open, by name; a size given as None stays open
    progress: told how far a long load is, 0..1 (a build for a GPU takes minutes), and what it is doing
    server, served: of a remote back end: its URL, and the model's name there; empty takes the model file's stem
    timeout_s: how long a back end in another process or on another machine may take for one run
    python: the interpreter of a back end that needs one of its own
    """

    threads: int = 0
    device: str | None = None
    precision: Precision = "f32"
    inputs: Mapping[str, tuple[int | None, ...]] = field(default_factory=dict)
    progress: Callable[[float, str], None] = lambda part, doing: None
    server: str = field(default="", repr=False)  # may hold a password
    served: str = ""
    timeout_s: float = 5.0
    python: Path | None = None

    @property
    def cpu_threads(self) -> int:
        """The number of threads to ask the back end for."""
        return self.threads or default_threads()


class Runner(Protocol):
    """What runs a loaded model: an engine, a chain of them, or the worker of one that cameras share."""

    @property
    def name(self) -> str:
        """The back end that runs the model now."""
        ...

    @property
    def inputs(self) -> tuple[TensorSpec, ...]:
        """What it takes."""
        ...

    @property
    def outputs(self) -> tuple[TensorSpec, ...]:
        """What it gives."""
        ...

    def run(self, feed: Feed) -> Mapping[str, NDArray[Any]]:
        """Infer once; the arrays returned are the caller's own.

        Wrong name, dtype or shape raises `FeedError` that names what was wanted and what came; any other fault is an
        `EngineError`, after which the next run may or may not succeed.
        """
        ...

    def buffer(self, name: str, shape: tuple[int, ...]) -> NDArray[Any]:
        """A new array for an input, which `run` takes with the fewest copies that this back end allows.

        Pinned memory where there is a GPU, shared memory where there is another process, plain memory elsewhere. Its
        content is undefined; it lives as long as the caller keeps it, also after `close`. `run` takes other arrays as
        well. From any thread.
        """
        ...

    def close(self) -> None:
        """Give back memory and devices; afterwards only `close` may be called."""
        ...


class Engine(Runner, Protocol):
    """A loaded model on one back end. Owned by one worker thread; others submit to the worker (`engines.worker`)."""

    def bare(self, feed: Feed) -> Callable[[], object]:
        """The back end's own call on this feed (inputs set, run, outputs got), against which our cost is measured."""
        ...


@dataclass(frozen=True, slots=True)
class Backend:
    """A row of the table of back ends: what is here, without loading a model.

    suffixes: file types that it reads, e.g. `(".onnx",)`
    """

    name: str
    available: bool
    version: str | None
    devices: tuple[str, ...]
    reason: str | None
    install: str
    suffixes: tuple[str, ...]


class Loader(Protocol):
    """The factory that a back end's module offers as `load`.

    Beside it stands `devices(options) -> tuple[str, ...]`, the names for `EngineOptions.device` on this machine, which
    raises MissingError with the reason where there is none. A back end with nothing to install into this interpreter
    offers two functions instead: `unset(options) -> str | None` says cheaply what has to be set first, and
    `look(options) -> tuple[str | None, tuple[str, ...]]` asks the thing itself for its version and devices. One that
    may take minutes to load a model says so by `quick(model, options) -> bool`, given the same two as `load`.
    """

    def __call__(self, model: ModelFile, options: EngineOptions) -> Engine:
        """Load a model file. Raises MissingError without the package, ModelError for a file that it cannot read."""
        ...


def path_of(model: ModelFile) -> Path:
    """The file on the disk, for messages and names."""
    return model.path if isinstance(model, Unpacked) else model


def suffix_of(model: ModelFile) -> str:
    """Of the plain file, in lower case: what it is read as."""
    return model.suffix.lower()


def content_of(model: ModelFile) -> bytes:
    """The whole plain file. Raises ModelError where it cannot be read, or what is packed is not what it says."""
    if isinstance(model, Unpacked):
        return model.plain()
    try:
        return model.read_bytes()
    except OSError as fault:
        raise ModelError(f"{model}: cannot be read: {one_line(fault)}") from None


def default_threads() -> int:
    """CPU threads where the user set none: the cores this process may use, four at most.

    Small detectors gain little beyond four threads, and on a board the cameras' decoders want cores too.
    """
    return max(1, min(4, len(os.sched_getaffinity(0))))


def need(module: str, install: str) -> Any:
    """Import a back end's package now that it was chosen. MissingError names the command that installs it."""
    try:
        return importlib.import_module(module)
    except ImportError as fault:
        package = module.partition(".")[0]
        raise MissingError(f"{package} cannot be imported ({one_line(fault)}); install it: {install}") from None


def one_line(said: BaseException | str, limit: int = 200) -> str:
    """What a vendor's exception, a server, another process or a file says, fit for a log and a terminal.

    One line of `limit` characters at most, letters of any script, no control or other unprintable characters.
    """
    seen = "".join(sign for sign in str(said) if sign.isprintable() or sign.isspace())
    text = " ".join(seen.split()) or ("" if isinstance(said, str) else type(said).__name__)
    return text if len(text) <= limit else text[: limit - 1] + "…"


def said_of(name: str, bug: BaseException) -> str:
    """What to say of one of `BUGS`."""
    kind, said = type(bug).__name__, one_line(bug)
    return f"{name}: the engine failed: {kind if said == kind else f'{kind}: {said}'}"


def plain_buffer(specs: tuple[TensorSpec, ...], name: str, shape: tuple[int, ...]) -> NDArray[Any]:
    """`Runner.buffer` for back ends in this process: the array itself is what they read."""
    return np.empty(shape, next(spec.dtype for spec in specs if spec.name == name))


def check_feed(specs: tuple[TensorSpec, ...], feed: Feed) -> str | None:
    """What is wrong with a feed, as one line; None if it fits. Shapes match where the spec gives a size."""
    for spec in specs:
        array = feed.get(spec.name)
        if array is None:
            return f"input `{spec.name}` is missing; given: {', '.join(feed) or 'nothing'}"
        if array.dtype != np.dtype(spec.dtype):
            return f"input `{spec.name}` wants {spec.dtype}, got {array.dtype}"
        if array.shape != spec.shape and not fits(spec.shape, array.shape):
            return f"input `{spec.name}` wants shape {spec.shape}, got {array.shape}"
    if len(feed) == len(specs):
        return None
    unknown = feed.keys() - {spec.name for spec in specs}
    return f"no input is called `{min(unknown)}`" if unknown else None


def fits(want: tuple[int | None, ...], got: tuple[int | None, ...]) -> bool:
    """Whether a shape is one that a spec allows: as many axes, and its sizes where it gives some."""
    return len(got) == len(want) and all(w is None or w == g for w, g in zip(want, got, strict=True))
