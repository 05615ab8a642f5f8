"""The parts of one camera, made from its settings: the same for the daemon and for a replay."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from edge.config.schema import Camera, Config, Engine, Model
from edge.costs import Costs
from edge.crops import Planner
from edge.detector import Detector, open_detector
from edge.engines.base import EngineOptions
from edge.engines.links import Change, PassedOver, log_passed_over
from edge.errors import EngineError
from edge.models import store
from edge.rules import MOTION, Zone
from edge.track import Tracker, TrackerSettings

WEAK = 0.375
"""How far below the score that starts a track a detection may lie and still continue it, as a factor."""


def objects_of(camera: Camera) -> list[str]:
    """The labels of a camera that need a model; empty where motion alone is wanted."""
    return [label for label in camera.labels if label != MOTION]


def seeing(config: Config) -> list[Camera]:
    """The cameras that are watched from the start and need a model."""
    return [camera for camera in config.camera if camera.enabled and objects_of(camera)]


def needing(config: Config) -> list[Camera]:
    """The cameras that need a model once they are switched on."""
    return [camera for camera in config.camera if objects_of(camera)]


def engine_options(model: Model, engine: Engine) -> EngineOptions:
    """What a configuration sets of its back ends."""
    return EngineOptions(
        threads=model.threads,
        device=model.device,
        precision=model.precision,
        server=engine.kserve.url or "",
        served=engine.kserve.model or "",
        timeout_s=engine.timeout_s,
        python=engine.movidius.python,
    )


def open_model(
    config: Config,
    cameras: Sequence[Camera],
    on_change: Callable[[Change], None] | None = None,
    *,
    found: store.Model | None = None,
    passed_over: PassedOver = log_passed_over,
    measure: bool = False,
) -> Detector:
    """Load the model of the configuration; it gives all that any of the cameras' trackers still looks at.

    Args:
        on_change: told when another back end serves; None keeps the first that loads.
        found: the model, where it was found before; None looks for it.
        passed_over: told of those that were wanted before that one.
        measure: decide about crops by what inferences cost here; a replay does not, and takes a fixed table

    Raises:
        MissingError, ModelError: as `open_detector`.
    """
    model = config.model
    detector = open_detector(
        found or model.name,
        model.engine,
        engine_options(model, config.engine),
        min_score=model.min_score,
        manifest=model.manifest,
        on_change=on_change if len(model.engine) > 1 else None,
        passed_over=passed_over,
        flexible=config.crop.policy != "frame",
    )
    try:
        detector.planner = Planner(
            config.crop.policy,
            detector.predictor.model.manifest.input,
            detector.predictor.model.manifest.size_step,
        )
        if measure and config.crop.policy != "frame" and detector.predictor.flexible:
            costs = Costs(detector.predictor, engine_options(model, config.engine).cpu_threads)
            costs.measure()
            detector.cost = costs
    except EngineError:
        detector.close()
        raise
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
