"""What a head costs beside the suppression that it ends with."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from time import perf_counter

import cv2
import numpy as np

from bench.table import Row, at_most
from edge.decode import head
from edge.models.manifest import Manifest
from edge.preprocess import Fit, Input
from edge.types import F32

OBJECTS, POINTS, CLASSES = 100, 8400, 80
LIMITS = {1: 0.4, 4: 0.7, 8: 1.2}
"""Milliseconds by candidates an object."""
RUNS = 400
MIN_SCORE, IOU = 0.25, 0.45


def yolov8() -> Iterator[Row]:
    """The whole `yolov8` decoder against `NMSBoxesBatched` alone on its candidates, interleaved.

    OpenCV is given what its user has: the arrays that come out of the model, in its order, x y w h, scores, classes.
    """
    made = Input("images", 640, 640, layout="NCHW", dtype="float32")
    labels = tuple(f"class {number}" for number in range(CLASSES))
    manifest = Manifest("bench", "detect", "yolov8", made, {"predictions": 0}, labels, MIN_SCORE, IOU)
    decode, fit = head(manifest).decode, Fit.of((1280, 720), made)
    for per, limit in LIMITS.items():
        predictions = _scene(per)
        boxes, scores, classes = _candidates(predictions)
        ours: list[float] = []
        theirs: list[float] = []
        for _ in range(RUNS):
            begun = perf_counter()
            seen = decode({"predictions": predictions}, manifest, fit, MIN_SCORE)
            between = perf_counter()
            kept = cv2.dnn.NMSBoxesBatched(boxes, scores, classes, 0.0, IOU)
            ours.append(between - begun)
            theirs.append(perf_counter() - between)
        assert len(seen) == len(kept)
        what = f"decode + NMS, YOLOv8 8400 x 84, {OBJECTS} objects as {len(scores)} candidates"
        yield Row(what, f"{statistics.median(ours) * 1e3:.2f} ms", f"<= {limit:g} ms (information)")
        ratio = statistics.median(ours) / statistics.median(theirs)
        yield at_most("the same over NMSBoxesBatched alone", ratio, 1.5, " x")


def _scene(per: int) -> F32:
    """Predictions (1, 84, 8400) of a hundred objects, each seen by `per` points, and nothing elsewhere."""
    random = np.random.default_rng(per)
    predictions = (random.random((1, 4 + CLASSES, POINTS)) * 0.05).astype(np.float32)
    where = random.permutation(POINTS)[: OBJECTS * per]
    # A lattice, so that what is suppressed is seen twice and not two objects.
    lattice = np.stack(np.mgrid[:10, :10], axis=2).reshape(-1, 2) * 60 + 50.0
    predictions[0, :2, where] = lattice.repeat(per, axis=0) + random.normal(0, 1, (len(where), 2))
    predictions[0, 2:4, where] = random.uniform(30, 55, (OBJECTS, 2)).repeat(per, axis=0)
    kinds = random.integers(0, CLASSES, OBJECTS).repeat(per)
    predictions[0, 4 + kinds, where] = random.uniform(0.3, 0.9, len(where))
    return predictions


def _candidates(predictions: F32) -> tuple[F32, F32, np.ndarray]:  # type: ignore[type-arg]
    columns = predictions[0]
    where = np.flatnonzero(columns[4:].max(axis=0) >= MIN_SCORE)
    rows = columns.T[where]
    boxes = np.concatenate([rows[:, :2] - rows[:, 2:4] / 2, rows[:, 2:4]], axis=1)
    return boxes, rows[:, 4:].max(axis=1), rows[:, 4:].argmax(axis=1)
