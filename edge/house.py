"""The daemon as the page and the commands see it: what happened, what is true now, and what may be asked of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from edge import report
from edge.alarm import Alarm
from edge.alarm_parts import alarm_log
from edge.camera import CameraWatch
from edge.config.schema import Config
from edge.keeping import Keeping
from edge.live import LiveView
from edge.outbox import Outbox, read_events, snapshot_path
from edge.switches import Panel
from edge.text import printable
from edge.timeline import Timeline, learn

SETTINGS = "settings"
"""What the page's settings keep is under this key."""
LONGEST_NOTE = 200
"""Characters of a line of the alarm's log about settings."""


class House:
    """One face of the parts of a daemon. Its methods may be called from any thread.

    Args:
        config: of the daemon
        outbox: where the events are
        keeping: where the clips are
        alarm: what is armed and disarmed
        switches: of the cameras
        cameras: those that are watched; more may join while the daemon starts
        status: what is true now, JSON-ready
    """

    def __init__(
        self,
        config: Config,
        outbox: Outbox,
        keeping: Keeping,
        alarm: Alarm,
        switches: Panel,
        cameras: Sequence[CameraWatch],
        status: Callable[[], dict[str, Any]],
    ) -> None:
        self._config = config
        self._data = config.node.data
        self._outbox = outbox
        self._keeping = keeping
        self._alarm = alarm
        self._switches = switches
        self._cameras = cameras
        self._status = status

    def status(self) -> dict[str, Any]:
        """What is true now, JSON-ready: `edge status --json` and the page."""
        return self._status()

    def events(self, limit: int, before: str | None = None) -> list[dict[str, Any]]:
        """The newest events, newest first; only those older than the one whose uid is `before`."""
        return read_events(self._data, limit, before=before)[::-1]

    def snapshot(self, event_id: str) -> bytes | None:
        """The picture of an object, None if there is none."""
        try:
            return snapshot_path(self._data, event_id).read_bytes() or None
        except OSError:
            return None

    def clip(self, event_id: str) -> Path | str:
        """The clip of an event, or why there is none."""
        return self._keeping.clip(event_id)

    def thumbnail(self, event_id: str) -> bytes | None:
        """A small picture of an object, None if there is none."""
        return self._keeping.thumbnail(event_id)

    def pose(self, event_id: str) -> str | None:
        """The record of the joints of an object, None if there is none."""
        return self._keeping.pose(event_id)

    def pose_version(self, event_id: str) -> str | None:
        """Another word whenever that is another record."""
        return self._keeping.pose_version(event_id)

    def arm(self, mode: str, by: str, *, code: str | None = None, now: bool = False) -> None:
        """Arm; durable when it returns. now: without the exit delays."""
        self._alarm.arm(mode, by, code, now=now)

    def disarm(self, code: str | None, by: str) -> None:
        """Disarm."""
        self._alarm.disarm(by, code)

    def panic(self, by: str) -> None:
        """Set the alarm off, armed or not."""
        self._alarm.panic(by)

    def alarm_log(self, limit: int) -> list[dict[str, Any]]:
        """Who did what to the alarm, newest first."""
        return alarm_log(self._config, limit)

    def switch(self, camera: str, name: str, on: bool, by: str, *, code: str | None = None) -> str | None:
        """Switch something on a camera; it follows as soon as it can. Whose code let it be, None where none was asked
        for. Raises UserError where it cannot be."""
        return self._switches.set(camera, name, on, by, code)

    def settings_open(self, by: str) -> None:
        """Raises UserError where the page may not change the configuration now: its code is set, and it is on."""
        if self._config.alarm.code:
            self._alarm.undisturbed("settings", by)

    def settings_vouched(self, code: str | None, by: str) -> str | None:
        """The name behind a code of the alarm, None where there are none; raises AlarmRefused for one that is wrong."""
        return self._alarm.vouched("settings", by, code)

    def settings_kept(self) -> str | None:
        """What the settings know of earlier changes."""
        return self._outbox.recall(SETTINGS)

    def settings_keep(self, text: str) -> None:
        """Keep what the settings know; durable when it returns."""
        self._outbox.remember(SETTINGS, text)

    def settings_changed(self, keys: Sequence[str], by: str, name: str | None = None) -> None:
        """The page changed these keys of the configuration. name: whose code allowed it, where one was wanted."""
        self._alarm.note(printable(f"settings: {', '.join(keys)}"[:LONGEST_NOTE]), by, name)

    def live(self, camera: str) -> LiveView | None:
        """The pictures of a camera."""
        return next((watch.live for watch in self._cameras if watch.name == camera), None)

    @property
    def timeline(self) -> Timeline:
        """What happened, as objects, and what the owner says of them."""
        return Timeline(
            self._data,
            self._outbox,
            partial(learn, self._cameras),
            self._alarm.undisturbed,
            self._config.clips.before_s,
            self._alarm.note,
            self._alarm.by_motion,
        )

    def metrics(self) -> str:
        """The status in Prometheus' text format, with that of the car where there is one. May block for two seconds."""
        if "steer" not in self._config.model_fields_set:
            return report.metrics(self.status())
        from edge.steer.wheel import figures  # only a device with a car wants it

        return report.metrics(self.status(), figures(self._config.node))
