"""What one look of the doctor comes to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

Grade: TypeAlias = Literal["ok", "warn", "fail"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """One thing that was looked at.

    grade: `warn` works and could be better, `fail` keeps something from working
    found: what it is like, one line
    advice: what to do about it; None where all is well
    """

    name: str
    grade: Grade
    found: str
    advice: str | None = None
