"""How well the loop runs: cycles, those that were missed, and the time from a picture to the actuator."""

from __future__ import annotations

from collections import deque
from typing import Any, get_args

import numpy as np

from edge.steer.gate import Reason

BOUNDS_S = (0.005, 0.01, 0.015, 0.02, 0.025, 0.03, 0.04, 0.05, 0.075, 0.1, 0.15, 0.25)
"""Of the histogram of latencies; a camera at 30 Hz alone takes up to 0.033."""
KEPT = 100_000
"""Newest latencies that count: over half an hour at 50 Hz."""


class Tally:
    """Figures of one run.

    Attributes:
        latency_ms: of the newest picture that was acted upon, from its exposure to the actuator; None before the first
    """

    def __init__(self) -> None:
        self.cycles = self.missed = self.silent = self.refused = self.frames = self.restarts = 0
        self.latency_ms: float | None = None
        self._reasons = dict.fromkeys(get_args(Reason), 0)
        self._within = [0] * len(BOUNDS_S)
        self._sum_s = 0.0
        self._latencies: deque[float] = deque(maxlen=KEPT)
        self._infer: deque[float] = deque(maxlen=KEPT)

    def cycle(self, reason: Reason, heard: bool) -> None:
        """A cycle is over. reason: the gate's; heard: whether a command came in it."""
        self.cycles += 1
        self.silent += not heard
        self.refused += heard and reason != "ok"
        self._reasons[reason] += 1

    def acted(self, latency_s: float, infer_s: float) -> None:
        """A new picture has reached the actuator."""
        self.frames += 1
        self.latency_ms = round(latency_s * 1000, 2)
        self._latencies.append(latency_s)
        self._sum_s += latency_s
        for k, bound in enumerate(BOUNDS_S):
            self._within[k] += latency_s <= bound
        self._infer.append(infer_s)

    def figures(self) -> dict[str, Any]:
        """What has been counted since the start, as metrics want it.

        `gate`: cycles by what the gate said; `latency`: a histogram, `le` the pairs of a bound and how many latencies
        were no longer, `sum` and bounds in seconds, `count` of all.
        """
        return {
            "cycles": self.cycles,
            "missed": self.missed,
            "silent": self.silent,
            "frames": self.frames,
            "restarts": self.restarts,
            "gate": dict(self._reasons),
            "latency": {
                "le": list(zip(BOUNDS_S, self._within, strict=True)),
                "sum": round(self._sum_s, 6),
                "count": self.frames,
            },
        }

    def summary(self) -> dict[str, Any]:
        """As the command prints it; milliseconds.

        `missed`: cycles that the loop left out since it was late; `silent`: cycles in which the parent heard nothing;
        `refused`: commands that the gate refused.
        """
        return {
            "cycles": self.cycles,
            "missed": self.missed,
            "silent": self.silent,
            "refused": self.refused,
            "frames": self.frames,
            "restarts": self.restarts,
            "latency_ms": _quantiles(self._latencies),
            "infer_ms": _quantiles(self._infer),
        }


def _quantiles(seconds: deque[float]) -> dict[str, float] | None:
    if not seconds:
        return None
    p50, p95, p99, most = (np.percentile(list(seconds), (50, 95, 99, 100)) * 1000).tolist()
    return {"p50": round(p50, 2), "p95": round(p95, 2), "p99": round(p99, 2), "max": round(most, 2)}
