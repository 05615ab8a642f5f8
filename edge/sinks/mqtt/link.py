"""One MQTT connection, from CONNECT to its end; the thread that opens it does all its work.

paho is driven by its external-loop API with a fresh client for every connection: it never reconnects, resends or
reorders on its own, so that what is sent, and when, is decided in one place (`session.py`).
"""

from __future__ import annotations

import selectors
import socket
import ssl
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from edge.bell import Bell
from edge.sinks.mqtt.faults import LinkError, cannot_connect, ended, refused
from edge.sinks.mqtt.limit import UNLIMITED
from edge.sinks.mqtt.settings import MqttSettings, TlsSettings

LARGEST_HEARD = 65_536
"""Bytes of a packet that may be sent to us: commands are short."""
UNSPECIFIED = 0x80
"""What paho says of a connection that just ended."""

Heard = Callable[[str, bytes, bool], None]
"""topic, payload, retained"""


class Link:
    """A connection to the broker.

    Args:
        will: topic and payload of the Last Will, retained; None: that the device is offline

    Attributes:
        up: the CONNACK has come
        acks: PUBACKs not looked at yet: message id and, of a refusal, its reason
        unheard: subscriptions that the broker refused, with its reason
        receive_maximum, packet_maximum: the broker's limits: publishes with QoS 1 at a time, bytes of a packet
    """

    def __init__(
        self,
        settings: MqttSettings,
        client_id: str,
        subscriptions: Sequence[str],
        heard: Heard,
        will: tuple[str, str] | None = None,
    ) -> None:
        self._settings = settings
        self._subscriptions = tuple(subscriptions)
        self._heard = heard
        self._fault: LinkError | None = None
        self._selector = selectors.DefaultSelector()
        self._socket: Any = None
        self._bell: Bell | None = None
        self.up = False
        self.acks: list[tuple[int, str | None]] = []
        self.unheard: dict[str, str] = {}
        self.receive_maximum = 65_535
        self.packet_maximum = UNLIMITED
        five = settings.protocol == 5
        self._client = client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id,
            clean_session=None if five else True,
            protocol=paho.MQTTv5 if five else paho.MQTTv311,
            reconnect_on_failure=False,
        )
        client.max_inflight_messages_set(0)
        client.connect_timeout = settings.connect_timeout
        client.username_pw_set(settings.username, settings.password)
        topic, payload = will or (f"{settings.prefix}/available", "offline")
        client.will_set(topic, payload, qos=1, retain=True)
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_publish = self._on_publish
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message

    def __enter__(self) -> Link:
        return self

    def __exit__(self, kind: type[BaseException] | None, fault: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def open(self, bell: Bell) -> None:
        """Connect and send CONNECT; blocks up to the connect time-outs. Raises LinkError."""
        self._bell = bell
        self._selector.register(bell, selectors.EVENT_READ)
        settings = self._settings
        context = None
        try:
            if settings.tls is not None:
                context = _tls_context(settings.tls)
                self._client.tls_set_context(context)
                self._client.tls_insecure_set(settings.tls.insecure)
            if settings.protocol == 5:
                self._client.connect(
                    settings.host, settings.port, settings.keepalive, clean_start=True, properties=_limits()
                )
            else:
                self._client.connect(settings.host, settings.port, settings.keepalive)
        except (OSError, ValueError) as fault:
            if context is not None and context.socket is not None:
                context.socket.close()
            raise cannot_connect(settings, fault) from fault
        self._socket = self._client.socket()
        if self._socket is None:
            raise self._lost()
        # A PUBLISH must not wait for the acknowledgement of the one before (Nagle).
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._selector.register(self._socket, selectors.EVENT_READ)

    def turn(self, timeout: float) -> None:
        """Sleep until the bell, the broker or the time-out; read, write and keep alive. Raises LinkError at the end."""
        if self._client.socket() is None:
            raise self._lost()
        wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if self.congested else 0)
        self._selector.modify(self._socket, wanted)
        # TLS may hold decrypted bytes that select() cannot see.
        if isinstance(self._socket, ssl.SSLSocket) and self._socket.pending():
            timeout = 0.0
        self._selector.select(timeout)
        if self._bell is not None:
            self._bell.clear()
        self._client.loop_read()
        if self.congested:
            self._client.loop_write()
        self._client.loop_misc()
        if self._client.socket() is None:
            raise self._lost()

    @property
    def congested(self) -> bool:
        """The socket does not take more at the moment."""
        return self._client.want_write()

    def publish(self, topic: str, payload: bytes, qos: int, retain: bool) -> int:
        """Put a PUBLISH on the wire; returns its message id."""
        return self._client.publish(topic, payload, qos, retain).mid

    def disconnect(self) -> None:
        """Say goodbye, so that the broker keeps the Last Will to itself."""
        self._client.disconnect()

    def close(self) -> None:
        """Drop the connection if there still is one."""
        self._selector.close()
        # paho closes its socket only at the end of a connection that it saw end itself.
        if self._socket is not None:
            self._socket.close()

    def _lost(self) -> LinkError:
        if self._fault is not None:
            return self._fault
        hint = "closed" if self.up else "closed before it answered; does the broker expect TLS, or MQTT 3.1.1?"
        return ended(self._settings, None, hint)

    def _on_connect(
        self, client: paho.Client, userdata: Any, flags: paho.ConnectFlags, reason: ReasonCode, given: Properties | None
    ) -> None:
        if reason.is_failure:
            self._fault = refused(self._settings, reason.value, str(reason))
            return
        self.receive_maximum = getattr(given, "ReceiveMaximum", self.receive_maximum)
        self.packet_maximum = getattr(given, "MaximumPacketSize", self.packet_maximum)
        if self._subscriptions:
            if self._settings.protocol == 5:
                # Retain as published: a retained command is recognised even when it arrives as it is sent.
                options = SubscribeOptions(qos=1, retainAsPublished=True)
                client.subscribe([(topic, options) for topic in self._subscriptions])
            else:
                client.subscribe([(topic, 1) for topic in self._subscriptions])
        self.up = True

    def _on_disconnect(
        self, client: paho.Client, userdata: Any, flags: paho.DisconnectFlags, reason: ReasonCode, given: Any
    ) -> None:
        if self._fault is None and flags.is_disconnect_packet_from_server:
            self._fault = ended(self._settings, reason.value, str(reason))
        elif self._fault is None and self.up:
            why = "the broker went away" if reason.value == UNSPECIFIED else str(reason).lower()
            self._fault = ended(self._settings, None, why)

    def _on_publish(self, client: paho.Client, userdata: Any, mid: int, reason: ReasonCode, given: Any) -> None:
        self.acks.append((mid, str(reason) if reason.is_failure else None))

    def _on_subscribe(self, client: paho.Client, userdata: Any, mid: int, reasons: list[ReasonCode], _: Any) -> None:
        for topic, reason in zip(self._subscriptions, reasons, strict=False):
            if reason.is_failure:
                self.unheard[topic] = str(reason)

    def _on_message(self, client: paho.Client, userdata: Any, message: paho.MQTTMessage) -> None:
        try:
            topic = message.topic
        except UnicodeDecodeError:
            return  # the subscriptions match no such topic; a broker that sends it all the same is broken
        self._heard(topic, bytes(message.payload), message.retain)


def _limits() -> Properties:
    """What we ask of the broker: to spare us large packets (MQTT 5, 3.1.2.11.4)."""
    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
    properties.MaximumPacketSize = LARGEST_HEARD
    return properties


class _TlsContext(ssl.SSLContext):
    """Remembers its socket: paho loses sight of one whose handshake fails, and it would stay open."""

    socket: ssl.SSLSocket | None = None

    def wrap_socket(self, *args: Any, **kwargs: Any) -> ssl.SSLSocket:
        """As ssl does."""
        self.socket = super().wrap_socket(*args, **kwargs)
        return self.socket


def _tls_context(tls: TlsSettings) -> _TlsContext:
    """Raises OSError (ssl.SSLError among them) for a file that is not there or is none."""
    context = _TlsContext(ssl.PROTOCOL_TLS_CLIENT)
    if tls.ca is None:
        context.load_default_certs()
    else:
        context.load_verify_locations(tls.ca)
    if tls.cert is not None:
        context.load_cert_chain(tls.cert, tls.key)
    if tls.insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
