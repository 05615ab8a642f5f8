"""Several cameras on one engine: what they get together, how evenly, and what one more costs in memory."""

from __future__ import annotations

import json
import re
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from bench.places import YOLOX, edge, footage
from bench.running import TFLITE, clip_at_640, daemon, settings_file
from bench.table import Missing, Row, at_least, at_most

ROUNDS = 5
SETTLE_S = 8.0


def rates() -> Iterator[Row]:
    """One stream and four by turns, YOLOX on onnxruntime, every picture inferred; medians of five rounds."""
    clip = footage("onebyone_A")
    if not YOLOX.is_file():
        raise Missing(f"{YOLOX.name} beside the checkout, in ../shared/data")
    turns = ",".join(["1,4"] * ROUNDS)
    arguments = ("--engine", "onnxruntime", "--streams", turns, "--clip", clip, "--seconds", 4, "--json")
    rows = json.loads(edge("bench", YOLOX, *arguments))["streams"]
    pairs = list(zip(rows[::2], rows[1::2], strict=True))
    together = statistics.median(four["total"] / one["total"] for one, four in pairs)
    even = statistics.median(min(four["fps"]) / max(four["fps"]) for _, four in pairs)
    yield at_least("4 streams through one engine, total over one stream's rate", together, 0.97, " x")
    yield at_least("4 streams through one engine, the slowest over the fastest", even, 0.9, " x")


def memory() -> Iterator[Row]:
    """Resident memory of a daemon with one camera of 640x480 and with five, SSD on tflite: what each of four adds."""
    with tempfile.TemporaryDirectory(prefix="edge-bench-") as name:
        clip = clip_at_640(Path(name))
        held = [_resident_mb(Path(name) / str(cameras), clip, cameras) for cameras in (1, 5)]
    yield at_most("memory that a further stream of 640x480 takes", (held[1] - held[0]) / 4, 12, " MB")


def _resident_mb(folder: Path, clip: Path, cameras: int) -> float:
    folder.mkdir()
    names = [f"camera{i}" for i in range(cameras)]
    with daemon(settings_file(folder, clip, TFLITE, names)) as (process, _):
        time.sleep(SETTLE_S)
        status = Path(f"/proc/{process.pid}/status").read_text()
    return int(re.findall(r"VmRSS:\s+(\d+)", status)[0]) / 1024
