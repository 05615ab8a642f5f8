"""What a model file says of itself: its tensors, its exporter's notes, and what it gives for a black picture."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from numpy.typing import NDArray

from edge.engines import registry
from edge.engines.base import Engine, EngineOptions, TensorSpec
from edge.engines.links import Link, PassedOver, first, log_passed_over
from edge.errors import ModelError
from edge.models.inspect import trial

USUAL_SIDE = 640
"""Pixels of a side that a file leaves open and its notes do not tell: what Ultralytics exports by default."""
USUAL_STRIDE = 32
"""Pixels a cell of the coarsest grid of most families."""


@runtime_checkable
class Noted(Protocol):
    """An engine that reads the notes which exporters leave in a file."""

    @property
    def metadata(self) -> Mapping[str, str]:
        """Notes by name."""
        ...


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a model before anything is guessed.

    picture: the input that most likely takes the picture, None where no input has the axes of one
    others: its further inputs, which the runtime does not feed
    layout: order of the picture's axes; `channels`, `width`, `height` by it
    open: whether the file leaves the picture's size open; width and height are then the notes', or usual ones
    stride: what open sides must be multiples of, by the notes, or a usual one
    outputs: as after a run, where one was possible
    samples: what a black picture gives, by output; empty where the model could not be run
    unrun: why it could not, in one line; empty where it could
    busy: the run was given up, and the engine is still at it: it must not be closed
    names: class names by the file's own notes, empty where it has none
    task: by the same notes: `detect`, `segment`, `classify`...
    """

    picture: TensorSpec | None
    others: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    layout: str = "NHWC"
    channels: int = 3
    width: int = 0
    height: int = 0
    open: bool = False
    stride: int = USUAL_STRIDE
    samples: Mapping[str, NDArray[Any]] = field(default_factory=dict, repr=False)
    unrun: str = ""
    busy: bool = False
    names: tuple[str, ...] = ()
    task: str = ""

    def cells(self, strides: tuple[int, ...], up: bool = False) -> int:
        """Cells of grids of these strides over the input, incomplete ones counted with `up`."""
        ceil = 1 if up else 0
        return sum(
            ((self.width + ceil * (stride - 1)) // stride) * ((self.height + ceil * (stride - 1)) // stride)
            for stride in strides
        )


def open_any(
    path: Path,
    engine: str | Sequence[str] = "auto",
    options: EngineOptions | None = None,
    passed_over: PassedOver = log_passed_over,
) -> Engine:
    """Load a model file only to look at it; engines, options and faults are as in `edge.predictor.links_of`."""
    options = options or EngineOptions()
    options = replace(options, threads=options.threads or 1)
    usual = replace(options, device=None, precision="f32")
    names = registry.usable(engine, path.suffix.lower(), options=options, passed_over=passed_over)
    theirs = {name: options if name == engine[0] or isinstance(engine, str) else usual for name in names}
    return first([Link(name, partial(registry.load, name, path, given)) for name, given in theirs.items()], passed_over)


def facts_of(loaded: Engine) -> Facts:
    """Look at a loaded model; it is run once on a black picture, and may fail at that, or be too large or slow for it.

    ModelError for one that takes nothing.
    """
    if not loaded.inputs:
        raise ModelError("the model has no input: there is nothing to feed a picture to")
    notes = dict(loaded.metadata) if isinstance(loaded, Noted) else {}
    picture = next((spec for spec in loaded.inputs if _channels(spec) is not None), None)
    names = _names(notes.get("names", ""))
    task = notes.get("task", "")
    if picture is None:
        unrun = "none of its inputs takes a picture"
        return Facts(None, loaded.inputs, loaded.outputs, unrun=unrun, names=names, task=task)
    layout, channels = _channels(picture) or ("NHWC", 3)
    height, width = picture.shape[2:4] if layout == "NCHW" else picture.shape[1:3]
    usual = _size(notes.get("imgsz", ""))
    known = (width or usual[0], height or usual[1])
    shape = (1, channels, known[1], known[0]) if layout == "NCHW" else (1, known[1], known[0], channels)
    tried = trial.run(loaded, picture.name, shape)
    return Facts(
        picture,
        tuple(spec for spec in loaded.inputs if spec is not picture),
        tuple(_after(spec, tried.samples.get(spec.name)) for spec in loaded.outputs),
        layout,
        channels,
        *known,
        open=not (width and height),
        stride=_stride(notes.get("stride", "")),
        samples=tried.samples,
        unrun=tried.fault,
        busy=tried.busy,
        names=names,
        task=task,
    )


def _channels(spec: TensorSpec) -> tuple[str, int] | None:
    """Layout and channels of an input that takes a picture; None if it takes none."""
    if len(spec.shape) != 4 or spec.shape[0] not in (1, None):
        return None
    for layout, axis in (("NCHW", 1), ("NHWC", 3)):
        channels = spec.shape[axis]
        if channels in (1, 3):
            return layout, channels
    return None


def _after(spec: TensorSpec, sample: NDArray[Any] | None) -> TensorSpec:
    if sample is None:
        return spec
    return TensorSpec(spec.name, sample.shape, sample.dtype.name, spec.scale, spec.zero_point, spec.aliases)


def _names(text: str) -> tuple[str, ...]:
    """Ultralytics writes its names as Python prints them: {0: 'person', 1: ...}, in old files as a list."""
    given = _literal(text)
    if isinstance(given, dict) and all(isinstance(key, int) for key in given):
        given = [given[key] for key in sorted(given)]
    if isinstance(given, list) and all(isinstance(name, str) and name.strip() for name in given):
        return tuple(name.strip() for name in given)
    return ()


def _size(text: str) -> tuple[int, int]:
    """Width and height by the note `imgsz`, [height, width]."""
    given = _literal(text)
    if (
        isinstance(given, list)
        and len(given) == 2
        and all(isinstance(side, int) and 8 <= side <= 8192 for side in given)
    ):
        return given[1], given[0]
    return USUAL_SIDE, USUAL_SIDE


def _stride(text: str) -> int:
    given = _literal(text)
    return given if isinstance(given, int) and 1 <= given <= 1024 else USUAL_STRIDE


def _literal(text: str) -> object:
    # The file may come from anybody: literals alone are read, and none that is deeply nested or long.
    if not text or len(text) > 100_000:
        return None
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return None
