"""`python -m bench.compression [--json] [NAME...]`: what packed models are worth, beside what was published."""

from __future__ import annotations

from bench.compression import coder, convnet, filters, hostile, latency, lenet, load, sizes
from bench.run import run
from bench.table import Measure

MEASURES: dict[str, Measure] = {
    "lenet-300-100": lenet.lenet_300_100,
    "lenet-5": lenet.lenet_5,
    "convnet": convnet.convnet,
    "int8-squeezenet": latency.squeeze,
    "int8-yolox": latency.yolox,
    "filters": filters.filters,
    "coder": coder.speed,
    "entropy": coder.overhead,
    "identical": sizes.identical,
    "lossy": sizes.lossy,
    "detector": sizes.detector,
    "load": load.load,
    "hostile": hostile.hostile,
}

run(MEASURES, "Measure every figure of packed models: sizes, errors, speed, loading, hostile files.")
