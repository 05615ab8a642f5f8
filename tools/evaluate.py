"""How far a compressed model is from the original: in numbers of its outputs, and in what its decoder says."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from edge.decode import head
from edge.engines.base import Feeds, need, one_line
from edge.errors import ModelError
from edge.models.manifest import Manifest
from edge.preprocess import Fit
from edge.tools.samples import pixels
from edge.types import Classes, Detections

INSTALL = "pip install 'edge-runtime[onnx]'"
FATAL = 4
IOU = 0.5
LEAST_SCORE = 0.05
"""Detections of the compressed model below it do not count: the curve of precision ends there."""

Outputs = Sequence[Mapping[str, NDArray[Any]]]
"""A model's output tensors by name, one mapping a feed."""


@dataclass(frozen=True, slots=True)
class Quality:
    """One figure of a compressed model; 1 is the original's, or a perfect match of labels.

    metric: `map`, `top1` or `cosine`
    pictures: that were judged
    matched: with `map`, the F1 of what both find at the manifest's own `min_score`; None with other metrics
    objects: with `map`, what the original finds in all; None with other metrics
    cosine: of each output, the mean over feeds
    max_error: of each output, the largest absolute difference
    sqnr_db: of each output, signal to quantization noise
    """

    metric: str
    value: float
    cosine: Mapping[str, float]
    max_error: Mapping[str, float]
    sqnr_db: Mapping[str, float]
    pictures: int = 0
    matched: float | None = None
    objects: int | None = None

    @property
    def worse(self) -> float:
        """The figure that must hold: precision over all scores does not see an object that falls below `min_score`."""
        return self.value if self.matched is None else min(self.value, self.matched)

    @property
    def worse_name(self) -> str:
        """What `worse` is: the metric, or `matched`."""
        return self.metric if self.matched is None or self.value <= self.matched else "matched"


def session(model: bytes, threads: int = 1) -> Any:
    """An ONNX Runtime session on the CPU. Raises ModelError where it cannot run the model."""
    ort = need("onnxruntime", INSTALL)
    ort.disable_telemetry_events()
    settings = ort.SessionOptions()
    settings.intra_op_num_threads = threads
    settings.inter_op_num_threads = 1
    settings.log_severity_level = FATAL
    try:
        return ort.InferenceSession(model, settings, providers=["CPUExecutionProvider"])
    except runtime_faults() as fault:
        raise ModelError(f"onnxruntime cannot run the model: {one_line(fault)}") from None


def runtime_faults() -> tuple[type[Exception], ...]:
    """What ONNX Runtime raises: its binding's exceptions share no base but Exception."""
    state = need("onnxruntime.capi.onnxruntime_pybind11_state", INSTALL)
    own = [v for v in vars(state).values() if isinstance(v, type) and issubclass(v, Exception)]
    return (*own, RuntimeError, ValueError)


def run(model: bytes, feeds: Feeds, threads: int = 1) -> list[dict[str, NDArray[Any]]]:
    """A model's outputs for each feed, by name, on ONNX Runtime. Raises ModelError where it cannot run it."""
    loaded = session(model, threads)
    names = [node.name for node in loaded.get_outputs()]
    try:
        return [dict(zip(names, loaded.run(names, dict(feed)), strict=True)) for feed in feeds]
    except runtime_faults() as fault:
        raise ModelError(f"onnxruntime fails on the model: {one_line(fault)}") from None


def cosine(a: NDArray[Any], b: NDArray[Any]) -> float:
    """The cosine of the angle between two tensors taken as vectors; 1 where both are 0."""
    x, y = np.asarray(a, np.float64).ravel(), np.asarray(b, np.float64).ravel()
    length = float(np.linalg.norm(x) * np.linalg.norm(y))
    return float(x @ y) / length if length else float(np.array_equal(x, y))


def max_error(a: NDArray[Any], b: NDArray[Any]) -> float:
    """The largest absolute difference."""
    return float(np.abs(np.asarray(a, np.float64) - np.asarray(b, np.float64)).max(initial=0.0))


def sqnr_db(truth: NDArray[Any], other: NDArray[Any]) -> float:
    """10 log10 of the truth's power over the difference's, dB; 300 at most."""
    x = np.asarray(truth, np.float64)
    noise = float(np.square(x - np.asarray(other, np.float64)).sum())
    signal = float(np.square(x).sum())
    return min(300.0, 10 * np.log10(signal / noise)) if noise and signal else 300.0 if not noise else -300.0


def top1(truth: Sequence[int], found: Sequence[int]) -> float:
    """The share of feeds of which both say the same."""
    return float(np.mean([a == b for a, b in zip(truth, found, strict=True)])) if truth else 1.0


def metric_of(manifest: Manifest) -> str:
    """The metric of a task: `map` for detectors, `top1` for classifiers, `cosine` for others."""
    return {"detect": "map", "classify": "top1"}.get(manifest.task, "cosine")


def quality(
    manifest: Manifest, truth: Outputs, found: Outputs, labels: Sequence[int] | None = None, metric: str = ""
) -> Quality:
    """Compare outputs of a compressed model with the original's.

    Args:
        truth, found: outputs of the original and of the compressed model on the same feeds.
        labels: of a classifier, the class of each feed; without them the original's word is the truth.
        metric: `map`, `top1` or `cosine`; empty takes the task's.

    Raises:
        ModelError: the metric is not one of this task's.
    """
    check_metric(manifest, metric)
    names = list(truth[0]) if truth else []
    matched, objects = None, None

    def each(measure: Callable[[NDArray[Any], NDArray[Any]], float]) -> dict[str, list[float]]:
        pairs = list(zip(truth, found, strict=True))
        return {name: [measure(a[name], b[name]) for a, b in pairs] for name in names}

    cosines = {name: float(np.mean(values)) for name, values in each(cosine).items()}
    chosen = metric or metric_of(manifest)
    if chosen == "cosine":
        value = min(cosines.values(), default=1.0)
    elif chosen == "top1":
        wanted = list(labels) if labels is not None else best_classes(manifest, truth)
        value = top1(wanted, best_classes(manifest, found))
    else:
        there = detections(manifest, truth, manifest.min_score)
        value = mean_average_precision(there, detections(manifest, found, LEAST_SCORE))
        matched = f1(there, detections(manifest, found, manifest.min_score))
        objects = sum(len(seen.scores) for seen in there)
    worst = {name: max(values, default=0.0) for name, values in each(max_error).items()}
    noise = {name: float(np.mean(values)) for name, values in each(sqnr_db).items()}
    return Quality(chosen, value, cosines, worst, noise, len(truth), matched, objects)


def check_metric(manifest: Manifest, metric: str) -> None:
    """Refuse a metric that is not one of the task's; empty is the task's own. ModelError."""
    if metric not in ("", "cosine", metric_of(manifest)):
        raise ModelError(f"model {manifest.name}: its task is {manifest.task}, which has no metric `{metric}`")


def detections(manifest: Manifest, outputs: Outputs, min_score: float) -> list[Detections]:
    """What the runtime's decoder finds in each run, in pixels of the model's input."""
    return [cast(Detections, seen) for seen in _decoded(manifest, outputs, min_score)]


def best_classes(manifest: Manifest, outputs: Outputs) -> list[int]:
    """The best class of each run by the runtime's decoder; -1 where it tells none."""
    told = [cast(Classes, seen).classes for seen in _decoded(manifest, outputs, 0.0)]
    return [int(classes[0]) if len(classes) else -1 for classes in told]


def mean_average_precision(truth: Sequence[Detections], found: Sequence[Detections], iou: float = IOU) -> float:
    """The mean over the truth's classes of the area under the precision-recall curve, each point's envelope.

    Everingham et al., The Pascal VOC Challenge: A Retrospective, 2015, section 4.2, with all points of the curve.
    1 where the truth is empty.
    """
    classes = sorted({int(c) for seen in truth for c in seen.classes})
    return float(np.mean([_average_precision(truth, found, c, iou) for c in classes])) if classes else 1.0


def f1(truth: Sequence[Detections], found: Sequence[Detections], iou: float = IOU) -> float:
    """Twice the pairs of the same class over the objects of both sides; 1 where neither has any."""
    pairs, all_of_them = 0, 0
    for there, seen in zip(truth, found, strict=True):
        all_of_them += len(there.boxes) + len(seen.boxes)
        free = np.ones(len(there.boxes), bool)
        for k in np.argsort(-seen.scores, kind="stable"):
            overlap = _iou(seen.boxes[k], there.boxes) * (free & (there.classes == seen.classes[k]))
            best = int(overlap.argmax()) if len(overlap) else -1
            if best >= 0 and overlap[best] >= iou:
                free[best] = False
                pairs += 1
    return 2 * pairs / all_of_them if all_of_them else 1.0


def _average_precision(truth: Sequence[Detections], found: Sequence[Detections], of: int, iou: float) -> float:
    hits: list[tuple[float, bool]] = []
    wanted = 0
    for there, seen in zip(truth, found, strict=True):
        boxes = there.boxes[there.classes == of]
        wanted += len(boxes)
        free = np.ones(len(boxes), bool)
        mine = seen.classes == of
        for box, score in zip(seen.boxes[mine], seen.scores[mine], strict=True):
            overlap = _iou(box, boxes) * free
            best = int(overlap.argmax()) if len(boxes) else -1
            hit = best >= 0 and bool(overlap[best] >= iou)
            if hit:
                free[best] = False
            hits.append((float(score), hit))
    hits.sort(key=lambda pair: -pair[0])
    right = np.cumsum([hit for _, hit in hits])
    if not len(right):
        return 0.0
    precision = np.maximum.accumulate((right / np.arange(1, len(right) + 1))[::-1])[::-1]
    recall = np.concatenate([[0.0], right / wanted])
    return float((np.diff(recall) * precision).sum())


def _iou(box: NDArray[np.float32], boxes: NDArray[np.float32]) -> NDArray[np.float32]:
    low, high = np.maximum(box[:2], boxes[:, :2]), np.minimum(box[2:], boxes[:, 2:])
    inner = np.maximum(high - low, 0).prod(axis=1)
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1) + (box[2:] - box[:2]).prod()
    return np.asarray(inner / np.maximum(areas - inner, 1e-9), np.float32)


def _decoded(manifest: Manifest, outputs: Outputs, min_score: float) -> list[object]:
    to = pixels(manifest)
    family = head(manifest)
    fit = Fit.of((to.width, to.height), to)
    seen: list[object] = []
    for given in outputs:
        names = list(given)
        roles = {role: manifest.outputs[role] for role in family.roles if role in manifest.outputs}
        tensors = {role: given[names[key] if isinstance(key, int) else key] for role, key in roles.items()}
        seen.append(family.boxes(tensors, manifest, fit, min_score))
    return seen
