"""Clips: `file:PATH`."""

from __future__ import annotations

from pathlib import Path

from edge.capture.container import ContainerSource
from edge.errors import SourceError
from edge.paths import GONE, unreadable

TEXT = frozenset({"ansi", "bintext", "idf", "xbin"})
"""Codecs that draw a text's letters: what a text file is a video of to FFmpeg."""
HEADLESS = frozenset({"bitpacked", "rawvideo", "v210", "v210x"})
"""Formats of bare pixels, which FFmpeg goes by a file's name for; nothing says their size."""


def open_file(path: str | Path) -> ContainerSource:
    """Open a clip. Raises SourceError in one line if it is missing, no video (a text, bare pixels), or damaged."""
    path = Path(path)
    problem = unreadable(path)
    if problem:
        said = "no such clip" if problem == GONE else problem
        raise SourceError(f"{path}: {said}; give the path of a video file")
    clip = ContainerSource(str(path), name=str(path), fault=SourceError, live=False)
    if clip.codec in TEXT or clip.form in HEADLESS:
        clip.close()
        raise SourceError(f"{path}: not a video (FFmpeg takes it for `{clip.form}`); give the path of a video file")
    return clip
