"""What it costs to feed a frame, beside the plain way with OpenCV and NumPy: to the bit the same tensor."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from time import perf_counter

import cv2
import numpy as np

from bench.table import Row, at_most
from edge.preprocess import Fit, Input
from edge.types import F32, I420, U8

FRAME = (1280, 720)
TO = Input("images", 416, 416, "NCHW", "BGR", "float32", fit="letterbox", pad=114, rounding="down")
FRAMES, ROUNDS = 40, 12


def preprocess() -> Iterator[Row]:
    """YOLOX 416 from 1280x720: forty frames in rotation, so that none is in the cache, each way in turn on each."""
    cv2.setNumThreads(1)
    images = [_scene(seed) for seed in range(FRAMES)]
    pictures = [_i420(image) for image in images]
    fit = Fit.of(FRAME, TO)
    ours, cameras = fit.blank(), fit.blank()
    times: dict[str, list[float]] = {"plain": [], "view": [], "bgr": [], "i420": []}
    for turn in range(ROUNDS * FRAMES):
        image, picture = images[turn % FRAMES], pictures[turn % FRAMES]
        marks = [perf_counter()]
        tensor = plain(image)
        marks.append(perf_counter())
        _padded(image).astype(np.float32).transpose(2, 0, 1)
        marks.append(perf_counter())
        fit.bgr(image, ours)
        marks.append(perf_counter())
        fit.i420(picture, cameras)
        marks.append(perf_counter())
        for taken, begun, ended in zip(times.values(), marks, marks[1:], strict=False):
            taken.append(ended - begun)
        assert np.array_equal(ours, tensor), "the same to the bit"
    median = {way: statistics.median(taken) for way, taken in times.items()}
    yield at_most("preprocess over plain resize, pad, float, transpose", median["bgr"] / median["plain"], 0.75, " x")
    yield Row("the same over a transpose that is only a view", f"{median['bgr'] / median['view']:.2f} x")
    yield Row("preprocess of a BGR image, 1280x720 to YOLOX 416", f"{1e3 * median['bgr']:.2f} ms")
    yield Row("preprocess of a camera's I420 picture, the same size", f"{1e3 * median['i420']:.2f} ms")


def plain(image: U8) -> F32:
    """A tensor as every engine takes it, made in the steps of YOLOX's demo."""
    return np.ascontiguousarray(_padded(image).astype(np.float32).transpose(2, 0, 1))[None]


def _padded(image: U8) -> U8:
    ratio = min(TO.width / image.shape[1], TO.height / image.shape[0])
    width, height = int(image.shape[1] * ratio), int(image.shape[0] * ratio)
    small = cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR)
    right, bottom = TO.width - width, TO.height - height
    return np.asarray(cv2.copyMakeBorder(small, 0, bottom, 0, right, cv2.BORDER_CONSTANT, value=(114,) * 3), np.uint8)


def _scene(seed: int) -> U8:
    noise = np.random.default_rng(seed).integers(0, 256, (90, 160, 3)).astype(np.uint8)
    return np.asarray(cv2.resize(noise, FRAME, interpolation=cv2.INTER_CUBIC), np.uint8)


def _i420(image: U8) -> I420:
    packed = np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2YUV_I420), np.uint8)
    u, v = packed[FRAME[1] :].reshape(2, FRAME[1] // 2, FRAME[0] // 2)
    return I420(packed[: FRAME[1]], u, v)
