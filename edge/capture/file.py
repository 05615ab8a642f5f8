"""Clips: `file:PATH`."""

from __future__ import annotations

from pathlib import Path

from edge.capture.container import ContainerSource
from edge.errors import SourceError


def open_file(path: str | Path) -> ContainerSource:
    """Open a clip. Raises SourceError in one line if it is missing, no video, or damaged."""
    path = Path(path)
    if not path.is_file():
        raise SourceError(f"{path}: no such clip; give the path of a video file")
    return ContainerSource(str(path), name=str(path), fault=SourceError, live=False)
