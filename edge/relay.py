"""Orders to the alarm that come over MQTT, on their way from the sink's thread, which no disk may hold, to the alarm.

Storing an order takes as long as the disk does, and the sink has a connection to keep meanwhile. So orders wait here
and are carried out as they came, with one exception: what disarms or calls for help waits `DISARM_S` for an order to
arm before it and no longer.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Protocol

from edge.alarm import DISARM_S, arms
from edge.supervisor import Part, Supervisor

TOPIC = "alarm/set"
MOST = 32
"""Orders that may wait; of a flood the rest is not done."""


class Ears(Protocol):
    """What does commands, and counts those that it does not do. Any thread."""

    def heard(self, topic: str, payload: bytes) -> bool:
        """Do what a command says; whether it was done."""
        ...

    def retained(self, topic: str) -> None:
        """One came that the broker retains, which is not done."""
        ...

    def failed(self, topic: str, why: str) -> None:
        """One could not be done."""
        ...


@dataclass(eq=False, slots=True)
class _Order:
    payload: bytes
    arms: bool
    begun: bool = False


class Relay:
    """Takes what comes over MQTT; `heard` and `retained` never block.

    Args:
        ears: do it: orders to the alarm in this relay's two threads, all else at once
        patience: seconds for which disarming waits for the orders before it
    """

    def __init__(self, ears: Ears, patience: float = DISARM_S) -> None:
        self._ears, self._patience = ears, patience
        self._change = threading.Condition()
        self._orders: list[_Order] = []
        self._parts: list[Part] = []

    def start(self, supervisor: Supervisor) -> None:
        """Begin to carry out orders."""
        self._parts = [
            supervisor.start("alarm: MQTT", lambda part: self._carry_out(part, arming=False)),
            supervisor.start("alarm: MQTT, arming", lambda part: self._carry_out(part, arming=True)),
        ]

    def stop(self, supervisor: Supervisor, timeout: float) -> None:
        """End the threads, in at most `timeout` seconds."""
        with self._change:
            for part in self._parts:
                part.stop.set()
            self._change.notify_all()
        supervisor.stop(self._parts, timeout)

    def heard(self, topic: str, payload: bytes) -> None:
        """Do what a command says, or have it done."""
        if topic != TOPIC:
            self._ears.heard(topic, payload)
            return
        with self._change:
            room = len(self._orders) < MOST
            if room:
                self._orders.append(_Order(payload, arms(payload)))
                self._change.notify_all()
        if not room:
            self._ears.failed(topic, "too many orders wait")

    def retained(self, topic: str) -> None:
        """A command came that the broker retains."""
        self._ears.retained(topic)

    def _carry_out(self, part: Part, *, arming: bool) -> None:
        part.waiting(float("inf"), "no order")
        while (order := self._next(part, arming)) is not None:
            done, overtaken = False, 0
            try:
                done = self._ears.heard(TOPIC, order.payload)
            finally:
                with self._change:
                    if done and not arming:
                        overtaken = self._drop_before(order)
                    self._orders.remove(order)
                    self._change.notify_all()
            for _ in range(overtaken):
                self._ears.failed(TOPIC, "an order that came later was done before it")

    def _next(self, part: Part, arming: bool) -> _Order | None:
        """The next order for one of the threads, once it is its turn; None when the part is to stop."""

        def mine() -> _Order | None:
            return next((order for order in self._orders if order.arms is arming), None)

        def free() -> bool:
            return part.stop.is_set() or (mine() is not None and self._orders[0] is mine())

        with self._change:
            self._change.wait_for(lambda: part.stop.is_set() or mine() is not None)
            self._change.wait_for(free, None if arming else self._patience)
            order = None if part.stop.is_set() else mine()
            if order is not None:
                order.begun = True
            return order

    def _drop_before(self, order: _Order) -> int:
        """Orders to arm that were given before this one and have not begun come to nothing; how many."""
        before = self._orders[: self._orders.index(order)]
        dropped = [each for each in before if each.arms and not each.begun]
        self._orders = [each for each in self._orders if each not in dropped]
        return len(dropped)
