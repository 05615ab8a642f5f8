"""Where built engines and timing caches are kept, so that a build of minutes is done once."""

from __future__ import annotations

import hashlib
import json
import os
import re
import tempfile
from pathlib import Path

from edge.cache import cache_root
from edge.engines.base import EngineOptions

DIGEST = hashlib.sha256().digest_size


def engine_place(model: Path, options: EngineOptions, version: str, gpu: str) -> Path | None:
    """Where the engine of this model is kept, whether it is there or not; None where there is no cache.

    Another model, release of TensorRT, GPU, precision or shape is another place.
    """
    shapes = sorted((name, list(shape)) for name, shape in options.inputs.items())
    key = json.dumps([_sha256(model), version, gpu, options.precision, shapes])
    return _place(f"{model.stem}-{hashlib.sha256(key.encode()).hexdigest()[:32]}.built")


def timing_place(version: str, gpu: str) -> Path | None:
    """Where the timing cache of this release on this GPU is kept."""
    return _place(f"timing-{re.sub(r'[^A-Za-z0-9.]+', '-', f'{version}-{gpu}')}.cache")


def kept(place: Path | None) -> bytes | None:
    """What is kept there; None where nothing is, or something damaged: TensorRT need not survive reading that."""
    try:
        data = b"" if place is None else place.read_bytes()
    except OSError:
        return None
    content = data[DIGEST:]
    return content if content and hashlib.sha256(content).digest() == data[:DIGEST] else None


def keep(place: Path | None, content: bytes) -> None:
    """Keep it, whole or not at all; without a folder that may be written, or room on the disk, not at all."""
    if place is None:
        return
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=place.parent) as scratch:
            draft = Path(scratch) / place.name
            with draft.open("wb") as file:
                file.write(hashlib.sha256(content).digest() + content)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(place)
    except OSError:
        return


def _place(name: str) -> Path | None:
    root = cache_root()
    return None if root is None else root / "tensorrt" / name


def _sha256(model: Path) -> str:
    """Of a model and of the weights that exporters put beside a large one (`NAME.onnx.data`)."""
    digest = hashlib.sha256(model.read_bytes())
    weights = model.with_name(f"{model.name}.data")
    if weights.is_file():
        digest.update(weights.read_bytes())
    return digest.hexdigest()
