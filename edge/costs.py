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
from edge.crops import TABLE_COST, Cost, Crop
from edge.predictor import Predictor

log = logging.getLogger(__name__)

FILE = "costs.json"
RUNS = 5


class Costs:
    """The costs of a model of open size, by the engine that serves: called by cameras at each look.

    An engine that nobody measured yet (it stands in, or was being prepared at the start) costs what the table says.

    Args:
        predictor: whose runner tells which engine serves
        threads: of one inference; another number is another cost
    """

    def __init__(self, predictor: Predictor, threads: int) -> None:
        self._predictor, self._threads = predictor, threads
        root = cache_root()
        self._path = None if root is None else root / FILE
        self._stored = {} if self._path is None else _read(self._path)
        self._known: dict[str, Cost] = {}

    def __call__(self) -> Cost:
        """Of the engine that serves now. Any thread."""
        engine = self._predictor.runner.name
        if engine not in self._known:
            fixed = self._stored.get(self._key(engine))
            known = isinstance(fixed, (int, float)) and 0 <= fixed <= 1
            self._known[engine] = Cost(fixed) if known and fixed is not None else TABLE_COST
        return self._known[engine]

    def measure(self) -> None:
        """Measure the engine that serves, unless it was before: some runs on zeros, a second in all on a small board.

        Before others use it. Raises EngineError if the model cannot be run.
        """
        ref = self._predictor.ref
        if self() is not TABLE_COST:
            return
        fixed = _measured(self._predictor)
        if self._predictor.ref.engine != ref.engine:
            return  # another one took over: the figure is nobody's
        log.info("%s on %s: %.0f %% of an inference do not shrink with the picture", ref.name, ref.engine, fixed * 100)
        self._known[ref.engine] = Cost(fixed)
        if self._path is not None:
            _write(self._path, {**_read(self._path), self._key(ref.engine): round(fixed, 3)})

    def _key(self, engine: str) -> str:
        return f"{self._predictor.model.sha256[:16]} {engine} {self._threads}"


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
    except (OSError, ValueError, RecursionError):
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
