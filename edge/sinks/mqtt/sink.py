"""The MQTT sink: one thread that keeps a connection to the broker and what it retains true."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from typing import Any

from edge.backoff import BackOff
from edge.bell import Bell
from edge.board import Board
from edge.clock import Clock
from edge.errors import EdgeError, StorageError
from edge.metrics import Stages
from edge.sinks.base import Archive, Status, encode
from edge.sinks.mqtt.faults import LinkError
from edge.sinks.mqtt.identity import client_id
from edge.sinks.mqtt.limit import Limit
from edge.sinks.mqtt.link import Link
from edge.sinks.mqtt.retained import Retained
from edge.sinks.mqtt.session import Parcel, Session
from edge.sinks.mqtt.settings import MqttSettings

log = logging.getLogger(__name__)

STEADY_S = 5.0
"""A connection that held this long was a good one: the next pause is a short one again."""
CONNECT_MARGIN_S = 60.0
"""Name servers that do not answer take longer than any time-out of ours."""


class MqttSink:
    """Delivers events with QoS 1 and keeps the broker's retained states equal to the board.

    Args:
        settings: where the broker is and how to deal with it
        node: name of this device; stands in the client id
        queue: the outbox, which also remembers what was retained
        board: the states to be retained
        clock: stamps and waits
        commands: topic filters below the prefix to listen to, e.g. `alarm/set`, `+/+/set`
        on_command: called with the topic below the prefix and the payload of each; in the sink's thread, must not block
        on_retained: called with the topic below the prefix of one that the broker retains, which is not done
        discovery: called at each connect, full topics with what they are to retain
        birth: full topic on which `online` asks for the discovery once more; None for none
        stats: called at each connect and every minute, for `<prefix>/stats`
        latency: gets the seconds from the capture of each event to its PUBACK, as `capture_to_puback`
        terms: what pictures are told under; those that were told under others are cleared
    """

    name = "mqtt"

    def __init__(
        self,
        settings: MqttSettings,
        node: str,
        queue: Archive,
        board: Board,
        clock: Clock,
        *,
        commands: Sequence[str] = (),
        on_command: Callable[[str, bytes], None] = lambda topic, payload: None,
        on_retained: Callable[[str], None] | None = None,
        discovery: Callable[[], Iterable[tuple[str, str]]] = lambda: (),
        birth: str | None = None,
        stats: Callable[[], Mapping[str, Any]] | None = None,
        latency: Stages | None = None,
        terms: str = "",
    ) -> None:
        self.status = Status(clock)
        self.latency = latency or Stages()
        self._settings = settings
        self._client_id = client_id(queue, node)
        self._queue = queue
        self._board = board
        self._clock = clock
        self._commands = [f"{settings.prefix}/{pattern}" for pattern in commands]
        self._on_command = on_command
        self._on_retained = on_retained
        self._discovery = discovery
        self._birth = birth
        self._born = False
        self._stats = stats
        self._stats_due = 0.0
        self._bell: Bell | None = None
        self._rung = threading.Event()
        self._changed: dict[str, None] = {}
        self._changed_lock = threading.Lock()
        self._back_off = BackOff(*settings.back_off)
        self._retained = Retained(queue, terms)
        self._limit = Limit(clock)
        board.listen(self._board_changed)
        queue.subscribe(self.name, self.wake)

    def wake(self) -> None:
        """Look at the outbox, the board and `stop` now. Any thread."""
        self._rung.set()
        self._ring()

    def _ring(self) -> None:
        bell = self._bell
        if bell is not None:
            bell.ring()

    def flush(self, timeout: float) -> bool:
        """Wait until the broker has acknowledged all that waits; False if it has not by then."""
        return self.status.flush(self.wake, timeout)

    def run(self, stop: threading.Event) -> None:
        """Connect, send, and connect again, until `stop`; a clean end leaves `stopped` behind."""
        with closing(Bell()) as self._bell:
            while not stop.is_set():
                self._attempt(stop, self._bell)
        self.status.set("stopped")

    def _attempt(self, stop: threading.Event, bell: Bell) -> None:
        try:
            self._connected(stop, bell)
        except LinkError as fault:
            if self.status.state.reason != str(fault):
                log.warning("MQTT: %s", fault)
            self.status.set("back_off", str(fault))
            self._pause(stop, self._back_off.next())

    def _pause(self, stop: threading.Event, seconds: float) -> None:
        until = self._clock.monotonic() + seconds
        while not stop.is_set() and (left := until - self._clock.monotonic()) > 0:
            self.status.waiting(left + 1.0)
            self._rung.wait(left)
            self._rung.clear()

    def _connected(self, stop: threading.Event, bell: Bell) -> None:
        """One connection, from its first packet to its last. Raises LinkError when it is lost."""
        settings = self._settings
        if self.status.state.phase != "back_off":  # the reason of the last failure says more than this
            self.status.set("connecting", f"to {settings.address}")
        self.status.waiting(2 * settings.connect_timeout + CONNECT_MARGIN_S)
        subscriptions = self._commands if self._birth is None else [*self._commands, self._birth]
        with Link(settings, self._client_id, subscriptions, self._heard) as link:
            link.open(bell)
            patience = self._clock.monotonic() + settings.ack_timeout
            while not link.up:
                self.status.waiting(settings.ack_timeout + 1.0)
                link.turn(0.5)
                if stop.is_set():
                    return
                if self._clock.monotonic() > patience:
                    raise LinkError(f"the broker at {settings.address} accepts connections but does not answer")
            preface, limit = self._preface(), self._limit.begin()
            session = Session(settings, link, self._queue, self._clock, preface, self._news, self.latency, limit)
            try:
                self._serve(session, link, stop)
            except LinkError as fault:
                session.end(fault)
                self._limit.lost(session.largest)
                raise
            finally:
                self._note_retained(session)

    def _preface(self) -> list[Parcel]:
        with self._changed_lock:
            self._changed.clear()  # the whole board follows; what changes from now on is sent after it
        prefix = self._settings.prefix
        parcels = self._states(None)
        self._stats_due = 0.0
        parcels += self._stats_parcel()
        parcels += self._introduction()
        online = Parcel(f"{prefix}/available", b"online", 1, retain=True)
        current = {parcel.topic for parcel in (*parcels, online) if parcel.retain}
        self._retained.told(parcel.topic for parcel in (*parcels, online) if parcel.retain and parcel.payload)
        stale = [Parcel(topic, b"", 1, retain=True) for topic in self._retained.stale(current)]
        outdated = [parcel for parcel in stale if parcel.topic in current]  # before what is to be there instead
        return [*outdated, *parcels, *(parcel for parcel in stale if parcel.topic not in current), online]

    def _note_retained(self, session: Session) -> None:
        if session.cleared:
            back = {self._full(topic) for topic, state in self._board.snapshot().items() if state.payload}
            self._retained.cleared(session.cleared, back)
            session.cleared.clear()
        self._retained.keep()

    def _serve(self, session: Session, link: Link, stop: threading.Event) -> None:
        since = self._clock.monotonic()
        while not stop.is_set():
            self._turn(session, link)
            self._note_retained(session)
            if self._clock.monotonic() - since > STEADY_S:
                self._back_off.reset()
            for parcel in (*self._stats_parcel(), *(self._introduction() if self._born else ())):
                session.send_state(parcel.topic, parcel.payload, parcel.qos)
        self._leave(session, link)

    def _turn(self, session: Session, link: Link, timeout: float = 1.0) -> None:
        asked = self.status.asked()
        if self._rung.is_set():
            self._rung.clear()
            session.look()
        session.pump()
        if session.idle:
            self.status.idle(asked)
        fault = session.fault
        self.status.set("fault" if fault else "up", fault or f"connected to {self._settings.address}")
        timeout = min(timeout, session.patience())
        self.status.waiting(timeout + 5.0)
        link.turn(timeout)
        session.settle()
        session.check_overdue()

    def _leave(self, session: Session, link: Link) -> None:
        """Send what can be sent in a moment, then say `stopped`, which must arrive, then go."""
        session.look()
        until = self._clock.monotonic() + self._settings.drain
        while not session.idle and (left := until - self._clock.monotonic()) > 0:
            self._turn(session, link, left)
        mid = link.publish(f"{self._settings.prefix}/available", b"stopped", 1, retain=True)
        until = self._clock.monotonic() + self._settings.farewell
        while (left := until - self._clock.monotonic()) > 0:
            link.turn(left)
            said = any(ack == mid for ack, _ in link.acks)
            session.settle()
            if said:
                break
        link.disconnect()

    def _board_changed(self, topic: str) -> None:
        with self._changed_lock:
            self._changed[topic] = None
        self._ring()

    def _news(self) -> list[Parcel]:
        with self._changed_lock:
            topics = list(self._changed)
            self._changed.clear()
        return self._states(topics) if topics else []

    def _states(self, topics: list[str] | None) -> list[Parcel]:
        """States of the board as they are now: all of them, or those of `topics`."""
        states = self._board.snapshot()
        parcels = [
            Parcel(self._full(topic), state.payload, state.qos, state.retain)
            for topic, state in states.items()
            if topics is None or topic in topics
        ]
        self._retained.told(parcel.topic for parcel in parcels if parcel.retain and parcel.payload)
        return parcels

    def _full(self, topic: str) -> str:
        """The whole topic of one of the board's."""
        return topic[1:] if topic.startswith("/") else f"{self._settings.prefix}/{topic}"

    def _introduction(self) -> list[Parcel]:
        """What tells Home Assistant what there is."""
        self._born = False
        return [Parcel(topic, payload.encode(), 1, retain=True) for topic, payload in self._discovery()]

    def _stats_parcel(self) -> list[Parcel]:
        now = self._clock.monotonic()
        if self._stats is None or now < self._stats_due:
            return []
        self._stats_due = now + self._settings.stats_interval
        try:
            payload = encode(self._stats())
        except StorageError as fault:
            log.warning("stats not published: %s", fault)
            return []
        return [Parcel(f"{self._settings.prefix}/stats", payload, 0, retain=True)]

    def _heard(self, topic: str, payload: bytes, retained: bool) -> None:
        if topic == self._birth:
            # A retained one came with the connection, in which the discovery went out already.
            self._born |= payload == b"online" and not retained
            return
        below = topic[len(self._settings.prefix) + 1 :]
        if retained and self._on_retained is not None:
            self._on_retained(below)
        elif retained:
            log.warning("retained command on %s ignored: commands are never retained; clear it on the broker", topic)
        elif payload:
            try:
                self._on_command(below, payload)
            except EdgeError as fault:
                log.warning("command on %s failed: %s", topic, fault)
