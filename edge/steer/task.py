"""What the parent has the loop do; light, so that the parent imports no engine."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Task:
    """What the loop is to do.

    source, loop: of the camera, as in the configuration; shown: its address without credentials
    model, engine, threads, device: as of `[steer]`
    pilot: `MODULE:NAME` of a callable that takes a BGR image, uint8 (h, w, 3), instead of the model
    view: path of the socket on which the live view is given
    """

    source: str
    shown: str
    loop: bool
    model: str
    engine: tuple[str, ...]
    threads: int
    device: str | None
    hz: float
    pilot: str | None = None
    view: str | None = None

    def text(self) -> str:
        """As JSON."""
        return json.dumps(asdict(self))


def read(text: str) -> Task:
    """The task that `Task.text` wrote."""
    given = json.loads(text)
    return Task(**{**given, "engine": tuple(given["engine"])})
