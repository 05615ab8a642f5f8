"""How often somebody may guess a secret: a bucket of tries an address and one for all of them together."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass

from edge.addresses import household
from edge.clock import Clock

ADDRESSES = 1024
"""Buckets kept; the address that was quiet for longest is forgotten first."""


@dataclass(frozen=True, slots=True)
class Rate:
    """burst tries at once, then one more every `every` seconds."""

    burst: int
    every: float


ONE_ADDRESS = Rate(5, 60.0)
ALL_ADDRESSES = Rate(30, 10.0)


class Throttle:
    """Token buckets. A try is paid for before the secret is looked at, so that parallel guesses gain nothing."""

    def __init__(self, clock: Clock, one: Rate = ONE_ADDRESS, everybody: Rate = ALL_ADDRESSES) -> None:
        self._clock = clock
        self._one = one
        self._everybody = everybody
        self._lock = threading.Lock()
        self._spent: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._spent_by_all = (0.0, 0.0)

    def take(self, address: str) -> float:
        """Pay for one try. Returns 0.0 if it may go on, else the seconds to wait (and nothing was paid)."""
        now = self._clock.monotonic()
        who = household(address)
        with self._lock:
            mine = _leak(self._spent.get(who, (0.0, now)), self._one, now)
            ours = _leak(self._spent_by_all, self._everybody, now)
            wait = max(_wait(mine, self._one), _wait(ours, self._everybody))
            if wait == 0.0:
                self._spent[who] = (mine + 1, now)
                self._spent.move_to_end(who)
                self._spent_by_all = (ours + 1, now)
                if len(self._spent) > ADDRESSES:
                    self._spent.popitem(last=False)
            return wait

    def forgive(self, address: str) -> None:
        """The secret was right: the address starts anew, and everybody gets that one try back."""
        with self._lock:
            self._spent.pop(household(address), None)
            spent, since = self._spent_by_all
            self._spent_by_all = (max(0.0, spent - 1), since)


class Tries:
    """Tries at the page's password. A browser that was let in before has a bucket of its own: however many strangers
    guess, and from whatever address, its owner comes in."""

    def __init__(self, clock: Clock) -> None:
        self._strangers, self._known = Throttle(clock), Throttle(clock)

    def take(self, address: str, browser: str) -> float:
        """As `Throttle.take`. browser: names one that was let in before, empty for all others."""
        return self._known.take(browser) if browser else self._strangers.take(address)

    def forgive(self, address: str, browser: str) -> None:
        """As `Throttle.forgive`."""
        return self._known.forgive(browser) if browser else self._strangers.forgive(address)


def _leak(bucket: tuple[float, float], rate: Rate, now: float) -> float:
    spent, since = bucket
    return max(0.0, spent - (now - since) / rate.every)


def _wait(spent: float, rate: Rate) -> float:
    return max(0.0, (spent + 1 - rate.burst) * rate.every)
