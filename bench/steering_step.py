"""What a picture costs until it has become steering: the whole step beside the engine's own bare call."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator
from functools import partial
from time import perf_counter
from typing import cast

import cv2
import numpy as np

from bench.table import Row, at_most
from edge.engines.base import Engine, EngineOptions
from edge.opening import open_predictor
from edge.steer.pilot import Pilot, shipped
from edge.types import I420, U8

ROUNDS, WARM = 4000, 200
LIMIT = 2.5
"""Times the bare call."""


def step() -> Iterator[Row]:
    """MainSqueeze on ONNX Runtime with one thread, each way in turn: the bare call on a ready input, and the pilot from
    a whole picture of 320x160, as a simulator gives it and as a camera does.
    """
    cv2.setNumThreads(1)
    options = EngineOptions(threads=1)
    predictor = open_predictor(shipped(), "onnxruntime", options, tasks=("values",))
    engine, pilot = cast(Engine, predictor.runner), Pilot(predictor)
    spec = engine.inputs[0]
    rng = np.random.default_rng(0)
    ready = rng.integers(0, 256, (1, 64, 64, 1)).astype(np.float32)
    image = rng.integers(0, 256, (160, 320, 3), np.uint8)
    ways: dict[str, Callable[[], object]] = {
        "bare": engine.bare({spec.name: ready}),
        "bgr": partial(pilot.steer, image),
        "i420": partial(pilot.steer, _i420(image)),
    }
    times: dict[str, list[float]] = {way: [] for way in ways}
    for turn in range(WARM + ROUNDS):
        for way, call in ways.items():
            begun = perf_counter()
            call()
            taken = perf_counter() - begun
            if turn >= WARM:
                times[way].append(taken)
    pilot.close()
    median = {way: statistics.median(taken) for way, taken in times.items()}
    yield Row("steering: the engine's bare call", f"{1e6 * median['bare']:.0f} us")
    for way, what in (("bgr", "a BGR picture"), ("i420", "a camera's I420 picture")):
        yield at_most(f"steering by {what}, 320x160, over the bare call", median[way] / median["bare"], LIMIT, " x")
        yield Row("the same", f"{1e6 * median[way]:.0f} us")


def _i420(image: U8) -> I420:
    tall, wide = image.shape[:2]
    planes = np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2YUV_I420), np.uint8)
    u, v = planes[tall:].reshape(2, tall // 2, wide // 2)
    return I420(planes[:tall], u, v)
