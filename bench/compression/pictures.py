"""Varied pictures to calibrate on, out of clips and drawn: unlike one another, and none of those that are judged."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.capture.file import open_file
from edge.types import U8

SIZE = 256
"""Pixels of a drawn picture's sides."""
FRAMES = 8
"""Of a clip at least, spread evenly, from which pictures are cut."""


def write(folder: Path, groups: list[list[Path]], each: int, seed: int = 0) -> None:
    """Write `each` pictures of each group of clips and as many that are drawn, as PNG.

    In the order of names two of a group follow one another, then two of the next: of these, one calibrates and one
    judges.
    """
    random = np.random.default_rng(seed)
    kinds = [_cut(group, each, random) for group in groups] + [_drawn(each, random)]
    number = 0
    for _ in range(0, each, 2):
        for kind in kinds:
            for picture in (next(kind), next(kind)):
                cv2.imwrite(str(folder / f"{number:04d}.png"), picture)
                number += 1


def _cut(clips: list[Path], count: int, random: np.random.Generator) -> Iterator[U8]:
    """Pictures of all clips in turn; every fourth is a frame as it is."""
    frames = [_frames(clip, max(FRAMES, -(-count // (4 * len(clips))))) for clip in clips]
    for number in range(count):
        of = frames[number // 2 % len(clips)]
        frame = of[random.integers(len(of))]
        yield frame if number % 8 in (0, 5) else _varied(frame, random)


def _frames(clip: Path, wanted: int) -> list[U8]:
    with closing(open_file(clip)) as source:
        count = sum(1 for _ in source.shots())
    chosen = {int((k + 0.5) * count / wanted) for k in range(wanted)}
    with closing(open_file(clip)) as source:
        return [shot.picture.bgr() for number, shot in enumerate(source.shots()) if number in chosen]


def _varied(frame: U8, random: np.random.Generator) -> U8:
    """A crop of any place and size, perhaps mirrored, of other colours and contrast, perhaps blurred."""
    height, width = frame.shape[:2]
    side = random.uniform(0.15, 1)
    rows, columns = int(height * side), int(width * side * random.uniform(0.7, 1))
    y, x = random.integers(height - rows + 1), random.integers(width - columns + 1)
    crop = frame[y : y + rows, x : x + columns, :].astype(np.float32)
    if random.random() < 0.5:
        crop = crop[:, ::-1]
    grey = crop.mean(axis=2, keepdims=True)
    crop = (grey + (crop - grey) * random.uniform(0.6, 1.6)) * random.uniform(0.8, 1.2, 3)
    crop = crop.mean() * random.uniform(0.8, 1.25) + (crop - crop.mean()) * random.uniform(0.7, 1.4)
    if random.random() < 0.3:
        crop = cv2.GaussianBlur(crop, (0, 0), random.uniform(0.5, 2))
    return np.ascontiguousarray(np.clip(crop, 0, 255).astype(np.uint8))


def _drawn(count: int, random: np.random.Generator) -> Iterator[U8]:
    """Noise with the spectrum of natural pictures; most have shapes of many sizes on it that hide one another (Lee,
    Mumford and Huang, Occlusion Models for Natural Images, 2001, section 2).
    """
    for number in range(count):
        picture = _noise(random).astype(np.uint8)
        if number % 5:
            picture = _shapes(picture, random)
        yield picture


def _noise(random: np.random.Generator) -> NDArray[np.floating]:
    """float64 (SIZE, SIZE, 3), 0..255: amplitudes fall with a power of the frequency near 1, channels are alike."""
    frequency = np.hypot(np.fft.fftfreq(SIZE)[:, None], np.fft.fftfreq(SIZE))
    frequency[0, 0] = 1 / SIZE
    falling = frequency ** -random.uniform(0.7, 1.6)
    plane = np.stack([np.fft.ifft2(falling * np.fft.fft2(random.normal(size=(SIZE, SIZE)))).real for _ in range(3)], -1)
    plane = plane / plane.std(axis=(0, 1)) @ (np.eye(3) * random.uniform(0, 0.6) + 1)
    made = random.uniform(60, 190, 3) + plane / plane.std() * random.uniform(25, 70)
    return np.asarray(np.clip(made, 0, 255))


def _shapes(picture: U8, random: np.random.Generator) -> U8:
    for _ in range(random.integers(20, 250)):
        radius = min(110.0, 4 * random.pareto(1.2) + 3)
        colour = tuple(int(value) for value in random.integers(0, 256, 3))
        x, y = (int(value) for value in random.integers(0, SIZE, 2))
        kind = random.integers(3)
        if kind == 0:
            axes = (int(radius), int(radius * random.uniform(0.3, 1)))
            cv2.ellipse(picture, (x, y), axes, random.uniform(0, 180), 0, 360, colour, -1)
        elif kind == 1:
            turns = np.sort(random.uniform(0, 2 * np.pi, random.integers(3, 7)))
            corners = np.stack([x + radius * np.cos(turns), y + radius * np.sin(turns)], -1).astype(np.int32)
            cv2.fillPoly(picture, [corners], colour)
        else:
            end = tuple(int(value) for value in random.integers(0, SIZE, 2))
            cv2.line(picture, (x, y), end, colour, int(random.integers(1, 8)))
    part = random.uniform(0, 0.5)
    made = picture * (1 - part) + _noise(random) * part + random.normal(size=picture.shape) * random.uniform(0, 6)
    return np.asarray(np.clip(made, 0, 255).astype(np.uint8))
