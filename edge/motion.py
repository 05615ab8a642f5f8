"""The motion gate: a luma plane in, moving regions out, cheap enough for every frame of every camera.

A frame is compared with the one a fifth of a second older, not with a background model: what a model remembers of a
person who left, and the camera's slow change of exposure afterwards, are motion to it and nothing to us, while somebody
who stands still keeps moving a little. The comparison is on a small picture (about 72 rows), local in brightness (the
mean of the neighbourhood's change is taken off, so that a light that goes on is not motion), and against a threshold
that each place learns from its own noise (rain, grain, a branch).
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.types import U8, Box

F32 = NDArray[np.float32]

_BLOCK = 8
_FAST = 30
_SELDOM = 3  # once the noise is known, it is learned from every third frame: what is left is saved time
_NEAR = np.ones((5, 5), np.uint8)  # changed places this near one another are one region


@dataclass(frozen=True, slots=True)
class GateSettings:
    """What counts as motion.

    rows: height of the small picture; more rows see farther away and cost more
    lag_s: age of the frame compared with; longer sees slower movers, and ghosts of those who left
    floor: change of brightness (0..255) below which nothing is motion; higher overlooks dark clothes at night
    noise: the threshold in units of a place's own mean change
    noise_s: how fast a place learns its noise, once it knows it; the first frames teach it faster
    area: smallest moving part of the picture
    hold_s: how long the gate stays open after the last motion
    """

    rows: int = 72
    lag_s: float = 0.2
    floor: float = 4.0
    noise: float = 4.0
    noise_s: float = 20.0
    area: float = 0.0004
    hold_s: float = 0.2


class Gate:
    """Motion of one camera. Not thread-safe: owned by its pipeline."""

    def __init__(self, settings: GateSettings | None = None) -> None:
        self._settings = settings or GateSettings()
        self._recent: deque[tuple[float, F32]] = deque()
        self._noise: F32 | None = None
        self._threshold: F32 | None = None
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
        small, factor = shrink(luma, self._settings.rows)
        if self._noise is None or self._threshold is None or self._noise.shape != small.shape:
            self._noise = np.zeros(small.shape, np.float32)
            self._threshold = np.full(small.shape, self._settings.floor, np.float32)
            self._frames, self._learned_at = 0, time
            self._recent.clear()
        self._recent.append((time, small))
        while len(self._recent) > 2 and self._recent[1][0] <= time - self._settings.lag_s + 1e-6:
            self._recent.popleft()
        if len(self._recent) < 2:
            return []
        change = self._change(small)
        changed = cv2.medianBlur(cv2.compare(change, self._threshold, cv2.CMP_GT), 3)
        self._frames += 1
        if self._frames <= _FAST or self._frames % _SELDOM == 0:
            self._learn(change, self._noise, self._threshold, time)
        regions = self._regions(np.asarray(changed, np.uint8), factor)
        if regions:
            self._held, self._until = regions, time + self._settings.hold_s
            return regions
        return self._held if time <= self._until + 1e-6 else []

    def _change(self, small: F32) -> F32:
        """How much each place changed beyond the light around it, in levels of brightness."""
        change = cv2.subtract(small, self._recent[0][1])
        h, w = small.shape
        # The median of the blocks around, not their mean: somebody in the picture must not become light around them.
        blocks = cv2.resize(change, (max(1, w // _BLOCK), max(1, h // _BLOCK)), interpolation=cv2.INTER_AREA)
        light = cv2.resize(cv2.medianBlur(blocks, 5), (w, h), interpolation=cv2.INTER_LINEAR)
        return np.asarray(cv2.absdiff(change, light), np.float32)

    def _learn(self, change: F32, noise: F32, threshold: F32, time: float) -> None:
        """Move each place's noise towards what it showed now, and its threshold with it, both in place."""
        settings = self._settings
        rate = max(1 / self._frames, 1 - math.exp((self._learned_at - time) / settings.noise_s))
        self._learned_at = time
        # Capped at the threshold, so that somebody who walks by does not deafen the place.
        cv2.accumulateWeighted(cv2.min(change, threshold), noise, rate)
        np.multiply(noise, np.float32(settings.noise), out=threshold)
        np.maximum(threshold, np.float32(settings.floor), out=threshold)

    def _regions(self, changed: U8, factor: int) -> list[Box]:
        """Boxes around changed places that are large enough, neighbours joined."""
        least = max(1.0, self._settings.area * changed.size)
        if cv2.countNonZero(changed) < least:
            return []
        outlines, _ = cv2.findContours(cv2.dilate(changed, _NEAR), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
        regions: list[Box] = []
        for outline in outlines:
            x, y, w, h = cv2.boundingRect(outline)
            if cv2.countNonZero(changed[y : y + h, x : x + w]) >= least:
                regions.append((x * factor, y * factor, (x + w) * factor, (y + h) * factor))
        return sorted(regions)


def shrink(luma: U8, rows: int) -> tuple[F32, int]:
    """The plane at `rows` rows or a little more, and the factor it was shrunk by: whole and even, so that it is cheap.

    Rows and columns beyond a multiple of the factor are left out, at most factor - 1 of each.
    """
    h, w = luma.shape
    factor = max(1, h // rows)
    if factor > 2:
        factor -= factor % 2
    small = np.asarray(luma[: h - h % factor, : w - w % factor], np.uint8)
    left = factor
    while left > 1:  # halving is one vector instruction a pixel, several times the speed of any other factor
        step = 2 if left % 2 == 0 else left
        size = small.shape[1] // step, small.shape[0] // step
        small = np.asarray(cv2.resize(small, size, interpolation=cv2.INTER_AREA), np.uint8)
        left //= step
    return small.astype(np.float32), factor
