"""Pictures as a model is fed them: what quantization calibrates on and what quality is measured with."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.capture.file import open_file
from edge.engines.base import TensorSpec
from edge.errors import SourceError
from edge.models.manifest import Manifest
from edge.models.quantized import input_of
from edge.paths import unreadable
from edge.preprocess import Fit, Input
from edge.preprocess.image import read_image
from edge.tools.npz import arrays
from edge.types import I420, U8

IMAGES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff")


def feeds(path: Path, manifest: Manifest, limit: int = 64, seed: int = 0) -> list[dict[str, NDArray[Any]]]:
    """Feeds from a folder of images, one image, a clip, or an `.npz` of the model's own inputs.

    Pictures go through the runtime's own preprocessing. Of more than `limit`, a folder gives a random choice, in the
    order of names, and a clip frames that are spread evenly over it.

    Args:
        path: an `.npz` holds an array for each input under its name, samples first (n, ...).
        manifest: of the model; its `input` says how pictures are fed.
        seed: of the choice.

    Raises:
        SourceError: it is not there, cannot be read, or holds no picture.
        ModelError: an integer input of which nobody says how it is quantized.
    """
    problem = unreadable(path)
    if path.is_dir():
        files = sorted(file for file in path.iterdir() if file.suffix.lower() in IMAGES)
        if not files:
            raise SourceError(f"{path}: no images in this folder ({', '.join(IMAGES)})")
        return [_fed(read_image(file), manifest) for file in _some(files, limit, seed)]
    if problem:
        raise SourceError(f"{path}: {problem}; give a folder of images, an image, a clip or an .npz")
    if path.suffix.lower() == ".npz":
        return _arrays(path, manifest, limit, seed)
    if path.suffix.lower() in IMAGES:
        return [_fed(read_image(path), manifest)]
    return [_fed(picture, manifest) for picture in _frames(path, limit)]


def pixels(manifest: Manifest) -> Input:
    """What the picture's tensor of an ONNX model really takes; ModelError where nobody says how it is quantized."""
    given = manifest.input
    return input_of(manifest, TensorSpec(given.name, given.shape, given.dtype))


def _fed(picture: I420 | U8, manifest: Manifest) -> dict[str, NDArray[Any]]:
    to = pixels(manifest)
    if isinstance(picture, I420):
        fit = Fit.of((picture.width, picture.height), to)
        fit.i420(picture, tensor := fit.blank())
    else:
        fit = Fit.of((picture.shape[1], picture.shape[0]), to)
        fit.bgr(picture, tensor := fit.blank())
    return {manifest.input.name: tensor}


def _some(files: list[Path], limit: int, seed: int) -> list[Path]:
    if len(files) <= limit:
        return files
    return [files[k] for k in sorted(np.random.default_rng(seed).choice(len(files), limit, replace=False))]


def _frames(path: Path, limit: int) -> Iterator[I420]:
    """Frames spread evenly over a clip, which is read twice: a clip need not say how many it has."""
    with closing(open_file(path)) as clip:
        count = sum(1 for _ in clip.shots())
    if count == 0:
        raise SourceError(f"{path}: no frames in this clip")
    wanted = {int((k + 0.5) * count / min(limit, count)) for k in range(min(limit, count))}
    with closing(open_file(path)) as clip:
        for number, shot in enumerate(clip.shots()):
            if number in wanted:
                yield shot.picture


def _arrays(path: Path, manifest: Manifest, limit: int, seed: int) -> list[dict[str, NDArray[Any]]]:
    given = arrays(path)
    name, shape = manifest.input.name, manifest.input.shape
    if name not in given:
        raise SourceError(f"{path}: no array `{name}`, the model's input; it has: {', '.join(given) or 'none'}")
    count = len(given[name])
    if given[name].shape[1:] != shape[1:] or any(len(array) != count for array in given.values()) or not count:
        raise SourceError(
            f"{path}: `{name}` has shape {given[name].shape}, wanted (n, {', '.join(map(str, shape[1:]))})"
        )
    chosen = np.sort(np.random.default_rng(seed).permutation(count)[:limit])
    return [{key: np.ascontiguousarray(array[k : k + 1]) for key, array in given.items()} for k in chosen]
