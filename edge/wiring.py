"""The parts of one camera, made from its settings: the same for the daemon and for a replay."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from edge.config.schema import Camera, Model
from edge.detector import Detector, open_detector
from edge.rules import MOTION, Zone
from edge.track import Tracker, TrackerSettings

WEAK = 0.375
"""How far below the score that starts a track a detection may lie and still continue it, as a factor."""


def objects_of(camera: Camera) -> list[str]:
    """The labels of a camera that need a model; empty where motion alone is wanted."""
    return [label for label in camera.labels if label != MOTION]


def open_model(model: Model, cameras: Sequence[Camera]) -> Detector:
    """Load the model of the configuration; it gives all that any of the cameras' trackers still looks at.

    Raises:
        MissingError, ModelError: as `open_detector`.
    """
    detector = open_detector(
        model.name, model.engine, threads=model.threads, min_score=model.min_score, manifest=model.manifest
    )
    detector.min_score = WEAK * min(strong_of(camera, model, detector) for camera in cameras)
    return detector


def strong_of(camera: Camera, model: Model, detector: Detector) -> float:
    """The score that starts a track: the camera's own, else that of the `[model]` table, else the manifest's."""
    given = model.min_score if camera.min_score is None else camera.min_score
    return detector.usual_score if given is None else given


def tracker_of(camera: Camera, model: Model, detector: Detector | None) -> Tracker:
    """The tracker of a camera. What it takes to be told about follows the score that starts a track: whoever asks for
    weaker detections wants to hear of them."""
    if detector is None:
        return Tracker((), ())
    strong = strong_of(camera, model, detector)
    usual = TrackerSettings()
    settings = TrackerSettings(
        strong=strong,
        weak=strong * WEAK,
        confirm_score=min(usual.confirm_score, strong * 1.25),
        still_score=min(usual.still_score, strong * 1.75),
    )
    return Tracker(detector.labels, objects_of(camera), settings)


def zones_of(camera: Camera) -> Sequence[Zone]:
    """The zones of a camera."""
    return [Zone(zone.name, np.array(zone.points, np.float32)) for zone in camera.zone]
