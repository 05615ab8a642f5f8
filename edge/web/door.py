"""How many may be connected at once: a peer that opens sockets must not use up those of the cameras and the disk."""

from __future__ import annotations

import socket
from collections import Counter
from typing import Any
from weakref import WeakKeyDictionary

from edge.web.throttle import household

CONNECTIONS = 96
OF_ONE_ADDRESS = 32
"""Several browsers of six connections each. Loopback may have all: a reverse proxy speaks for everybody."""
LOOPBACK = frozenset(map(household, ("127.0.0.1", "::1")))
REFUSALS = 64
"""Hung up on in one go; the next go comes when the requests that wait have had their turn."""


class Door(socket.socket):
    """A listening socket that hangs up on whoever comes when all seats are taken, or too many of its own.

    It counts sockets, not requests, so that a connection in its TLS handshake has a seat like any other.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._seats: WeakKeyDictionary[socket.socket, str] = WeakKeyDictionary()

    def accept(self) -> tuple[socket.socket, Any]:
        """As a socket does, but never a connection that has no seat. Raises BlockingIOError if nobody waits."""
        for _ in range(REFUSALS):
            guest, address = super().accept()
            who = household(str(address[0]))
            taken = Counter(who for seat, who in self._seats.items() if seat.fileno() >= 0)
            if taken.total() < CONNECTIONS and (taken[who] < OF_ONE_ADDRESS or who in LOOPBACK):
                self._seats[guest] = who
                return guest, address
            guest.close()
        raise BlockingIOError
