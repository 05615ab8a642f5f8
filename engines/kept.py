"""What engines made of models in a long load, kept in the user's cache and believed only when it is what was written.

The engines' own caches know a model by path and modification time, so a file replaced within a second or restored with
its time runs as the old one; and they may loop for ever, or crash, on damaged content (OpenVINO's `CACHE_DIR` does, and
TensorRT need not survive reading it). Here a name is a digest of everything that the result depends on, and the content
carries its own. From any thread or process.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from edge.cache import cache_root
from edge.engines.base import ModelFile, Unpacked, path_of

KEPT = 16
"""Files of a kind that stay on the disk; those unused for longest go first. A model on a GPU takes 10 to 100 MB."""
DIGEST = hashlib.sha256().digest_size
ABANDONED_S = 3600.0
"""The age from which a draft is what a power cut left, and nobody writes it any more."""
CHUNK = 1 << 20
EXTERNAL = re.compile(rb"\x0a\x08location(?:\x12([\x01-\x7f]))?")
"""The key under which an ONNX tensor names another file for its data, and the length of the name behind it.

As protobuf writes a StringStringEntryProto of TensorProto.external_data (onnx/onnx.proto): key 1, value 2.
"""


def place(folder: str, name: str) -> Path | None:
    """Where a file of this name is kept; None where there is no cache."""
    root = cache_root()
    return None if root is None else root / folder / name


def entry(model: ModelFile, circumstances: str, folder: str, suffix: str) -> Path | None:
    """Where what was made of a model is kept, whether it is there or not.

    Args:
        circumstances: what it depends on but the model: release, device, settings.
        folder: of the back end, in the cache.
        suffix: of the kind of file, of which `KEPT` stay.

    Returns:
        None where it cannot be kept: there is no cache, or not all that the model consists of can be told.
    """
    digest = hashlib.sha256(circumstances.encode())
    try:
        if isinstance(model, Unpacked):  # which is all that it consists of
            digest.update(bytes.fromhex(model.sha256))
        else:
            for part in (model, *_others(model)):
                digest.update(_sha256(part))
    except (OSError, ValueError):
        return None
    return place(folder, f"{path_of(model).stem[:40]}-{digest.hexdigest()[:32]}{suffix}")


def fetch(kept: Path | None) -> bytes | None:
    """What is kept there; None where nothing is, or something damaged."""
    try:
        content = b"" if kept is None else kept.read_bytes()
    except OSError:
        return None
    payload = content[DIGEST:]
    if kept is None or not payload or hashlib.sha256(payload).digest() != content[:DIGEST]:
        return None
    with contextlib.suppress(OSError):  # another user's: used all the same
        os.utime(kept, ns=(time.time_ns(), kept.stat().st_mtime_ns))
    return payload


def keep(kept: Path | None, payload: bytes) -> None:
    """Keep it, whole or not at all; without a folder that may be written, or room on the disk, time alone is lost."""
    if kept is None:
        return
    with contextlib.suppress(OSError):
        kept.parent.mkdir(parents=True, exist_ok=True)
        _clean(kept.parent)
        with tempfile.NamedTemporaryFile(dir=kept.parent, suffix=".draft", delete=False) as draft:
            try:
                draft.write(hashlib.sha256(payload).digest())
                draft.write(payload)
                draft.flush()
                os.fsync(draft.fileno())
                Path(draft.name).replace(kept)
            except OSError:
                Path(draft.name).unlink(missing_ok=True)
                raise
        alike = kept.parent.glob(f"*{kept.suffix}")
        for old in sorted(alike, key=lambda path: path.stat().st_atime_ns)[:-KEPT]:
            old.unlink(missing_ok=True)


def _clean(folder: Path) -> None:
    now = time.time()
    for draft in folder.glob("*.draft"):
        # On a board without a clock what was left may seem to come from the future.
        if abs(now - draft.stat().st_mtime) > ABANDONED_S:
            draft.unlink(missing_ok=True)


def _others(model: Path) -> Iterator[Path]:
    """The files that a model consists of but its own: OpenVINO's weights, and those that an ONNX file names.

    ValueError where a name cannot be told, or is not one of a file beside the model.
    """
    if model.suffix.lower() == ".xml":
        yield model.with_suffix(".bin")
        return
    data = model.read_bytes()
    names = set()
    for found in EXTERNAL.finditer(data):
        if found[1] is None:
            raise ValueError("a name of more than 127 bytes, or one that protobuf writes otherwise")
        names.add(data[found.end() : found.end() + found[1][0]])
    for name in sorted(names):
        relative = PurePosixPath(name.decode())
        if relative.is_absolute() or ".." in relative.parts:
            raise ValueError("a file elsewhere")
        yield model.parent / relative


def _sha256(path: Path) -> bytes:
    """Of a regular file's content; weights may be larger than memory."""
    if not path.is_file():
        raise ValueError(f"{path} is no file")
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    return digest.digest()
