"""Nothing but a hand leads towards engaged."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from edge.steer.states import ORDERS, Order, States


def test_the_way_to_engaged_and_back() -> None:
    states = States()
    assert not states.order("ENGAGE")
    assert states.reason == "ENGAGE refused: it is disarmed, ARM comes first"
    assert states.order("ARM")
    assert states.order("ENGAGE")
    assert states.state == "engaged"
    assert states.order("DISARM")
    assert states.state == "disarmed"


def test_a_fault_stays_until_a_hand_comes() -> None:
    states = States()
    states.order("ARM")
    states.order("ENGAGE")
    assert states.fault("nan")
    assert not states.order("ENGAGE")
    assert (states.state, states.reason) == ("fault", "nan")
    assert not states.order("ARM", hindrance="no picture")
    assert states.order("ARM")
    assert states.state == "armed"


def test_an_emergency_stop_is_latched_from_anywhere() -> None:
    states = States()
    states.order("ESTOP")
    assert states.state == "fault"
    assert not states.order("ENGAGE")


def test_who_lets_go_can_engage_again() -> None:
    states = States()
    states.order("ARM")
    assert not states.order("ENGAGE", held=False)
    states.order("ENGAGE")
    assert states.release()
    assert states.state == "armed"


class Anything(RuleBasedStateMachine):
    """Orders and faults in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.states = States()
        self.before = self.states.state

    @rule(order=st.sampled_from(ORDERS), hindrance=st.sampled_from([None, "no picture"]), held=st.booleans())
    def order(self, order: Order, hindrance: str | None, held: bool) -> None:
        before = self.states.state
        self.states.order(order, hindrance=hindrance, held=held)
        if self.states.state == "engaged" and before != "engaged":
            assert (before, order, hindrance, held) == ("armed", "ENGAGE", None, True)
        if before == "fault" and self.states.state != "fault":
            assert order in ("DISARM", "ARM")

    @rule(which=st.sampled_from(["fault", "disarm", "release"]))
    def event(self, which: str) -> None:
        before = self.states.state
        changed = {
            "fault": lambda: self.states.fault("x"),
            "disarm": lambda: self.states.disarm("x"),
            "release": self.states.release,
        }[which]()
        assert changed == (self.states.state != before)
        assert self.states.state != "engaged" or (before == "engaged" and not changed)
        if before == "fault":
            assert self.states.state == "fault"

    @invariant()
    def it_says_why(self) -> None:
        assert self.states.reason


TestAnything = Anything.TestCase
