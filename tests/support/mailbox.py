"""Stored messages made up for tests of mail, without an outbox."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from edge.types import Stamp, event_payload
from tests.support.events import event


@dataclass(frozen=True, slots=True)
class Letter:
    """A message as the outbox gives it."""

    id: int
    payload: Mapping[str, Any]
    replaces: tuple[int, ...] = ()
    fresh_until: float = 0.0
    snapshot: Path | None = None


def message(
    number: int,
    at: float,
    kind: Literal["new", "update", "end"] = "new",
    object_id: str | None = None,
    *,
    camera: str = "porch",
    label: str = "person",
    armed: str = "armed_away",
    clock_ok: bool = True,
    node: str = "bar",
    notify: bool | None = None,
    **after: Any,
) -> Letter:
    """One event. after: fields of its sighting, such as `sub_label` or `entered_zones`."""
    made = event(kind, object_id or f"1700000000-{number:06d}", camera=camera, label=label, armed=armed, at=at)
    made = replace(made, after=replace(made.after, **after))
    payload = event_payload(made, Stamp("boot", number, node, at, clock_ok=clock_ok))
    return Letter(number, payload if notify is None else {**payload, "notify": notify})
