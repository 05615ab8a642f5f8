"""How many may be connected at once: a peer that opens sockets must not use up those of the cameras and the disk."""

from __future__ import annotations

import contextlib
import socket
from collections import Counter
from collections.abc import Callable, Set
from typing import Any
from weakref import WeakKeyDictionary, WeakSet

from edge.addresses import household

CONNECTIONS = 96
OF_ONE_ADDRESS = 32
"""Several browsers of six connections each. Loopback may have all: a reverse proxy speaks for everybody."""
LOOPBACK = frozenset(map(household, ("127.0.0.1", "::1")))
REFUSALS = 64
"""Hung up on in one go; the next go comes when the requests that wait have had their turn."""

LEAVING = 16
"""Connections that were told to go and have not gone yet, at most: their descriptors come on top of the seats'."""


class Door(socket.socket):
    """A listening socket that hangs up on whoever comes when all seats are taken, or too many of its own.

    It counts sockets, not requests, so that a connection in its TLS handshake has a seat like any other. When all are
    taken, one without a session gives way to whoever comes from an address that has fewer of them: the oldest of the
    address that has most, so that a crowd thins out its own ranks, and the owner's first visit is not among them.

    members: descriptors of the connections that have a session; they keep their seats
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._seats: WeakKeyDictionary[socket.socket, str] = WeakKeyDictionary()
        self._leaving: WeakSet[socket.socket] = WeakSet()
        self.members: Callable[[], Set[int]] = frozenset

    def accept(self) -> tuple[socket.socket, Any]:
        """As a socket does, but never a connection that has no seat. Raises BlockingIOError if nobody waits."""
        for _ in range(REFUSALS):
            guest, address = super().accept()
            who = household(str(address[0]))
            if self._has_room(who):
                self._seats[guest] = who
                return guest, address
            guest.close()
        raise BlockingIOError

    def _has_room(self, who: str) -> bool:
        there = [(seat, owner) for seat, owner in self._seats.items() if seat.fileno() >= 0]
        staying = [(seat, owner) for seat, owner in there if seat not in self._leaving]
        taken = Counter(owner for _, owner in staying)
        if taken[who] >= OF_ONE_ADDRESS and who not in LOOPBACK:
            return False
        if taken.total() < CONNECTIONS:
            return True
        members = self.members()
        strangers = [(seat, owner) for seat, owner in staying if seat.fileno() not in members]
        if not strangers or len(there) - len(staying) >= LEAVING:
            return False
        crowds = Counter(owner for _, owner in strangers)
        largest = max(crowds.values())
        if crowds[who] and crowds[who] + 1 >= largest and who not in LOOPBACK:
            return False  # it would only push others of its kind about, and the owner out of the queue
        self._send_away(next(seat for seat, owner in strangers if crowds[owner] == largest))
        return True

    def _send_away(self, seat: socket.socket) -> None:
        """The event loop, whose socket it is, sees it end and closes it."""
        self._leaving.add(seat)
        with contextlib.suppress(OSError):
            seat.shutdown(socket.SHUT_RDWR)
