"""What goes over one connection, and in which order: states, discovery, `online`, then the backlog, oldest first."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from edge.clock import Clock
from edge.errors import StorageError
from edge.metrics import Stages
from edge.sinks.base import Message, Queue, encode, stamped
from edge.sinks.mqtt.faults import LinkError
from edge.sinks.mqtt.limit import PLAUSIBLE
from edge.sinks.mqtt.link import Link
from edge.sinks.mqtt.settings import MqttSettings

log = logging.getLogger(__name__)

PACKET_OVERHEAD = 16
"""Bytes of a PUBLISH beside topic and payload, at most: header, lengths, message id, no properties."""


@dataclass(frozen=True, slots=True)
class Parcel:
    """One PUBLISH. message: the event in it, None for a state, which an empty payload clears."""

    topic: str
    payload: bytes
    qos: int
    retain: bool
    message: Message | None = None


@dataclass(frozen=True, slots=True)
class Sent:
    """A PUBLISH on the wire. at: monotonic time; number: counts those of the connection, whatever their QoS."""

    parcel: Parcel
    at: float
    number: int


class Session:
    """Everything between a CONNACK and the end of its connection. Owned by the sink's thread.

    preface: what is sent before the backlog, in its order
    news: takes the states that have changed since it was called last
    latency: gets the seconds of `capture_to_puback` of each event that did not have to wait
    limit: bytes of a packet, beside what the broker itself says

    Attributes:
        cleared: topics whose clearing the broker has answered, for the sink to take away
    """

    def __init__(
        self,
        settings: MqttSettings,
        link: Link,
        queue: Queue,
        clock: Clock,
        preface: Iterable[Parcel],
        news: Callable[[], Iterable[Parcel]],
        latency: Stages,
        limit: int,
    ) -> None:
        self._settings = settings
        self._link = link
        self._queue = queue
        self._clock = clock
        self._parcels = deque(preface)
        self._news = news
        self._latency = latency
        self._window = max(1, min(settings.window, link.receive_maximum))
        self._limit = min(limit, link.packet_maximum)
        self._on_wire: dict[int, Sent] = {}
        self._sent = 0
        self._large: deque[tuple[int, int, float]] = deque(maxlen=256)
        self.cleared: list[str] = []
        self._backlog: deque[Message] = deque()
        self._refused: list[tuple[float, Message]] = []
        self._last_id = 0
        self._look_at = 0.0
        self._fault_of_topic: dict[str, str] = {}
        self.storage_fault: str | None = None

    @property
    def idle(self) -> bool:
        """Nothing on the wire and nothing left to send."""
        return not (self._on_wire or self._parcels or self._backlog or self._refused or self._look_at < float("inf"))

    @property
    def fault(self) -> str | None:
        """What the broker refuses, one line; None while it takes everything."""
        faults = {**self._link.unheard, **self._fault_of_topic}
        return next((f"the broker refuses {topic}: {why}" for topic, why in faults.items()), self.storage_fault)

    def look(self) -> None:
        """Something new may wait in the outbox."""
        self._look_at = 0.0

    def send_state(self, topic: str, payload: bytes, qos: int) -> None:
        """Send a retained state (full topic) before what else waits."""
        self._parcels.append(Parcel(topic, payload, qos, retain=True))

    def pump(self) -> None:
        """Put on the wire what the window and the socket take."""
        while not self._link.congested and (parcel := self._next()) is not None:
            size = len(parcel.topic.encode()) + len(parcel.payload) + PACKET_OVERHEAD
            if size > self._limit:
                self._refuse(parcel, f"{size} bytes are more than its limit of {self._limit}")
                continue
            mid = self._link.publish(parcel.topic, parcel.payload, parcel.qos, parcel.retain)
            self._sent += 1
            now = self._clock.monotonic()
            if size > PLAUSIBLE:
                self._large.append((self._sent, size, now))
            if parcel.qos:
                self._on_wire[mid] = Sent(parcel, now, self._sent)
            else:  # nobody answers it: all that can be refused about it is its size
                self._fault_of_topic.pop(parcel.topic, None)

    @property
    def largest(self) -> int:
        """Bytes of the largest packet that a broker may just have hung up on, 0 if there is none of any size."""
        since = self._clock.monotonic() - self._settings.ack_timeout
        return max((size for _, size, at in self._large if at > since), default=0)

    def _next(self) -> Parcel | None:
        """The parcel that is due, None if nothing is or the window is full."""
        room = self._window - len(self._on_wire)
        if not self._parcels:  # not earlier: of a state that changes while others wait, only the newest value is sent
            self._parcels.extend(self._news())
        if self._parcels:
            return self._parcels.popleft() if room > 0 or self._parcels[0].qos == 0 else None
        if room <= 0:
            return None
        now = self._clock.monotonic()
        if self._refused and self._refused[0][0] <= now:
            return self._event(self._refused.pop(0)[1])
        if not self._backlog and self._look_at <= now:
            self._fetch(now)
        return self._event(self._backlog.popleft()) if self._backlog else None

    def _fetch(self, now: float) -> None:
        try:
            found = self._queue.pending("mqtt", self._window, self._last_id)
        except StorageError as fault:
            self.storage_fault = str(fault)
            self._look_at = now + 1.0
            return
        self.storage_fault = None
        self._backlog.extend(found)
        if found:
            self._last_id = found[-1].id
        else:
            self._look_at = float("inf")

    def _event(self, message: Message) -> Parcel:
        payload = encode(stamped(message, self._clock))
        return Parcel(f"{self._settings.prefix}/events", payload, 1, retain=False, message=message)

    def settle(self) -> None:
        """Look at the PUBACKs that have come."""
        delivered: list[int] = []
        for mid, refusal in self._link.acks:
            sent = self._on_wire.pop(mid, None)
            if sent is None:  # QoS 0: paho reports it as soon as it is on the wire
                continue
            parcel = sent.parcel
            while self._large and self._large[0][0] <= sent.number:
                self._large.popleft()  # the broker works through packets in order, so it has those before as well
            if parcel.retain and not parcel.payload:
                self.cleared.append(parcel.topic)
                if refusal is not None:
                    log.warning("the broker does not let us clear %s: %s", parcel.topic, refusal)
                continue
            if refusal is not None:
                self._refuse(parcel, refusal)
                continue
            self._fault_of_topic.pop(parcel.topic, None)
            if parcel.message is not None:
                delivered.append(parcel.message.id)
                self._note_latency(parcel.message)
        self._link.acks.clear()
        if delivered:
            self._queue.delivered("mqtt", delivered)

    def _note_latency(self, message: Message) -> None:
        """From the capture of what it tells to its PUBACK; what waited for a broker is not the way's own time."""
        if self._clock.monotonic() <= message.fresh_until and not message.payload["replayed"]:
            self._latency.add("capture_to_puback", max(0.0, self._clock.wall() - message.payload["captured_at"]))

    def check_overdue(self) -> None:
        """Raises LinkError if a PUBACK takes too long."""
        # Sent in order, so the first is the oldest.
        oldest = next(iter(self._on_wire.values()), None)
        if oldest is not None and self._clock.monotonic() - oldest.at > self._settings.ack_timeout:
            address, limit = self._settings.address, self._settings.ack_timeout
            raise LinkError(f"the broker at {address} has acknowledged nothing for {limit:.0f} s")

    def _refuse(self, parcel: Parcel, reason: str) -> None:
        if parcel.topic not in self._fault_of_topic:
            log.warning("the broker refuses %s: %s", parcel.topic, reason)
        self._fault_of_topic[parcel.topic] = reason
        message = parcel.message
        if message is not None and not self._queue.refused("mqtt", message.id, reason):
            self._refused.append((self._clock.monotonic() + self._settings.retry, message))

    def end(self, fault: LinkError) -> None:
        """The connection is lost: settle what was still heard, so that it is not sent again."""
        self.settle()
        if fault.blames_message:
            # The broker works through messages in order, so it means the oldest that it has not acknowledged.
            for sent in tuple(self._on_wire.values())[:1]:
                self._refuse(sent.parcel, str(fault))

    def patience(self) -> float:
        """Seconds that the thread may sleep with nothing coming in."""
        now = self._clock.monotonic()
        due = [when for when, _ in self._refused[:1]]
        if 0.0 < self._look_at < float("inf"):
            due.append(self._look_at)
        return max(0.0, min([1.0, *(when - now for when in due)]))
