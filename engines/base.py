"""The contract of a back end: tensors in, tensors out. It knows nothing of boxes, labels or pictures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class TensorSpec:
    """One input or output of a loaded model.

    shape: a size that the model leaves open is None
    dtype: NumPy's name of the element type
    scale, zero_point: of a quantized tensor, real = scale * (q - zero_point); None where it is not quantized
    """

    name: str
    shape: tuple[int | None, ...]
    dtype: str
    scale: float | None = None
    zero_point: int | None = None


@dataclass(frozen=True, slots=True)
class EngineOptions:
    """What a user may set of a back end; each back end takes what it has and refuses what it cannot honour.

    threads: CPU threads of one run; 0 leaves it to the back end
    device: the back end's own device name (`CPU`, `GPU`, `CUDA`); asked for and not given is an error, never silent
    inputs: shapes for model inputs whose size is open, by name
    """

    threads: int = 0
    device: str = "CPU"
    inputs: Mapping[str, tuple[int, ...]] = field(default_factory=dict)


class Engine(Protocol):
    """A loaded model on one back end. Owned by one worker thread; others submit to the worker.

    Arrays returned by `run` are valid until the next `run`.
    """

    name: str
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]

    def run(self, feed: Mapping[str, NDArray[Any]]) -> Mapping[str, NDArray[Any]]:
        """Infer once. Wrong name, dtype or shape raises `EngineError` that names what was wanted and what came."""
        ...

    def buffer(self, name: str) -> NDArray[Any] | None:
        """The engine's own memory of an input, to be written in place before `run` (then left out of the feed's copy),
        or None where the back end has none to give."""
        ...

    def close(self) -> None:
        """Give back memory and devices; afterwards only `close` may be called."""
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
    """The factory that a back end's module offers as `load`."""

    def __call__(self, model: Path, options: EngineOptions) -> Engine:
        """Load a model file. Raises MissingError without the package, ModelError for a file that it cannot read."""
        ...


def check_feed(specs: tuple[TensorSpec, ...], feed: Mapping[str, NDArray[Any]]) -> str | None:
    """What is wrong with a feed, as one line; None if it fits. Shapes match where the spec gives a size."""
    for spec in specs:
        array = feed.get(spec.name)
        if array is None:
            return f"input `{spec.name}` is missing; given: {', '.join(feed) or 'nothing'}"
        if array.dtype != np.dtype(spec.dtype):
            return f"input `{spec.name}` wants {spec.dtype}, got {array.dtype}"
        if len(array.shape) != len(spec.shape) or any(
            want is not None and want != got for want, got in zip(spec.shape, array.shape, strict=True)
        ):
            return f"input `{spec.name}` wants shape {spec.shape}, got {array.shape}"
    unknown = feed.keys() - {spec.name for spec in specs}
    return f"no input is called `{min(unknown)}`" if unknown else None
