"""A detector: a picture in, detections out. The three steps of a frame through a model, in one straight line."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from edge.decode import Head, head
from edge.decode.head import Outputs, Shape
from edge.engines import registry
from edge.engines.base import EngineOptions, Runner, TensorSpec, fits
from edge.engines.chain import Chain, Change, Link, first
from edge.errors import ModelError
from edge.metrics import Stages
from edge.models.manifest import Manifest, labels_fault
from edge.models.store import Model, find
from edge.preprocess import Fit
from edge.types import I420, U8, Detections, ModelRef


class Detector:
    """A loaded model with its head. Holds scratch memory: one thread at a time; `twin` makes another for a thread more.

    labels: class names as topics spell them, `[a-z0-9_]+`, by class index
    names: the same as people read them
    usual_score: the manifest's threshold
    min_score: detections below it are dropped
    infer_s: how long the newest inference took, seconds
    """

    def __init__(self, model: Model, runner: Runner, min_score: float | None = None) -> None:
        """Join a model's manifest with what runs it; ModelError where inputs, outputs or labels do not fit."""
        manifest = model.manifest
        self._model = model
        self._runner = runner
        self._head = head(manifest)
        self._input = _input_name(manifest, runner)
        self._roles = _roles(manifest, self._head, runner)
        self._shapes: tuple[tuple[int, ...], ...] = ()
        self._fit: Fit | None = None
        self._tensor: NDArray[Any] | None = None
        self.names = manifest.labels
        self.labels = tuple(plain(label) for label in manifest.labels)
        self.usual_score = manifest.min_score
        self.min_score = manifest.min_score if min_score is None else min_score
        self.infer_s = 0.0

    @property
    def ref(self) -> ModelRef:
        """The model as events name it, with the engine that serves now."""
        return ModelRef(self._model.manifest.name, self._model.sha256, self._runner.name)

    def detect(self, picture: I420 | U8, stages: Stages | None = None) -> Detections:
        """What is in a camera's picture, or in a BGR image uint8 (h, w, 3).

        Raises EngineError if the back end fails, ModelError if its tensors are not the head's. `stages` gets the
        seconds of `preprocess`, `infer` and `decode`.
        """
        begun = time.perf_counter()
        if isinstance(picture, I420):
            fit, tensor = self._fitted((picture.width, picture.height))
            fit.i420(picture, tensor)
        else:
            fit, tensor = self._fitted((picture.shape[1], picture.shape[0]))
            fit.bgr(picture, tensor)
        fitted = time.perf_counter()
        given = self._runner.run({self._input: tensor})
        inferred = time.perf_counter()
        self.infer_s = inferred - fitted
        outputs = {role: given[name] for role, name in self._roles.items()}
        shapes = tuple(array.shape for array in outputs.values())
        if shapes != self._shapes:  # the first run, for back ends that know shapes only then, and sizes left open
            _check(self._model.manifest, self._head, dict(zip(outputs, shapes, strict=True)))
            _check_numbers(self._model.manifest, outputs)
            self._shapes = shapes
        seen = self._head.decode(outputs, self._model.manifest, fit, self.min_score)
        if stages is not None:
            stages.add("preprocess", fitted - begun)
            stages.add("infer", inferred - fitted)
            stages.add("decode", time.perf_counter() - inferred)
        return seen

    def twin(self, runner: Runner | None = None) -> Detector:
        """Another detector of the same model for another thread, through `runner` (a worker) where one is given."""
        return Detector(self._model, runner or self._runner, self.min_score)

    @property
    def runner(self) -> Runner:
        """What runs the model: an engine as `open_detector` made it."""
        return self._runner

    def close(self) -> None:
        """Give back the engine."""
        self._runner.close()

    def _fitted(self, size: tuple[int, int]) -> tuple[Fit, NDArray[Any]]:
        # A camera's pictures all have one size, so the last fit is nearly always the right one.
        if self._fit is None or self._tensor is None or self._fit.frame != size:
            self._fit = Fit.of(size, self._model.manifest.input)
            self._tensor = self._fit.blank(self._runner.buffer(self._input, self._model.manifest.input.shape))
        return self._fit, self._tensor


def open_detector(
    model: str,
    engine: str | Sequence[str] = "auto",
    options: EngineOptions | None = None,
    *,
    min_score: float | None = None,
    manifest: Path | None = None,
    on_change: Callable[[Change], None] | None = None,
) -> Detector:
    """Load a model for detection.

    Args:
        model: a catalogue name, or the path of a model file.
        engine: `auto`, a name, or names in order of preference.
        options: what the user set of the back ends.
        min_score: detections below it are dropped; None takes the manifest's.
        manifest: of the file, where it is neither beside it nor in the catalogue.
        on_change: given, several engines form a chain that falls over and goes back, and this is told of it; None
            takes the first that loads, for good.

    Raises:
        MissingError: the engine or a known model's file is not on this machine.
        ModelError: the file, its manifest or its labels are not what they say.
    """
    found = find(model, manifest)
    wanted = found.manifest
    head(wanted)  # a missing decoder is told before a slow load
    links = links_of(found, engine, options)
    runner = first(links) if on_change is None else Chain(links, on_change)
    try:
        return Detector(found, runner, min_score)
    except ModelError:
        runner.close()
        raise


def links_of(model: Model, engine: str | Sequence[str] = "auto", options: EngineOptions | None = None) -> list[Link]:
    """The back ends that can load a model, in order; at least one. The picture's size is set where the file leaves it
    open. Raises as `registry.usable`."""
    wanted = model.manifest.input
    options = replace(options or EngineOptions(), inputs={wanted.name: wanted.shape})
    names = registry.usable(engine, model.path.suffix.lower(), model.manifest.engines, options)
    return [
        Link(
            name, partial(registry.load, name, model.path, options), partial(registry.quick, name, model.path, options)
        )
        for name in names
    ]


def plain(label: str) -> str:
    """A label as topics spell it: lower-case, every other character `_` (`traffic light` -> `traffic_light`)."""
    return re.sub(r"[^a-z0-9_]", "_", label.lower())


def _input_name(manifest: Manifest, runner: Runner) -> str:
    """The runner's name of the picture's input, once shape and element type are found to fit."""
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
    return spec.name


def _roles(manifest: Manifest, family: Head, runner: Runner) -> dict[str, str]:
    """The runner's output name for each role of the head, once the labels are found to fit."""
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
    return {role: spec.name for role, spec in specs.items()}


def _check(manifest: Manifest, family: Head, shapes: Mapping[str, Shape]) -> None:
    """Find outputs of these shapes to fit head and labels, as far as they are known; ModelError if they do not."""
    wrong = family.misfit(shapes, manifest)
    if wrong:
        raise ModelError(f"model {manifest.name}: {wrong}; is its decoder `{manifest.decoder}`?")
    first = shapes.get(family.roles[0])
    count = family.classes(first) if family.classes and first is not None else None
    fault = labels_fault(manifest, count) if count is not None else None
    if fault is not None:
        raise fault


def _check_numbers(manifest: Manifest, outputs: Outputs) -> None:
    for role, array in outputs.items():
        if array.dtype.kind not in "fiub":
            raise ModelError(f"model {manifest.name}: output `{role}` holds {array.dtype}, no numbers")


def _no_tensor(manifest: Manifest, kind: str, name: str, specs: tuple[TensorSpec, ...]) -> str:
    have = ", ".join(spec.name for spec in specs)
    return f"model {manifest.name}: it has no {kind} `{name}`; it has: {have}"
