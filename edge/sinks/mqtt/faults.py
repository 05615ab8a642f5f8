"""What can go wrong between us and a broker, in words for the owner of the device. No password is in any of them."""

from __future__ import annotations

import socket
import ssl

from edge.errors import PartError
from edge.sinks.mqtt.settings import MqttSettings

# MQTT 5, table 2-6: reason codes that are about the message on the wire, not about the connection.
BLAMES_MESSAGE = {0x81, 0x82, 0x90, 0x95, 0x99}

_REFUSED = {
    0x84: "does not speak this MQTT version; set mqtt.version",
    0x85: "refuses the client id; set another node.name",
    0x86: "refuses the user name or password; check mqtt.username and mqtt.password",
    0x87: "refuses us (not authorised); check mqtt.username and mqtt.password",
    0x8A: "has banned this client",
}
_ENDED = {
    0x8B: "is shutting down",
    0x8E: "gave our place to another client of the same name; two devices share one node.name",
    0x93: "says that we send too much at a time",
    0x95: "says that a message is too large",
}


class LinkError(PartError):
    """The connection to the broker failed; `str()` is the line for the sink's state.

    blames_message: the broker hung up because of what we sent last, not because of the connection
    """

    def __init__(self, text: str, *, blames_message: bool = False) -> None:
        super().__init__(text)
        self.blames_message = blames_message


def cannot_connect(settings: MqttSettings, fault: Exception) -> LinkError:
    """Why TCP or TLS did not come about."""
    where = settings.address
    if isinstance(fault, socket.gaierror):
        return LinkError(f"the name {settings.host} is not known (DNS); check mqtt.host and the network")
    if isinstance(fault, ConnectionRefusedError):
        return LinkError(f"no broker at {where} (connection refused); check mqtt.host and mqtt.port")
    if isinstance(fault, ssl.SSLCertVerificationError):
        return LinkError(f"TLS: the certificate of {where} is not trusted ({fault.verify_message}); check mqtt.tls.ca")
    if isinstance(fault, ssl.SSLError):
        return LinkError(f"TLS with {where} failed ({fault.reason or fault}); is this its TLS port?")
    if isinstance(fault, TimeoutError):
        return LinkError(f"{where} does not answer (timed out)")
    if isinstance(fault, FileNotFoundError | PermissionError | IsADirectoryError):
        return LinkError(f"TLS: {fault.filename or 'a certificate file'} cannot be read; check mqtt.tls")
    text = fault.strerror if isinstance(fault, OSError) else str(fault)
    return LinkError(f"no connection to {where}: {text}")


def refused(settings: MqttSettings, code: int, name: str) -> LinkError:
    """Why the broker said no in its CONNACK."""
    return LinkError(f"the broker at {settings.address} {_REFUSED.get(code, f'refuses us: {name}')}")


def ended(settings: MqttSettings, code: int | None, name: str) -> LinkError:
    """Why a connection ended. code: of the broker's DISCONNECT, None if it just went away."""
    where = settings.address
    if code is None:
        return LinkError(f"connection to {where} lost ({name})")
    return LinkError(
        f"the broker at {where} {_ENDED.get(code, f'ended the connection: {name}')}",
        blames_message=code in BLAMES_MESSAGE,
    )
