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


def open_model(model: Model) -> Detector:
    """Load the model of the configuration, with its own threshold lowered to what the tracker still looks at.

    Raises:
        MissingError, ModelError: as `open_detector`.
    """
    detector = open_detector(
        model.name, model.engine, threads=model.threads, min_score=model.min_score, manifest=model.manifest
    )
    detector.min_score *= WEAK
    return detector


def tracker_of(camera: Camera, detector: Detector | None) -> Tracker:
    """The tracker of a camera: its own threshold, or else the model's."""
    if detector is None:
        return Tracker((), ())
    strong = detector.min_score / WEAK if camera.min_score is None else camera.min_score
    settings = TrackerSettings(strong=strong, weak=strong * WEAK)
    return Tracker(detector.labels, objects_of(camera), settings)


def zones_of(camera: Camera) -> Sequence[Zone]:
    """The zones of a camera."""
    return [Zone(zone.name, np.array(zone.points, np.float32)) for zone in camera.zone]
