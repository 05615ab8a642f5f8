"""The parts of one camera, made from its settings: the same for the daemon and for a replay."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from edge.bodies import Bodies, BodySettings
from edge.both import AnyDetector, Both
from edge.chosen import chosen
from edge.chosen import engine_options as engine_options
from edge.config.schema import Camera, Config, Model, PoseTable
from edge.config.schema import Filter as FilterTable
from edge.costs import Costs
from edge.crops import Planner
from edge.detector import PEOPLE_SCORE, Detector, open_detector
from edge.detector import WEAK as WEAK
from edge.engines.base import EngineOptions
from edge.engines.links import Change, PassedOver, log_passed_over
from edge.errors import EdgeError, MissingError, ModelError
from edge.judging import network_or_none
from edge.masked import Masked
from edge.memory import Memory
from edge.models import store
from edge.motion import Gate
from edge.nuisance import Nuisance, NuisanceSettings
from edge.pipeline import Sees
from edge.posers import Poser, open_poser
from edge.posture import Crowd, Level, Person, PostureSettings
from edge.posture.temporal import Network
from edge.rules import Draw, Filter, Line, Scene, Zone
from edge.tamper import Tamper
from edge.track import Tracker, TrackerSettings
from edge.types import F32


def seeing(config: Config) -> list[Camera]:
    """The cameras that are watched from the start and need a model."""
    return [camera for camera in config.camera if camera.enabled and camera.objects]


def needing(config: Config) -> list[Camera]:
    """The cameras that need a model once they are switched on."""
    return [camera for camera in config.camera if camera.objects]


def open_model(
    config: Config,
    cameras: Sequence[Camera],
    on_change: Callable[[int], Callable[[Change], None]] | None = None,
    *,
    found: store.Model | None = None,
    passed_over: PassedOver = log_passed_over,
    measure: bool = False,
) -> AnyDetector:
    """Load the models of the configuration; they give all that any of the cameras' trackers still looks at.

    Args:
        on_change: gives who is told when another back end serves the i-th model; None keeps the first that loads.
        found: the first model, where it was found before; None looks for it.
        passed_over: told of those that were wanted before that one, and of models that are done without.
        measure: decide about crops by what inferences cost here; a replay does not, and takes a fixed table

    Raises:
        MissingError, ModelError: as `open_detector`.
    """
    parts: list[Detector] = []
    try:
        for i, one in enumerate(chosen(config, found, passed_over)):
            usual = parts[0].usual_score if parts else PEOPLE_SCORE
            tell = None if on_change is None or len(one.engines) == 1 else on_change(i)
            parts.append(
                open_detector(
                    one.model,
                    one.engines,
                    one.options,
                    min_score=config.model.min_score,
                    manifest=config.model.manifest if i == 0 else None,
                    on_change=tell,
                    passed_over=passed_over,
                    flexible=config.crop.policy != "frame",
                    usual=usual,
                )
            )
            _plan(config, parts[-1], one.options, measure=measure)
    except EdgeError:
        for part in parts:
            part.close()
        raise
    detector = Both(parts) if len(parts) > 1 else parts[0]
    detector.min_score = WEAK * min(strong_of(camera, config.model, detector) for camera in cameras)
    return detector


def open_pose(
    config: Config,
    on_change: Callable[[Change], None] | None = None,
    *,
    passed_over: PassedOver = log_passed_over,
) -> Poser:
    """Load the pose model of the configuration, for all cameras; arguments and errors are those of `open_model`."""
    pose = config.pose
    options = replace(engine_options(config.model, config.engine), served="", device=pose.device)
    change = on_change if len(pose.engine) > 1 else None
    try:
        return open_poser(pose.model, pose.engine, options, on_change=change, passed_over=passed_over)
    except (MissingError, ModelError) as fault:
        raise type(fault)(f"for joints (`pose.model`): {fault}") from None


def network_of(pose: PoseTable, poser: Poser) -> Network | None:
    """Load the network that judges falls, for one thread; None where rules judge alone. It reads the disk: once beside
    the poser, and not for each `Bodies`. Raises ModelError: a file of the user's own is no such network."""
    if pose.judge == "rules":
        return None
    if pose.network is None:
        return network_or_none(poser.ref.engine)
    try:
        return network_or_none(path=Path(pose.network))
    except ModelError as fault:
        raise ModelError(f"for falls (`pose.network`): {fault}") from None


def bodies_of(
    camera: Camera,
    pose: PoseTable,
    poser: Poser,
    *,
    network: Network | None = None,
    wanted: Callable[[], bool] = lambda: True,
    fault: Callable[[str | None], None] | None = None,
) -> Bodies:
    """The people of a camera; `network` as of `network_of`, of this thread; `wanted` and `fault` as for `Bodies`."""
    settings = PostureSettings(lying_s=pose.lying_s)
    # In the picture of a camera that is turned clockwise everything leans to the left.
    level = Level(None if camera.tilt is None else -camera.tilt)
    return Bodies(
        poser,
        lambda size: Person(size, settings, level, pose.judge, network),
        None if pose.crowd is None else Crowd(pose.crowd - 1),
        rest=[zone.points for zone in camera.zone if zone.rest],
        wanted=wanted,
        fault=fault,
        settings=BodySettings(hz=pose.hz),
    )


def _plan(config: Config, detector: Detector, options: EngineOptions, *, measure: bool) -> None:
    """Set what a detector sees of a picture. A model of bodies sees all of it: who is near needs no magnifying."""
    policy = config.crop.policy if detector.scale is None else "frame"
    manifest = detector.predictor.model.manifest
    detector.planner = Planner(policy, manifest.input, manifest.size_step)
    if measure and policy != "frame" and detector.predictor.flexible:
        costs = Costs(detector.predictor, options.cpu_threads)
        costs.measure()
        detector.cost = costs


def strong_of(camera: Camera, model: Model, detector: AnyDetector) -> float:
    """The score that starts a track: the camera's own, else that of the `[model]` table, else the manifest's."""
    given = model.min_score if camera.min_score is None else camera.min_score
    return detector.usual_score if given is None else given


def tracker_of(camera: Camera, model: Model, detector: AnyDetector | None) -> Tracker:
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
    return Tracker(detector.labels, camera.objects, settings)


def gate_of(camera: Camera) -> Gate:
    """The motion gate of a camera, its masks drawn."""
    return Gate(masks=camera.motion_mask)


def nuisance_of(
    camera: Camera, memory: Memory | None = None, wall: Callable[[], tuple[float, bool]] = lambda: (0.0, False)
) -> Nuisance:
    """The map of places that are a nuisance; it takes what the owner dismisses where it learns nothing by itself."""
    settings = NuisanceSettings(half_life_s=camera.nuisance_half_life_h * 3600)
    learns = camera.nuisance and bool(camera.objects)
    return Nuisance(settings, memory, camera=camera.name, learns=learns, wall=wall)


def tamper_of(
    camera: Camera,
    boot_id: str,
    armed: Callable[[], str],
    tell: Callable[[str], None] = lambda state: None,
    draw: Draw = lambda frame, box, label, score: None,
    memory: Memory | None = None,
) -> Tamper | None:
    """Who watches over a camera's view; None where that is not wanted. memory: None keeps no view, as in a replay."""
    if not camera.tamper:
        return None
    return Tamper(camera.name, boot_id, armed, tell, draw=draw, memory=memory, source=camera.shown)


def scene_of(camera: Camera) -> Scene:
    """What is drawn into a camera's picture."""
    return Scene(
        zones=tuple(
            Zone(
                zone.name,
                np.array(zone.points, np.float32),
                labels=None if zone.labels is None else frozenset(zone.labels),
                inertia=zone.inertia,
                loiter_s=zone.loiter_s,
                filters=_filters(zone.filter),
            )
            for zone in camera.zone
        ),
        lines=tuple(
            Line(
                line.name,
                np.array(line.points, np.float32),
                direction=line.direction,
                labels=None if line.labels is None else frozenset(line.labels),
            )
            for line in camera.line
        ),
        filters=_filters(camera.filter),
        required=frozenset(camera.required_zones),
    )


def masked(detector: AnyDetector | None, camera: Camera) -> Sees | None:
    """The detector of a camera, kept from looking into its masks."""
    everybodys = _outlines(camera.object_mask)
    by_label = {label: _outlines(table.mask) for label, table in camera.filter.items() if table.mask}
    if detector is None or not (everybodys or by_label):
        return detector
    return Masked(detector, detector.labels, everybodys, by_label)


def _outlines(masks: Sequence[Sequence[tuple[float, float]]]) -> list[F32]:
    return [np.array(mask, np.float32) for mask in masks]


def _filters(tables: Mapping[str, FilterTable]) -> dict[str, Filter]:
    return {
        label: Filter(
            min_area=table.min_area,
            max_area=table.max_area,
            min_ratio=table.min_ratio,
            max_ratio=math.inf if table.max_ratio is None else table.max_ratio,
            min_score=table.min_score,
        )
        for label, table in tables.items()
    }
