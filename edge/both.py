"""Several detectors as one: what any of them sees is one list, in which nobody is twice.

A model of the street finds people far away and may overlook one who stands before the camera; a model of bodies sees
those near by alone. Not all are asked at each look: once one has found somebody wherever something is wanted, the
others would tell of the same people.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias

import numpy as np

from edge import boxes
from edge.detector import Detector
from edge.engines.base import Runner
from edge.metrics import Stages
from edge.types import I420, NO_DETECTIONS, U8, Box, Detections, ModelRef, Seen

SAME = 0.45
"""Two boxes of two models that overlap by this much (IoU) are of one object,"""
NESTED, SHARE = 0.8, 0.25
"""or where the smaller lies in the larger by the one and is no smaller than the other of it: one who is seen cut off.
A smaller one is somebody behind."""
NEAR = 0.16
"""A model of bodies is sure of nobody whose height is less than this part of the frame's longer side."""
COVERED, MARGIN = 0.35, 0.15
"""A place is told of once the box around all sure ones that reach into it, grown by the second, covers the first of
it: the motion gate draws wide."""
EVERY = 3
"""At each look of this number more are asked: who stands behind one that is near must not be taken to have left, and a
model of bodies that found nobody for `TIRED` looks is asked at these alone, as where cars pass."""
TIRED = 6


class Both:
    """Detectors that look at the same pictures, and are used as one. One thread at a time, as each of them.

    Which is asked first is remembered from look to look: the one that told of all that was wanted, alone.

    Args:
        parts: at least one; the first names the model in events, and its scores are those of all

    labels, names: of all parts, in their order, none twice
    infer_s: how long the newest look took in the engines, seconds; through workers, with the waits for its turns
    """

    def __init__(self, parts: Sequence[Detector]) -> None:
        self.parts = tuple(parts)
        pairs = [pair for part in parts for pair in zip(part.labels, part.names, strict=True)]
        named = {label: name for label, name in reversed(pairs)}
        self.labels = tuple(dict.fromkeys(label for label, _ in pairs))
        self.names = tuple(named[label] for label in self.labels)
        self.infer_s = 0.0
        self._kinds = [np.array([self.labels.index(label) for label in part.labels], np.int32) for part in parts]
        self._order = list(range(len(parts)))
        self._looks = 0
        self._alone = [False for _ in parts]
        self._fruitless = [0 for _ in parts]

    @property
    def ref(self) -> ModelRef:
        """The first model as events name it, with the engine that serves it now."""
        return self.parts[0].ref

    @property
    def usual_score(self) -> float:
        """The first model's."""
        return self.parts[0].usual_score

    @property
    def min_score(self) -> float:
        """Detections below it are dropped."""
        return self.parts[0].min_score

    @min_score.setter
    def min_score(self, score: float) -> None:
        for part in self.parts:
            part.min_score = score

    def detect(self, picture: I420 | U8, stages: Stages | None = None) -> Detections:
        """What all of them see in a camera's picture, or in a BGR image uint8 (h, w, 3), best first."""
        return self._joined([(i, part.detect(picture, stages)) for i, part in enumerate(self.parts)])

    def look(self, picture: I420, wanted: Sequence[Box], stages: Stages) -> Seen:
        """What is in a picture, or at least in the places of it that are wanted; raises as `Predictor.predict`.

        Where one was not asked that has seen what no other does, the places that were wanted alone count as looked at.
        """
        size = (picture.width, picture.height)
        self._looks += 1
        together, seen = _Together(), dict[int, Seen]()
        for i in self._order:
            if not seen or self._needed(i, seen.values(), wanted, size):
                seen[i] = self.parts[i].look(picture, wanted, together)
        together.tell(stages)
        self.infer_s = sum(self.parts[i].infer_s for i in seen)
        self._remember(seen, wanted, size)
        joined = self._joined([(i, seen[i].detections) for i in sorted(seen)])
        if any(self._alone[i] for i in range(len(self.parts)) if i not in seen):
            return Seen(joined, tuple(wanted))
        return Seen(joined, _looked(list(seen.values())))

    def twin(self, *runners: Runner | None) -> Both:
        """Another one of the same models for another thread, each through its runner (a worker) where some are
        given."""
        given = runners or (None,) * len(self.parts)
        return Both([part.twin(runner) for part, runner in zip(self.parts, given, strict=True)])

    def close(self) -> None:
        """Give back the engines."""
        for part in self.parts:
            part.close()

    def _needed(self, i: int, seen: Iterable[Seen], wanted: Sequence[Box], frame: tuple[int, int]) -> bool:
        """Whether a model may tell of somebody that the others have not."""
        left, due = self._untold(seen, wanted, frame), self._looks % EVERY == 0
        if self.parts[i].scale is None:
            return due or bool(left)
        near = any(max(x2 - x1, y2 - y1) >= NEAR * max(frame) for x1, y1, x2, y2 in left)
        return near and (due or self._fruitless[i] < TIRED)

    def _untold(self, seen: Iterable[Seen], wanted: Sequence[Box], frame: tuple[int, int]) -> list[Box]:
        """The wanted places, within the frame, in which nobody was surely found."""
        sure = [
            boxes.grown((x1, y1, x2, y2), MARGIN)
            for one in seen
            for (x1, y1, x2, y2), score in zip(
                one.detections.boxes.tolist(), one.detections.scores.tolist(), strict=True
            )
            if score >= self.usual_score
        ]
        places = [boxes.clipped(box, *frame) for box in wanted]
        return [place for place in places if not _covered(place, sure)]

    def _remember(self, seen: Mapping[int, Seen], wanted: Sequence[Box], frame: tuple[int, int]) -> None:
        """Who is to be asked first at the next look, and who sees what no other does."""
        first = next((i for i, one in seen.items() if not self._untold([one], wanted, frame)), 0)
        self._order = [first, *(i for i in range(len(self.parts)) if i != first)]
        for i, one in seen.items():
            others = [box for j, other in seen.items() if j != i for box in other.detections.boxes.tolist()]
            own = one.detections.boxes.tolist()
            self._alone[i] = any(not any(_same(box, other) for other in others) for box in own)
            self._fruitless[i] = 0 if own else self._fruitless[i] + 1

    def _joined(self, seen: Sequence[tuple[int, Detections]]) -> Detections:
        """What several saw as one list, best first."""
        found = [
            (box, score, kind, i)
            for i, one in seen
            for box, score, kind in zip(
                one.boxes.tolist(), one.scores.tolist(), self._kinds[i][one.classes].tolist(), strict=True
            )
        ]
        if not found:
            return NO_DETECTIONS
        kept: list[tuple[Box, float, int, int]] = []
        for box, score, kind, i in sorted(found, key=lambda each: (each[3], -each[1])):
            twin = next(
                (k for k, (other, _, what, j) in enumerate(kept) if what == kind and j != i and _same(box, other)), None
            )
            if twin is None:
                kept.append((tuple(box), score, kind, i))
                continue
            # The earlier named model's box is the closer one, unless it has seen a part.
            other, best, _, j = kept[twin]
            larger = boxes.iou(box, other) < SAME and boxes.area(box) > boxes.area(other) and score > best
            kept[twin] = (tuple(box) if larger else other, max(score, best), kind, j)
        kept.sort(key=lambda each: -each[1])
        return Detections(
            np.array([each[0] for each in kept], np.float32),
            np.array([each[1] for each in kept], np.float32),
            np.array([each[2] for each in kept], np.int32),
        )


AnyDetector: TypeAlias = Detector | Both


def _same(a: Box, b: Box) -> bool:
    """Whether two models' boxes are of one object."""
    if boxes.iou(a, b) >= SAME:
        return True
    small, large = sorted((boxes.area(a), boxes.area(b)))
    return small >= SHARE * large and boxes.nested(a, b) >= NESTED


def _covered(place: Box, sure: Sequence[Box]) -> bool:
    """Whether those that reach into a place fill enough of it."""
    inside = [box for box in sure if boxes.shared(box, place)]
    return bool(inside) and boxes.shared(boxes.around(inside), place) >= COVERED * boxes.area(place)


def _looked(seen: Sequence[Seen]) -> tuple[Box, ...] | None:
    """Where all of them looked: what one saw of crops alone is not more for another's whole frame."""
    crops = [one.looked for one in seen if one.looked is not None]
    return min(crops, key=lambda parts: sum(map(_finite_area, parts))) if crops else None


def _finite_area(box: Box) -> float:
    w, h = box[2] - box[0], box[3] - box[1]
    return w * h if math.isfinite(w * h) else math.inf


class _Together(Stages):
    """The stages of one look: what its models took, in all."""

    def __init__(self) -> None:
        super().__init__()
        self._sums: dict[str, float] = {}

    def add(self, name: str, seconds: float) -> None:
        self._sums[name] = self._sums.get(name, 0.0) + seconds

    def tell(self, stages: Stages) -> None:
        """Note the sums."""
        for name, seconds in self._sums.items():
            stages.add(name, seconds)
