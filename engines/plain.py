"""A packed model as a file, for what reads nothing else: in a folder that only this user may open, and not for long."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edge.engines.base import ModelFile, Unpacked, one_line
from edge.errors import StorageError


@contextmanager
def as_file(model: ModelFile) -> Iterator[Path]:
    """A plain file within the block: the model itself, or one that goes at the block's end.

    Raises:
        ModelError: what is packed is not what it says.
        StorageError: there is no room for it in the folder for temporary files.
    """
    if not isinstance(model, Unpacked):
        yield model
        return
    with tempfile.TemporaryDirectory(prefix="edge-", ignore_cleanup_errors=True) as folder:
        file = Path(folder) / f"model{model.suffix}"
        try:
            file.write_bytes(model.plain())
            blob = model.blob()
            if blob:
                file.with_suffix(".bin").write_bytes(blob)
        except OSError as fault:
            raise StorageError(f"{model.path}: cannot be unpacked to {folder}: {one_line(fault)}") from None
        yield file
