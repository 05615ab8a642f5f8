"""The motion gate: a luma plane in, moving regions out, cheap enough for every frame of every camera.

A frame is compared with the one a fifth of a second older, not with a background model: what a model remembers of a
person who left, and the camera's slow change of exposure afterwards, are motion to it and nothing to us, while somebody
who stands still keeps moving a little. The comparison is on a small picture (about 72 rows), local in brightness (what
the neighbourhood gained or lost is taken off, so that a light that goes on is not motion), and against a threshold that
each place learns from its own noise (a branch), and the whole picture from the peaks that are usual in it (grain at
night, rain).
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from edge.types import F32, U8, Box

_BLOCK, _TILE = 8, 16  # pixels of the small picture: light is local to some blocks, peaks are counted by tiles
_FAST = 30
_SELDOM = 5  # once the noise is known, it is learned from every fifth frame: what is left is saved time
_NEAR = np.ones((5, 5), np.uint8)  # changed places this near one another are one region
_SPREAD = np.ones((5, 5), np.uint8)  # a branch that sways here sways a little farther in the next gust
_STEP = 2.0  # light that changes by so many levels in the mean was switched, and did not drift

Polygons = Sequence[Sequence[tuple[float, float]]]
"""Corners x, y of polygons, 0..1 of the frame."""


@dataclass(frozen=True, slots=True)
class GateSettings:
    """What counts as motion.

    rows: height of the small picture; more rows see farther away and cost more
    lag_s: age of the frame compared with; longer sees slower movers, and ghosts of those who left
    floor: change of brightness (0..255) below which nothing is motion; higher overlooks dark clothes at night
    noise: the threshold in units of a place's own mean change
    grain: the threshold in units of the peaks that are usual all over the picture
    noise_s, grain_s: how fast a place learns its noise, and the picture its peaks, once they are known; the first
        frames teach them faster
    area: smallest moving part of the picture
    hold_s: how long the gate stays open after the last motion
    """

    rows: int = 72
    lag_s: float = 0.2
    floor: float = 4.0
    noise: float = 4.0
    grain: float = 2.0
    noise_s: float = 20.0
    grain_s: float = 5.0
    area: float = 0.0004
    hold_s: float = 0.1


class Gate:
    """Motion of one camera. Not thread-safe: owned by its pipeline.

    Args:
        masks: places in which motion counts for nothing
    """

    def __init__(self, settings: GateSettings | None = None, masks: Polygons = ()) -> None:
        self._settings = settings or GateSettings()
        self._masks = masks
        self._recent: deque[tuple[float, F32]] = deque()
        self._noise = np.zeros((0, 0), np.float32)
        self._threshold = np.zeros((0, 0), np.float32)
        self._counts: U8 | None = None
        self._peaks = 0.0
        self._frames = 0
        self._learned_at = 0.0
        self._held: list[Box] = []
        self._until = -math.inf

    def moved(self, luma: U8, time: float) -> list[Box]:
        """The moving regions at `time`, in pixels of `luma`; empty while the gate is closed.

        Args:
            luma: uint8 (h, w), rows may be padded; not kept
            time: seconds, not before the call's before
        """
        settings = self._settings
        small, factor = shrink(luma, settings.rows)
        if self._noise.shape != small.shape:
            self._begin(small.shape, luma.shape[1] / factor, luma.shape[0] / factor, time)
        now = cv2.blur(small, (3, 3)).astype(np.float32)
        self._recent.append((time, now))
        while len(self._recent) > 2 and self._recent[1][0] <= time - settings.lag_s + 1e-6:
            self._recent.popleft()
        if len(self._recent) < 2:
            return []
        change = _change(now, self._recent[0][1])
        changed = np.asarray(cv2.medianBlur(cv2.compare(change, self._threshold, cv2.CMP_GT), 3), np.uint8)
        self._frames += 1
        if self._frames <= _FAST or self._frames % _SELDOM == 0:
            self._learn(change, time)
        if self._counts is not None:
            changed &= self._counts
        regions = _regions(changed, factor, settings.area)
        if regions:
            self._held, self._until = regions, time + settings.hold_s
            return regions
        return self._held if time <= self._until + 1e-6 else []

    def _begin(self, shape: tuple[int, ...], width: float, height: float, time: float) -> None:
        """Start anew with small pictures of this shape, of frames of width by height of their pixels."""
        self._noise = np.zeros(shape, np.float32)
        self._threshold = np.full(shape, self._settings.floor, np.float32)
        self._counts = _outside(self._masks, shape, width, height) if self._masks else None
        self._peaks, self._frames, self._learned_at = 0.0, 0, time
        self._recent.clear()

    def _learn(self, change: F32, time: float) -> None:
        """Move each place's noise and the picture's peaks towards what was now, and the threshold with them."""
        settings, first, past = self._settings, 1 / self._frames, self._learned_at - time
        self._learned_at = time
        # Capped at the threshold, so that somebody who walks by does not deafen the place.
        known = cv2.min(change, self._threshold)
        cv2.accumulateWeighted(known, self._noise, max(first, 1 - math.exp(past / settings.noise_s)))
        peak = min(_peak(change), 2 * self._peaks + settings.floor)
        self._peaks += (peak - self._peaks) * max(first, 1 - math.exp(past / settings.grain_s))
        least = max(settings.floor, settings.grain * self._peaks)
        np.multiply(cv2.dilate(self._noise, _SPREAD), np.float32(settings.noise), out=self._threshold)
        np.maximum(self._threshold, np.float32(least), out=self._threshold)


def _change(now: F32, then: F32) -> F32:
    """How much each place changed beyond the light around it, in levels of brightness."""
    h, w = now.shape
    blocks = max(1, w // _BLOCK), max(1, h // _BLOCK)
    change = cv2.subtract(now, then)
    # The median of the blocks around, not their mean: somebody in the picture must not become light around them.
    light = cv2.medianBlur(cv2.resize(change, blocks, interpolation=cv2.INTER_AREA), 5)
    if cv2.norm(light, cv2.NORM_L1) > _STEP * light.size:
        # Light multiplies: what is bright gains more than what is dark beside it.
        after, before = (cv2.resize(one + 1, blocks, interpolation=cv2.INTER_AREA) for one in (now, then))
        gain = cv2.medianBlur(cv2.divide(after, before), 5)
        change = cv2.subtract(now, cv2.multiply(then, cv2.resize(gain, (w, h), interpolation=cv2.INTER_LINEAR)))
        light = cv2.medianBlur(cv2.resize(change, blocks, interpolation=cv2.INTER_AREA), 5)
    return np.asarray(cv2.absdiff(change, cv2.resize(light, (w, h), interpolation=cv2.INTER_LINEAR)), np.float32)


def _peak(change: F32) -> float:
    """The largest change in a tile, in the median of all tiles: however much somebody moves, he is not in most."""
    h, w = change.shape
    rows, columns = max(1, h // _TILE), max(1, w // _TILE)
    bands = [cv2.reduce(change[y : y + h // rows], 0, cv2.REDUCE_MAX) for y in range(0, h // rows * rows, h // rows)]
    tiles = np.stack(bands)[:, 0, : w // columns * columns].reshape(rows, columns, -1).max(2)
    return float(np.sort(tiles, axis=None)[tiles.size // 2])


def _outside(masks: Polygons, shape: tuple[int, ...], width: float, height: float) -> U8:
    """255 where motion counts: outside the polygons, whose corners are drawn to a sixteenth of a pixel."""
    counts = np.full(shape, 255, np.uint8)
    for corners in masks:
        points = np.array(corners, np.float64) * (width, height) - 0.5
        cv2.fillPoly(counts, [np.round(points * 16).astype(np.int32)], (0,), shift=4)
    return counts


def _regions(changed: U8, factor: int, area: float) -> list[Box]:
    """Boxes around changed places that are large enough, neighbours joined."""
    least = max(1.0, area * changed.size)
    if cv2.countNonZero(changed) < least:
        return []
    outlines, _ = cv2.findContours(cv2.dilate(changed, _NEAR), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    regions: list[Box] = []
    for outline in outlines:
        x, y, w, h = cv2.boundingRect(outline)
        if cv2.countNonZero(changed[y : y + h, x : x + w]) >= least:
            regions.append((x * factor, y * factor, (x + w) * factor, (y + h) * factor))
    return sorted(regions)


def shrink(luma: U8, rows: int) -> tuple[U8, int]:
    """The plane at `rows` rows or a little more, and the factor it was shrunk by: whole and even, so that it is cheap.

    Rows and columns beyond a multiple of the factor are left out, at most factor - 1 of each.
    """
    h, w = luma.shape
    factor = max(1, h // rows)
    if factor > 2:
        factor -= factor % 2
    small = np.asarray(luma[: h - h % factor, : w - w % factor], np.uint8)
    left = factor
    while left > 1:
        if left % 2 == 0:  # halving is one vector instruction a pixel
            size = small.shape[1] // 2, small.shape[0] // 2
            small, left = np.asarray(cv2.resize(small, size, interpolation=cv2.INTER_AREA), np.uint8), left // 2
        else:  # the middle of a blurred square is its mean, at half the price of INTER_AREA
            small, left = np.asarray(cv2.blur(small, (left, left)), np.uint8)[left // 2 :: left, left // 2 :: left], 1
    return small, factor
