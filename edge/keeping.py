"""What the daemon keeps beside its events: clips, joints, room on the disk for them, and what is not to be seen or
told."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from edge.capture.ring import Ring
from edge.clock import Clock
from edge.config.schema import Config
from edge.evidence.clips import Clips, ClipSettings, Permit
from edge.evidence.governor import DAY_S, Governor, limits_of, make_room
from edge.evidence.keypoints import Records, read_record, record_version
from edge.evidence.privacy import Discretion, Shown, Veil, ground, veil
from edge.evidence.recorder import Recorder
from edge.evidence.thumbnail import Thumbnails, thumbnail
from edge.memory import Memory
from edge.outbox import Limits, snapshot_box, snapshot_path
from edge.paths import clip_path
from edge.rules import Draw
from edge.supervisor import Part, Supervisor
from edge.tamper import forget_view
from edge.types import F32, Event, Frame

RING_SLACK_S = 10.0
"""How much further back rings reach than clips begin: until an object is believed, and while the disk is slow."""


def outbox_limits(config: Config) -> Limits:
    """How long the outbox keeps what it has told."""
    storage = config.storage
    return Limits(history_s=storage.events_days * DAY_S, picture_s=storage.snapshots_days * DAY_S)


def room_in(folder: Path) -> Callable[[], bool]:
    """What makes room in a data folder whose disk is too full to begin on it."""
    return partial(make_room, folder, snapshot_path(folder, "").parent)


class Keeping:
    """Clips, storage and privacy of one daemon. Its methods may be called from any thread.

    Args:
        config: checked and complete
        clock: as the cameras'
        clock_ok: whether the wall clock is synchronised
        armed: the alarm's state now

    Attributes:
        bare: no pixel of a camera may be kept, shown or sent
    """

    def __init__(self, config: Config, clock: Clock, clock_ok: Callable[[], bool], armed: Callable[[], str]) -> None:
        self._config, self._folder = config, config.node.data
        self.pictures_leave = config.privacy.pictures_leave
        clips = config.clips
        self.bare = config.privacy.blur == "skeleton"
        wanted = clips.enabled and (config.privacy.blur == "none" or (config.privacy.clips and not self.bare))
        keep_s = clips.before_s + RING_SLACK_S
        # Also of cameras that are not watched now: they may be switched on, and an empty ring costs nothing.
        self._rings = {camera.name: Ring(clock.monotonic, keep_s) for camera in config.camera if wanted}
        self._discretion = Discretion(armed) if config.privacy.when_disarmed else None
        snapshots = snapshot_path(self._folder, "").parent
        self._governor = Governor(self._folder, snapshots, limits_of(config.storage), clock, clock_ok)
        settings = ClipSettings(clips.before_s, clips.after_s, clips.longest_s)
        self._armed, self._shown = armed, Shown(armed, clock)
        self._clips = Clips(
            self._folder, self._rings, settings, clock, self._permit, self._governor.refuses, self._governor.wake
        )
        records = config.pose.enabled and config.pose.record
        refuses, wake = self._governor.refuses, self._governor.wake
        self._records = Records(self._folder, clock, refuses, wake) if records else None
        self._thumbnails = Thumbnails()
        self._parts: list[Part] = []

    def start(self, supervisor: Supervisor) -> None:
        """Start its threads: what is half written of an earlier run is settled first."""
        self._parts = [
            supervisor.start("clips", partial(_run, self._clips.run)),
            supervisor.start("storage", partial(_run, self._governor.run)),
        ]
        if self._records is not None:
            self._parts.append(supervisor.start("poses", partial(_run, self._records.run)))

    def stop(self, supervisor: Supervisor, timeout: float) -> None:
        """End what is being recorded, and its threads; a disk that hangs keeps its own behind."""
        for part in self._parts:
            part.stop.set()
        self._clips.wake()
        self._governor.wake()
        if self._records is not None:
            self._records.wake()
        supervisor.stop(self._parts, timeout)

    def ring(self, camera: str) -> Ring | None:
        """Where a camera's packets go, None where no clips are wanted."""
        return self._rings.get(camera)

    def recorder(self) -> Recorder | None:
        """What notes the joints of one camera's people; None where they are not kept."""
        if self._records is None:
            return None
        return Recorder(self._records, lambda: self._permit() != "forget")

    def pose(self, event_id: str) -> str | None:
        """The record of the joints of an event's person, as CSV; None without one."""
        return read_record(self._folder, event_id)

    def pose_version(self, event_id: str) -> str | None:
        """Another word whenever that is another record; None without one."""
        return record_version(self._folder, event_id)

    def veil(self, *, detecting: bool, outlines: Sequence[F32] = ()) -> Veil:
        """What hides people in a camera's pictures: where nobody is looked for, all that moves. outlines: of its zones,
        shown where nothing else is."""
        return veil(self._config.privacy.blur, sees_people=detecting, outlines=outlines)

    def of_view(self, draw: Draw) -> Draw:
        """What draws a camera's view for whoever is told of it: the watch over the view sees it without a veil where
        that would hide everything."""
        return (lambda frame, *rest: draw(_bare(frame), *rest)) if self.bare else draw

    def views(self, memory: Memory | None, camera: str) -> Memory | None:
        """Where a camera's view may be kept; what an earlier run kept is deleted where it may not."""
        if self.bare and memory is not None:
            forget_view(memory, camera)
        return None if self.bare else memory

    def pictures_since(self) -> float:
        """The frame time from which on pictures may be told; to be asked for each frame."""
        return self._shown.since()

    def _permit(self) -> Permit:
        """Disarmed, a clip may be unwanted; and so may what the camera saw then, in the next one."""
        if self._armed() != "disarmed":
            return "record"
        if self._config.privacy.when_disarmed:
            return "forget"
        return "wait" if self._config.clips.when == "armed" else "record"

    def noted(self, event: Event) -> Event | None:
        """An event as it is to be told, with `has_clip` as it is; None if it is not to be told. Never waits."""
        told = event if self._discretion is None else self._discretion.passes(event)
        return None if told is None else self._clips.noted(told)

    def status(self) -> dict[str, Any]:
        """The status' `storage`."""
        clips = self._clips.status()
        found = self._governor.status()
        lost = 0 if self._records is None else self._records.lost
        reason = found["reason"] or clips["reason"]
        return {**found, "reason": reason, "recording": clips["recording"], "poses_lost": lost}

    def clip(self, event_id: str) -> Path | str:
        """The complete clip of an event, or one line that says why there is none."""
        path = clip_path(self._folder, event_id)
        if path.is_file():
            return path
        if self._clips.recording(event_id):
            return "The clip is still being recorded."
        return "There is no clip of this event (any more)."

    def thumbnail(self, event_id: str) -> bytes | None:
        """A small picture of an object, None if there is no snapshot of it."""
        path = snapshot_path(self._folder, event_id)
        try:
            stamp = path.stat().st_mtime
            made = self._thumbnails.get(event_id, stamp)
            if made is None:
                made = thumbnail(path.read_bytes(), snapshot_box(self._folder, event_id))
        except OSError:
            return None
        if made is not None:
            self._thumbnails.put(event_id, stamp, made)
        return made


def _bare(frame: Frame) -> Frame:
    return replace(frame, picture=ground(frame.size))


def _run(body: Callable[..., None], part: Part) -> None:
    """The body of a thread that waits for the disk: one that hangs is shown, and nothing that a restart would mend."""
    body(part.stop, lambda: part.waiting(math.inf, "waits for the disk"))
