"""Pictures and labels to train on, out of an .npz."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.errors import UserError
from edge.models.manifest import Manifest
from edge.tools.npz import arrays

MOST_CLASS = 1 << 20


@dataclass(frozen=True, slots=True)
class Samples:
    """Pictures and what they show.

    pixels: uint8 or float32 (n, channels, height, width); bytes are pixels of 0..255
    labels: int64 (n,), class indices from 0
    """

    pixels: NDArray[Any]
    labels: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.labels)

    def some(self, which: NDArray[np.int64]) -> Samples:
        """Those of these indices, in their order."""
        return Samples(self.pixels[which], self.labels[which])


@dataclass(frozen=True, slots=True)
class Data:
    """What a file holds: training samples, and test samples where it has some (None otherwise)."""

    train: Samples
    test: Samples | None


def read_data(path: Path, shape: tuple[int, ...]) -> Data:
    """Read `Xtr`, `ytr` and, where they are there, `Xte`, `yte`.

    Args:
        shape: of one sample at the model's input, (channels, height, width) or flat; pixels may come in any shape of
            as many values.

    Raises:
        SourceError: it is no .npz.
        UserError: its arrays are not what a model of this shape can learn from.
    """
    found = arrays(path)
    train = _samples(path, found, "tr", shape)
    if train is None:
        raise UserError(f"{path}: has no arrays `Xtr` and `ytr`: the training pictures and their labels")
    return Data(train, _samples(path, found, "te", shape))


def _samples(path: Path, found: dict[str, NDArray[Any]], part: str, shape: tuple[int, ...]) -> Samples | None:
    pixels, labels = found.get(f"X{part}"), found.get(f"y{part}")
    if pixels is None or labels is None:
        return None
    indices = labels.ndim == 1 and labels.dtype.kind in "iu" and labels.size > 0 and labels.min() >= 0
    indices = indices and labels.max() <= MOST_CLASS
    if not indices or len(labels) != len(pixels):
        raise UserError(f"{path}: `y{part}` must be a class index for each of the {len(pixels)} samples of `X{part}`")
    if pixels.dtype.kind not in "uf" or (pixels.dtype.kind == "u" and pixels.dtype != np.uint8):
        raise UserError(f"{path}: `X{part}` must be uint8 or floating point, not {pixels.dtype}")
    if pixels[0].size != int(np.prod(shape)):
        raise UserError(f"{path}: a sample of `X{part}` has {pixels[0].size} values; the model takes {shape}")
    with np.errstate(over="ignore"):
        whole = pixels if pixels.dtype == np.uint8 else pixels.astype(np.float32)
    if not np.isfinite(whole).all():
        raise UserError(f"{path}: `X{part}` has values that are not finite")
    return Samples(whole.reshape(-1, *shape), labels.astype(np.int64))


def split(samples: Samples, share: float, seed: int) -> tuple[Samples, Samples]:
    """Training samples and a validation share of them, drawn by seed: what stopping and choosing may look at."""
    order = np.random.default_rng(seed).permutation(len(samples))
    kept = aside(len(samples), share)
    return samples.some(order[kept:]), samples.some(order[:kept])


def aside(count: int, share: float) -> int:
    """How many of so many samples are put aside for validation."""
    return max(1, round(share * count))


def check_batch(count: int, share: float, batch: int | None) -> None:
    """Refuse a batch that the samples beside the validation split cannot fill, and a split that leaves none.

    Args:
        count: of training samples, the validation share among them.
        batch: as the user gave it; None where nobody did: then a step takes what is there.

    Raises:
        UserError: which of both, and how far it may go.
    """
    held = aside(count, share)
    left = count - held
    if left < 1:
        raise UserError(f"of {count} training samples {held} are put aside to choose by: none is left to train on")
    if batch is not None and batch > left:
        raise UserError(f"--batch {batch}: {left} at most: of {count} training samples {held} are put aside")


def feed(pixels: NDArray[Any], manifest: Manifest) -> NDArray[np.float32]:
    """What the model's input gets: bytes as its manifest scales them, floats as they are."""
    if pixels.dtype != np.uint8:
        return pixels.astype(np.float32, copy=False)
    wants = manifest.input
    mean, std = (np.asarray(value[: wants.channels], np.float32) for value in (wants.mean, wants.std))
    if pixels.ndim == 4:
        mean, std = mean.reshape(-1, 1, 1), std.reshape(-1, 1, 1)
    else:
        mean, std = mean[:1], std[:1]
    made: NDArray[np.float32] = (pixels.astype(np.float32) * np.float32(wants.scale) - mean) / std
    return made
