"""Steering over MQTT: orders in, the state out, and commands for a car elsewhere; the loss of the broker disarms.

<prefix>/steer/set      in   ARM, ENGAGE, DISARM, ESTOP; HOLD for the dead-man input; retained ones are ignored
<prefix>/steer/state    out  retained, QoS 1; the Last Will is a state, too: disarmed
<prefix>/steer/command  out  QoS 0, never retained, with a number and an expiry
"""

from __future__ import annotations

import json
import logging
import threading
from collections import deque
from collections.abc import Iterator
from typing import Any

from edge.backoff import BackOff
from edge.bell import Bell
from edge.clock import Clock
from edge.sinks.mqtt.faults import LinkError
from edge.sinks.mqtt.link import Link
from edge.sinks.mqtt.settings import MqttSettings
from edge.steer.actuators.base import LinkLost

log = logging.getLogger(__name__)
BEAT_S = 0.04
"""Between two states while the car drives; their PUBACKs say that the broker lives."""
GRAIN_S = 0.01
"""How late the want of an answer may be seen."""
REST_S = 1.0
"""The same while it stands; a state that is another is told at once."""
GONE = {"state": "disarmed", "reason": "steering is gone", "steering": 0.0, "throttle": 0.0, "latency_ms": None}
FAREWELL_S = 0.5
TOLD = ("state", "reason", "steering", "throttle", "latency_ms")


class Radio:
    """A thread of its own does the network's work; every method is for the parent's thread and never blocks.

    Only the newest message of a topic waits to be sent: an old command or state is of no use to anybody.

    Args:
        silence_s: how long the broker may owe a PUBACK before it counts as lost
    """

    def __init__(self, settings: MqttSettings, client_id: str, clock: Clock, silence_s: float) -> None:
        self._settings, self._id, self._clock, self._silence = settings, client_id, clock, silence_s
        self._topic = f"{settings.prefix}/steer"
        self._lock = threading.Lock()
        self._out: dict[str, tuple[bytes, int, bool]] = {}
        self._words: deque[str] = deque(maxlen=64)
        self._in, self._wake = Bell(), Bell()
        self._lost: str | None = None
        self._up = False
        self._stop = threading.Event()
        self._said: tuple[str, str] | None = None
        self._due = 0.0
        self._thread = threading.Thread(target=self._run, name="steer-mqtt", daemon=True)

    def start(self) -> None:
        """Begin to connect."""
        self._thread.start()

    @property
    def up(self) -> bool:
        """Whether the broker is there."""
        return self._up

    def fileno(self) -> int:
        """For `select`: rung when there is a word, or the broker is lost."""
        return self._in.fileno()

    def heard(self) -> Iterator[tuple[str, None]]:
        """Orders that have come. Raises LinkLost, once for each loss."""
        self._in.clear()
        while self._words:
            yield self._words.popleft(), None
        lost, self._lost = self._lost, None
        if lost is not None:
            raise LinkLost(f"the broker is lost: {lost}")

    def answer(self, sender: None, status: dict[str, Any]) -> None:
        """The state's topic answers."""

    def tell(self, status: dict[str, Any], now: float) -> None:
        """The state in this cycle; sent at once if it is another, and else from time to time."""
        said = (status["state"], status["reason"])
        if said == self._said and now < self._due:
            return
        self._said, self._due = said, now + (BEAT_S if status["state"] == "engaged" else REST_S)
        self.send("state", {key: status[key] for key in TOLD}, qos=1, retain=True)

    def send(self, level: str, payload: dict[str, Any], *, qos: int, retain: bool) -> None:
        """Have the newest message of a topic sent."""
        with self._lock:
            self._out[f"{self._topic}/{level}"] = (json.dumps(payload).encode(), qos, retain)
        self._wake.ring()

    def close(self) -> None:
        """Send what waits, for a moment, and say goodbye."""
        self._stop.set()
        self._wake.ring()
        self._thread.join(2 * FAREWELL_S)
        if not self._thread.is_alive():
            self._in.close()
            self._wake.close()

    def _run(self) -> None:
        try:
            self._connect()
        finally:  # with a bug, too: who thinks that the broker is there drives on
            self._lose("its thread has ended")

    def _lose(self, why: str) -> None:
        if self._up:
            self._lost, self._up = why, False
            self._in.ring()

    def _connect(self) -> None:
        back_off = BackOff(0.5, 5.0)
        while not self._stop.is_set():
            will = (f"{self._topic}/state", json.dumps(GONE))
            link = Link(self._settings, self._id, [f"{self._topic}/set"], self._hear, will)
            try:
                with link:
                    link.open(self._wake)
                    self._talk(link, back_off)
            except LinkError as fault:
                if not self._up:
                    log.warning("%s", fault)
                self._lose(str(fault))
                self._stop.wait(back_off.next())

    def _talk(self, link: Link, back_off: BackOff) -> None:
        """Over one connection, until it is lost, or we stop and all is said."""
        owed: dict[int, float] = {}
        until = float("inf")
        while True:
            if link.up and not self._up:
                with self._lock:
                    self._out.clear()  # a command from before the loss is none any more
                self._up, self._said = True, None
                back_off.reset()
            now = self._clock.monotonic()
            if self._stop.is_set():
                until = min(until, now + FAREWELL_S)
            if link.up:
                self._put(link, owed, now)
            for message, _ in link.acks:
                owed.pop(message, None)
            link.acks.clear()
            for topic, reason in link.unheard.items():
                log.warning("MQTT: the broker lets nobody steer over %s: %s", topic, reason)
            link.unheard.clear()
            oldest = min(owed.values(), default=now)
            if now - oldest > self._silence and until == float("inf"):
                raise LinkError(f"{self._settings.address} has acknowledged nothing for {self._silence * 1000:.0f} ms")
            if now > until or (self._stop.is_set() and not (owed or self._out)):
                link.disconnect()
                return
            link.turn(GRAIN_S if owed else 1.0)

    def _put(self, link: Link, owed: dict[int, float], now: float) -> None:
        with self._lock:
            out, self._out = self._out, {}
        for topic, (payload, qos, retain) in out.items():
            message = link.publish(topic, payload, qos, retain)
            if qos:
                owed[message] = now

    def _hear(self, topic: str, payload: bytes, retained: bool) -> None:
        if retained:
            log.warning("MQTT: a retained %s is ignored; whoever publishes it must not retain it", topic)
            return
        self._words.append(payload.decode("utf-8", "replace").strip().upper())
        self._in.ring()
