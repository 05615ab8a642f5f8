"""A picture in, what a model says of it out. The three steps of a frame through a model, in one straight line."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, TypeVar, cast

from numpy.typing import NDArray

from edge.decode import Head, head
from edge.decode.head import Outputs, Shape
from edge.engines import registry
from edge.engines.base import EngineOptions, Runner, TensorSpec, fits
from edge.errors import ModelError
from edge.metrics import Stages
from edge.models.manifest import TASKS, Manifest, labels_fault
from edge.models.quantized import Scale, input_of, real, scale_of
from edge.models.store import Model, find
from edge.preprocess import Fit, Input
from edge.types import I420, U8, Detections, ModelRef, Prediction

Kind = TypeVar("Kind", bound="Predictor")


class Predictor:
    """A loaded model of any task with its head. Holds scratch memory: one thread at a time; `twin` makes another for a
    thread more.

    tasks: those whose models it takes
    ref: the model as events name it
    task: what the model is for; the type of its predictions follows from it
    labels: class names as topics spell them, `[a-z0-9_]+`, by class index
    names: the same as people read them
    usual_score: the manifest's threshold
    min_score: what scores below it is dropped
    infer_s: how long the newest inference took, seconds
    """

    tasks: ClassVar[tuple[str, ...]] = TASKS

    def __init__(self, model: Model, runner: Runner, min_score: float | None = None) -> None:
        """Join a model's manifest with what runs it; ModelError where inputs, outputs or labels do not fit."""
        manifest = model.manifest
        self._model = model
        self._runner = runner
        self._head = self.head_of(manifest)
        self._input, self._fed = _input_of(manifest, runner)
        self._roles, self._quantized = _roles(manifest, self._head, runner)
        self._shapes: tuple[tuple[int, ...], ...] = ()
        self._fit: Fit | None = None
        self._tensor: NDArray[Any] | None = None
        self.ref = ModelRef(manifest.name, model.sha256, runner.name)
        self.task = manifest.task
        self.names = manifest.labels
        self.labels = tuple(plain(label) for label in manifest.labels)
        self.usual_score = manifest.min_score
        self.min_score = manifest.min_score if min_score is None else min_score
        self.infer_s = 0.0

    def predict(self, picture: I420 | U8, stages: Stages | None = None) -> Prediction:
        """What the model says of a camera's picture, or of a BGR image uint8 (h, w, 3).

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
        for role, scale in self._quantized.items():
            outputs[role] = real(outputs[role], scale)
        seen = self._head.decode(outputs, self._model.manifest, fit, self.min_score)
        if stages is not None:
            stages.add("preprocess", fitted - begun)
            stages.add("infer", inferred - fitted)
            stages.add("decode", time.perf_counter() - inferred)
        return seen

    @classmethod
    def head_of(cls, manifest: Manifest) -> Head:
        """The head of a described model; ModelError where there is none, or its task is not among `tasks`."""
        if manifest.task not in cls.tasks:
            raise ModelError(
                f"model {manifest.name} is for the task `{manifest.task}`, and cameras need one that detects; "
                f"`edge infer` runs it on images"
            )
        return head(manifest)

    def twin(self: Kind, runner: Runner | None = None) -> Kind:
        """Another one of the same model for another thread, through `runner` (a worker) where one is given."""
        return type(self)(self._model, runner or self._runner, self.min_score)

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
            self._fit = Fit.of(size, self._fed)
            self._tensor = self._fit.blank()
        return self._fit, self._tensor


class Detector(Predictor):
    """A loaded model that detects objects, as cameras want it; a model of another task is refused."""

    tasks: ClassVar[tuple[str, ...]] = ("detect",)

    def detect(self, picture: I420 | U8, stages: Stages | None = None) -> Detections:
        """What is in a picture; takes and raises what `predict` does."""
        return cast(Detections, self.predict(picture, stages))


def open_predictor(
    model: str,
    engine: str | Sequence[str] = "auto",
    *,
    threads: int = 0,
    min_score: float | None = None,
    manifest: Path | None = None,
) -> Predictor:
    """Load a model of any task; takes and raises what `open_detector` does."""
    return _open(Predictor, model, engine, threads=threads, min_score=min_score, manifest=manifest)


def open_detector(
    model: str,
    engine: str | Sequence[str] = "auto",
    *,
    threads: int = 0,
    min_score: float | None = None,
    manifest: Path | None = None,
) -> Detector:
    """Load a model for detection.

    Args:
        model: a catalogue name, or the path of a model file.
        engine: `auto`, a name, or names tried in order.
        threads: CPU threads of one inference; 0 takes the cores of this process, four at most.
        min_score: detections below it are dropped; None takes the manifest's.
        manifest: of the file, where it is neither beside it nor in the catalogue.

    Raises:
        MissingError: the engine or a known model's file is not on this machine.
        ModelError: the file, its manifest or its labels are not what they say, or the model does not detect.
    """
    return _open(Detector, model, engine, threads=threads, min_score=min_score, manifest=manifest)


def _open(
    kind: type[Kind],
    model: str,
    engine: str | Sequence[str],
    *,
    threads: int,
    min_score: float | None,
    manifest: Path | None,
) -> Kind:
    found = find(model, manifest)
    wanted = found.manifest
    kind.head_of(wanted)  # a missing decoder is told before a slow load
    name = registry.choose(engine, found.path.suffix.lower(), wanted.engines)
    loaded = registry.load(name, found.path, model_options(wanted, threads))
    try:
        return kind(found, loaded, min_score)
    except ModelError:
        loaded.close()
        raise


def model_options(manifest: Manifest, threads: int) -> EngineOptions:
    """What to load a described model with: its threads, and its picture's size where the file leaves that open."""
    return EngineOptions(threads=threads, inputs={manifest.input.name: manifest.input.shape})


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
        raise ModelError(f"model {manifest.name}: {wrong}; is its decoder `{manifest.decoder}`?")
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
