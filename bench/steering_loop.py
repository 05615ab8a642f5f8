"""The loop that steers, in the company that it has on a board: how late is the actuator, and is a cycle lost?"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from bench.places import edge
from bench.running import clip_at_640, daemon, settings_file
from bench.table import Row, at_most

SECONDS = 60
HZ = 50
BURN = "while True: pass"


def loop() -> Iterator[Row]:
    """`edge steer drive` with MainSqueeze at 50 Hz for a minute on a clip of 50 pictures a second and the null
    actuator, while another process burns a core and the daemon watches two cameras. A cycle that the loop left out, or
    in which the parent heard nothing of it, is counted; a late one is no lost one: the trace has a line of it.
    """
    with tempfile.TemporaryDirectory(prefix="edge-bench-") as name:
        folder = Path(name)
        film = road(folder / "road.mp4")
        settings = folder / "steer.toml"
        settings.write_text(
            f'[node]\ndata = "{folder}/steer"\n[steer]\nsource = "file:{film}"\nloop = true\nhz = {HZ}\n'
        )
        yield from _run("alone", settings, folder / "alone.jsonl")
        watching = folder / "daemon"
        watching.mkdir()
        file = settings_file(watching, clip_at_640(watching), "", ("door", "hall"))
        with daemon(file), _burning():
            yield from _run("beside a burning core and two cameras", settings, folder / "busy.jsonl")


def _run(where: str, settings: Path, trace: Path) -> Iterator[Row]:
    arguments = ("--seconds", SECONDS, "--trace", trace, "--engage", "--json")
    told = json.loads(edge("steer", "drive", "--config", settings, *arguments))
    lines = [json.loads(line) for line in trace.read_text().splitlines()]
    driven = [line for line in lines if line["state"] == "engaged"]
    steps = np.diff([line["t"] for line in driven]) * 1000
    yield at_most(f"steering {where}: frame to actuator, p99", told["latency_ms"]["p99"], 25, " ms")
    yield Row(
        f"steering {where}: frame to actuator, p50 and longest",
        f"{told['latency_ms']['p50']} and {told['latency_ms']['max']} ms",
    )
    infer = told["infer_ms"]
    yield Row(f"steering {where}: the pilot's step, p50 and p99", f"{infer['p50']} and {infer['p99']} ms")
    yield Row(
        f"steering {where}: cycles, left out by the loop, without its word",
        f"{told['cycles']}, {told['missed']}, {told['silent']}",
    )
    yield Row(f"steering {where}: longest time between two lines of the trace", f"{steps.max():.3g} ms")


def road(path: Path) -> Path:
    """A film: twenty seconds of noise at 320x160, 50 pictures a second."""
    random = np.random.default_rng(0)
    with av.open(str(path), "w") as made:
        stream = made.add_stream("libx264", rate=HZ, options={"preset": "ultrafast", "g": "50", "bf": "0"})
        stream.width, stream.height, stream.pix_fmt = 320, 160, "yuv420p"
        for i in range(20 * HZ):
            image = random.integers(0, 60, (160, 320, 3), dtype=np.uint8)
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts, frame.time_base = i, Fraction(1, HZ)
            made.mux(stream.encode(frame))
        made.mux(stream.encode(None))
    return path


@contextmanager
def _burning() -> Iterator[None]:
    """A process that never rests."""
    with subprocess.Popen([sys.executable, "-c", BURN]) as process:
        try:
            yield
        finally:
            process.kill()
