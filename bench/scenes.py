"""The gate on made scenes of noise, foliage, light and rain, beside OpenCV's MOG2 and a plain frame difference."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np

from bench.table import Row, at_least, at_most
from edge.boxes import shared
from edge.motion import Gate
from edge.types import U8, Box
from tests.support.scenes import KINDS, Kind, Scene

SEEDS = range(6)
WARM_S = 3.0
AREA = 0.0004


class Sees(Protocol):
    """What says where something moves."""

    def moved(self, luma: U8, time: float) -> list[Box]:
        """The moving regions, pixels of `luma`."""
        ...


class Mog2:
    """OpenCV's mixture of Gaussians at 72 rows, its mask without specks."""

    def __init__(self) -> None:
        self._model = cv2.createBackgroundSubtractorMOG2(300, 25, False)

    def moved(self, luma: U8, time: float) -> list[Box]:
        """As the gate's."""
        mask = self._model.apply(_small(luma), learningRate=0.01)
        return _regions(np.asarray(cv2.medianBlur(mask, 3), np.uint8), luma.shape[0] / 72)


class Difference:
    """A blurred frame less the one before it, above 15 levels."""

    def __init__(self) -> None:
        self._before: U8 | None = None

    def moved(self, luma: U8, time: float) -> list[Box]:
        """As the gate's."""
        now = np.asarray(cv2.GaussianBlur(_small(luma), (3, 3), 0), np.uint8)
        before, self._before = self._before, now
        if before is None:
            return []
        return _regions(np.asarray((cv2.absdiff(now, before) > 15) * 255, np.uint8), luma.shape[0] / 72)


@dataclass(frozen=True, slots=True)
class Score:
    """recall: part of the walker's frames with a region on him; false: part of the empty frames with any region."""

    recall: float
    false: float


def score(make: Callable[[], Sees], kind: Kind, seeds: range) -> Score:
    """How one does on a kind of scene, all seeds together, without each scene's first seconds."""
    found: list[bool] = []
    false: list[bool] = []
    for seed in seeds:
        one = make()
        for shown in Scene(kind, seed).play():
            regions = one.moved(shown.luma, shown.time)
            walker = shown.walker
            if shown.time < WARM_S:
                continue
            if walker is not None:
                found.append(any(shared(region, walker) for region in regions))
            elif shown.empty:
                false.append(bool(regions))
    return Score(float(np.mean(found)), float(np.mean(false)))


def scenes() -> Iterator[Row]:
    """Ours has targets; the others stand beside it for comparison."""
    for kind in KINDS:
        ours = score(Gate, kind, SEEDS)
        yield at_least(f"scene {kind}: walker's frames with the gate on him", ours.recall, 0.98)
        yield at_most(f"scene {kind}: empty frames with motion", ours.false, 0.08)
        for name, make in (("MOG2", Mog2), ("frame difference", Difference)):
            theirs = score(make, kind, SEEDS)
            yield Row(f"scene {kind}, {name}: found, false", f"{theirs.recall:.3g}, {theirs.false:.3g}")


def _small(luma: U8) -> U8:
    size = luma.shape[1] * 72 // luma.shape[0], 72
    return np.asarray(cv2.resize(luma, size, interpolation=cv2.INTER_AREA), np.uint8)


def _regions(mask: U8, factor: float) -> list[Box]:
    """Boxes of what is large enough, joined and measured as the gate does."""
    outlines, _ = cv2.findContours(cv2.dilate(mask, np.ones((5, 5))), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    regions: list[Box] = []
    for x, y, w, h in map(cv2.boundingRect, outlines):
        if cv2.countNonZero(mask[y : y + h, x : x + w]) >= AREA * mask.size:
            regions.append((x * factor, y * factor, (x + w) * factor, (y + h) * factor))
    return regions
