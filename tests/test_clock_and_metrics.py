"""Clocks and durations."""

from __future__ import annotations

from edge.clock import SystemClock, synchronised
from edge.metrics import Stages


def test_the_systems_clock_runs() -> None:
    clock = SystemClock()
    assert clock.monotonic() <= clock.monotonic()
    assert clock.wall() > 1_700_000_000


def test_whether_the_clock_is_kept_is_known_here() -> None:
    assert synchronised() in (True, False)


def test_stages_give_medians_and_forget_what_is_old() -> None:
    stages = Stages(keep=100)
    for i in range(1, 201):
        stages.add("infer", i / 1e3)
    summary = stages.summary()["infer"]
    assert summary["p50"] == 150
    assert 194 <= summary["p95"] <= 196
    everything = Stages(keep=None)
    for _ in range(1000):
        everything.add("x", 0.001)
    assert everything.summary()["x"]["sum"] == 1000
