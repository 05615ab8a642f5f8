"""`python -m bench.compression [--json] [NAME...]`: what packed models are worth, beside what was published."""

from __future__ import annotations

from bench.compression import coder, convnet, filters, hostile, latency, lenet, load, sizes
from bench.run import run
from bench.table import Measure

MEASURES: dict[str, Measure] = {
    "lenet": lenet.lenets,
    "convnet": convnet.convnet,
    "int8-squeezenet": latency.squeeze,
    "int8-yolox": latency.yolox,
    "coder": coder.speed,
    "entropy": coder.overhead,
    "identical": sizes.identical,
    "lossy": sizes.lossy,
    "detector": sizes.detector,
    "load": load.load,
    "hostile": hostile.hostile,
}
MORE: dict[str, Measure] = {"filters": filters.filters}

run(MEASURES, "Measure every figure of packed models: sizes, errors, speed, loading, hostile files.", MORE)
