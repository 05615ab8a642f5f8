"""THE straight line: the way of every frame of one camera, from capture to the outbox."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from time import perf_counter
from typing import Protocol

from edge.metrics import Stages
from edge.motion import Gate
from edge.rules import Rules
from edge.track import Tracker
from edge.types import I420, Box, Detections, Event, Frame, Track


class Sees(Protocol):
    """A detector as the pipeline needs it; notes its stages `preprocess`, `infer` and `decode`."""

    def detect(self, picture: I420, stages: Stages) -> Detections:
        """What is in a picture."""
        ...


@dataclass(frozen=True, slots=True)
class Look:
    """What the pipeline made of one frame: for the trace, the live picture and the counts."""

    frame: Frame
    moved: list[Box]
    inferred: bool
    tracks: list[Track]


def watch(
    frames: Iterable[Frame],
    gate: Gate,
    detector: Sees | None,
    tracker: Tracker,
    rules: Rules,
    emit: Callable[[Event], None],
    show: Callable[[Look], None],
    stages: Stages,
) -> None:
    """Run a camera until its frames end or its detector fails; then end what is open.

    A frame is inferred only where the gate saw motion or the tracker wants to look again; without a detector, motion
    alone is judged. Runs in the camera's own thread; `emit` and `show` must not block.
    """
    frame = None
    try:
        for frame in frames:
            start = perf_counter()
            moved = gate.moved(frame.picture.y, frame.time)
            stages.add("motion", perf_counter() - start)

            inferred = detector is not None and (bool(moved) or tracker.due(frame.time))
            if inferred and detector is not None:
                seen = detector.detect(frame.picture, stages)
                start = perf_counter()
                tracks = tracker.update(seen, frame.time, frame.wall, moved)
            else:
                start = perf_counter()
                tracks = tracker.coast(frame.time)
            judged = perf_counter()
            stages.add("track", judged - start)

            for event in rules.judge(frame, tracks, moved, tracker.numbers):
                emit(event)
            show(Look(frame, moved, inferred, tracks))
            stages.add("rules", perf_counter() - judged)
    finally:
        if frame is not None:
            for event in rules.close(frame):
                emit(event)
