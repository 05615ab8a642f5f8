"""Pictures to look at: a made scene with plenty to recognise, and what may become of it."""

from __future__ import annotations

import cv2
import numpy as np

from edge.types import I420, U8, Frame

H, W = 360, 640
NOISE = np.random.default_rng(1).normal(0, 1, (H, W)).astype(np.float32)


def scene(seed: int = 0) -> U8:
    """A street of rectangles, some bright, some dark, on a textured ground."""
    random = np.random.default_rng(seed)
    grain = random.normal(0, 12, (H // 8, W // 8)).astype(np.float32)
    picture = 110 + cv2.resize(grain, (W, H), interpolation=cv2.INTER_CUBIC)
    for _ in range(70):
        x, y = int(random.integers(-40, W)), int(random.integers(-40, H))
        w, h = int(random.integers(12, 90)), int(random.integers(12, 90))
        cv2.rectangle(picture, (x, y), (x + w, y + h), float(random.uniform(30, 210)), -1)
    return np.asarray(picture.clip(0, 255), np.uint8)


def shifted(picture: U8, dx: float, dy: float = 0.0) -> U8:
    """What was in the picture moved by parts of its width, to the right and down; borders repeat."""
    h, w = picture.shape
    way = np.array([[1, 0, dx * w], [0, 1, dy * w]], np.float32)
    return np.asarray(cv2.warpAffine(picture, way, (w, h), borderMode=cv2.BORDER_REFLECT), np.uint8)


def blurred(picture: U8, sigma: float) -> U8:
    """Out of focus."""
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), sigma), np.uint8)


def dimmed(picture: U8, gain: float, sigma: float = 3.0) -> U8:
    """In less light, with a sensor's noise."""
    return np.asarray(((picture.astype(np.float32) - 16) * gain + 16 + sigma * NOISE).clip(0, 255), np.uint8)


def frame(luma: U8, time: float) -> Frame:
    """A frame of a camera named `hall`, its wall clock at 1000 when its time is 0."""
    half = np.full(((luma.shape[0] + 1) // 2, (luma.shape[1] + 1) // 2), 128, np.uint8)
    return Frame("hall", round(time * 10), time, 1000 + time, I420(luma, half, half))
