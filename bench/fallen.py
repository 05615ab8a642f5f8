"""Falls in what a replay told, and in a clip's labels."""

from __future__ import annotations

from typing import Any


def fell(event: dict[str, Any]) -> bool:
    """Whether an event tells of a confirmed fall."""
    activity = event["after"].get("activity") or {}
    return activity.get("kind") == "fall" and bool(activity.get("confirmed"))


def confirmed(events: list[dict[str, Any]]) -> float | None:
    """When the first fall was told as confirmed, seconds of the clip; None: never."""
    return next((event["captured_at"] for event in events if fell(event)), None)


def onset(label: dict[str, Any]) -> float:
    """When a clip's fall begins, seconds, by its labels; 0 of one without."""
    return min((float(begin) for what, begin, _ in label["intervals"] if "fall" in what.lower()), default=0.0)
