"""What the steering has counted, as the daemon's metrics have it."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from edge.config.schema import Node
from edge.steer.tally import BOUNDS_S, Tally
from edge.steer.wheel import figures
from tests.support.broker import eventually
from tests.support.driving import driving
from tests.support.film import film


def test_latencies_fill_a_histogram_that_only_grows() -> None:
    tally = Tally()
    for latency_s in (BOUNDS_S[0], BOUNDS_S[0] + 1e-6, BOUNDS_S[-1] + 1):
        tally.acted(latency_s, 0.0)
    counts = [count for _, count in tally.figures()["latency"]["le"]]
    assert counts == [1, *[2] * (len(BOUNDS_S) - 1)], "a bound belongs to what lies below it"
    assert tally.figures()["latency"]["count"] == 3


def test_a_drive_tells_latency_cycles_and_what_the_gate_said(tmp_path: Path) -> None:
    clip = film(tmp_path / "road.mp4", pictures=300, fps=30, w=64)
    settings = f'[steer]\nsource = "file:{clip}"\nloop = true\n'
    with driving(tmp_path, settings, "--pilot", "tests.support.pilots:steer") as drive:
        drive.engaged()
        first = figures(drive.node)
        assert first["state"] == "engaged"
        assert first["latency"]["count"] == first["frames"] > 0
        assert 0 < first["latency"]["sum"] / first["latency"]["count"] < 1
        assert sum(first["gate"].values()) == first["cycles"]
        assert first["gate"]["ok"] > 0
        os.kill(drive.loop, signal.SIGKILL)
        eventually(lambda: figures(drive.node)["restarts"] == 1, 20)
        after = figures(drive.node)
        assert after["gate"]["timeout"] + after["gate"]["none"] > 0
        assert after["silent"] > first["silent"]
        summary = drive.ended()
    assert summary["cycles"] >= after["cycles"]
    assert figures(drive.node) == {}


def test_of_a_car_that_nothing_steers_there_are_no_figures(tmp_path: Path) -> None:
    assert figures(Node(data=tmp_path)) == {}
