"""What one table of the alarm alone cannot tell: a sun without a place, codes and sirens that are there
twice, sirens on topics of our own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from edge.config.diagnose import Finding
from edge.config.schema import Mqtt

UNIQUE = (
    ("code", "name", "this name has a code already", "the log could not tell the two apart"),
    ("code", "code", "this is somebody else's code already", "the log could not tell the two apart"),
    ("siren", "topic", "this topic is told by a siren already", "leave one of the two away"),
)
"""Keys of tables of `[alarm]` whose values all differ; no message quotes them, since a code is a secret."""


def misplaced(data: dict[str, Any]) -> list[Finding]:
    """All findings about `[alarm]` that need more than one of its tables."""
    alarm = data.get("alarm")
    return [*_sunless(data, alarm), *_twice(alarm), *_own(data, alarm)] if isinstance(alarm, dict) else []


def _sunless(data: dict[str, Any], alarm: dict[str, Any]) -> Iterator[Finding]:
    node = data.get("node")
    if isinstance(node, dict) and {"latitude", "longitude"} & node.keys():
        return
    for i, line in _tables(alarm.get("schedule")):
        if str(line.get("at")).startswith("sun"):
            advice = "set `latitude` and `longitude` in `[node]`"
            yield Finding(("alarm", "schedule", i, "at"), "where the sun is seen from is not known", advice)


def _own(data: dict[str, Any], alarm: dict[str, Any]) -> Iterator[Finding]:
    """A siren's word on a topic of ours would be a command to ourselves: to disarm, say."""
    mqtt = data.get("mqtt")
    table = mqtt if isinstance(mqtt, dict) else {}
    for key in ("prefix", "discovery_prefix"):
        above = table.get(key, Mqtt.model_fields[key].default)
        for i, each in _tables(alarm.get("siren")):
            if f"{each.get('topic')}/".startswith(f"{above}/"):
                advice = f"name a topic of the siren, not one below `mqtt.{key}`"
                yield Finding(("alarm", "siren", i, "topic"), "this is a topic of our own", advice)


def _twice(alarm: dict[str, Any]) -> Iterator[Finding]:
    for table, key, message, advice in UNIQUE:
        taken: set[str] = set()
        for i, each in _tables(alarm.get(table)):
            value = each.get(key)
            if isinstance(value, str) and value in taken:
                yield Finding(("alarm", table, i, key), message, advice)
            taken.add(str(value))


def _tables(value: Any) -> Iterator[tuple[int, dict[str, Any]]]:
    if isinstance(value, list):
        yield from ((i, table) for i, table in enumerate(value) if isinstance(table, dict))
