"""Clips: `file:PATH`."""

from __future__ import annotations

from pathlib import Path

from edge.capture.container import ContainerSource
from edge.errors import SourceError
from edge.paths import GONE, unreadable


def open_file(path: str | Path) -> ContainerSource:
    """Open a clip. Raises SourceError in one line if it is missing, no video, or damaged."""
    path = Path(path)
    problem = unreadable(path)
    if problem:
        said = "no such clip" if problem == GONE else problem
        raise SourceError(f"{path}: {said}; give the path of a video file")
    return ContainerSource(str(path), name=str(path), fault=SourceError, live=False)
