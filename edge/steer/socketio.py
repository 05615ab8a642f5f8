"""The packets that the Udacity simulator speaks: Engine.IO 3 with Socket.IO 2 in it, over a WebSocket alone.

Source: Engine.IO protocol, revision 3, and socket.io-protocol, revision 4. The simulator writes `EIO=4` into its
address and speaks 3 all the same: it sends the pings, and a server that sends some confuses it.
"""

from __future__ import annotations

import json
import re
import secrets
from typing import Any

PING, PONG = "2", "3"
CONNECTED = "40"
PING_MS, PATIENCE_MS = 25_000, 60_000
_EVENT = re.compile(r"42(?:/[^,\[]*,)?\d*(?P<body>\[.*)", re.DOTALL)


def hello() -> str:
    """The first packet of a connection: its id, and how often the other side is to ping."""
    told = {"sid": secrets.token_hex(10), "upgrades": [], "pingInterval": PING_MS, "pingTimeout": PATIENCE_MS}
    return "0" + json.dumps(told)


def event(name: str, data: dict[str, Any]) -> str:
    """A packet with an event."""
    return "42" + json.dumps([name, data])


def heard(packet: str) -> tuple[str, Any] | None:
    """The name and the data of an event; None for a packet that is none. What cannot be read has the name ``."""
    found = _EVENT.fullmatch(packet)
    if found is None:
        return ("", None) if packet.startswith("42") else None
    try:
        body = json.loads(found["body"])
    except (ValueError, RecursionError):
        return "", None
    if not body or not isinstance(body[0], str):
        return "", None
    return body[0], body[1] if len(body) > 1 else None
