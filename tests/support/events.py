"""Events made up for tests: one object of one camera, as the rules would tell of it."""

from __future__ import annotations

import time
from typing import Literal

from edge.types import Event, Sighting, Snapshot


def event(
    kind: Literal["new", "update", "end"] = "new",
    object_id: str = "1700000000.0-abc123",
    *,
    camera: str = "porch",
    label: str = "person",
    armed: str = "armed_away",
    at: float | None = None,
    jpeg: bytes | None = None,
) -> Event:
    """An event of one object, captured now unless `at` is given."""
    at = time.time() if at is None else at
    after = Sighting(
        id=object_id,
        camera=camera,
        frame_time=at,
        label=label,
        score=0.9,
        top_score=0.95,
        start_time=at - 1,
        end_time=at if kind == "end" else None,
        box=(10.0, 20.0, 110.0, 220.0),
        frame_size=(640, 480),
        active=kind != "end",
        stationary=False,
        has_snapshot=jpeg is not None,
        snapshot=None if jpeg is None else Snapshot(at, (10.0, 20.0, 110.0, 220.0), 0.95),
    )
    return Event(kind, None if kind == "new" else after, after, at, armed, None, jpeg)
