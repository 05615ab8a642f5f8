"""The rules of one camera: which objects are told of, and when.

An object is told of once it is confirmed (`new`), again when something about it changed (`update`), and once when it is
gone (`end`). Motion can be told of in the same way, as the label `motion`, with no model at all.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Literal

from edge.rules.motion import NUMBER, Moving
from edge.rules.scene import NOWHERE, Scene
from edge.rules.settings import RuleSettings
from edge.rules.story import Draw, Quality, Story, usual_quality
from edge.types import MOTION, Box, Event, Frame, ModelRef, Track, event_id


class Rules:
    """The rules of one camera. Not thread-safe: owned by its pipeline.

    Args:
        camera: its name
        boot_id: of this run of the daemon; ids derive from it, the camera and a counter
        labels: what to tell of
        armed: the alarm's state now
        scene: zones, lines and filters of this camera
        model: behind the detections
        draw: makes an event's picture; None keeps none
        quality: chooses the picture that stands for an object
        motion: asked for each frame whether motion is to be told of now
        since: the frame time from which on pictures may be told; what is told after it moved on has none from before
    """

    def __init__(
        self,
        camera: str,
        boot_id: str,
        labels: Iterable[str],
        armed: Callable[[], str],
        *,
        scene: Scene = NOWHERE,
        model: Callable[[], ModelRef | None] = lambda: None,
        draw: Draw | None = None,
        quality: Quality = usual_quality,
        motion: Callable[[], bool] = lambda: True,
        since: Callable[[], float] = lambda: -math.inf,
        settings: RuleSettings | None = None,
    ) -> None:
        self._camera, self._boot_id = camera, boot_id
        self._labels = frozenset(labels)
        self._armed, self._scene, self._model, self._draw, self._quality = armed, scene, model, draw, quality
        self._settings = settings or RuleSettings()
        self._stories: dict[int, Story] = {}
        self._wants_motion, self._asked_since, self._since = motion, since, -math.inf
        self._moving = Moving(self._settings)
        self._count = 0

    @property
    def zones(self) -> Mapping[int, tuple[str, ...]]:
        """The zones in which each object is that is believed and not filtered out, by the number of its track."""
        return {number: story.now.current_zones for number, story in self._stories.items() if story.counts}

    @property
    def ids(self) -> Mapping[int, str]:
        """The ids of the objects that are told of, by the numbers of their tracks."""
        return {number: story.now.id for number, story in self._stories.items() if story.told is not None}

    def judge(self, frame: Frame, tracks: Sequence[Track], moved: Sequence[Box], alive: frozenset[int]) -> list[Event]:
        """The events of one frame, in order.

        Args:
            tracks: of the wanted labels, as the tracker reports them
            moved: the gate's regions
            alive: numbers of the tracks that may still come back; the others have ended
        """
        self._forget()
        events: list[Event] = []
        for number in [n for n in self._stories if n != NUMBER and n not in alive]:
            events += self._end(number, frame)
        for track in tracks:
            if track.label in self._labels:
                events += self._follow(track, frame)
        for number in sorted(frame.bodies.keys() - {track.number for track in tracks}):
            if (story := self._stories.get(number)) is not None:  # lost from sight, and it is known what happened
                story.wait(frame)
                story.feel(frame.bodies[number], frame)
                events += self._news(story, frame)
        if MOTION in self._labels:
            motion = self._moving.follow(frame, moved if self._wants_motion() else ())
            if motion is not None:
                events += self._follow(motion, frame)
            elif not self._moving.open:
                events += self._end(NUMBER, frame)
        return events

    def redraw(self, scene: Scene) -> None:
        """Other zones, lines and filters, for the objects that come from now on."""
        self._scene = scene

    def close(self, frame: Frame) -> list[Event]:
        """End everything that is open: the stream ended or the daemon stops. `frame` is the last one."""
        self._moving.close()
        self._forget()
        return [event for number in list(self._stories) for event in self._end(number, frame)]

    def _forget(self) -> None:
        """Have no picture told that was taken too soon."""
        since = self._asked_since()
        if since != self._since:
            self._since = since
            for story in self._stories.values():
                story.forget(since)

    def _follow(self, track: Track, frame: Frame) -> list[Event]:
        """Take in a track's newest frame; tell of it if it is new or changed."""
        story = self._stories.get(track.number)
        if story is None:
            story = self._stories[track.number] = Story(self._camera, track, frame, self._scene, self._settings)
        if track.seen:
            story.look(track, frame, self._quality, self._since)
        else:
            story.wait(frame)
        story.feel(frame.bodies.get(track.number), frame)
        return self._news(story, frame, seen=track.seen)

    def _news(self, story: Story, frame: Frame, *, seen: bool = False) -> list[Event]:
        """What is to be told of an object at this frame. seen: at this very frame."""
        if story.told is None:
            return [self._tell("new", story, frame)] if story.ripe else []
        waited = frame.time - story.told_at
        better = story.quality > story.told_quality * self._settings.better
        due = waited >= self._settings.remind_s or (better and waited >= self._settings.update_s)
        due = due or story.stirred(waited) or (seen and self._counts_anew(story, waited, frame))
        return [self._tell("update", story, frame)] if story.changed or due else []

    def _counts_anew(self, story: Story, waited: float, frame: Frame) -> bool:
        """Whether the alarm, which hears of nothing but events, may think otherwise of an object by now."""
        armed = self._armed()
        live = armed != story.told_armed or (armed == "arming" and waited >= self._settings.arming_s)
        # Not by a picture that was taken before: it would be told, and mailed, as one of the armed time.
        return live and frame.time >= self._since and not story.now.stationary

    def _end(self, number: int, frame: Frame) -> list[Event]:
        """The `end` of an object, at the time at which it was last seen; nothing of one that was never told of."""
        story = self._stories.pop(number, None)
        if story is None or story.told is None:
            return []
        story.leave()
        story.now = replace(story.now, active=False)
        events = [self._tell("update", story, frame)] if story.changed else []
        story.now = replace(story.now, end_time=story.now.frame_time, current_zones=())
        return [*events, self._tell("end", story, frame)]

    def _tell(self, kind: Literal["new", "update", "end"], story: Story, frame: Frame) -> Event:
        if story.told is None:
            self._count += 1
            name = event_id(story.now.start_time, self._boot_id, self._camera, self._count)
            story.now = replace(story.now, id=name)
        return story.tell(kind, frame, self._armed(), self._model(), self._draw)
