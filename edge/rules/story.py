"""What is known of one object, from its first look to its last."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from statistics import median
from typing import Literal, TypeAlias

from edge import boxes
from edge.rules.bearing import Bearing
from edge.rules.lines import Passages
from edge.rules.scene import Scene, Shape
from edge.rules.settings import RuleSettings
from edge.rules.witness import Witness
from edge.rules.zones import Stays
from edge.still import Still
from edge.types import MOTION, Body, Box, Crossing, Event, Frame, ModelRef, Sighting, Snapshot, Track

Draw: TypeAlias = Callable[[Frame, Box, str, float], bytes | None]
"""Makes the JPEG of an event: the frame with the object's box, its label and score drawn; None where none is wanted."""
Quality: TypeAlias = Callable[[Frame, Box, float], float]
"""How well a frame shows an object, from its box (clipped to the frame) and its score; larger is better, 0 is useless.
Never more than `usual_quality`, which is quick and asked first. Called in the camera's thread, so it must be quick."""

PASSES = 3
"""An object's shape must pass its filter for so many looks in a row before it is told of."""
_SCORES = 50
_MOST_CROSSINGS = 32
_MOST_POINTS = 64
_BEST = 1.0
"""No picture's quality is above it."""
_Bearing: TypeAlias = tuple[str, tuple[str, bool] | None]


class Story:
    """One object, `now`, and what of it was told: None before its `new`. Owned by its camera's rules."""

    def __init__(self, camera: str, track: Track, frame: Frame, scene: Scene, settings: RuleSettings) -> None:
        self.now = Sighting(
            id="",
            camera=camera,
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
        self.told: Sighting | None = None
        self.told_at, self.told_quality, self.told_armed = -math.inf, 0.0, ""
        self.best, self.best_shot, self.quality = frame, Snapshot(frame.wall, track.box, track.score), 0.0
        self.witness = Witness()
        self.confirmed = False
        self._settings, self._scene = settings, scene
        self._filter = scene.filters.get(track.label)
        self._passed = 0
        self._still = Still(track.box, frame.time, settings.still_s, settings.still_move)
        self._stays = Stays(scene.zones)
        lines = [line for line in scene.lines if line.labels is None or track.label in line.labels]
        # What moves has no feet: the box around it jumps from side to side.
        self._passages = Passages(() if track.label == MOTION else lines, settings.off_line)
        self._bearing = Bearing(settings.calm_s)
        self._told_bearing: _Bearing = self._bearing.posture, None
        self._onset: tuple[tuple[str, float], float] | None = None
        self._scores: deque[float] = deque(maxlen=_SCORES)
        self._path: list[tuple[float, float, float]] = []

    @property
    def counts(self) -> bool:
        """Whether it is believed, and not filtered out."""
        return self.confirmed and (self.told is not None or self._passed >= PASSES or self._filter is None)

    @property
    def ripe(self) -> bool:
        """Whether it may be told of: it counts, has entered a zone that is required, and is not about to enter one:
        whoever hears of it goes by the zones of its first message (the alarm by their delays)."""
        required = self._scene.required
        entered = not required or not required.isdisjoint(self._stays.entered)
        return self.counts and entered and self._stays.settled

    @property
    def changed(self) -> bool:
        """Whether something is to be told that is more than a better picture."""
        told, now = self.told, self.now
        return told is not None and (
            now.current_zones != told.current_zones
            or now.stationary != told.stationary
            or now.crossed != told.crossed
            or now.loitering != told.loitering
        )

    def stirred(self, waited: float) -> bool:
        """Whether its posture or what happens to it is to be told, so many seconds after it was told of last."""
        posture, activity = self._told_bearing
        key = self._bearing.key
        if key != activity and any(which is not None and which[1] for which in (key, activity)):
            return True
        return waited >= self._settings.calm_s and (posture, activity) != (self._bearing.posture, key)

    def forget(self, since: float) -> None:
        """No picture of it that was taken before a frame time is to be told any more."""
        if self.best.time < since:
            self.quality = self.told_quality = 0.0

    def look(self, track: Track, frame: Frame, quality: Quality, since: float = -math.inf) -> None:
        """Take in what this frame shows of it; as a picture of it only from the frame time `since` on."""
        w, h = frame.size
        box = boxes.clipped(track.box, w, h)
        self._scores.append(track.score)
        self._still.look(track.box, frame.time)
        stationary = self._still.rests(frame.time)
        # What rests is where it came to rest: whoever walks before it hides its feet, and moves it nowhere.
        stands = boxes.clipped(self._still.place, w, h) if stationary else box
        foot = (stands[0] + stands[2]) / 2, stands[3]
        x, y = foot[0] / w, foot[1] / h
        shape = _shape(box, frame.size, median(self._scores))
        if self._filter is not None:
            self._passed = self._passed + 1 if self._filter.lets(shape) else 0
        self._stays.look(track.label, shape, (x, y), frame.time)
        crossed = self._passages.step(foot, frame.size, stands[3] - stands[1], frame.wall)
        self._walk(x, y, frame.wall)
        if frame.time >= since and usual_quality(frame, box, track.score) > self.quality:
            worth = quality(frame, box, track.score)
            if worth > self.quality:
                self.best, self.best_shot, self.quality = frame, Snapshot(frame.wall, box, track.score), worth
        before = self.now
        self.now = replace(
            before,
            frame_time=frame.wall,
            score=track.score,
            top_score=max(before.top_score, track.score),
            box=box,
            active=not stationary,
            stationary=stationary,
            current_zones=self._stays.current,
            entered_zones=self._stays.entered,
            crossed=(before.crossed + tuple(crossed))[-_MOST_CROSSINGS:],
            loitering=self._stays.loitered,
            path=tuple(self._path),
        )
        self.witness.look(frame.wall, track.score, box)
        self._explain(before, track, frame.wall, crossed)

    def wait(self, frame: Frame) -> None:
        """Nobody looked at its place, since nothing moved there: only time has gone on."""
        self._stays.wait(frame.time)
        if self.now.loitering != self._stays.loitered:
            before, self.now = self.now, replace(self.now, loitering=self._stays.loitered)
            for name in self.now.loitering[len(before.loitering) :]:
                self.witness.because("loitering", name, frame.wall)

    def feel(self, body: Body | None, frame: Frame) -> None:
        """Take in what is known of its body at this frame."""
        if body is None:
            if self.now.body is not None:
                self._bearing.activity, self.now = None, replace(self.now, body=None)
            return
        before = self._bearing.activity
        self._bearing.look(body, frame.time)
        activity, ahead = body.activity, frame.wall - frame.time
        if activity is not None:
            # One onset, however the wall clock is set meanwhile: it is known by that.
            which = activity.kind, activity.since
            self._onset = self._onset if self._onset and self._onset[0] == which else (which, ahead)
            ahead = self._onset[1]
            if activity.confirmed and not (before and before.confirmed and before.kind == activity.kind):
                self.witness.because(activity.kind, self.now.label, frame.wall)
                self._picture(frame)
        self.now = replace(self.now, body=body.shifted(ahead))

    def _picture(self, frame: Frame) -> None:
        """What happens to somebody stands for all of it: no picture of how they came is better."""
        self.best, self.best_shot = frame, Snapshot(frame.wall, self.now.box, self.now.score)
        self.quality = max(self.quality, self.told_quality, _BEST) * self._settings.better

    def leave(self) -> None:
        """It is gone: a crossing that was not settled yet stands as it is."""
        crossed = self._passages.end()
        self.now = replace(self.now, crossed=(self.now.crossed + tuple(crossed))[-_MOST_CROSSINGS:])
        for crossing in crossed:
            self.witness.because("line", crossing.line, crossing.time, crossing.direction)

    def tell(
        self, kind: Literal["new", "update", "end"], frame: Frame, armed: str, model: ModelRef | None, draw: Draw | None
    ) -> Event:
        """The event, with the best picture if that was not sent yet."""
        jpeg = None
        if draw is not None and self.quality > self.told_quality:
            shot = self.best_shot
            jpeg = draw(self.best, shot.box, self.now.label, shot.score)
            if jpeg is not None:
                self.now = replace(self.now, has_snapshot=True, snapshot=shot)
        before, self.told = self.told, self.now
        self.told_at, self.told_quality, self.told_armed = frame.time, self.quality, armed
        self._told_bearing = self._bearing.posture, self._bearing.key
        return Event(kind, before, self.now, frame.wall, armed, model, jpeg, self.witness.why())

    def _walk(self, x: float, y: float, wall: float) -> None:
        """A point more of its path, where it has moved."""
        path = self._path
        if not path or abs(x - path[-1][0]) + abs(y - path[-1][1]) > 0.03:
            path.append((x, y, wall))
            if len(path) > _MOST_POINTS:
                path[1:-1] = path[1:-1:2]  # a long way keeps its shape at half the points

    def _explain(self, before: Sighting, track: Track, wall: float, crossed: list[Crossing]) -> None:
        """Note which rules took effect at this look."""
        now, because = self.now, self.witness.because
        if track.confirmed and not self.confirmed:
            self.confirmed = True
            because("motion" if track.label == MOTION else "confirmed", track.label, wall)
        for name in now.current_zones:
            if name not in before.current_zones:
                because("zone", name, wall)
        for crossing in crossed:
            because("line", crossing.line, crossing.time, crossing.direction)
        for name in now.loitering[len(before.loitering) :]:
            because("loitering", name, wall)
        if now.stationary != before.stationary:
            because("stationary" if now.stationary else "active", track.label, wall)


def _shape(box: Box, size: tuple[int, int], score: float) -> Shape:
    w, h = size
    ratio = (box[2] - box[0]) / max(box[3] - box[1], 1e-6)
    return Shape(boxes.area(box) / (w * h), ratio, score)


def usual_quality(frame: Frame, box: Box, score: float) -> float:
    """How well a picture shows its object: sure, large, and not cut off by the border."""
    w, h = frame.size
    x1, y1, x2, y2 = box
    cut = x1 <= 1 or y1 <= 1 or x2 >= w - 1 or y2 >= h - 1
    return score * math.sqrt(boxes.area(box) / (w * h)) * (0.6 if cut else 1.0)
