"""What Home Assistant is told, so that cameras and alarm appear there by themselves: one message a device.

Source: Home Assistant, integration MQTT, "Device discovery payload" (2024.11 and later), with its abbreviations.
"""

from __future__ import annotations

import hashlib
import json
import logging
import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from edge.config.schema import Camera, Config
from edge.errors import StorageError
from edge.sinks.base import Memory

log = logging.getLogger(__name__)

MACHINE_ID = Path("/etc/machine-id")
MACHINE_KEY, TOLD_KEY = "homeassistant_machine", "homeassistant_told"
MOTION = "motion"
ONLINE = "{{ 'online' if value == 'online' else 'offline' }}"
"""Home Assistant knows two words of availability and passes over all others, such as `stopped`."""
PRESENT = "{{ 'ON' if value | int(0) > 0 else 'OFF' }}"
SWITCHES = {
    "enabled": "Camera",
    "detect": "Detection",
    "motion": "Motion detection",
    "notifications": "Notifications",
    "snapshots": "Snapshots",
}
"""What can be switched, by its name on the screen; `pose` has no model yet."""

Component = dict[str, Any]
Components = dict[str, Component]


def birth_topic(config: Config) -> str:
    """Where Home Assistant says `online` when it has started."""
    return f"{config.mqtt.discovery_prefix}/status"


class Discovery:
    """Makes the messages, each time that they are to be sent. Owned by the sink's thread.

    A component that a device has no more must be named once again, empty, or Home Assistant keeps it for ever; so what
    was told is remembered.

    Args:
        config: of this node
        version: of the program
        memory: keeps what was told
        machine_id: the file of the machine's id
    """

    def __init__(self, config: Config, version: str, memory: Memory, machine_id: Path = MACHINE_ID) -> None:
        self._config, self._version, self._memory, self._machine_id = config, version, memory, machine_id

    def __call__(self) -> list[tuple[str, str]]:
        """Full topics and what they are to retain: the node first, which the cameras refer to. None where discovery is
        switched off, or while the disk cannot be read."""
        if not self._config.mqtt.discovery:
            return []
        try:
            key = self._key()
            told = _table(self._memory.recall(TOLD_KEY))
        except StorageError as fault:
            log.warning("Home Assistant is told nothing until the next connection: %s", fault)
            return []
        found = devices(self._config, key, self._version)
        now = {
            topic: {**told.get(topic, {}), **{name: each["p"] for name, each in device["cmps"].items()}}
            for topic, device in found.items()
        }
        for topic, device in found.items():
            gone = now[topic].keys() - device["cmps"].keys()
            device["cmps"].update({name: {"p": now[topic][name]} for name in sorted(gone)})
        if now != told:
            self._memory.note(TOLD_KEY, json.dumps(now))
        return [(topic, json.dumps(device, separators=(",", ":"))) for topic, device in found.items()]

    def _key(self) -> str:
        """Names this machine and prefix in Home Assistant, and tells nobody the machine's id, which is a secret of its
        own (machine-id(5)); without one, a random key that stays. Raises StorageError."""
        try:
            machine = self._machine_id.read_text("ascii").strip()
        except (OSError, ValueError):
            machine = ""
        if len(machine) != 32:
            machine = self._memory.recall(MACHINE_KEY) or secrets.token_hex(16)
            self._memory.note(MACHINE_KEY, machine)
        return hashlib.sha256(f"edge/{machine}/{self._config.mqtt.prefix}".encode()).hexdigest()[:16]


def devices(config: Config, key: str, version: str) -> dict[str, dict[str, Any]]:
    """The discovery message of each device, by its full topic. key: of this machine, stable for ever."""
    prefix, node = config.mqtt.prefix, config.node.name
    top = f"{config.mqtt.discovery_prefix}/device/{prefix}_{node}"
    origin = {"name": "edge", "sw": version}
    maker = {"mf": "edge", "sw": version}
    there = {"t": f"{prefix}/available", "val_tpl": ONLINE}
    found = {
        f"{top}/config": {
            "dev": {"ids": [key], "name": node, "mdl": "edge runtime", **maker},
            "o": origin,
            "avty": [there],
            "cmps": _identified(key, _node(config)),
        }
    }
    for camera in config.camera:
        identity = f"{key}-{camera.name}"
        found[f"{top}_{camera.name}/config"] = {
            "dev": {"ids": [identity], "name": _title(camera.name), "mdl": "camera", "via_device": key, **maker},
            "o": origin,
            "avty": [there, {"t": f"{prefix}/{camera.name}/status", "val_tpl": ONLINE}],
            "avty_mode": "all",
            "cmps": _identified(identity, _camera(config, camera, [there])),
        }
    return found


def _node(config: Config) -> Components:
    """The alarm, how the device is doing, and a button."""
    prefix = config.mqtt.prefix
    stats = f"{prefix}/stats"

    def figure(name: str, template: str, **more: Any) -> Component:
        return {"p": "sensor", "name": name, "stat_t": stats, "val_tpl": template, "ent_cat": "diagnostic", **more}

    return {
        "alarm": {
            "p": "alarm_control_panel",
            "name": "Alarm",
            "stat_t": f"{prefix}/alarm/state",
            "cmd_t": f"{prefix}/alarm/set",
            "sup_feat": ["arm_home", "arm_away", "arm_night"],
            **_code(config),
        },
        "restart": {
            "p": "button",
            "name": "Restart",
            "cmd_t": f"{prefix}/restart/set",
            "pl_prs": "PRESS",
            "dev_cla": "restart",
            "ent_cat": "config",
        },
        "problem": {
            "p": "binary_sensor",
            "name": "Supply or heat",
            "stat_t": stats,
            # The lower bits are what is so now, the higher ones what was so since the board was switched on.
            "val_tpl": "{{ 'ON' if (value_json.throttled or 0) % 16 else 'OFF' }}",
            "dev_cla": "problem",
            "ent_cat": "diagnostic",
        },
        "temperature": figure(
            "Temperature", "{{ value_json.temp_c }}", dev_cla="temperature", unit_of_meas="°C", stat_cla="measurement"
        ),
        "latency": figure(
            "Latency",
            "{{ value_json.latency_ms.p95 if value_json.latency_ms else none }}",
            dev_cla="duration",
            unit_of_meas="ms",
            stat_cla="measurement",
        ),
        "waiting": figure("Messages waiting", "{{ value_json.outbox.depth }}", stat_cla="measurement"),
        "dropped": figure("Messages dropped", "{{ value_json.outbox.dropped }}", stat_cla="measurement"),
        "version": figure("Version", "{{ value_json.version }}"),
    }


def _code(config: Config) -> Component:
    """How the alarm's code is asked for and sent: only this device knows whether it is right."""
    pin = getattr(config.alarm, "code", None)
    if pin is None:
        return {"cod_arm_req": False, "cod_dis_req": False}
    return {
        "code": "REMOTE_CODE",
        "cod_arm_req": False,
        "cod_dis_req": True,
        "cmd_tpl": "{{ {'action': action, 'code': code} | to_json }}",
    }


def _camera(config: Config, camera: Camera, always: list[dict[str, str]]) -> Components:
    """A camera's entities. always: the availability of those that are there while the camera is away."""
    base = f"{config.mqtt.prefix}/{camera.name}"
    seen = [label for label in camera.labels if label != MOTION]
    components: Components = {
        "motion": {"p": "binary_sensor", "name": "Motion", "stat_t": f"{base}/motion", "dev_cla": "motion"},
        "connection": {
            "p": "binary_sensor",
            "name": "Connection",
            "stat_t": f"{base}/status",
            "val_tpl": "{{ 'ON' if value == 'online' else 'OFF' }}",
            "dev_cla": "connectivity",
            "ent_cat": "diagnostic",
            "avty": always,
        },
        "detection": _detection(config, camera),
    }
    for switch, name in SWITCHES.items():
        if switch != "detect" or seen:
            components[f"{switch}-switch"] = {
                "p": "switch",
                "name": name,
                "stat_t": f"{base}/{switch}/state",
                "cmd_t": f"{base}/{switch}/set",
                "ent_cat": "config",
                "avty": always,
            }
    for label in camera.labels:
        components[f"{label}-image"] = {
            "p": "image",
            "name": _title(label),
            "img_t": f"{base}/{label}/snapshot",
            "cont_type": "image/jpeg",
        }
    if seen:
        components["all-count"] = _count("Objects", f"{base}/all")
    for label in seen:
        components.update(_presence(label, _title(label), f"{base}/{label}"))
        for zone in camera.zone:
            name = f"{_title(zone.name)} {label.replace('_', ' ')}"
            components.update(_presence(f"{zone.name}-{label}", name, f"{config.mqtt.prefix}/{zone.name}/{label}"))
    return components


def _presence(identity: str, name: str, topic: str) -> Components:
    """How many there are, and whether there is any."""
    return {
        f"{identity}-count": _count(f"{name} count", topic),
        f"{identity}-occupancy": {
            "p": "binary_sensor",
            "name": name,
            "stat_t": topic,
            "val_tpl": PRESENT,
            "dev_cla": "occupancy",
        },
    }


def _count(name: str, topic: str) -> Component:
    return {"p": "sensor", "name": name, "stat_t": topic, "stat_cla": "measurement"}


def _detection(config: Config, camera: Camera) -> Component:
    """The camera's new objects as they come; old news, delivered after an outage, set off no automation."""
    types = json.dumps(camera.labels)
    return {
        "p": "event",
        "name": "Detection",
        "stat_t": f"{config.mqtt.prefix}/events",
        "evt_typ": list(camera.labels),
        "val_tpl": "{% set a = value_json.after %}"
        "{% if value_json.type == 'new' and not value_json.replayed"
        f" and a.camera == '{camera.name}' and a.label in {types} %}}"
        "{{ {'event_type': a.label, 'id': a.id, 'score': a.score, 'sub_label': a.sub_label,"
        " 'zones': a.current_zones, 'armed': value_json.armed} | to_json }}{% endif %}",
    }


def _identified(identity: str, components: Mapping[str, Component]) -> Components:
    """The components with ids that stay the same for ever. Names have no dash, so no two ids can be alike."""
    return {name: {"uniq_id": f"{identity}-{name}", **each} for name, each in components.items()}


def _title(name: str) -> str:
    return name.replace("_", " ").capitalize()


def _table(kept: str | None) -> dict[str, dict[str, str]]:
    """What was told: by topic, the platform of each component; nothing where that cannot be read."""
    try:
        found = json.loads(kept or "{}")
    except ValueError:
        return {}
    return dict(_tables(found)) if isinstance(found, dict) else {}


def _tables(found: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, str]]]:
    for topic, table in found.items():
        if isinstance(table, dict):
            yield topic, {name: platform for name, platform in table.items() if isinstance(platform, str)}
