"""What Home Assistant requires of a device's discovery message, by the sources of its MQTT integration (2025.4)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

COMMON = {"p", "uniq_id", "name", "ent_cat", "avty", "avty_mode", "dev_cla"}
REQUIRED = {
    "alarm_control_panel": {"stat_t", "cmd_t"},
    "binary_sensor": {"stat_t"},
    "button": {"cmd_t"},
    "event": {"stat_t", "evt_typ"},
    "image": {"img_t"},
    "sensor": {"stat_t"},
    "switch": {"cmd_t", "stat_t"},
}
"""`stat_t` of a switch is optional there; without it, it would show a wish instead of a state."""
OPTIONAL = {
    "alarm_control_panel": {"sup_feat", "code", "cod_arm_req", "cod_dis_req", "cod_trig_req", "pl_trig", "cmd_tpl"},
    "binary_sensor": {"val_tpl"},
    "button": {"pl_prs"},
    "event": {"val_tpl"},
    "image": {"cont_type"},
    "sensor": {"val_tpl", "unit_of_meas", "stat_cla", "ops"},
    "switch": set(),
}
CLASSES = {
    "binary_sensor": {"motion", "occupancy", "connectivity", "problem", "safety", "tamper"},
    "button": {"restart"},
    "sensor": {"temperature", "duration", "data_size", "enum"},
}
UNITS = {"temperature": {"°C"}, "duration": {"ms", "s"}, "data_size": {"MB", "GB"}}
FEATURES = {"arm_home", "arm_away", "arm_night", "arm_vacation", "arm_custom_bypass", "trigger"}
CATEGORIES = {"config", "diagnostic"}
TOPIC = re.compile(r"[a-z0-9_]+(/[a-z0-9_]+)+")


def faults(topic: str, payload: bytes) -> list[str]:
    """All that Home Assistant would refuse or that is more than it knows, a line each."""
    found = []
    if not re.fullmatch(r"[\w/-]+/device/[a-zA-Z0-9_-]+/config", topic):
        found.append(f"{topic} is no topic of a device")
    message = json.loads(payload)
    if missing := {"dev", "o", "cmps", "avty"} - message.keys():
        return [*found, f"the message lacks {missing}"]
    if not (message["dev"].get("ids") and all(isinstance(each, str) for each in message["dev"]["ids"])):
        found.append("the device has no identifier")
    if missing := {"name", "mf", "mdl", "sw"} - message["dev"].keys():
        found.append(f"the device lacks {missing}")
    if missing := {"name", "sw"} - message["o"].keys():
        found.append(f"the origin lacks {missing}")
    found += _availability(message["avty"])
    for name, component in message["cmps"].items():
        if component.keys() != {"p"}:  # that alone takes a component away
            found += [f"{name}: {fault}" for fault in _component(component)]
    return found


def _component(component: dict[str, Any]) -> Iterator[str]:
    platform = component.get("p")
    if platform not in REQUIRED:
        yield f"no platform {platform}"
        return
    if missing := {"uniq_id", "name", *REQUIRED[platform]} - component.keys():
        yield f"lacks {missing}"
    if unknown := component.keys() - COMMON - REQUIRED[platform] - OPTIONAL[platform]:
        yield f"has {unknown}, which {platform} does not know"
    if (kind := component.get("dev_cla")) is not None and kind not in CLASSES.get(platform, ()):
        yield f"{kind} is no class of {platform}"
    if (unit := component.get("unit_of_meas")) is not None and unit not in UNITS.get(component.get("dev_cla", ""), ()):
        yield f"{unit} does not go with {component.get('dev_cla')}"
    if component.get("ent_cat", "config") not in CATEGORIES:
        yield f"no category {component['ent_cat']}"
    if not set(component.get("sup_feat", ())) <= FEATURES:
        yield "has features that are none"
    if component.get("p") == "event" and not component.get("evt_typ"):
        yield "has no types of events"
    for topic in topics(component):
        if not TOPIC.fullmatch(topic):
            yield f"{topic} is no topic of ours"
    yield from _availability(component.get("avty", ()))


def _availability(listed: Any) -> list[str]:
    found = [f"availability of {each}" for each in listed if each.keys() - {"t", "val_tpl"} or "t" not in each]
    return found + [f"{each['t']} has no template" for each in listed if "val_tpl" not in each]


def topics(component: dict[str, Any]) -> list[str]:
    """Topics that a component or a device's message listens to or sends to."""
    return [
        *(component[key] for key in ("stat_t", "cmd_t", "img_t") if key in component),
        *(each["t"] for each in component.get("avty", ())),
    ]


def listened(message: dict[str, Any]) -> set[str]:
    """Topics of a message that Home Assistant subscribes to."""
    parts = [message, *message["cmps"].values()]
    return {topic for part in parts for topic in topics(part)} - commanded(message)


def commanded(message: dict[str, Any]) -> set[str]:
    """Topics of a message that Home Assistant publishes to."""
    return {component["cmd_t"] for component in message["cmps"].values() if "cmd_t" in component}
