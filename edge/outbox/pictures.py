"""The pictures of an object: at most three files, `<id>.jpg` the best, `<id>-1.jpg` the first, `<id>-2.jpg` between.

A file's modification time is the time at which its picture was taken; no table has to know it. An empty file is none:
a power cut may have left it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

APART_S = 2.0
"""Two pictures that were taken closer together show the same; the better one stays."""
_EARLIER = (1, 2)


def paths(best: Path) -> Iterator[Path]:
    """Every file that an object may have, the best picture's first."""
    yield best
    yield from (best.with_name(f"{best.stem}-{number}{best.suffix}") for number in _EARLIER)


def found(best: Path) -> list[Path]:
    """Those that there are, in the order in which they were taken."""
    taken = [(when, path) for path in paths(best) if (when := _taken(path)) is not None]
    return [path for _, path in sorted(taken, key=lambda entry: entry[0])]


def keep(best: Path, jpeg: bytes, taken: float) -> int:
    """Store a picture that is better than those before it; returns the bytes of all that are kept of its object.

    The one that was the best so far stays as well where it shows another moment. What it holds is durable; its name is
    once its folder is settled. taken: Unix time. Raises OSError.
    """
    fresh = best.with_suffix(".tmp")
    with fresh.open("wb") as file:
        file.write(jpeg)
        file.flush()
        os.utime(file.fileno(), (taken, taken))
        os.fsync(file.fileno())
    before = _taken(best)
    if before is not None and abs(taken - before) >= APART_S:
        _, first, between = paths(best)
        best.replace(between if is_there(first) else first)
    fresh.replace(best)
    return sum(path.stat().st_size for path in paths(best) if path.exists())


def is_there(path: Path) -> bool:
    """Whether a file holds a picture."""
    return _taken(path) is not None


def _taken(path: Path) -> float | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime if found.st_size else None
