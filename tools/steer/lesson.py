"""What is learned from, and what chooses the epoch: samples of recordings, parted by time, as a network sees them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.errors import SourceError, UserError
from edge.preprocess.fit import Fit
from edge.preprocess.image import read_image
from edge.preprocess.input import Input
from edge.tools.steer.recordings import Sample
from edge.types import F32, U8

BINS = 25
"""Of steering, -1..1, in which samples are counted."""
ZERO = 0.005
"""Steering below this is none: a stick that is let go."""
GAP = 10
"""Moments left out on both sides of where a recording is parted: pictures next to one another are nearly twins."""


@dataclass(frozen=True, slots=True)
class Lesson:
    """seen: uint8 (n, rows, columns, channels), as the network is fed; said: float32 (n,), the steering, -1..1."""

    seen: U8
    said: F32


@dataclass(frozen=True, slots=True)
class Balance:
    """How much of what is common is left out.

    zeros: part of the samples without steering that are kept
    cap: no bin keeps more than so many times the mean of those bins that hold anything; 0 caps none
    """

    zeros: float = 0.1
    cap: float = 2.0


def parted(samples: Sequence[Sample], validated: float) -> tuple[list[Sample], list[Sample]]:
    """Part a recording by time; a moment's pictures stay together, and `GAP` moments between the parts are left out.

    Args:
        validated: the last part of the time, which is not learned from

    Returns:
        What is learned from, and what validates: centre pictures alone, as the car will see no other.
    """
    count = max((sample.moment for sample in samples), default=-1) + 1
    first = count - round(count * validated)
    train = [one for one in samples if one.moment < first - (GAP if first < count else 0)]
    return train, [one for one in samples if one.moment >= first and one.place == "centre"]


def balanced(angles: F32, balance: Balance, rng: np.random.Generator) -> NDArray[np.int64]:
    """Which samples are kept, by their steering float32 (n,); ascending."""
    kept = (np.abs(angles) >= ZERO) | (rng.random(len(angles)) < balance.zeros)
    if balance.cap and kept.any():
        bins = binned(angles)
        counts = np.bincount(bins[kept], minlength=BINS)
        most = math.ceil(balance.cap * counts[counts > 0].mean())
        for one in np.flatnonzero(counts > most):
            held = np.flatnonzero(kept & (bins == one))
            kept[rng.permutation(held)[most:]] = False
    return np.flatnonzero(kept)


def binned(angles: NDArray[Any]) -> NDArray[np.int64]:
    """The bin of each steering, 0..`BINS` - 1."""
    return np.clip(np.floor((np.asarray(angles) + 1) / 2 * BINS), 0, BINS - 1).astype(np.int64)


def loaded(
    samples: Sequence[Sample], fed: Input, told: Callable[[], None] = lambda: None
) -> tuple[Lesson, list[Sample], list[str]]:
    """Read pictures and fit them to a network's input, by what fits them while driving.

    Args:
        told: hears of every picture that is done

    Returns:
        What could be read, its samples, and a line for each picture that could not.

    Raises:
        UserError: there is no memory for so many.
    """
    to = replace(fed, dtype="uint8")
    try:
        seen = np.empty((len(samples), *to.shape[1:]), np.uint8)
    except MemoryError:
        many = f"{len(samples)} pictures of {to.width}x{to.height} want {len(samples) * math.prod(to.shape) >> 20} MB"
        raise UserError(f"{many} of memory, more than there is: give fewer recordings, or a smaller --cap") from None
    kept: list[Sample] = []
    faults: list[str] = []
    fits: dict[tuple[int, int], Fit] = {}
    for sample in samples:
        told()
        try:
            image = read_image(sample.picture)
        except SourceError as fault:
            faults.append(str(fault))
            continue
        size = (image.shape[1], image.shape[0])
        if size not in fits:
            fits[size] = Fit.of(size, to)
        place = len(kept)
        fits[size].bgr(image, fits[size].blank(seen[place : place + 1]))
        kept.append(sample)
    return Lesson(seen[: len(kept)], np.array([sample.steering for sample in kept], np.float32)), kept, faults
