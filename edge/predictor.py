"""A picture in, what a model says of it out. The three steps of a frame through a model, in one straight line."""

from __future__ import annotations

import re
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from edge.crops import Crop
from edge.decode import Head, head
from edge.decode.head import Outputs, Shape
from edge.engines import registry
from edge.engines.base import Engine, EngineOptions, Runner, TensorSpec, fits
from edge.engines.chain import Chain
from edge.engines.links import Change, Link, PassedOver, first, log_passed_over
from edge.errors import ModelError
from edge.metrics import Stages
from edge.models.manifest import TASKS, Manifest, labels_fault
from edge.models.quantized import Scale, input_of, real, scale_of
from edge.models.store import Model, find
from edge.preprocess import Fit, Input
from edge.types import I420, U8, ModelRef, Prediction

CAMERA_TASKS = ("detect",)
"""What cameras can use."""
SIZES = 4
"""Inputs of other sizes than the whole frame's that are kept for the next crop."""


class Predictor:
    """A loaded model of any task with its head. Holds scratch memory: one thread at a time; `twin` makes another for a
    thread more.

    task: what the model is for; the type of its predictions follows from it
    labels: class names as topics spell them, `[a-z0-9_]+`, by class index
    names: the same as people read them
    usual_score: the manifest's threshold
    min_score: what scores below it is dropped
    infer_s: how long the newest inference took, seconds; through a worker, with the wait for its turn
    """

    def __init__(self, model: Model, runner: Runner, min_score: float | None = None, *, masks: bool = True) -> None:
        """Join a model's manifest with what runs it; ModelError where inputs, outputs or labels do not fit.

        masks: whether those of a model that segments are made.
        """
        manifest = model.manifest
        self.model = model
        self.runner = runner
        self._head = head(manifest)
        self._masks = masks
        self._decode = self._head.decode if masks else self._head.boxes
        self._input, self._fed = _input_of(manifest, runner)
        self._roles, self._quantized = _roles(manifest, self._head, runner)
        self._shapes: tuple[tuple[int, ...], ...] = ()
        self._fit: Fit | None = None
        self._tensor: NDArray[Any] | None = None
        self._smaller: OrderedDict[tuple[int, int], NDArray[Any]] = OrderedDict()
        self.task = manifest.task
        self.names = manifest.labels
        self.labels = tuple(plain(label) for label in manifest.labels)
        self.usual_score = manifest.min_score
        self.min_score = manifest.min_score if min_score is None else min_score
        self.infer_s = 0.0

    @property
    def ref(self) -> ModelRef:
        """The model as events name it, with the engine that serves now."""
        return ModelRef(self.model.manifest.name, self.model.sha256, self.runner.name)

    @property
    def flexible(self) -> bool:
        """Whether the engine that serves now takes pictures of other sizes as well."""
        shape = next((spec.shape for spec in self.runner.inputs if spec.name == self._input), ())
        return bool(shape) and all(shape[axis] is None for axis in self._fed.sides)

    def predict(self, picture: I420 | U8, stages: Stages | None = None, crop: Crop | None = None) -> Prediction:
        """What the model says of a camera's picture, or of a BGR image uint8 (h, w, 3).

        Args:
            stages: gets the seconds of `preprocess`, `infer` and `decode`
            crop: the part to look at; None: all of it. Boxes are in pixels of the whole picture either way.

        Raises:
            EngineError: the back end fails.
            ModelError: its tensors are not the head's.
        """
        begun = time.perf_counter()
        if isinstance(picture, I420):
            fit, tensor = self._fitted((picture.width, picture.height), crop)
            fit.i420(picture, tensor)
        else:
            fit, tensor = self._fitted((picture.shape[1], picture.shape[0]), crop)
            fit.bgr(picture, tensor)
        fitted = time.perf_counter()
        given = self.runner.run({self._input: tensor})
        inferred = time.perf_counter()
        self.infer_s = inferred - fitted
        manifest = self.model.manifest
        if (fit.input.width, fit.input.height) != (manifest.input.width, manifest.input.height):
            manifest = replace(manifest, input=fit.input)
        outputs = {role: given[name] for role, name in self._roles.items()}
        shapes = tuple(array.shape for array in outputs.values())
        if shapes != self._shapes:  # the first run, for back ends that know shapes only then, and sizes left open
            _check(manifest, self._head, dict(zip(outputs, shapes, strict=True)))
            _check_numbers(manifest, outputs)
            self._shapes = shapes
        for role, scale in self._quantized.items():
            outputs[role] = real(outputs[role], scale)
        seen = self._decode(outputs, manifest, fit, self.min_score)
        if stages is not None:
            stages.add("preprocess", fitted - begun)
            stages.add("infer", inferred - fitted)
            stages.add("decode", time.perf_counter() - inferred)
        return seen

    def twin(self, runner: Runner | None = None) -> Predictor:
        """Another one of the same model for another thread, through `runner` (a worker) where one is given."""
        return Predictor(self.model, runner or self.runner, self.min_score, masks=self._masks)

    def close(self) -> None:
        """Give back the engine."""
        self.runner.close()

    def _fitted(self, size: tuple[int, int], crop: Crop | None) -> tuple[Fit, NDArray[Any]]:
        if crop is not None:
            # The crop is to be seen whole, also by a model that is fed the middle of whole frames.
            fitting = "letterbox" if self._fed.fit == "crop" else self._fed.fit
            to = replace(self._fed, width=crop.width, height=crop.height, fit=fitting)
            fit = Fit.of(size, to, crop.box)
            return fit, fit.blank(self._smaller_tensor(fit.input))
        # A camera's pictures all have one size, so the last fit is nearly always the right one.
        if self._fit is None or self._tensor is None or self._fit.frame != size:
            self._fit = Fit.of(size, self._fed)
            self._tensor = self._fit.blank(self.runner.buffer(self._input, self._fed.shape))
        return self._fit, self._tensor

    def _smaller_tensor(self, to: Input) -> NDArray[Any]:
        key = (to.width, to.height)
        tensor = self._smaller.pop(key, None)
        if tensor is None:
            tensor = self.runner.buffer(self._input, to.shape)
        self._smaller[key] = tensor
        if len(self._smaller) > SIZES:
            self._smaller.popitem(last=False)
        return tensor


def open_predictor(
    model: str,
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

    Args:
        model: a catalogue name, or the path of a model file.
        engine: `auto`, a name, or names in order of preference.
        options: what the user set of the back ends.
        min_score: what scores below it is dropped; None takes the manifest's.
        manifest: of the file, where it is neither beside it nor in the catalogue.
        on_change: given, several engines form a chain that falls over and goes back, and this is told of it; None
            takes the first that loads, for good.
        passed_over: told of engines that were asked for before the one that is taken.
        tasks: those that the caller can use.
        flexible: leave the sizes open that the manifest lets vary.
        masks: whether those of a model that segments are made.

    Raises:
        MissingError: the engine or a known model's file is not on this machine.
        ModelError: the file, its manifest or its labels are not what they say, or the model is for another task.
    """
    found = find(model, manifest)
    wanted = found.manifest
    head_for(wanted, tasks)  # a missing decoder is told before a slow load
    links = links_of(found, engine, options, flexible=flexible, passed_over=passed_over)
    runner = first(links, passed_over) if on_change is None or len(links) == 1 else Chain(links, on_change)
    try:
        return Predictor(found, runner, min_score, masks=masks)
    except ModelError:
        runner.close()
        raise


def head_for(manifest: Manifest, tasks: Sequence[str]) -> Head:
    """The head of a described model; ModelError where there is none, or its task is not among those wanted."""
    if manifest.task not in tasks:
        raise ModelError(
            f"model {manifest.name} is for the task `{manifest.task}`, and cameras need one that detects; "
            f"`edge infer` runs it on images"
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
    names = registry.usable(engine, model.path.suffix.lower(), manifest.engines, options, passed_over)
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
        loaded = registry.load(name, model.path, options)
        fault = _closed(model, loaded, left) if registry.TABLE[name].local else None
        if fault is not None:
            loaded.close()
            raise fault
        return loaded

    return Link(name, load, partial(registry.quick, name, model.path, options))


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


def plain(label: str) -> str:
    """A label as topics spell it: lower-case, every other character `_` (`traffic light` -> `traffic_light`)."""
    return re.sub(r"[^a-z0-9_]", "_", label.lower())


def _input_of(manifest: Manifest, runner: Runner) -> tuple[str, Input]:
    """The runner's name of the picture's input and what is fed to it, once shape and element type are found to fit."""
    wanted = manifest.input
    spec = next((s for s in runner.inputs if wanted.name == s.name or wanted.name in s.aliases), None)
    if spec is None:
        raise ModelError(_no_tensor(manifest, "input", wanted.name, runner.inputs))
    if spec.dtype != wanted.dtype:
        raise ModelError(
            f"model {manifest.name}: input `{spec.name}` is {spec.dtype}, its manifest says {wanted.dtype}"
        )
    if not fits(spec.shape, wanted.shape):
        raise ModelError(
            f"model {manifest.name}: input `{spec.name}` has shape {spec.shape}, its manifest says {wanted.shape} "
            f"({wanted.layout})"
        )
    return spec.name, input_of(manifest, spec)


def _roles(manifest: Manifest, family: Head, runner: Runner) -> tuple[dict[str, str], dict[str, Scale]]:
    """The runner's output name for each role of the head, and how integers among them are made real, once the labels
    are found to fit.
    """
    specs: dict[str, TensorSpec] = {}
    for role in family.roles:
        key = manifest.outputs.get(role)
        if key is None:
            raise ModelError(f"model {manifest.name}: its manifest names no output `{role}`, which the head needs")
        if isinstance(key, int):
            spec = runner.outputs[key] if key < len(runner.outputs) else None
        else:
            spec = next((s for s in runner.outputs if key == s.name or key in s.aliases), None)
        if spec is None:
            raise ModelError(_no_tensor(manifest, "output", str(key), runner.outputs))
        specs[role] = spec
    _check(manifest, family, {role: spec.shape for role, spec in specs.items() if spec.shape})
    scales = {role: scale_of(manifest, role, spec, runner.name) for role, spec in specs.items()}
    return (
        {role: spec.name for role, spec in specs.items()},
        {role: scale for role, scale in scales.items() if scale is not None},
    )


def _check(manifest: Manifest, family: Head, shapes: Mapping[str, Shape]) -> None:
    """Find outputs of these shapes to fit head and labels, as far as they are known; ModelError if they do not."""
    wrong = family.misfit(shapes, manifest)
    if wrong:
        raise ModelError(
            f"model {manifest.name}: {wrong}; is its decoder really `{manifest.decoder}`? `edge models inspect` guesses"
        )
    first = shapes.get(family.roles[0])
    count = family.classes(first) if family.classes and first is not None else None
    # Only of a detector are labels required.
    fault = labels_fault(manifest, count) if count is not None and manifest.labels else None
    if fault is not None:
        raise fault


def _check_numbers(manifest: Manifest, outputs: Outputs) -> None:
    for role, array in outputs.items():
        if array.dtype.kind not in "fiub":
            raise ModelError(f"model {manifest.name}: output `{role}` holds {array.dtype}, no numbers")


def _no_tensor(manifest: Manifest, kind: str, name: str, specs: tuple[TensorSpec, ...]) -> str:
    have = ", ".join(spec.name for spec in specs)
    return f"model {manifest.name}: it has no {kind} `{name}`; it has: {have}"
