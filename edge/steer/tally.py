"""How well the loop runs: cycles, those that were missed, and the time from a picture to the actuator."""

from __future__ import annotations

from collections import deque
from typing import Any

import numpy as np

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
        self._latencies: deque[float] = deque(maxlen=KEPT)
        self._infer: deque[float] = deque(maxlen=KEPT)

    def acted(self, latency_s: float, infer_s: float) -> None:
        """A new picture has reached the actuator."""
        self.frames += 1
        self.latency_ms = round(latency_s * 1000, 2)
        self._latencies.append(latency_s)
        self._infer.append(infer_s)

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
