"""Who did what to the alarm: one line of its audit log."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One thing that was done to the alarm, tried, or done by it.

    at: Unix time of the machine's clock, right or wrong
    clock_ok: whether that clock was synchronised
    what: `arm_home`, `arm_away`, `arm_night`, `disarm`, `panic`, `armed`, `triggered`, `over`, `lockout`, `start`
    by: the name of the code that was given, None without one
    source: where it came from: `mqtt`, `web ADDRESS`, `the command line (user N, process N)`, `schedule`, `alarm`
    result: `done`, or why not; never a code
    """

    at: float
    clock_ok: bool
    what: str
    by: str | None
    source: str
    result: str

    def payload(self) -> dict[str, Any]:
        """As JSON: `edge alarm log --json`, the page."""
        return {
            "at": round(self.at, 3),
            "clock_ok": self.clock_ok,
            "what": self.what,
            "by": self.by,
            "from": self.source,
            "result": self.result,
        }
