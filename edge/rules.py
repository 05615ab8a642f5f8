"""From tracks to events: what is worth telling about one camera, and when.

An object is told of once it is confirmed (`new`), again when something about it changed (`update`), and once when it is
gone (`end`). Motion can be told of in the same way, as the label `motion`, with no model at all.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from edge import boxes
from edge.types import F32, Box, Event, Frame, ModelRef, Sighting, Snapshot, Track

MOTION = "motion"

Draw = Callable[[Frame, Box, str, float], bytes | None]
"""Makes the JPEG of an event: the frame with the object's box, its label and score drawn; None where none is wanted."""


@dataclass(frozen=True, slots=True)
class Zone:
    """A named part of the picture. points: float32 (n, 2), x y, 0..1 of the frame."""

    name: str
    points: F32

    def holds(self, x: float, y: float) -> bool:
        """Whether a point (0..1 of the frame) is inside, by the even-odd rule: a ray to the right crosses the border
        an odd number of times."""
        ax, ay = self.points[:, 0], self.points[:, 1]
        bx, by = np.roll(ax, -1), np.roll(ay, -1)
        spans = (ay > y) != (by > y)
        with np.errstate(divide="ignore", invalid="ignore"):
            crossing = ax + (y - ay) * (bx - ax) / (by - ay)
        return bool(np.count_nonzero(spans & (x < crossing)) % 2)


@dataclass(frozen=True, slots=True)
class RuleSettings:
    """When to tell. Times in seconds.

    update_s: least time between two updates that only bring a better picture
    remind_s: an object that stays is told of again after this time
    better: how much better a picture must be, as a factor, to replace the one that was sent
    still_s, still_move: an object whose box moved by less than `still_move` of its size for `still_s` is stationary
    motion_area, motion_s: motion of at least this part of the picture for at least this time is an event, which starts
        when it has lasted that long
    quiet_s: a motion event ends after this time without motion; motion that returns sooner belongs to it
    """

    update_s: float = 2.0
    remind_s: float = 60.0
    better: float = 1.15
    still_s: float = 10.0
    still_move: float = 0.2
    motion_area: float = 0.01
    motion_s: float = 0.3
    quiet_s: float = 1.5


@dataclass(slots=True)
class _Story:
    """What is known about one object (`now`), and what of it was told (`told`, None before its `new`)."""

    now: Sighting
    anchor: Box
    anchor_time: float
    best: Frame
    best_shot: Snapshot
    quality: float
    told: Sighting | None = None
    told_at: float = -math.inf
    told_quality: float = 0.0
    path: list[tuple[float, float, float]] = field(default_factory=list)


@dataclass(slots=True)
class _Motion:
    """Since when the picture has been moving enough, and when it last did."""

    since: float
    last: float


class Rules:
    """The rules of one camera. Not thread-safe: owned by its pipeline.

    Args:
        camera: its name
        boot_id: of this run of the daemon; ids derive from it, the camera and a counter
        labels: what to tell of
        armed: the alarm's state now
        zones: of this camera
        model: behind the detections
        draw: makes an event's picture; None keeps none
        motion: asked for each frame whether motion is to be told of now
    """

    def __init__(
        self,
        camera: str,
        boot_id: str,
        labels: Iterable[str],
        armed: Callable[[], str],
        *,
        zones: Sequence[Zone] = (),
        model: Callable[[], ModelRef | None] = lambda: None,
        draw: Draw | None = None,
        motion: Callable[[], bool] = lambda: True,
        settings: RuleSettings | None = None,
    ) -> None:
        self._camera, self._boot_id = camera, boot_id
        self._labels = frozenset(labels)
        self._armed, self._zones, self._model, self._draw = armed, tuple(zones), model, draw
        self._settings = settings or RuleSettings()
        self._wants_motion = motion
        self._stories: dict[int, _Story] = {}
        self._count = 0
        self._motion: _Motion | None = None

    def judge(self, frame: Frame, tracks: Sequence[Track], moved: Sequence[Box], alive: frozenset[int]) -> list[Event]:
        """The events of one frame, in order.

        Args:
            tracks: of the wanted labels, as the tracker reports them
            moved: the gate's regions
            alive: numbers of the tracks that may still come back; the others have ended
        """
        events: list[Event] = []
        for number in [n for n in self._stories if n != 0 and n not in alive]:
            events.append(self._end(number, frame))
        for track in tracks:
            if track.confirmed and track.label in self._labels:
                events += self._follow(track, frame)
        if MOTION in self._labels:
            events += self._follow_motion(frame, moved if self._wants_motion() else ())
        return events

    def close(self, frame: Frame) -> list[Event]:
        """End everything that is open: the stream ended or the daemon stops. `frame` is the last one."""
        self._motion = None
        return [self._end(number, frame) for number in list(self._stories)]

    def _follow(self, track: Track, frame: Frame) -> list[Event]:
        """Take in a track's newest frame; tell of it if it is new or changed."""
        story = self._stories.get(track.number)
        if story is None:
            story = self._stories[track.number] = self._begin(track, frame)
        elif not track.seen:
            return []
        self._look(story, track, frame)
        told, now = story.told, story.now
        if told is None:
            return [self._tell("new", story, frame)]
        waited = frame.time - story.told_at
        if (
            now.current_zones != told.current_zones
            or now.stationary != told.stationary
            or (story.quality > story.told_quality * self._settings.better and waited >= self._settings.update_s)
            or waited >= self._settings.remind_s
        ):
            return [self._tell("update", story, frame)]
        return []

    def _begin(self, track: Track, frame: Frame) -> _Story:
        """The story of a track that has just been confirmed."""
        first = Sighting(
            id=self._id(track.first_wall),
            camera=self._camera,
            frame_time=frame.wall,
            label=track.label,
            score=track.score,
            top_score=track.score,
            start_time=track.first_wall,
            end_time=None,
            box=track.box,
            frame_size=frame.size,
            active=True,
            stationary=False,
        )
        shot = Snapshot(frame.wall, track.box, track.score)
        return _Story(first, track.box, frame.time, frame, shot, 0.0)

    def _look(self, story: _Story, track: Track, frame: Frame) -> None:
        """Bring a story up to date with what this frame shows."""
        w, h = frame.size
        box = boxes.clipped(track.box, w, h)
        x, y = (box[0] + box[2]) / 2 / w, box[3] / h
        if _shift(story.anchor, track.box) > self._settings.still_move:
            story.anchor, story.anchor_time = track.box, frame.time
        if not story.path or abs(x - story.path[-1][0]) + abs(y - story.path[-1][1]) > 0.03:
            story.path.append((x, y, frame.wall))
            if len(story.path) > 64:
                story.path[1:-1] = story.path[1:-1:2]  # a long way keeps its shape at half the points
        quality = _quality(box, track.score, frame)
        if quality > story.quality:
            story.best, story.best_shot, story.quality = frame, Snapshot(frame.wall, box, track.score), quality
        stationary = frame.time - story.anchor_time >= self._settings.still_s
        inside = tuple(zone.name for zone in self._zones if zone.holds(x, y))
        story.now = replace(
            story.now,
            frame_time=frame.wall,
            score=track.score,
            top_score=max(story.now.top_score, track.score),
            box=box,
            active=not stationary,
            stationary=stationary,
            current_zones=inside,
            entered_zones=tuple(dict.fromkeys(story.now.entered_zones + inside)),
            path=tuple(story.path),
        )

    def _end(self, number: int, frame: Frame) -> Event:
        """The `end` of an object, at the time at which it was last seen."""
        story = self._stories.pop(number)
        story.now = replace(story.now, end_time=story.now.frame_time, active=False, current_zones=())
        return self._tell("end", story, frame)

    def _tell(self, kind: Literal["new", "update", "end"], story: _Story, frame: Frame) -> Event:
        """Make the event, with the best picture if that was not sent yet."""
        jpeg = None
        if self._draw is not None and story.quality > story.told_quality:
            shot = story.best_shot
            jpeg = self._draw(story.best, shot.box, story.now.label, shot.score)
            if jpeg is not None:
                story.now = replace(story.now, has_snapshot=True, snapshot=shot)
        before, story.told = story.told, story.now
        story.told_at, story.told_quality = frame.time, story.quality
        return Event(kind, before, story.now, frame.wall, self._armed(), self._model(), jpeg)

    def _follow_motion(self, frame: Frame, moved: Sequence[Box]) -> list[Event]:
        """Motion as an object of its own, number 0, boxed by what moves."""
        w, h = frame.size
        large = sum(boxes.area(box) for box in moved) >= self._settings.motion_area * w * h
        motion, told = self._motion, 0 in self._stories
        if not moved or not (large or told):
            if motion is not None and not (told and frame.time - motion.last < self._settings.quiet_s):
                self._motion = None
                return [self._end(0, frame)] if told else []
            return []
        if motion is None:
            motion = self._motion = _Motion(frame.time, frame.time)
        motion.last = frame.time
        if frame.time - motion.since < self._settings.motion_s - 1e-6:
            return []
        box = boxes.around(list(moved))
        track = Track(
            number=0, label=MOTION, score=1.0, box=box, confirmed=True, seen=True,
            first_time=frame.time, last_time=frame.time, first_wall=frame.wall, last_wall=frame.wall,
        )  # fmt: skip
        return self._follow(track, frame)

    def _id(self, start: float) -> str:
        """`<unix seconds>-<6 characters>`, the same for the same camera, run and count."""
        self._count += 1
        digest = hashlib.sha256(f"{self._boot_id}/{self._camera}/{self._count}".encode()).hexdigest()
        return f"{int(start)}-{digest[:6]}"


def _quality(box: Box, score: float, frame: Frame) -> float:
    """How well a picture shows its object: sure, large, and not cut off by the border."""
    w, h = frame.size
    x1, y1, x2, y2 = box
    cut = x1 <= 1 or y1 <= 1 or x2 >= w - 1 or y2 >= h - 1
    part = boxes.area(boxes.clipped(box, w, h)) / (w * h)
    return score * math.sqrt(part) * (0.6 if cut else 1.0)


def _shift(a: Box, b: Box) -> float:
    """The largest move of a corner from a to b, in sizes of a."""
    size = math.sqrt(max(boxes.area(a), 1.0))
    return max(abs(p - q) for p, q in zip(a, b, strict=True)) / size
