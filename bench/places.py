"""Where footage, models and the command are."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from bench.table import Missing

EDGE = Path(sys.executable).with_name("edge")
DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
SSD = DATA / "models" / "coco_ssd_mobilenet_v1_1.0_quant_2018_06_29.tflite"
MOVENET = DATA / "models" / "movenet_single_pose_lightning_ptq.tflite"
YOLOX = DATA / "models" / "yolox_nano_416.onnx"
PAIRS = ((SSD, "tflite"), (YOLOX, "onnxruntime"), (YOLOX, "openvino"))


def footage(name: str) -> Path:
    """A clip with labels. Raises Missing where it is not here."""
    clip = DATA / "footage" / f"{name}.mp4"
    if not clip.is_file():
        raise Missing(f"footage {name}.mp4 beside the checkout, in ../shared/data")
    return clip


def edge(*arguments: object) -> str:
    """What the command prints; it must succeed."""
    done = subprocess.run([EDGE, *map(str, arguments)], capture_output=True, text=True)
    if done.returncode == 3:
        raise Missing(done.stderr.strip().removeprefix("edge: "))
    if done.returncode:
        raise SystemExit(f"edge {' '.join(map(str, arguments))}: {done.stderr.strip()}")
    return done.stdout


def replay(clip: Path, *arguments: object) -> tuple[list[dict[str, Any]], dict[str, Any], list[dict[str, Any]], bytes]:
    """Events, summary, trace and raw bytes of a replay."""
    with tempfile.TemporaryDirectory(prefix="edge-bench-") as name:
        folder = Path(name)
        events, summary, trace = (folder / part for part in ("events", "summary", "trace"))
        edge("replay", clip, "--events", events, "--summary", summary, "--trace", trace, *arguments)
        raw = events.read_bytes()
        lines = [json.loads(text) for text in raw.splitlines()]
        frames = [json.loads(text) for text in trace.read_bytes().splitlines()]
        return lines, json.loads(summary.read_text()), frames, raw
