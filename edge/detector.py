"""A detector as cameras want it: a picture in, and where to look; what is there out."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import cast

import numpy as np

from edge.crops import TABLE_COST, Cost, Crop, Planner
from edge.decode import nms
from edge.engines.base import EngineOptions, Runner
from edge.engines.links import Change, PassedOver, log_passed_over
from edge.errors import FeedError
from edge.metrics import Stages
from edge.models.store import Model
from edge.opening import CAMERA_TASKS, PEOPLE_DECODERS, open_predictor
from edge.pose.people import DOUBTFUL, LABEL, Scale, people
from edge.predictor import Predictor
from edge.types import I420, U8, Box, Detections, ModelRef, Poses, Seen

WEAK = 0.375
"""How far below the score that starts a track a detection may lie and still continue it, as a factor."""
PEOPLE_SCORE = 0.5
"""What the usual score of a model that tells people by poses is told as, where no other model sets it."""
EDGE_PX = 2.0
"""What comes so near to an inner side of a crop is taken to go on beyond it."""


class Detector:
    """A loaded model that detects objects. One thread at a time; `twin` makes another for a thread more.

    predictor: the model behind it
    planner: decides which parts of a picture it sees
    cost: of smaller inputs, on the engine that serves
    scale: of a model that tells people by poses: how its scores are told; None of any other
    """

    def __init__(
        self,
        predictor: Predictor,
        planner: Planner | None = None,
        cost: Callable[[], Cost] = lambda: TABLE_COST,
        scale: Scale | None = None,
    ) -> None:
        self.predictor = predictor
        self.planner = planner or Planner("frame", predictor.model.manifest.input)
        self.cost = cost
        self.scale = scale
        self.labels, self.names = ((LABEL,), (LABEL,)) if scale else (predictor.labels, predictor.names)

    @property
    def parts(self) -> tuple[Detector, ...]:
        """The detectors of one model each that it is made of: itself."""
        return (self,)

    @property
    def usual_score(self) -> float:
        """The score that starts a track where nothing else is set, as it is told."""
        return self.scale.usual if self.scale else self.predictor.usual_score

    @property
    def ref(self) -> ModelRef:
        """The model as events name it, with the engine that serves now."""
        return self.predictor.ref

    @property
    def infer_s(self) -> float:
        """As the predictor's."""
        return self.predictor.infer_s

    @property
    def runner(self) -> Runner:
        """What runs the model."""
        return self.predictor.runner

    @property
    def min_score(self) -> float:
        """Detections below it are dropped."""
        score = self.predictor.min_score
        return self.scale.told_one(score) if self.scale else score

    @min_score.setter
    def min_score(self, score: float) -> None:
        self.predictor.min_score = self.scale.own(score) if self.scale else score

    def detect(self, picture: I420 | U8, stages: Stages | None = None) -> Detections:
        """What is in a camera's picture, or in a BGR image uint8 (h, w, 3); raises as `Predictor.predict`."""
        return self._seen(picture, stages, None)

    def look(self, picture: I420, wanted: Sequence[Box], stages: Stages) -> Seen:
        """What is in a picture, or at least in the places of it that are wanted; raises as `Predictor.predict`.

        An object that lies in two crops is one; one that a crop cuts in two was not looked at, and is left to a later
        look, when the tracker wants its whole place.
        """
        size = (picture.width, picture.height)
        crops = self.planner.plan(wanted, size, self.cost()) if self._crops else None
        if crops is None:
            return Seen(self.detect(picture, stages))
        try:
            parts = [_whole(self._part(picture, crop, stages), crop, size) for crop in crops]
        except FeedError:
            if self._crops:
                raise
            return Seen(self.detect(picture, stages))  # another engine serves since, which takes whole frames alone
        looked = tuple(_sure(crop, size) for crop in crops)
        return Seen(_joined(parts, self.predictor.model.manifest.nms_iou), looked)

    @property
    def _crops(self) -> bool:
        """Whether the engine that serves takes what the planner plans."""
        return self.planner.step == 0 or self.predictor.flexible

    def twin(self, runner: Runner | None = None) -> Detector:
        """Another detector of the same model for another thread, through `runner` (a worker) where one is given."""
        return Detector(self.predictor.twin(runner), self.planner, self.cost, self.scale)

    def close(self) -> None:
        """Give back the engine."""
        self.predictor.close()

    def _part(self, picture: I420, crop: Crop, stages: Stages) -> Detections:
        return self._seen(picture, stages, crop)

    def _seen(self, picture: I420 | U8, stages: Stages | None, crop: Crop | None) -> Detections:
        found = self.predictor.predict(picture, stages, crop)
        if self.scale is None:
            return cast(Detections, found)
        size = (picture.width, picture.height) if isinstance(picture, I420) else (picture.shape[1], picture.shape[0])
        bodies = people(cast(Poses, found), size)
        return Detections(bodies.boxes, self.scale.told(bodies.scores), bodies.classes)


def open_detector(
    model: str | Model,
    engine: str | Sequence[str] = "auto",
    options: EngineOptions | None = None,
    *,
    min_score: float | None = None,
    manifest: Path | None = None,
    on_change: Callable[[Change], None] | None = None,
    passed_over: PassedOver = log_passed_over,
    flexible: bool = False,
    usual: float = PEOPLE_SCORE,
) -> Detector:
    """Load a model for detection, without masks; takes and raises what `open_predictor` does.

    usual: as what the usual score of a model that tells people by poses is told.
    """
    predictor = open_predictor(
        model,
        engine,
        options,
        manifest=manifest,
        on_change=on_change,
        passed_over=passed_over,
        tasks=CAMERA_TASKS,
        flexible=flexible,
        masks=False,
    )
    scale = None
    if predictor.model.manifest.decoder in PEOPLE_DECODERS:
        scale = Scale(WEAK * usual, usual, min(DOUBTFUL, predictor.usual_score), predictor.usual_score)
    detector = Detector(predictor, scale=scale)
    if min_score is not None:
        detector.min_score = min_score
    return detector


def _whole(seen: Detections, crop: Crop, frame: tuple[int, int]) -> Detections:
    """Those that no inner side of the crop cuts."""
    x1, y1, x2, y2 = _sure(crop, frame)
    low, high = np.array([x1, y1], np.float32), np.array([x2, y2], np.float32)
    kept = np.all([*(seen.boxes[:, :2] >= low).T, *(seen.boxes[:, 2:] <= high).T], axis=0)
    return seen if np.all(kept) else seen.keep(np.flatnonzero(kept))


def _sure(crop: Crop, frame: tuple[int, int]) -> Box:
    """Where an object must lie to be whole in a crop: within its inner sides; what the frame cuts, it cuts anyway."""
    x1, y1, x2, y2 = crop.box
    w, h = frame
    return (
        x1 + EDGE_PX if x1 > 0 else -math.inf,
        y1 + EDGE_PX if y1 > 0 else -math.inf,
        x2 - EDGE_PX if x2 < w else math.inf,
        y2 - EDGE_PX if y2 < h else math.inf,
    )


def _joined(parts: Sequence[Detections], iou: float) -> Detections:
    """What the crops show together, best first, without masks; crops may overlap."""
    if len(parts) == 1:
        return parts[0]
    boxes = np.concatenate([part.boxes for part in parts])
    scores = np.concatenate([part.scores for part in parts])
    classes = np.concatenate([part.classes for part in parts])
    return Detections(boxes, scores, classes).keep(nms.keep(boxes, scores, classes, iou))
