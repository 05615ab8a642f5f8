"""Compiled models of OpenVINO, kept in the user's cache and believed only when they are what was written.

OpenVINO's own cache (`CACHE_DIR`) knows a model by path and modification time, so a file replaced within a second or
restored with its time runs as the old one; and it may loop for ever on a damaged blob. Here the name is a digest of
everything that the result depends on, and the content carries its own.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from pathlib import Path

from edge.cache import cache_root

KEPT = 16
"""Compiled models on disk; the oldest go first."""
DIGEST = hashlib.sha256().digest_size
EXTERNAL = b"\x0a\x08location"
"""The key under which an ONNX tensor names another file for its data (`external_data`), as protobuf writes it."""


def entry(model: Path, circumstances: str) -> Path | None:
    """Where the compiled form of a model is kept, by its content and the circumstances: release, device, settings.

    None where it cannot be kept: there is no folder that may be written, or the model has parts in files unknown here.
    """
    folder = _folder()
    if folder is None:
        return None
    try:
        data = model.read_bytes()
        weights = model.with_suffix(".bin").read_bytes() if model.suffix.lower() == ".xml" else b""
    except OSError:
        return None
    if EXTERNAL in data:
        return None
    digest = hashlib.sha256(circumstances.encode())
    for part in (data, weights):
        digest.update(hashlib.sha256(part).digest())
    return folder / f"{model.stem[:40]}-{digest.hexdigest()[:32]}.blob"


def fetch(kept: Path) -> bytes | None:
    """What was kept; None if nothing was, or if it is damaged."""
    try:
        content = kept.read_bytes()
    except OSError:
        return None
    payload = content[DIGEST:]
    return payload if payload and hashlib.sha256(payload).digest() == content[:DIGEST] else None


def keep(kept: Path, payload: bytes) -> None:
    """Keep a compiled model; a full disk keeps none, which costs time alone."""
    with contextlib.suppress(OSError):
        with tempfile.NamedTemporaryFile(dir=kept.parent, suffix=".draft", delete=False) as draft:
            try:
                draft.write(hashlib.sha256(payload).digest())
                draft.write(payload)
                draft.flush()
                Path(draft.name).replace(kept)
            except OSError:
                Path(draft.name).unlink(missing_ok=True)
                raise
        for old in sorted(kept.parent.glob("*.blob"), key=lambda path: path.stat().st_mtime)[:-KEPT]:
            old.unlink(missing_ok=True)


def _folder() -> Path | None:
    root = cache_root()
    if root is None:
        return None
    folder = root / "openvino"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return None
    return folder if os.access(folder, os.W_OK) else None
