"""A clip through the daemon's own pipeline, on the clip's own clock, as fast as it can: clip -> events, a function.

Two runs write the same bytes: nothing here reads a clock of the machine except to report how long it took.
"""

from __future__ import annotations

import resource
from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter, process_time
from typing import Any, BinaryIO

from edge.alarm import settings_of
from edge.alarm.machine import Mode
from edge.both import AnyDetector
from edge.capture.ahead import decode_ahead
from edge.capture.base import Shot, Source
from edge.capture.file import open_file
from edge.config.schema import Camera, Config
from edge.evidence.keypoints import Written
from edge.evidence.quality import quality
from edge.evidence.recorder import Recorder
from edge.metrics import Stages
from edge.pipeline import Look, Stations, watch
from edge.posers import Poser
from edge.rehearsal import Rehearsal
from edge.rules import Rules
from edge.sinks.base import encode
from edge.tally import Tally
from edge.types import Body, Event, Frame, ModelRef, Stamp, event_payload
from edge.wiring import bodies_of, gate_of, masked, network_of, nuisance_of, scene_of, tamper_of, tracker_of


@dataclass(frozen=True, slots=True)
class Outputs:
    """Where a replay writes: the events; a line a frame, if a trace is wanted; people's joints, a file an event, if a
    folder for them is given."""

    events: BinaryIO
    trace: BinaryIO | None = None
    poses: Path | None = None


def replay(
    clip: Path,
    config: Config,
    camera: Camera,
    detector: AnyDetector | None,
    outputs: Outputs,
    *,
    poser: Poser | None = None,
    mode: Mode = "away",
    hold: float = 0.0,
    progress: Callable[[int], None] = lambda _: None,
) -> dict[str, Any]:
    """Run a clip; return the summary of the CLI contract.

    Args:
        clip: any video that FFmpeg reads
        config: model, node and alarm; no sink or page of it is used: a replay is armed, and tells nobody
        camera: whose labels and zones apply
        detector: for the camera's labels, closed at the end; None where motion alone is wanted
        poser: finds people's joints, closed at the end; None where that is not wanted
        mode: that the alarm is armed in before the clip begins
        hold: repeat the last frame for so many seconds
        progress: called with each frame's number

    Raises:
        SourceError: the clip cannot be read; what was found before the damage is written.
        EngineError, ModelError: the model fails on a picture, or is not what its manifest says.
    """
    source = open_file(clip)
    stages = Stages(keep=None)
    ref = detector.ref if detector else None
    book = _Book(outputs, config, camera, mode)
    network = None
    wall, cpu = perf_counter(), process_time()
    try:
        network = None if poser is None else network_of(config.pose, poser)
        # Closed before the source is: a decoder that still runs must not lose its container.
        with closing(_frames(source, camera.name, hold, stages, progress)) as frames:
            stations = Stations(
                gate_of(camera),
                masked(detector, camera),
                tracker_of(camera, config.model, detector),
                _rules(camera, ref, book.alarm.armed),
                nuisance_of(camera),
                tamper_of(camera, "replay", lambda: book.alarm.armed),
                bodies=None if poser is None else bodies_of(camera, config.pose, poser, network=network),
            )
            watch(frames, stations, book.event, book.look, stages)
            book.close()
    finally:
        source.close()
        for model in (detector, poser, network):
            if model:
                model.close()
    return {
        **book.summary(source.fps),
        "wall_s": round(perf_counter() - wall, 4),
        "cpu_s": round(process_time() - cpu, 4),
        "peak_rss_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
        "engine": ref.engine if ref else None,
        "model": ref.name if ref else None,
        "pose_model": poser.ref.name if poser else None,
        "stage_ms": stages.summary(),
    }


def _rules(camera: Camera, ref: ModelRef | None, armed: str) -> Rules:
    scene = scene_of(camera)
    return Rules(camera.name, "replay", camera.labels, lambda: armed, scene=scene, model=lambda: ref, quality=quality)


def _frames(
    source: Source, camera: str, hold: float, stages: Stages, progress: Callable[[int], None]
) -> Generator[Frame, None, None]:
    """Every frame of a clip, none dropped; decoding is timed as the stage `capture`."""
    index = 0
    last: Shot | None = None
    with closing(decode_ahead(source, 16, lambda seconds: stages.add("capture", seconds))) as shots:
        for last in shots:
            yield Frame(camera, index, last.time, last.time, last.picture)
            index += 1
            progress(index)
    if last is not None and hold > 0:
        step = 1 / (source.fps or 25.0)
        for k in range(1, round(hold / step) + 1):
            yield Frame(camera, index, last.time + k * step, last.time + k * step, last.picture)
            index += 1


class _Book:
    """Writes events and trace lines, and counts; `alarm` is what the alarm makes of it."""

    def __init__(self, outputs: Outputs, config: Config, camera: Camera, mode: Mode) -> None:
        self._events, self._trace = outputs.events, outputs.trace
        self._node = config.node.name if "name" in config.node.model_fields_set else "replay"
        self._tally = Tally([zone.name for zone in camera.zone], [line.name for line in camera.line])
        self.alarm = Rehearsal(settings_of(config), mode)
        self._recorder = None if outputs.poses is None else Recorder(Written(outputs.poses))
        self.frames = self.motion_frames = self.inferences = self.events = 0

    def event(self, event: Event) -> None:
        """One line of the events file."""
        self.events += 1
        self._tally.take(event)
        self.alarm.take(event)
        stamp = Stamp("replay", self.events, self._node, event.captured_at)
        self._events.write(encode(event_payload(event, stamp)) + b"\n")

    def look(self, look: Look) -> None:
        """One line of the trace."""
        self.frames += 1
        self.alarm.pass_until(look.frame.time)
        self.motion_frames += bool(look.moved)
        self.inferences += look.inferred
        if self._trace is not None:
            self._trace.write(encode(_line(look)) + b"\n")
        if self._recorder is not None:
            self._recorder.look(look.frame, look.ids)

    def close(self) -> None:
        """The clip is over."""
        if self._recorder is not None:
            self._recorder.close()

    def summary(self, fps: float) -> dict[str, Any]:
        """What was counted, for the summary of the run. fps: of the clip."""
        return {
            "frames": self.frames,
            "fps_clip": round(fps, 4),
            "motion_frames": self.motion_frames,
            "inferences": self.inferences,
            "events": self.events,
            **self._tally.summary(),
            "alarm": self.alarm.changes,
        }


def _line(look: Look) -> dict[str, Any]:
    return {
        "frame": look.frame.index,
        "time": round(look.frame.time, 4),
        "motion": bool(look.moved),
        "motion_boxes": [list(box) for box in look.moved],
        "inferred": look.inferred,
        "tracks": [
            {
                "id": str(track.number),
                "label": track.label,
                "score": round(track.score, 4),
                "box": [round(v, 2) for v in track.box],
                "confirmed": track.confirmed,
                "zones": list(look.zones.get(track.number, ())),
                **_embodied(look.bodies.get(track.number)),
            }
            for track in look.tracks
        ],
    }


def _embodied(body: Body | None) -> dict[str, Any]:
    if body is None:
        return {}
    pose, activity = body.payload(), body.activity and body.activity.payload()
    return {"posture": body.posture.name, "pose": pose, "activity": activity}
