"""Orders over MQTT: in their order, in threads of their own; disarming waits for no order to arm that hangs."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from edge.relay import MOST, TOPIC, Relay
from edge.supervisor import Supervisor
from tests.support.broker import eventually

ARM, ARM_HOME, DISARM, WRONG = b"ARM_AWAY", b"ARM_HOME", b"DISARM", b'{"action": "DISARM", "code": "1"}'


class Slow:
    """Does commands; those in `hangs` only once they are let go."""

    def __init__(self) -> None:
        self.hangs: dict[bytes, threading.Event] = {}
        self.begun: list[bytes] = []
        self.done: list[bytes] = []
        self.failures: list[str] = []

    def heard(self, topic: str, payload: bytes) -> bool:
        self.begun.append(payload)
        if payload in self.hangs:
            assert self.hangs[payload].wait(10)
        self.done.append(payload)
        return payload != WRONG

    def retained(self, topic: str) -> None:
        self.failures.append("retained")

    def failed(self, topic: str, why: str) -> None:
        self.failures.append(why)


@pytest.fixture
def ears() -> Slow:
    return Slow()


@pytest.fixture
def relay(ears: Slow) -> Iterator[Relay]:
    supervisor, relay = Supervisor(), Relay(ears, patience=0.05)
    relay.start(supervisor)
    yield relay
    for event in ears.hangs.values():
        event.set()
    relay.stop(supervisor, 5)


def test_orders_are_done_as_they_came_and_all_else_at_once(relay: Relay, ears: Slow) -> None:
    orders = [DISARM, ARM, DISARM, ARM_HOME, WRONG] * 4
    for order in orders:
        relay.heard(TOPIC, order)
        eventually(lambda: not relay._orders)
    assert ears.done == orders
    relay.heard("porch/motion/set", b"ON")
    assert ears.done[-1] == b"ON"


def test_no_order_that_hangs_holds_the_caller_and_disarming_waits_for_none_to_arm(relay: Relay, ears: Slow) -> None:
    ears.hangs[ARM] = threading.Event()
    for order in (ARM, ARM_HOME, WRONG, DISARM):
        relay.heard(TOPIC, order)
    eventually(lambda: ears.done == [WRONG, DISARM])
    ears.hangs[ARM].set()
    eventually(lambda: not relay._orders)
    assert ears.done == [WRONG, DISARM, ARM], "what was to arm before the owner disarmed arms no more"
    assert ears.failures == ["an order that came later was done before it"]


def test_a_refusal_takes_no_order_back(relay: Relay, ears: Slow) -> None:
    ears.hangs[ARM] = threading.Event()
    for order in (ARM, ARM_HOME, WRONG):
        relay.heard(TOPIC, order)
    eventually(lambda: ears.done == [WRONG])
    ears.hangs[ARM].set()
    eventually(lambda: ears.done == [WRONG, ARM, ARM_HOME])
    assert ears.failures == []


def test_what_arms_waits_for_the_disarming_before_it(relay: Relay, ears: Slow) -> None:
    ears.hangs[DISARM] = threading.Event()
    relay.heard(TOPIC, DISARM)
    relay.heard(TOPIC, ARM)
    eventually(lambda: ears.begun == [DISARM])
    ears.hangs[DISARM].set()
    eventually(lambda: ears.done == [DISARM, ARM])


def test_of_a_flood_the_rest_is_counted(relay: Relay, ears: Slow) -> None:
    ears.hangs[DISARM] = threading.Event()
    for _ in range(MOST + 3):
        relay.heard(TOPIC, DISARM)
    assert ears.failures == ["too many orders wait"] * 3
