"""From what a user calls a model to a model that runs: its file, its manifest, the engines that can have it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.decode import Head, head
from edge.engines import registry
from edge.engines.base import Engine, EngineOptions, Feed, Runner, TensorSpec
from edge.engines.chain import Chain
from edge.engines.links import Change, Link, PassedOver, first, log_passed_over
from edge.errors import EdgeError, ModelError, StorageError
from edge.models.manifest import TASKS, Manifest
from edge.models.slots import LETTERS
from edge.models.store import Model, find, standing_in
from edge.predictor import Predictor

log = logging.getLogger(__name__)

CAMERA_TASKS = ("detect",)
"""What cameras can use, and `PEOPLE_DECODERS`."""
PEOPLE_DECODERS = ("blazepose-detector",)
"""Heads of the task `pose` that find people for cameras as well."""
GREY = 114
"""Of the picture that a model is tried out on."""


def open_predictor(
    model: str | Model,
    engine: str | Sequence[str] = "auto",
    options: EngineOptions | None = None,
    *,
    min_score: float | None = None,
    manifest: Path | None = None,
    on_change: Callable[[Change], None] | None = None,
    passed_over: PassedOver = log_passed_over,
    tasks: Sequence[str] = TASKS,
    flexible: bool = False,
    masks: bool = True,
) -> Predictor:
    """Load a model.

    Where the slot of an installed packed model that should serve cannot be read, verified or loaded, what was
    installed before serves instead, and does so from then on: the slot is set aside with the reason. A slot that the
    engines which were asked for cannot load, and the usual one can, keeps its place.

    Args:
        model: a catalogue name, that of an installed packed model, the path of a model file, or one that was found.
        engine: `auto`, a name, or names in order of preference.
        options: what the user set of the back ends.
        min_score: what scores below it is dropped; None takes the manifest's.
        manifest: of the file, where it is neither in it, nor beside it, nor in the catalogue.
        on_change: given, several engines form a chain that falls over and goes back, and this is told of it; None
            takes the first that loads, for good.
        passed_over: told of engines that were asked for before the one that is taken, and of a slot that was to serve.
        tasks: those that the caller can use.
        flexible: leave the sizes open that the manifest lets vary.
        masks: whether those of a model that segments are made.

    Raises:
        MissingError: the engine or a known model's file is not on this machine.
        ModelError: the file, its manifest or its labels are not what they say, or the model is for another task.
    """

    def loaded(found: Model) -> Predictor:
        links = links_of(found, engine, options, flexible=flexible, passed_over=passed_over)
        runner = first(links, passed_over) if on_change is None or len(links) == 1 else Chain(links, on_change)
        try:
            return Predictor(found, runner, min_score, masks=masks)
        except ModelError:
            runner.close()
            raise

    found = find(model, manifest) if isinstance(model, str) else model
    head_for(found.manifest, tasks)  # a missing decoder is told before a slow load
    return _loaded_or_before(found, loaded, passed_over, described=manifest is not None)


def _loaded_or_before(
    found: Model, load: Callable[[Model], Predictor], passed_over: PassedOver, *, described: bool
) -> Predictor:
    """Load a model, else what was installed before it; described: the user says what it is, and may be wrong."""
    try:
        opened = load(found)
    except EdgeError as fault:
        other = None if described else standing_in(found.slot, str(fault))
        if other is None:
            raise
        try:
            opened = load(other)
        except EdgeError:
            raise fault from None  # not of the slot's making
    _tell_of_slot(opened.model, passed_over, bad=found.slot is opened.model.slot or not _works(found))
    return opened


def prove(model: Model) -> None:
    """Load a model on the engine that `auto` takes and run it once, on a grey picture.

    Raises:
        MissingError: no engine that reads it is here.
        ModelError: it is none, its tensors are not those of its manifest, or what it gives is no finite number.
        EngineError: the back end fails.
    """
    runner = _Finite(first(links_of(model)), model.manifest.name)
    wanted = model.manifest.input
    try:
        Predictor(model, runner).predict(np.full((wanted.height, wanted.width, 3), GREY, np.uint8))
    finally:
        runner.close()


def _works(model: Model) -> bool:
    """Whether the usual engine runs a model; no engine to tell by, or too little memory, is not the model's fault."""
    try:
        prove(model)
    except ModelError:
        return False
    except EdgeError as fault:
        log.info("whether %s is sound cannot be told: %s", model.path, fault)
    return True


def _tell_of_slot(model: Model, passed_over: PassedOver, *, bad: bool) -> None:
    """Say which slot serves in place of which and why, and set a bad one aside, if this user may."""
    slot = model.slot
    if slot is None or not slot.passed or model.packed is None:
        return
    serves = f"version {model.packed.origin.version} of {slot.slots.name}, installed before, serves instead"
    passed_over(f"{slot.passed}; {serves}")
    failed = next(letter for letter in LETTERS if letter != slot.letter)
    try:
        if bad:
            slot.slots.set_aside(failed, slot.passed, slot.passed_mark)
    except StorageError as fault:
        log.warning("the slot that failed keeps its place: %s", fault)


@dataclass(frozen=True, slots=True)
class _Finite:
    """A runner whose outputs have to be finite; it runs what `of` runs. Raises ModelError where they are not."""

    of: Runner
    model: str

    @property
    def name(self) -> str:
        return self.of.name

    @property
    def inputs(self) -> tuple[TensorSpec, ...]:
        return self.of.inputs

    @property
    def outputs(self) -> tuple[TensorSpec, ...]:
        return self.of.outputs

    def run(self, feed: Feed) -> Mapping[str, NDArray[Any]]:
        given = self.of.run(feed)
        for name, array in given.items():
            if array.dtype.kind == "f" and not np.isfinite(array).all():
                raise ModelError(f"model {self.model}: its output `{name}` is not finite on a grey picture")
        return given

    def buffer(self, name: str, shape: tuple[int, ...]) -> NDArray[Any]:
        return self.of.buffer(name, shape)

    def close(self) -> None:
        self.of.close()


def head_for(manifest: Manifest, tasks: Sequence[str]) -> Head:
    """The head of a described model; ModelError where there is none, or its task is not among those wanted."""
    if manifest.task not in tasks and not (tasks == CAMERA_TASKS and manifest.decoder in PEOPLE_DECODERS):
        wanted = " or ".join(f"`{task}`" for task in tasks)
        needed = "cameras need one that detects" if tasks == CAMERA_TASKS else f"one for {wanted} is needed here"
        raise ModelError(
            f"model {manifest.name} is for the task `{manifest.task}`, and {needed}; `edge infer` runs it on images"
        )
    return head(manifest)


def links_of(
    model: Model,
    engine: str | Sequence[str] = "auto",
    options: EngineOptions | None = None,
    *,
    flexible: bool = False,
    passed_over: PassedOver = log_passed_over,
) -> list[Link]:
    """The back ends that can load a model, in order; at least one.

    A device and a precision are those of the engine named first; the others take their usual ones. flexible: leave the
    sides open that the manifest lets vary, where the back end can. passed_over: told of those that cannot. Raises as
    `registry.usable`.
    """
    options = options or EngineOptions()
    manifest = model.manifest
    names = registry.usable(engine, model.suffix, manifest.engines, options, passed_over)
    asked = engine if isinstance(engine, str) else engine[0]
    first_named = names[0] if asked == "auto" else asked
    usual = replace(options, device=None, precision="f32")
    return [_link(model, name, options if name == first_named else usual, flexible=flexible) for name in names]


def _link(model: Model, name: str, options: EngineOptions, *, flexible: bool) -> Link:
    manifest, opens = model.manifest, registry.TABLE[name].opens
    wanted = manifest.input
    axes = {
        "batch": (0,) if manifest.batch > 1 and "batch" in opens else (),
        "size_step": wanted.sides if flexible and manifest.size_step and "sides" in opens else (),
    }
    left = {axis: key for key, some in axes.items() for axis in some}
    shape = tuple(None if axis in left else size for axis, size in enumerate(wanted.shape))
    options = replace(options, inputs={wanted.name: shape})

    def load() -> Engine:
        loaded = registry.load(name, model.file, options)
        fault = _closed(model, loaded, left) if registry.TABLE[name].local else None
        if fault is not None:
            loaded.close()
            raise fault
        return loaded

    return Link(name, load, partial(registry.quick, name, model.file, options))


def _closed(model: Model, loaded: Engine, left: Mapping[int, str]) -> ModelError | None:
    """What is wrong where a manifest says that a size may vary and the file does not let it."""
    wanted = model.manifest.input.name
    spec = next((spec for spec in loaded.inputs if wanted == spec.name or wanted in spec.aliases), None)
    for axis, key in left.items():
        if spec is not None and len(spec.shape) == len(model.manifest.input.shape) and spec.shape[axis] is not None:
            return ModelError(
                f"model {model.manifest.name}: its manifest has `{key}`, but the file takes {spec.shape} alone: take "
                f"the key out, or export the model with open sizes"
            )
    return None
