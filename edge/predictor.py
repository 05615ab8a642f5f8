"""A picture in, what a model says of it out. The three steps of a frame through a model, in one straight line."""

from __future__ import annotations

import re
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from numpy.typing import NDArray

from edge.crops import Crop
from edge.decode import Head, head
from edge.decode.head import Outputs, Shape
from edge.engines.base import Runner, TensorSpec, fits
from edge.errors import ModelError
from edge.metrics import Stages
from edge.models.manifest import Manifest, labels_fault
from edge.models.quantized import Scale, input_of, real, scale_of
from edge.models.store import Model
from edge.preprocess import Fit, Input, Square, Turned
from edge.types import I420, U8, ModelRef, Prediction

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
        self._turned: Turned | None = None
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

    def predict(
        self, picture: I420 | U8, stages: Stages | None = None, crop: Crop | Square | None = None
    ) -> Prediction:
        """What the model says of a camera's picture, or of a BGR image uint8 (h, w, 3).

        Args:
            stages: gets the seconds of `preprocess`, `infer` and `decode`
            crop: the part to look at; None: all of it. Boxes and points are in pixels of the whole picture either way.

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

    def _fitted(self, size: tuple[int, int], crop: Crop | Square | None) -> tuple[Fit, NDArray[Any]]:
        if isinstance(crop, Square):
            if self._turned is None or self._turned.frame != size:
                self._turned = Turned.new(size, self._fed)
            return self._turned.at(crop), self._smaller_tensor(self._fed)
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
