"""What an inference on fewer pixels costs on this machine: measured once per model and engine, and stored."""

from __future__ import annotations

import json
import logging
import statistics
import time
from pathlib import Path
from typing import Any

import numpy as np

from edge.cache import cache_root
from edge.crops import Cost, Crop
from edge.predictor import Predictor

log = logging.getLogger(__name__)

FILE = "costs.json"
RUNS = 5


def cost_of(predictor: Predictor, threads: int) -> Cost:
    """The stored cost, measured first where there is none yet: some runs on zeros, a second in all on a small board.

    For a model whose sides are open, before others use its engine. Raises EngineError if the model cannot be run.
    """
    ref = predictor.ref
    key = f"{ref.sha256[:16]} {ref.engine} {threads}"
    root = cache_root()
    path = None if root is None else root / FILE
    known = {} if path is None else _read(path)
    fixed = known.get(key)
    if not isinstance(fixed, (int, float)) or not 0 <= fixed <= 1:
        fixed = _measured(predictor)
        log.info("%s on %s: %.0f %% of an inference do not shrink with the picture", ref.name, ref.engine, fixed * 100)
        if path is not None:
            _write(path, {**known, key: round(fixed, 3)})
    return Cost(float(fixed))


def _measured(predictor: Predictor) -> float:
    """Two sizes give the line between: whole = fixed + rest, part = fixed + share * rest."""
    manifest = predictor.model.manifest
    step, width, height = manifest.size_step, manifest.input.width, manifest.input.height
    half = (max(step, width // 2 // step * step), max(step, height // 2 // step * step))
    share = half[0] * half[1] / (width * height)
    if share >= 1:
        return 1.0
    whole, part = _seconds(predictor, width, height), _seconds(predictor, *half)
    return float(np.clip((part - share * whole) / ((1 - share) * whole), 0.0, 1.0))


def _seconds(predictor: Predictor, width: int, height: int) -> float:
    picture = np.zeros((height, width, 3), np.uint8)
    took = []
    for _ in range(RUNS + 1):
        begun = time.perf_counter()
        predictor.predict(picture, crop=Crop((0, 0, width, height), width, height))
        took.append(time.perf_counter() - begun)
    return statistics.median(took[1:])


def _read(path: Path) -> dict[str, Any]:
    try:
        known = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}


def _write(path: Path, known: dict[str, Any]) -> None:
    draft = path.with_suffix(".new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft.write_text(json.dumps(known, indent=1, sort_keys=True) + "\n")
        draft.replace(path)
    except OSError as fault:
        log.info("%s: not stored, measured again at the next start: %s", path, fault.strerror)
