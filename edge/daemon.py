"""The running daemon: which parts there are, how they are joined, and in which order they start and stop."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from edge import __version__, hardware
from edge.absence import Absence
from edge.alarm import machine_boot
from edge.alarm_parts import AlarmParts, open_alarm, sirens_kept
from edge.board import Board
from edge.camera import CameraWatch, Surroundings
from edge.clock import OnceSynchronised, SystemClock
from edge.config.redrawn import redrawn
from edge.config.schema import Config
from edge.errors import UserError
from edge.eyes import Joints
from edge.house import House
from edge.inbox import Inbox
from edge.keeping import Keeping, outbox_limits, room_in
from edge.metrics import Stages
from edge.models.store import Model
from edge.outbox import Outbox, SinkStats
from edge.outlets import Outlet, names
from edge.relay import Relay
from edge.serving import Models
from edge.sight import Sight
from edge.sinks.base import Sink
from edge.supervisor import Part, Supervisor
from edge.switches import Panel
from edge.types import Event

log = logging.getLogger(__name__)

RESTART_S = 10.0
"""Least time between a start and a restart that is asked for over MQTT."""


class Daemon:
    """Everything that runs for one configuration, from `start` to `stop`. Its methods may be called from any thread.

    `house` is what the page and the commands see of it.

    Args:
        config: checked and complete
        listener: called with each event when it is put in the outbox; must not block
        model: the model, where it was found before; None looks for it
        restart: asks for a new start of all this with the configuration as it is then; returns at once

    Raises:
        StorageError: the data folder cannot be written.
    """

    def __init__(
        self,
        config: Config,
        listener: Callable[[Event], None] = lambda event: None,
        model: Model | None = None,
        restart: Callable[[], None] = lambda: None,
    ) -> None:
        self.config = config
        self.board = Board()
        self.clock = SystemClock()
        self.cameras: list[CameraWatch] = []
        self._listener = listener
        self._supervisor = Supervisor()
        self._sinks: list[tuple[Sink, Part]] = []
        self._camera_parts: list[Part] = []
        self._restart = restart
        self._started = self.clock.monotonic()
        self.ready = False
        self._latency = Stages()
        self._clock_ok = OnceSynchronised(machine_boot())
        self.outbox = Outbox(
            config.node.data,
            config.node.name,
            names(config),
            self.clock,
            outbox_limits(config),
            clock_ok=self._clock_ok,
            pictures_leave=config.privacy.pictures_leave,
            make_room=room_in(config.node.data),
        )
        self._clock_ok.recall(self.outbox.recall(OnceSynchronised.KEY))
        self.keeping = Keeping(config, self.clock, self._clock_ok, lambda: self.alarm.state)
        self.alarm = open_alarm(config, self.outbox, self.board, self.clock, self._clock_ok, self._emit)
        self._alarm_parts: AlarmParts | None = None
        self._models = Models(config, self.outbox.boot_id, lambda: self.alarm.state, self.clock, self._emit, model)
        poses = config.pose.enabled
        self.switches = Panel(config.camera, self.board, self.outbox, self.alarm, poses=poses)
        self.sight = Sight(config, self.cameras, lambda: self.alarm.mode, self.board, self.alarm.warn)
        self.absence = Absence(self.cameras, self.outbox.boot_id, self.alarm, self.clock, self.outbox)
        self.house = House(config, self.outbox, self.keeping, self.alarm, self.switches, self.cameras, self.status)
        self.inbox = Inbox(
            {"alarm/set": partial(self.alarm.command, by="mqtt"), "restart/set": self._asked_to_restart},
            lambda camera, name, on: self.switches.set(camera, name, on, "mqtt"),
        )
        self._relay = Relay(self.inbox)

    def start(self) -> None:
        """Start the parts; returns once the cameras are being watched.

        Raises:
            MissingError, ModelError: the model cannot be loaded.
        """
        self.outbox.close_orphans(self.alarm.goes_on)
        self.keeping.start(self._supervisor)
        self._alarm_parts = AlarmParts(self.alarm, self._supervisor, scheduled=bool(self.config.alarm.schedule))
        self._start_cameras()
        self._relay.start(self._supervisor)
        self._start_sinks()
        self.ready = True

    def stop(self, successor: Config | None = None) -> None:
        """Stop within two seconds: cameras first, so that their last events still leave; sinks last.

        Args:
            successor: of the daemon that goes on from here at once, so that a siren that sounds need not be silenced
        """
        self.ready = False
        if self.outbox.closed:
            return
        if successor is not None:
            self.alarm.hand_over(sirens_kept(self.config, successor))
        for camera in self.cameras:
            camera.close()
        self._supervisor.stop(self._camera_parts, 0.5)
        self.absence.close()
        self.keeping.stop(self._supervisor, 0.3)
        self._relay.stop(self._supervisor, 0.1)
        if self._alarm_parts is not None:
            self._alarm_parts.stop(0.1)
        self.outbox.flush(0.3)  # the sinks shall see the cameras' last events before they look for the last time
        for sink, part in self._sinks:
            part.stop.set()
            sink.wake()
        self._supervisor.stop([part for _, part in self._sinks], 1.3)
        self.outbox.close()
        self._models.close(0.1)

    def adopt(self, config: Config) -> bool:
        """Go on with another configuration, if it changes nothing but the rules of cameras; False, and nothing done, if
        that takes a new start."""
        cameras = redrawn(self.config, config)
        if cameras is None:
            return False
        self.config = config
        for watch in self.cameras:
            for camera in cameras:
                if camera.name == watch.name:
                    watch.redraw(camera)
                    log.info("%s: has other zones, lines, masks or filters", camera.name)
        return True

    def late(self) -> list[tuple[str, str]]:
        """What keeps the watchdog from being fed, as (part, how late): parts past their time, a wedged or dead engine.
        Empty while all is well. To be called about once a second."""
        self._clock_ok.keep(self.outbox.note)
        self._models.tick()
        if self.ready:
            self.sight.tick()
            self.absence.tick()
        now = time.monotonic()
        late = [(part.name, f"is {part.late_s:.0f} s late") for part in self._supervisor.late()]
        late += self._models.late()
        late += [(sink.name, "is late") for sink, _ in self._sinks if now > sink.status.deadline]
        if now > self.outbox.deadline:
            late.append(("the outbox's writer", "is late"))
        return late

    @property
    def model(self) -> Model | None:
        """The model that it runs or ran, a packed one with all of its file; None without any."""
        return self._models.model

    def status(self) -> dict[str, Any]:
        """What is true now, JSON-ready: `edge status --json` and the page."""
        stats = self.outbox.stats()
        return {
            "ready": self.ready,
            "version": __version__,
            "node": self.config.node.name,
            "uptime_s": round(self.clock.monotonic() - self._started, 1),
            "clock_ok": self._clock_ok(),
            "alarm": self.alarm.state,
            "alarm_detail": {**self.alarm.detail(), "blind": self.sight.blind()},
            "cameras": [camera.status() for camera in self.cameras],
            "engines": self._models.status(
                [watch.eyes.engines_ms for watch in self.cameras if watch.eyes.engines_ms],
                [watch.eyes.pose_ms for watch in self.cameras if watch.eyes.pose_ms],
            ),
            "sinks": [
                self._sink_status(sink, part, stats.sinks.get(sink.name, SinkStats())) for sink, part in self._sinks
            ],
            "outbox": stats.payload(),
            "commands_ignored": self.inbox.counts(),
            "storage": self.keeping.status(),
        }

    def _start_cameras(self) -> None:
        config = self.config
        box = self.outbox
        around = Surroundings(
            self.board, self.clock, box.boot_id, lambda: self.alarm.state, self._emit, self.keeping, box, self._clock_ok
        )
        self._models.load()
        for camera in config.camera:
            detector = self._models.detector if camera.objects else None
            joints = Joints(config.pose, self._models.poser) if config.poses(camera) else None
            switches = self.switches[camera.name]
            self.cameras.append(CameraWatch(camera, config.model, detector, around, switches, joints))
        for watch in self.cameras:
            self._camera_parts += [
                self._supervisor.start(f"{watch.name}: reader", watch.read, watch.away),
                self._supervisor.start(f"{watch.name}: pipeline", watch.work, watch.blind),
            ]

    def _start_sinks(self) -> None:
        outlet = Outlet(self.config, self.outbox, self.board, self.clock, self._clock_ok, self._latency)
        for sink in outlet.sinks(self._relay, self._stats):
            # Together: a sink that runs already asks for the status of all of them.
            self._sinks.append((sink, self._supervisor.start(sink.name, partial(_run_sink, sink))))

    def _asked_to_restart(self, payload: bytes) -> bool:
        """`restart/set`. Not again at once: whoever presses on would keep the cameras from ever being watched."""
        if payload != b"PRESS":
            return False
        if (up := self.clock.monotonic() - self._started) < RESTART_S:
            raise UserError(f"started {up:.0f} s ago; a restart is taken every {RESTART_S:.0f} s")
        self.alarm.undisturbed("restart", "mqtt")
        self.alarm.note("restart", "mqtt")
        log.info("a restart is asked for over MQTT")
        self._restart()
        return True

    def _stats(self) -> dict[str, Any]:
        """`<prefix>/stats`."""
        status = self.status()
        told = {
            key: status[key] for key in ("cameras", "engines", "outbox", "storage", "uptime_s", "clock_ok", "version")
        }
        way = self._latency.summary().get("capture_to_puback")
        return {
            **told,
            "temp_c": hardware.temperature_c(),
            "throttled": hardware.throttled(),
            "latency_ms": way and {"p50": way["p50"], "p95": way["p95"]},
        }

    def _sink_status(self, sink: Sink, part: Part, stats: SinkStats) -> dict[str, Any]:
        """How a sink is doing; one whose thread fell over says so instead of what it said last."""
        now, thread = sink.status.state, part.status()
        state, reason = (thread.state, thread.reason) if thread.state == "back_off" else (now.phase, now.reason)
        return {**stats.payload(), "name": sink.name, "state": state, "reason": reason or stats.reason}

    def _emit(self, event: Event) -> Event | None:
        """Tell an event as it may be told; that is returned, None if it may not."""
        told = self.keeping.noted(event)
        if told is not None:
            self.outbox.put(told)
        self.alarm.hear(event)
        if told is not None:
            self._listener(told)
        return told


def _run_sink(sink: Sink, part: Part) -> None:
    """The body of a sink's thread; its signs of life are in its own status."""
    part.waiting(math.inf, "reports for itself")
    sink.run(part.stop)
