"""The ground seen from above: grass, a road, painted edges, shadows, bridges."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.tools.steer.sim.track import F64, WIDTH, Track
from edge.types import F32, U8

PER_METRE = 12.5
"""Pixels."""
EDGE = 0.35
"""How broad the painted edges are; they lie outside the road, metres."""
_AROUND = 25.0
"""Metres of ground around the loop."""
_SPANS, _SPAN = 3, 0.12
"""How many bridges a lap has, and which part of it each takes."""
_PLANK = 0.4
"""Metres."""
_WATER, _KERB, _PLANKS = (np.array(colour, np.float32) for colour in ((150, 112, 58), (52, 78, 104), (112, 128, 140)))
_SEAM = (70.0, 82.0, 92.0)


@dataclass(frozen=True, slots=True)
class Look:
    """What is on the ground beside the usual.

    seed: of colours, texture and places
    motley: colours of road, grass and edges from a wide range, for training alone
    """

    seed: tuple[int, ...]
    motley: bool = False
    shadows: bool = False
    bridges: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Ground:
    """A painted plane. picture: BGR uint8, row by row to the north; corner: x, y of its first pixel, metres."""

    picture: U8
    corner: tuple[float, float]


def paint(track: Track, look: Look) -> Ground:
    """The ground of a track. Two calls give the same bytes."""
    rng = np.random.default_rng(look.seed)
    low, high = track.line.min(0) - _AROUND, track.line.max(0) + _AROUND
    wide, tall = (int(side) for side in (high - low) * PER_METRE)
    line = (track.line - low) * PER_METRE
    grass, road, edge = _motley(rng) if look.motley else _usual(rng)
    bridges = _bridges(line, rng) if look.bridges else []
    picture: F32 = np.empty((tall, wide, 3), np.float32)
    picture[:] = grass
    for span in bridges:
        picture = _lay(picture, line[span], 2.4 * WIDTH, _WATER, closed=False)
    picture = _lay(picture, line, WIDTH + 2 * EDGE, edge)
    for span in bridges:
        picture = _lay(picture, line[span], WIDTH + 2 * EDGE, _KERB, closed=False)
    picture = _lay(picture, line, WIDTH, road)  # over the rounded ends of kerbs and water, which no road has across it
    for span in bridges:
        picture = _lay(picture, line[span], WIDTH, _PLANKS, closed=False)
        _seams(picture, track, line, span)
    picture *= 1 + _texture(tall, wide, rng)[..., None]
    if look.shadows:
        picture *= _shadows(tall, wide, line, rng)
    return Ground(np.clip(picture, 0, 255).astype(np.uint8), (float(low[0]), float(low[1])))


def _usual(rng: np.random.Generator) -> tuple[F32, F32, F32]:
    """Colours of grass, road and painted edges, BGR, float32 (3,) each."""
    grass = np.array([rng.uniform(30, 65), rng.uniform(110, 150), rng.uniform(60, 105)], np.float32)
    road = np.asarray(rng.uniform(90, 140) + rng.normal(0, 3, 3).astype(np.float32), np.float32)
    edge = np.array([rng.uniform(30, 60), rng.uniform(60, 170), rng.uniform(150, 200)], np.float32)
    return grass, road, edge


def _motley(rng: np.random.Generator) -> tuple[F32, F32, F32]:
    """The same of any hue: roads up to a saturation of 0.28, grass from 0.45, edges from 0.4."""
    return (
        _any_hue(rng, rng.uniform(0.45, 0.85), rng.uniform(100, 160)),
        _any_hue(rng, rng.uniform(0.0, 0.28), rng.uniform(80, 160)),
        _any_hue(rng, rng.uniform(0.4, 0.85), rng.uniform(90, 200)),
    )


def _any_hue(rng: np.random.Generator, saturation: float, value: float) -> F32:
    parts = np.array([0.0, rng.random(), 1.0])
    return np.asarray(value * (1 - saturation * rng.permutation(parts)), np.float32)


def _band(shape: tuple[int, int], line: F64, wide_m: float, *, closed: bool = True) -> F32:
    """How much of each pixel lies within a band along a line, 0..1."""
    mask = np.zeros(shape, np.uint8)
    points = np.rint(line * 16).astype(np.int32)
    cv2.polylines(mask, [points], closed, 255, round(wide_m * PER_METRE), cv2.LINE_AA, 4)
    return np.asarray(mask.astype(np.float32) / 255, np.float32)


def _lay(picture: F32, line: F64, wide_m: float, colour: F32, *, closed: bool = True) -> F32:
    part = _band(picture.shape[:2], line, wide_m, closed=closed)[..., None]
    return np.asarray(picture + part * (colour - picture), np.float32)


def _texture(tall: int, wide: int, rng: np.random.Generator) -> F32:
    """Three sizes of blotches, as parts of the brightness."""
    total = np.zeros((tall, wide), np.float32)
    for size_m, height in ((0.25, 0.06), (1.5, 0.05), (8.0, 0.05)):
        cells = [max(2, int(side / PER_METRE / size_m)) for side in (tall, wide)]
        total += cv2.resize(rng.normal(0, height, cells).astype(np.float32), (wide, tall))
    return total


def _shadows(tall: int, wide: int, line: F64, rng: np.random.Generator) -> F32:
    """Factors on blue, green and red: crowns of trees beside the road and over it, darker and bluer, and poles."""
    dark = np.zeros((tall, wide), np.float32)
    for at in rng.integers(0, len(line), len(line) // 12):
        x, y = line[at] + rng.normal(0, 5 * PER_METRE, 2)
        axes = tuple(int(side * PER_METRE) for side in rng.uniform(1, 5, 2))
        cv2.ellipse(dark, (int(x), int(y)), axes, float(rng.uniform(0, 180)), 0, 360, float(rng.uniform(0.35, 0.6)), -1)
    for at in rng.integers(0, len(line), len(line) // 60):
        across = rng.uniform(5, 9) * PER_METRE * _unit(rng.uniform(0, 2 * np.pi))
        begin, end = (tuple(np.rint(line[at] + side).astype(int).tolist()) for side in (across, -across))
        cv2.line(dark, begin, end, float(rng.uniform(0.4, 0.6)), round(0.3 * PER_METRE), cv2.LINE_AA)
    dark = np.asarray(cv2.GaussianBlur(dark, (0, 0), 0.15 * PER_METRE), np.float32)
    return np.asarray(1 - dark[..., None] * np.array([0.88, 1.0, 1.04], np.float32), np.float32)


def _unit(angle: float) -> NDArray[np.float64]:
    return np.array([np.cos(angle), np.sin(angle)])


def _bridges(line: F64, rng: np.random.Generator) -> list[NDArray[np.int64]]:
    """The points of the line on each bridge: water for grass, kerbs of timber for painted edges, planks for asphalt."""
    n = len(line)
    first = int(rng.integers(n))
    return [(first + k * n // _SPANS + np.arange(int(n * _SPAN))) % n for k in range(_SPANS)]


def _seams(picture: F32, track: Track, line: F64, span: NDArray[np.int64]) -> None:
    """Dark lines between planks."""
    heading = track.heading[span]
    across = np.stack([-np.sin(heading), np.cos(heading)], 1) * WIDTH / 2 * PER_METRE
    for point, side in zip(*_every_plank(line[span], across, track.spacing), strict=True):
        ends = np.rint(np.stack([point - side, point + side]) * 16).astype(np.int32)
        cv2.polylines(picture, [ends], False, _SEAM, 1, cv2.LINE_AA, 4)


def _every_plank(stretch: F64, across: F64, spacing: float) -> tuple[F64, F64]:
    """Where the seams between planks lie: middles, and from there to the left kerb, pixels."""
    old = np.arange(len(stretch)) * spacing
    new = np.arange(0, old[-1], _PLANK)
    middles, sides = (np.stack([np.interp(new, old, part[:, k]) for k in (0, 1)], 1) for part in (stretch, across))
    return middles, sides
