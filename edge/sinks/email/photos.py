"""The pictures of a mail: which ones, and small enough."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from edge.sinks.email.alert import Alert, Told

MOST = 3
PICTURE_BYTES = 145_000
"""Base64 makes a third more of it: the attachment stays below 200 kB."""
ALL_BYTES = 360_000
"""Of all pictures of a mail: they stay below 500 kB."""

Find = Callable[[str], Sequence[Path]]
"""The pictures of an object, in the order in which they were taken; the last is the best."""


@dataclass(frozen=True, slots=True)
class Photo:
    """A picture to attach. taken: Unix time; camera: that took it."""

    jpeg: bytes
    taken: float
    camera: str


def choose(alert: Alert, find: Find) -> list[Photo]:
    """At most three pictures for a mail: those of its object, or fewer of them and the best of the others'; with the
    alarm itself those of what was seen before."""
    others = [(told, found[-1]) for told in _best_first(alert) if (found := _since(told.since, find(told.object_id)))]
    own = [(alert.told, path) for path in find(alert.object_id)]
    if others:
        own = own[:1] + own[1:][-1:] if alert.kind == "event" else own[-1:]
    wanted = [*own, *others][:MOST]
    limit = min(PICTURE_BYTES, ALL_BYTES // max(1, len(wanted)))
    photos = []
    for told, path in wanted:
        jpeg = read(path, limit)
        if jpeg is not None:
            photos.append(Photo(jpeg[0], jpeg[1], told.camera))
    return photos


def _since(time: float, paths: Sequence[Path]) -> list[Path]:
    """Those that were taken no sooner; a little sooner is the rounding of the file's time."""
    return [path for path in paths if (taken := _taken(path)) is not None and taken >= time - 1e-3]


def _taken(path: Path) -> float | None:
    try:
        return path.stat().st_mtime
    except OSError:
        return None


def _best_first(alert: Alert) -> list[Told]:
    once = {told.object_id: told for told in (*alert.scene, *alert.older) if told.object_id != alert.object_id}
    return sorted(once.values(), key=lambda told: -told.score)


def read(path: Path, limit: int = PICTURE_BYTES) -> tuple[bytes, float] | None:
    """A snapshot's JPEG, made small enough, and when it was taken; None if there is none that can be read."""
    try:
        jpeg, taken = path.read_bytes(), path.stat().st_mtime
    except OSError:
        return None
    small = shrink(jpeg, limit) if jpeg else None
    return None if small is None else (small, taken)


def shrink(jpeg: bytes, limit: int = PICTURE_BYTES) -> bytes | None:
    """The same picture in at most `limit` bytes: as it is, else of lower quality, else smaller; None if it is none."""
    image = None
    quality = 80
    while len(jpeg) > limit:
        if image is None:
            image = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
            if image is None:
                return None
        elif quality > 60:
            quality -= 10
        else:
            image = cv2.resize(image, None, fx=0.7, fy=0.7, interpolation=cv2.INTER_AREA)
        _, coded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
        jpeg = coded.tobytes()
    return jpeg
