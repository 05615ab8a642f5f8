"""What people's joints cost beside the bare model."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from time import perf_counter
from typing import cast

import cv2
import numpy as np

from bench.places import DATA, MOVENET
from bench.table import Missing, Row, at_most
from edge.engines.base import Engine, EngineOptions
from edge.errors import MissingError
from edge.metrics import Stages
from edge.posers import open_poser
from edge.types import I420, Box

LOOKS = 200
WARM = 20
WIDTH, HEIGHT = 1280, 720
MODELS = {"MoveNet": str(MOVENET), "BlazePose": "pose-landmark-full"}


def pose() -> Iterator[Row]:
    """A look at somebody who is followed over the back end's own call, interleaved; in pictures of 1280 x 720."""
    cv2.setNumThreads(1)
    picture, box = _street()
    for name, model in MODELS.items():
        try:
            poser = open_poser(model, "tflite", EngineOptions(threads=1))
        except MissingError as fault:
            raise Missing(str(fault)) from None
        engine = cast(Engine, poser.runners[-1])
        (spec,) = engine.inputs
        shape = tuple(size or 1 for size in spec.shape)
        bare = engine.bare({spec.name: np.random.default_rng(0).integers(0, 2, shape).astype(spec.dtype)})
        ratios = []
        for look in range(LOOKS + WARM):
            begun = perf_counter()
            found = poser.look(picture, {1: box}, Stages())
            between = perf_counter()
            bare()
            ended = perf_counter()
            if look >= WARM and found:
                ratios.append((between - begun) / (ended - between))
        poser.close()
        if len(ratios) < LOOKS:
            raise SystemExit(f"{name} found somebody who keeps still in {len(ratios)} of {LOOKS} looks")
        yield at_most(f"pose on a tracked person over the bare call, {name}", statistics.median(ratios), 1.15, " x")


def _street() -> tuple[I420, Box]:
    """A man in a large picture, as a camera gives it, and the box around him."""
    path = DATA / "images" / "squat.bmp"
    man = cv2.imread(str(path)) if path.is_file() else None
    if man is None:
        raise Missing("images/squat.bmp beside the checkout, in ../shared/data")
    image = np.full((HEIGHT, WIDTH, 3), 128, np.uint8)
    h, w = min(man.shape[0], HEIGHT), min(man.shape[1], WIDTH)
    left = (WIDTH - w) // 2
    image[HEIGHT - h :, left : left + w] = man[:h, :w]
    packed = np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2YUV_I420), np.uint8)
    chroma = packed[HEIGHT:].reshape(2, HEIGHT // 2, WIDTH // 2)
    return I420(packed[:HEIGHT], chroma[0], chroma[1]), (left, HEIGHT - h, left + w, HEIGHT)
