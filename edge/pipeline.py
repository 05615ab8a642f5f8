"""THE straight line: the way of every frame of one camera, from capture to the outbox."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from time import perf_counter
from typing import Protocol

from edge.bodies import Bodies
from edge.metrics import Stages
from edge.motion import Gate
from edge.nuisance import Nuisance
from edge.rules import Rules
from edge.tamper import Tamper
from edge.track import Tracker
from edge.types import I420, Body, Box, Event, Frame, Seen, Track


class Sees(Protocol):
    """A detector as the pipeline needs it; notes its stages `preprocess`, `infer` and `decode`."""

    def look(self, picture: I420, wanted: Sequence[Box], stages: Stages) -> Seen:
        """What is in a picture, or at least in the places of it that are wanted."""
        ...


@dataclass(frozen=True, slots=True)
class Look:
    """What the pipeline made of one frame: for the trace, the live picture and the counts.

    zones: where each object is that counts, by the number of its track; the others are candidates, or filtered out
    ids: of the events of those that were told of, by the numbers of their tracks
    """

    frame: Frame
    moved: list[Box]
    inferred: bool
    tracks: list[Track]
    zones: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    ids: Mapping[int, str] = field(default_factory=dict)

    @property
    def bodies(self) -> Mapping[int, Body]:
        """Of the people whose joints were looked at, by the numbers of their tracks."""
        return self.frame.bodies


Hides = Callable[[Frame, Sequence[Track], Sequence[Box]], Frame]
"""A frame as people may see it: less what the owner wants to have hidden in it."""


def _as_it_is(frame: Frame, tracks: Sequence[Track], moved: Sequence[Box]) -> Frame:
    return frame


@dataclass(frozen=True, slots=True)
class Stations:
    """What a frame passes, in this order.

    nuisance: what it learns is saved at the end
    sees: a detector; without one, motion alone is judged
    bodies: of people; None looks for no joints
    veil: from it on nobody sees what it hides
    bare: whether the watch over the view is given what the veil hides: where that is everything, it would be blind
    """

    gate: Gate
    sees: Sees | None
    tracker: Tracker
    rules: Rules
    nuisance: Nuisance = field(default_factory=lambda: Nuisance(learns=False))
    tamper: Tamper | None = None
    veil: Hides = _as_it_is
    bare: bool = False
    bodies: Bodies | None = None


def watch(
    frames: Iterable[Frame],
    stations: Stations,
    emit: Callable[[Event], None],
    show: Callable[[Look], None],
    stages: Stages,
) -> None:
    """Run a camera until its frames end or its detector fails; then end what is open.

    A frame is inferred only where the gate saw motion, other than in places that are a nuisance, or the tracker wants
    to look again. Runs in the camera's own thread; `emit` and `show` must not block.
    """
    gate, detector, tracker, rules = stations.gate, stations.sees, stations.tracker, stations.rules
    nuisance, tamper, frame = stations.nuisance, stations.tamper, None
    try:
        for frame in frames:
            start = perf_counter()
            moved = gate.moved(frame.picture.y, frame.time)
            stages.add("motion", perf_counter() - start)

            heard = nuisance.sift(moved, frame.time, frame.size)
            wanted = [] if detector is None else [*heard.looked, *tracker.due(frame.time, moved)]
            if detector is not None and wanted:
                seen = detector.look(frame.picture, wanted, stages)
                start = perf_counter()
                tracks = tracker.update(seen, frame.time, frame.wall, moved)
            else:
                start = perf_counter()
                tracks = tracker.coast(frame.time)
            stages.add("track", perf_counter() - start)
            if stations.bodies is not None:
                frame, tracks = _embodied(stations.bodies, tracker, frame, tracks, moved, stages)
            judged = perf_counter()
            bare, frame = frame, stations.veil(frame, tracks, moved)

            nuisance.learn(moved if detector else (), tracks, frame.time, frame.size)
            events = rules.judge(frame, tracks, heard.told, tracker.numbers)
            view = bare if stations.bare else frame
            for event in [*events, *(tamper.look(view, moved, tracks) if tamper else ())]:
                emit(event)
            show(Look(frame, heard.told, bool(wanted), tracks, rules.zones, rules.ids))
            stages.add("rules", perf_counter() - judged)
    finally:
        nuisance.save()
        if frame is not None:
            for event in [*rules.close(frame), *(tamper.close(frame) if tamper else ())]:
                emit(event)


def _embodied(
    bodies: Bodies, tracker: Tracker, frame: Frame, tracks: list[Track], moved: list[Box], stages: Stages
) -> tuple[Frame, list[Track]]:
    """The frame with what is known of the bodies in it; the tracks with those whom the joints alone show."""
    found = bodies.look(frame, tracks, tracker.numbers, moved, stages)
    if bodies.held or bodies.fallen:
        tracks = tracker.sustain(bodies.held, frame.time, frame.wall, bodies.lying, bodies.fallen)
    return (replace(frame, bodies=found) if found else frame), tracks
