"""Whether the car may move: disarmed, armed, engaged, fault; nothing but a hand leads towards engaged."""

from __future__ import annotations

from typing import Literal, get_args

State = Literal["disarmed", "armed", "engaged", "fault"]
Order = Literal["ARM", "ENGAGE", "DISARM", "ESTOP"]
ORDERS: tuple[Order, ...] = get_args(Order)
FIGURES = "FIGURES"
"""No order but a question: what has been counted."""
ESTOP = "emergency stop"


class States:
    """Pure. `fault` is latched: it stays until somebody orders DISARM or ARM.

    Attributes:
        state: now
        reason: why it is that, one line
    """

    def __init__(self) -> None:
        self.state: State = "disarmed"
        self.reason = "started"

    def order(self, order: Order, *, hindrance: str | None = None, held: bool = True) -> bool:
        """A hand's order.

        Args:
            hindrance: why the car cannot be driven now; refuses ARM and ENGAGE
            held: whether the dead-man input is held, True where there is none; ENGAGE wants it

        Returns:
            Whether it was followed; else `reason` says why not.
        """
        if order == "ESTOP":
            self.state, self.reason = "fault", ESTOP
            return True
        if order == "DISARM":
            self.state, self.reason = "disarmed", "disarmed by hand"
            return True
        if hindrance is not None:
            return self._refused(order, hindrance)
        if order == "ARM":
            if self.state == "engaged":
                return self._refused(order, "it is engaged")
            self.state, self.reason = "armed", "armed by hand"
            return True
        if self.state != "armed":
            return self._refused(order, f"it is {self.state}, ARM comes first")
        if not held:
            return self._refused(order, "the dead-man input is not held")
        self.state, self.reason = "engaged", "engaged by hand"
        return True

    def fault(self, reason: str) -> bool:
        """Something is wrong; True if that changes the state. Who is disarmed stays so."""
        if self.state not in ("armed", "engaged"):
            return False
        self.state, self.reason = "fault", reason
        return True

    def disarm(self, reason: str) -> bool:
        """Nobody can give orders any more; True if that changes the state. A fault stays one."""
        if self.state not in ("armed", "engaged"):
            return False
        self.state, self.reason = "disarmed", reason
        return True

    def end(self) -> None:
        """Nobody drives any more; a fault stays one."""
        if self.state != "fault":
            self.state, self.reason = "disarmed", "steering has ended"

    def release(self) -> bool:
        """The dead-man input is let go: it may be engaged again; True if that changes the state."""
        if self.state != "engaged":
            return False
        self.state, self.reason = "armed", "the dead-man input was released"
        return True

    def _refused(self, order: Order, why: str) -> bool:
        if self.state != "fault":
            self.reason = f"{order} refused: {why}"
        return False
