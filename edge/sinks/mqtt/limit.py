"""How large a packet the broker takes, where it does not say so: MQTT 3.1.1 has no words for it, it just hangs up."""

from __future__ import annotations

import logging

from edge.clock import Clock

log = logging.getLogger(__name__)

UNLIMITED = 268_435_455
"""What fits the length field (MQTT 5, 1.5.5)."""
PLAUSIBLE = 4096
"""No broker is taken to refuse packets as small as this: something else ended the connection."""
LOSSES = 3
FORGOTTEN_S = 86_400.0
"""A network that failed three times at the wrong moment is not held against a large packet for longer."""


class Limit:
    """Learns from connections that were lost while the largest packet on its way was not known to have arrived.

    bytes: what a packet may have
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._losses = 0
        self._learned_at = 0.0
        self.bytes = UNLIMITED

    def begin(self) -> int:
        """A new connection; returns the limit for it."""
        if self._clock.monotonic() - self._learned_at > FORGOTTEN_S:
            self.bytes = UNLIMITED
        return self.bytes

    def lost(self, largest: int) -> None:
        """A connection is lost. largest: bytes of the largest packet whose arrival is not certain, 0 for none."""
        if largest <= PLAUSIBLE:
            self._losses = 0
            return
        self._losses += 1
        # Once a limit has shown, it is the next in size that goes: it need not prove itself three times over.
        if self._losses >= LOSSES or self.bytes < UNLIMITED:
            self._losses = 0
            self._learned_at = self._clock.monotonic()
            self.bytes = largest - 1
            log.warning("MQTT: the broker hangs up on packets of %d bytes: they are left out from now on", largest)
