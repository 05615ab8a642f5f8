"""The running daemon: which parts there are, how they are joined, and in which order they start and stop."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from edge import __version__, hardware, report, wiring
from edge.alarm import Alarm
from edge.board import Board
from edge.camera import CameraWatch, LiveView, Surroundings
from edge.clock import SystemClock, synchronised
from edge.config.schema import Config
from edge.detector import Detector
from edge.engine_news import EngineNews
from edge.engines.links import Change
from edge.engines.worker import Worker
from edge.metrics import Stages
from edge.models.store import Model
from edge.outbox import Limits, Outbox, SinkStats, read_events, snapshot_path
from edge.outlets import Outlet, names
from edge.sinks.base import Sink
from edge.supervisor import Part, Supervisor
from edge.types import Event

log = logging.getLogger(__name__)

ENGINE_S = 30.0
"""An inference that takes longer is a wedged engine."""
LOADING_S = 180.0
"""The same where another engine has to be loaded first, from a slow card."""


class Daemon:
    """Everything that runs for one configuration, from `start` to `stop`. Its methods may be called from any thread.

    Args:
        config: checked and complete
        listener: called with each event when it is put in the outbox; must not block
        model: the model, where it was found before; None looks for it

    Raises:
        StorageError: the data folder cannot be written.
    """

    def __init__(
        self, config: Config, listener: Callable[[Event], None] = lambda event: None, model: Model | None = None
    ) -> None:
        self.config = config
        self.board = Board()
        self.clock = SystemClock()
        self.cameras: list[CameraWatch] = []
        self._listener = listener
        self._found = model
        self._supervisor = Supervisor()
        self._sinks: list[tuple[Sink, Part]] = []
        self._camera_parts: list[Part] = []
        self._worker: Worker | None = None
        self._news: EngineNews | None = None
        self._detector: Detector | None = None
        self._started = self.clock.monotonic()
        self.ready = False
        self._latency = Stages()
        self.outbox = Outbox(
            config.node.data, config.node.name, names(config), self.clock, Limits(), clock_ok=synchronised
        )
        self.alarm = Alarm(
            self.outbox.remember, self.outbox.recall, armed_at_first_start=config.alarm.armed_at_first_start
        )
        self.board.set("alarm/state", self.alarm.state)
        self.alarm.listen(partial(self.board.set, "alarm/state"))

    def start(self) -> None:
        """Start the parts; returns once the cameras are being watched.

        Raises:
            MissingError, ModelError: the model cannot be loaded.
        """
        self.outbox.close_orphans()
        self._start_cameras()
        self._start_sinks()
        self.ready = True

    def stop(self) -> None:
        """Stop within two seconds: cameras first, so that their last events still leave; sinks last."""
        self.ready = False
        if self.outbox.closed:
            return
        for camera in self.cameras:
            camera.close()
        self._supervisor.stop(self._camera_parts, 0.5)
        self.outbox.flush(0.3)  # the sinks shall see the cameras' last events before they look for the last time
        for sink, part in self._sinks:
            part.stop.set()
            sink.wake()
        self._supervisor.stop([part for _, part in self._sinks], 1.3)
        self.outbox.close()
        if self._worker is not None:
            self._worker.close(0.1)

    def late(self) -> list[tuple[str, str]]:
        """What keeps the watchdog from being fed, as (part, how late): parts past their time, a wedged or dead engine.
        Empty while all is well. To be called about once a second."""
        if self._news is not None:
            self._news.tick()
        now = time.monotonic()
        late = [(part.name, f"is {part.late_s:.0f} s late") for part in self._supervisor.late()]
        if fault := self._engine_fault(now):
            late.append(("the engine", fault))
        late += [(sink.name, "is late") for sink, _ in self._sinks if now > sink.status.deadline]
        if now > self.outbox.deadline:
            late.append(("the outbox's writer", "is late"))
        return late

    @property
    def model(self) -> Model | None:
        """The model that it runs or ran, a packed one with all of its file; None without any."""
        return self._found if self._detector is None else self._detector.predictor.model

    def status(self) -> dict[str, Any]:
        """What is true now, JSON-ready: `edge status --json` and the page."""
        stats = self.outbox.stats()
        return {
            "ready": self.ready,
            "version": __version__,
            "node": self.config.node.name,
            "uptime_s": round(self.clock.monotonic() - self._started, 1),
            "clock_ok": synchronised(),
            "alarm": self.alarm.state,
            "cameras": [camera.status() for camera in self.cameras],
            "engines": self._engines(),
            "sinks": [
                self._sink_status(sink, part, stats.sinks.get(sink.name, SinkStats())) for sink, part in self._sinks
            ],
            "outbox": stats.payload(),
        }

    def events(self, limit: int, before: str | None = None) -> list[dict[str, Any]]:
        """The newest events, newest first; only those older than the one whose uid is `before`."""
        return read_events(self.config.node.data, limit, before=before)[::-1]

    def snapshot(self, event_id: str) -> bytes | None:
        """The picture of an object, None if there is none."""
        try:
            return snapshot_path(self.config.node.data, event_id).read_bytes()
        except OSError:
            return None

    def arm(self, mode: str, by: str) -> None:
        """Arm; durable when it returns."""
        self.alarm.arm(mode, by)

    def disarm(self, code: str | None, by: str) -> None:
        """Disarm; durable when it returns."""
        self.alarm.disarm(by, code)

    def live(self, camera: str) -> LiveView | None:
        """The pictures of a camera."""
        return next((watch.live for watch in self.cameras if watch.name == camera), None)

    def metrics(self) -> str:
        """The status in Prometheus' text format."""
        return report.metrics(self.status())

    def _start_cameras(self) -> None:
        config = self.config
        around = Surroundings(self.board, self.clock, self.outbox.boot_id, lambda: self.alarm.state, self._emit)
        seeing = wiring.seeing(config)
        if seeing:
            self._news = EngineNews(
                config.node.name,
                self.outbox.boot_id,
                lambda: None if self._detector is None else self._detector.ref,
                lambda: self.alarm.state,
                self.clock,
                self._emit,
            )
            self._detector = wiring.open_model(
                config, seeing, self._news, found=self._found, passed_over=_passed_over, measure=True
            )
            _tell_of_slot(self._detector, self._news)
            self._worker = Worker(self._detector.runner, self._detector.predictor.model.manifest.batch)
        for camera in config.camera:
            wanted = self._detector if wiring.objects_of(camera) else None
            watch = CameraWatch(camera, config.model, wanted and wanted.twin(self._worker), around)
            self.cameras.append(watch)
            if camera.enabled:
                self._camera_parts += [
                    self._supervisor.start(f"{camera.name}: reader", watch.read, watch.away),
                    self._supervisor.start(f"{camera.name}: pipeline", watch.work, watch.blind),
                ]

    def _start_sinks(self) -> None:
        outlet = Outlet(self.config, self.outbox, self.board, self.clock, self._latency)
        for sink in outlet.sinks(self._command, self._stats):
            # Together: a sink that runs already asks for the status of all of them.
            self._sinks.append((sink, self._supervisor.start(sink.name, partial(_run_sink, sink))))

    def _command(self, topic: str, payload: bytes) -> None:
        """A command that came over MQTT, by its topic below the prefix."""
        if topic == "alarm/set":
            self.alarm.command(payload, "mqtt")

    def _stats(self) -> dict[str, Any]:
        """`<prefix>/stats`."""
        status = self.status()
        told = {key: status[key] for key in ("cameras", "engines", "outbox", "uptime_s", "clock_ok", "version")}
        way = self._latency.summary().get("capture_to_puback")
        return {
            **told,
            "temp_c": hardware.temperature_c(),
            "throttled": hardware.throttled(),
            "latency_ms": way and {"p50": way["p50"], "p95": way["p95"]},
        }

    def _engines(self) -> list[dict[str, Any]]:
        if self._worker is None or self._detector is None:
            return []
        fault = self._engine_fault(time.monotonic())
        news = self._news
        took = [watch.infer_ms for watch in self.cameras if watch.infer_ms]
        return [
            {
                "name": self._worker.name,
                "model": self._detector.ref.name,
                "version": None if (packed := self._detector.predictor.model.packed) is None else packed.origin.version,
                "state": "fault" if fault else news.state if news else "up",
                "reason": fault or (news and news.reason),
                "infer_ms": max(took, default=None),
            }
        ]

    def _engine_fault(self, now: float) -> str | None:
        """What is wrong with the engine's worker, None while it works or waits."""
        if self._worker is None or self.outbox.closed:
            return None
        if not self._worker.alive():
            return "has ended"
        busy = self._worker.busy_since()
        longest = LOADING_S if self._worker.loading() else ENGINE_S
        return f"has been busy for {now - busy:.0f} s" if busy is not None and now - busy > longest else None

    def _sink_status(self, sink: Sink, part: Part, stats: SinkStats) -> dict[str, Any]:
        """How a sink is doing; one whose thread fell over says so instead of what it said last."""
        now, thread = sink.status.state, part.status()
        state, reason = (thread.state, thread.reason) if thread.state == "back_off" else (now.phase, now.reason)
        return {**stats.payload(), "name": sink.name, "state": state, "reason": reason or stats.reason}

    def _emit(self, event: Event) -> None:
        self.outbox.put(event)
        self._listener(event)


def _passed_over(line: str) -> None:
    """An engine that was asked for and is not here at all: no chain will bring it back; or a slot that failed."""
    log.warning("passed over: %s", line)


def _tell_of_slot(detector: Detector, news: EngineNews) -> None:
    """A model that had to be gone back from is news until the next start: nobody asked for the old one."""
    model = detector.predictor.model
    if model.packed is not None and model.slot is not None and model.slot.passed:
        old = f"version {model.packed.origin.version} of {model.slot.slots.name}"
        news(Change(old, None, model.slot.passed, best=False))


def _run_sink(sink: Sink, part: Part) -> None:
    """The body of a sink's thread; its signs of life are in its own status."""
    part.waiting(math.inf, "reports for itself")
    sink.run(part.stop)
