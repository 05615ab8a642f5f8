"""What the MQTT sink is told."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal


@dataclass(frozen=True, slots=True)
class TlsSettings:
    """TLS to the broker. Without `ca` the system's certificates are trusted.

    cert, key: of this client, where the broker asks for them
    insecure: take any certificate; for a test set-up only
    """

    ca: Path | None = None
    cert: Path | None = None
    key: Path | None = None
    insecure: bool = False


@dataclass(frozen=True, slots=True)
class MqttSettings:
    """Where the broker is and how to deal with it; times in seconds.

    prefix: of every topic
    protocol: 5, or 311 for MQTT 3.1.1 (which tells nobody when its ACL drops a message)
    keepalive: of the connection; a silent broker is noticed within twice this
    ack_timeout: an answer (CONNACK, PUBACK) that takes longer counts as a lost connection
    connect_timeout: of TCP and of the TLS handshake, each
    window: publishes with QoS 1 on their way at a time; the broker may set a lower limit
    back_off: shortest and longest pause between connections
    retry: pause before a refused message is tried again
    stats_interval: of `<prefix>/stats`
    drain, farewell: at a clean stop, how long to go on sending and how long to wait for the PUBACK of `stopped`
    """

    host: str
    port: int = 1883
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    prefix: str = "edge"
    tls: TlsSettings | None = None
    protocol: Literal[5, 311] = 5
    keepalive: int = 10
    ack_timeout: float = 10.0
    connect_timeout: float = 5.0
    window: int = 20
    back_off: tuple[float, float] = (1.0, 10.0)
    retry: float = 1.0
    stats_interval: float = 60.0
    drain: float = 0.7
    farewell: float = 1.0

    @property
    def address(self) -> str:
        """host:port, for people."""
        return f"{self.host}:{self.port}"
