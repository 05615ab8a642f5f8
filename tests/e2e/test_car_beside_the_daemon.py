"""The daemon's metrics have what the steering beside it has counted, and say so where none runs."""

from __future__ import annotations

import re
from pathlib import Path

import httpx

from tests.support.broker import eventually, free_port
from tests.support.daemon import Daemon
from tests.support.driving import driving
from tests.support.film import film


def test_latency_from_exposure_to_actuator_is_a_metric_of_the_daemon(tmp_path: Path) -> None:
    clip = film(tmp_path / "road.mp4", pictures=300, fps=30, w=64)
    steer = f'[steer]\nsource = "file:{clip}"\nloop = true\n'
    port = free_port()
    camera = '[[camera]]\nname = "hall"\nsource = "synthetic:"\nlabels = ["motion"]\n'
    daemon = Daemon(tmp_path, f"{camera}[web]\nport = {port}\nmetrics = true\n{steer}")

    def read() -> str:
        return httpx.get(f"http://127.0.0.1:{port}/metrics").text

    daemon.start()
    try:
        assert "edge_steer_up 0" in read()
        with driving(tmp_path, steer, "--pilot", "tests.support.pilots:steer") as drive:
            drive.engaged()
            text = read()
            assert "edge_steer_up 1" in text
            assert 'edge_steer_state{state="engaged"} 1' in text
            counted = re.findall(r'edge_steer_latency_seconds_bucket{le="\+Inf"} (\d+)', text)
            assert int(counted[0]) > 0
            eventually(lambda: f'_bucket{{le="+Inf"}} {counted[0]}\n' not in read())
        assert "edge_steer_up 0" in read()
    finally:
        daemon.stop()
