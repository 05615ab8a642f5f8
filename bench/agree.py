"""Whether two back ends see the same with one model."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np

from bench.places import DATA
from bench.table import Missing, Row, at_most
from edge.boxes import iou
from edge.engines.base import EngineOptions
from edge.opening import open_predictor
from edge.predictor import Predictor
from edge.types import Detections

MODELS = ("yolox_nano_416.onnx", "FastestDet.onnx", "version-RFB-320_simplified.onnx")
ENGINES = ("onnxruntime", "openvino")
NEAR = 0.01
"""Detections so near to the threshold may be told by one alone."""


def agree() -> Iterator[Row]:
    """Every detection of one back end has its like at the other: the worst corner and score over all shared images."""
    images = sorted((DATA / "images").glob("*"))
    if not images:
        raise Missing("the images beside the checkout, in ../shared/data")
    corner = score = 0.0
    lone = seen = 0
    for model in MODELS:
        first, second = (open_predictor(str(DATA / "models" / model), e, EngineOptions(threads=1)) for e in ENGINES)
        for path in images:
            image = np.asarray(cv2.imread(str(path)), np.uint8)
            pair = _detections(first, image), _detections(second, image)
            for some, others in (pair, pair[::-1]):
                for i in np.flatnonzero(some.scores >= first.min_score + NEAR):
                    seen += 1
                    alike = _alike(some, i, others)
                    if alike is None:
                        lone += 1
                        continue
                    corner = max(corner, float(np.abs(others.boxes[alike] - some.boxes[i]).max()))
                    score = max(score, abs(float(others.scores[alike] - some.scores[i])))
        first.close()
        second.close()
    names = " and ".join(ENGINES)
    yield at_most(f"{names}: objects of one alone, of {seen}", lone, 0)
    yield at_most(f"{names}: corners apart, worst", corner, 1, " px")
    yield at_most(f"{names}: scores apart, worst", score, 0.01)


def _detections(predictor: Predictor, image: np.typing.NDArray[np.uint8]) -> Detections:
    seen = predictor.predict(image)
    assert isinstance(seen, Detections)
    return seen


def _alike(some: Detections, i: int, others: Detections) -> int | None:
    """The detection of the same class that overlaps one most, None if none does well."""
    same = [j for j in range(len(others)) if others.classes[j] == some.classes[i]]
    overlaps = {j: iou(tuple(some.boxes[i].tolist()), tuple(others.boxes[j].tolist())) for j in same}
    best = max(overlaps, key=lambda j: overlaps[j], default=None)
    return best if best is not None and overlaps[best] >= 0.8 else None
