"""Where the time goes: durations by stage, cheap enough for every frame."""

from __future__ import annotations

from array import array
from collections import deque


class Stages:
    """Durations of named stages. Written by one thread; `summary` may be called from any.

    Args:
        keep: how many of the newest durations a stage remembers; None keeps all (a replay)
    """

    def __init__(self, keep: int | None = 512) -> None:
        self._keep = keep
        self._seconds: dict[str, array[float] | deque[float]] = {}

    def add(self, name: str, seconds: float) -> None:
        """Note one duration."""
        stage = self._seconds.get(name)
        if stage is None:
            stage = self._seconds[name] = array("d") if self._keep is None else deque(maxlen=self._keep)
        stage.append(seconds)

    def summary(self) -> dict[str, dict[str, float]]:
        """Of each stage: `p50`, `p95` and `sum` in milliseconds, over what is remembered."""
        return {name: _spread(list(stage)) for name, stage in list(self._seconds.items())}


def _spread(seconds: list[float]) -> dict[str, float]:
    ordered = sorted(seconds)
    last = len(ordered) - 1
    return {
        "p50": round(ordered[last // 2] * 1e3, 4),
        "p95": round(ordered[round(last * 0.95)] * 1e3, 4),
        "sum": round(sum(ordered) * 1e3, 3),
    }
