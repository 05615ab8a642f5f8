"""What a model says of an image, for people and for programs: JSON, rows of text, and drawn."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.pose.keypoints import FROM_BLAZEPOSE, LEFT_FACE, LIMBS, RIGHT_FACE
from edge.types import COCO_KEYPOINTS, F32, U8, Classes, Detections, Poses, Prediction, Values

Colour = tuple[int, int, int]
GREEN, BLACK, ORANGE = (80, 220, 80), (0, 0, 0), (40, 150, 250)
TINTS: tuple[Colour, ...] = ((80, 220, 80), (250, 150, 40), (40, 150, 250), (220, 80, 220), (220, 220, 60))
SURE = 0.3
"""Keypoints that score lower are not drawn: they lie anywhere."""
_LINES = (*LIMBS, *LEFT_FACE, *RIGHT_FACE)
SKELETONS = {
    len(COCO_KEYPOINTS): _LINES,
    35: tuple((FROM_BLAZEPOSE[a], FROM_BLAZEPOSE[b]) for a, b in _LINES),
}
"""Lines by the number of points of a head."""


def as_json(seen: Prediction, names: Sequence[str]) -> dict[str, Any]:
    """The part of the JSON document that depends on the task: one list under the task's own key."""
    if isinstance(seen, Detections):
        return {"detections": [_detection(seen, number, names) for number in range(len(seen))]}
    if isinstance(seen, Classes):
        told = zip(seen.classes, seen.scores, strict=True)
        return {"classes": [{"label": label_of(names, kind), "score": round(float(score), 4)} for kind, score in told]}
    if isinstance(seen, Values):
        # JSON has no word for what is no number.
        return {"values": [float(v) if math.isfinite(v) else None for v in seen.values]}
    return {
        "poses": [
            {
                "score": round(float(score), 4),
                "box": _rounded(box),
                "keypoints": [[_placed(x), _placed(y), round(float(s), 4)] for x, y, s in keypoints],
            }
            for score, box, keypoints in zip(seen.scores, seen.boxes, seen.keypoints, strict=True)
        ]
    }


def as_rows(seen: Prediction, names: Sequence[str]) -> list[tuple[str, ...]]:
    """The same as a table for people, headings first; empty where there is nothing."""
    rows: list[tuple[str, ...]]
    if isinstance(seen, Values):
        rows = [(label_of(names, number, "value"), f"{value:.6g}") for number, value in enumerate(seen.values)]
        heads: tuple[str, ...] = ("name", "value")
    elif isinstance(seen, Classes):
        told = zip(seen.classes, seen.scores, strict=True)
        rows = [(label_of(names, kind), f"{score:.2f}") for kind, score in told]
        heads = ("label", "score")
    elif isinstance(seen, Poses):
        rows = [
            ("pose", f"{score:.2f}", _spaced(box), f"{int((keypoints[:, 2] >= SURE).sum())} of {len(keypoints)}")
            for score, box, keypoints in zip(seen.scores, seen.boxes, seen.keypoints, strict=True)
        ]
        heads = ("", "score", "box", "keypoints")
    else:
        told_boxes = zip(seen.classes, seen.scores, seen.boxes, strict=True)
        rows = [(label_of(names, kind), f"{score:.2f}", _spaced(box)) for kind, score, box in told_boxes]
        heads = ("label", "score", "box")
    return [("  " + row[0], *row[1:]) for row in (heads, *rows)] if rows else []


def draw(image: U8, seen: Prediction, names: Sequence[str]) -> U8:
    """A copy of a BGR image with boxes, tinted masks, joints, or the best classes or values in its corner."""
    drawn: U8 = image.copy()
    line = max(1, round(min(image.shape[:2]) / 250))
    if isinstance(seen, Detections):
        for number, (box, mask) in enumerate(zip(seen.boxes, seen.masks or (), strict=False)):
            _tint(drawn, box, mask, TINTS[number % len(TINTS)])
        for box, score, kind in zip(seen.boxes, seen.scores, seen.classes, strict=True):
            x1, y1, x2, y2 = (round(float(v)) for v in box)
            cv2.rectangle(drawn, (x1, y1), (x2, y2), GREEN, line)
            _write(drawn, f"{label_of(names, kind)} {score:.2f}", (x1, y1), line)
    elif isinstance(seen, Poses):
        for keypoints in seen.keypoints:
            _joints(drawn, keypoints, line)
    else:
        y = 0
        for row in as_rows(seen, names)[1:]:
            y = _write(drawn, " ".join(row).strip(), (0, y), line, below=True)
    return drawn


def label_of(names: Sequence[str], kind: int | np.integer[Any], otherwise: str = "class") -> str:
    """A class's name for people; where the manifest has no labels, its number."""
    return names[int(kind)] if names else f"{otherwise} {kind}"


def outlines(mask: U8, box: F32) -> list[list[list[int]]]:
    """The outer borders of a mask as lists of x, y in pixels of the image, its outermost pixels; holes are not told."""
    corner = np.floor(box[:2]).astype(int)
    found = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)[0]
    return [(contour.reshape(-1, 2) + corner).tolist() for contour in found]


def _detection(seen: Detections, number: int, names: Sequence[str]) -> dict[str, Any]:
    told: dict[str, Any] = {
        "label": label_of(names, seen.classes[number]),
        "score": round(float(seen.scores[number]), 4),
        "box": _rounded(seen.boxes[number]),
    }
    if seen.masks is not None:
        mask = seen.masks[number]
        told["mask"] = outlines(mask, seen.boxes[number]) if mask.size else None
    return told


def _tint(image: U8, box: F32, mask: U8, colour: Colour) -> None:
    x, y = (int(v) for v in np.floor(box[:2]))
    part = image[y : y + mask.shape[0], x : x + mask.shape[1]]
    inside = mask.astype(bool)
    part[inside] = (part[inside] * 0.5 + np.array(colour) * 0.5).astype(np.uint8)


def _joints(image: U8, keypoints: F32, line: int) -> None:
    # A joint that was not found has no place, and a score that draws it nowhere.
    places = [(round(float(x)), round(float(y))) for x, y in np.nan_to_num(keypoints[:, :2])]
    for a, b in SKELETONS.get(len(keypoints), ()):
        if min(keypoints[a, 2], keypoints[b, 2]) >= SURE:
            cv2.line(image, places[a], places[b], GREEN, line, cv2.LINE_AA)
    for place, score in zip(places, keypoints[:, 2], strict=True):
        if score >= SURE:
            cv2.circle(image, place, 2 * line, ORANGE, cv2.FILLED, cv2.LINE_AA)


def _write(image: U8, text: str, corner: tuple[int, int], line: int, *, below: bool = False) -> int:
    """Black on green, above a corner or below it; returns where the text ends."""
    scale = line * 0.4
    (width, height), base = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, scale, line)
    x, y = corner
    top = y if below else max(0, y - height - base)
    cv2.rectangle(image, (x, top), (x + width, top + height + base), GREEN, cv2.FILLED)
    cv2.putText(image, text, (x, top + height), cv2.FONT_HERSHEY_SIMPLEX, scale, BLACK, line, cv2.LINE_AA)
    return top + height + base


def _placed(pixels: float) -> float | None:
    """JSON has no word for a place that is none."""
    return round(float(pixels), 2) if math.isfinite(pixels) else None


def _rounded(box: NDArray[Any]) -> list[float]:
    return [round(float(v), 2) for v in box]


def _spaced(box: NDArray[Any]) -> str:
    return " ".join(f"{v:.0f}" for v in box)
