"""What one table of the alarm alone cannot tell: what never sets it off or is never heard, a sun without a place, codes
and sirens that are there twice, sirens on topics of our own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from edge.config.diagnose import Finding
from edge.config.fields import spelt
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
    if not isinstance(alarm, dict):
        return []
    mixed = (_unseen, _unheard, _uncoded, _sunless, _own)
    return [*(finding for check in mixed for finding in check(data, alarm)), *_twice(alarm)]


def _unseen(data: dict[str, Any], alarm: dict[str, Any]) -> Iterator[Finding]:
    """Labels that shall set the alarm off, and that no camera looks for."""
    cameras = [camera for _, camera in _tables(data.get("camera"))]
    given = [camera.get("labels", ["person"]) for camera in cameras]
    if not cameras or not all(isinstance(labels, list) and labels for labels in given):
        return  # told already; what they are meant to look for nobody knows yet
    sought = {spelt(label) for labels in given for label in labels if isinstance(label, str)}
    told = sought | ({"tamper"} if any(camera.get("tamper", True) for camera in cameras) else set())
    wanted = alarm.get("labels")
    for k, label in enumerate(wanted if isinstance(wanted, list) else []):
        if isinstance(label, str) and spelt(label) and spelt(label) not in told:
            advice = f"they look for: {', '.join(sorted(sought))}; add it to the `labels` of one"
            if spelt(label) == "tamper":
                advice = "set `tamper = true` for one"
            yield Finding(("alarm", "labels", k), f"no camera looks for `{label}`: it never sets the alarm off", advice)


def _unheard(data: dict[str, Any], alarm: dict[str, Any]) -> Iterator[Finding]:
    """Sirens where there is no broker to tell them."""
    mqtt = data.get("mqtt")
    if isinstance(mqtt, dict) and mqtt.get("host"):
        return
    for i, _ in _tables(alarm.get("siren")):
        advice = "set `host` in `[mqtt]`: sirens are told by MQTT"
        yield Finding(("alarm", "siren", i), "no broker is set, so this siren never sounds", advice)


def _uncoded(data: dict[str, Any], alarm: dict[str, Any]) -> Iterator[Finding]:
    """Arming that asks for a code where there is none."""
    if alarm.get("code_to_arm") is True and not alarm.get("code"):
        advice = "add an `[[alarm.code]]`, or leave this out"
        yield Finding(("alarm", "code_to_arm"), "there is no code, so arming asks for none", advice)


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
