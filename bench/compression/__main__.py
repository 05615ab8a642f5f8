"""`python -m bench.compression [--json] [NAME...]`: what packed models are worth, beside what was published."""

from __future__ import annotations

from bench.compression import coder, hostile
from bench.run import run
from bench.table import Measure

MEASURES: dict[str, Measure] = {
    "coder": coder.speed,
    "entropy": coder.overhead,
    "hostile": hostile.hostile,
}

run(MEASURES, "Measure every figure of packed models: sizes, errors, speed, loading, hostile files.")
