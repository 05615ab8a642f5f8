"""The devices and their entities, as they follow from the configuration.

Source: Home Assistant, integration MQTT, "Device discovery payload" (2024.11 and later), with its abbreviations.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from edge.config.schema import Camera, Config

ONLINE = "{{ 'online' if value == 'online' else 'offline' }}"
"""Home Assistant knows two words of availability and passes over all others, such as `stopped`."""
PRESENT = "{{ 'ON' if value | int(0) > 0 else 'OFF' }}"
SWITCHES = {
    "enabled": "Camera",
    "detect": "Detection",
    "motion": "Motion detection",
    "pose": "Postures",
    "notifications": "Notifications",
    "snapshots": "Snapshots",
}
"""What can be switched, by its name on the screen."""

Component = dict[str, Any]
Components = dict[str, Component]


def devices(config: Config, key: str, version: str, page: str | None = None) -> dict[str, dict[str, Any]]:
    """The discovery message of each device, by its full topic.

    key: of this machine, stable for ever
    page: address of our page, without a slash at its end
    """
    prefix, node = config.mqtt.prefix, config.node.name
    top = f"{config.mqtt.discovery_prefix}/device/{prefix}_{node}"
    origin = {"name": "edge", "sw": version, **({"url": page} if page else {})}
    maker = {"mf": "edge", "sw": version, **({"cu": page} if page else {})}
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
            "cmps": _identified(identity, _camera(config, camera, [there], page)),
        }
    return found


def _node(config: Config) -> Components:
    """The alarm, a button, and how the device is doing."""
    prefix = config.mqtt.prefix
    return {
        "alarm": {
            "p": "alarm_control_panel",
            "name": "Alarm",
            "stat_t": f"{prefix}/alarm/state",
            "cmd_t": f"{prefix}/alarm/set",
            "sup_feat": ["arm_home", "arm_away", "arm_night", "trigger"],
            "pl_trig": "PANIC",
            "cod_trig_req": False,
            **_code(config),
        },
        "blind": {
            "p": "binary_sensor",
            "name": "Alarm sight",
            "stat_t": f"{prefix}/alarm/blind",
            "val_tpl": "{{ 'OFF' if value == 'none' else 'ON' }}",
            "dev_cla": "problem",
        },
        "cannot-see": {
            "p": "sensor",
            "name": "Cannot see",
            "stat_t": f"{prefix}/alarm/blind",
            "val_tpl": "{{ value[:250] }}",  # a state has 255 characters at most
            "ent_cat": "diagnostic",
        },
        "restart": {
            "p": "button",
            "name": "Restart",
            "cmd_t": f"{prefix}/restart/set",
            "pl_prs": "PRESS",
            "dev_cla": "restart",
            "ent_cat": "config",
        },
        **_health(f"{prefix}/stats"),
    }


def _health(stats: str) -> Components:
    """How the device is doing. stats: the topic that says so."""

    def figure(name: str, template: str, **more: Any) -> Component:
        return {"p": "sensor", "name": name, "stat_t": stats, "val_tpl": template, "ent_cat": "diagnostic", **more}

    return {
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
        "clips": figure(
            "Storage used",
            "{{ (value_json.storage.used / 1000000) | round }}",
            dev_cla="data_size",
            unit_of_meas="MB",
            stat_cla="measurement",
        ),
        "version": figure("Version", "{{ value_json.version }}"),
    }


def _code(config: Config) -> Component:
    """How the alarm's code is asked for and sent: only this device knows whether it is right."""
    if not config.alarm.code:
        return {"cod_arm_req": False, "cod_dis_req": False}
    return {
        "code": "REMOTE_CODE",  # digits, as the codes are
        "cod_arm_req": config.alarm.code_to_arm,
        "cod_dis_req": True,
        "cmd_tpl": "{{ {'action': action, 'code': code} | to_json }}",
    }


def _camera(config: Config, camera: Camera, always: list[dict[str, str]], page: str | None) -> Components:
    """A camera's entities. always: the availability of those that are there while the camera is away."""
    base = f"{config.mqtt.prefix}/{camera.name}"
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
        "detection": _detection(config, camera, page),
    }
    if camera.tamper:
        components.update(_view(f"{base}/tamper"))
    if config.poses(camera):
        seen = [*always, {"t": f"{base}/status", "val_tpl": ONLINE}, {"t": f"{base}/pose/available", "val_tpl": ONLINE}]
        components.update(_postures(f"{base}/posture", seen))
    useless = {"detect": not camera.objects, "pose": not config.poses(camera)}
    for switch, name in SWITCHES.items():
        if not useless.get(switch):
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
    if camera.objects:
        components["all-count"] = _count("Objects", f"{base}/all")
    for label in camera.objects:
        components.update(_presence(label, _title(label), f"{base}/{label}"))
        for zone in camera.zone:
            name = f"{_title(zone.name)} {label.replace('_', ' ')}"
            components.update(_presence(f"{zone.name}-{label}", name, f"{config.mqtt.prefix}/{zone.name}/{label}"))
    return components


def _view(topic: str) -> Components:
    """Whether somebody did something to the camera, and what its view is like; a light that is off is nobody's deed."""
    return {
        "tamper": {
            "p": "binary_sensor",
            "name": "Tamper",
            "stat_t": topic,
            "val_tpl": "{{ 'OFF' if value in ('none', 'dark', 'unknown') else 'ON' }}",
            "dev_cla": "tamper",
        },
        "view": {"p": "sensor", "name": "View", "stat_t": topic, "ent_cat": "diagnostic"},
    }


def _postures(topic: str, seen: list[dict[str, str]]) -> Components:
    """Whether somebody has fallen, and how they hold themselves. seen: their availability; that nobody has fallen is
    not to be read where nobody looks."""
    found: Components = {
        "fall": {
            "p": "binary_sensor",
            "name": "Fall",
            "stat_t": topic,
            "val_tpl": "{{ 'ON' if value == 'fallen' else 'OFF' }}",
            "dev_cla": "safety",
        },
        "posture": {
            "p": "sensor",
            "name": "Posture",
            "stat_t": topic,
            "dev_cla": "enum",
            "ops": ["none", "standing", "sitting", "lying", "fallen"],
        },
    }
    return {name: {**entity, "avty": seen, "avty_mode": "all"} for name, entity in found.items()}


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


def _detection(config: Config, camera: Camera, page: str | None) -> Component:
    """The camera's new objects as they come; old news, delivered after an outage, set off no automation."""
    types = [*camera.labels, *(["tamper"] if camera.tamper else [])]
    link = f" 'url': {json.dumps(f'{page}/#event=')} ~ a.id," if page else ""
    return {
        "p": "event",
        "name": "Detection",
        "stat_t": f"{config.mqtt.prefix}/events",
        "evt_typ": types,
        "val_tpl": "{% set a = value_json.after %}"
        "{% if value_json.type == 'new' and not value_json.replayed"
        f" and a.camera == '{camera.name}' and a.label in {json.dumps(types)} %}}"
        "{{ {'event_type': a.label, 'id': a.id, 'score': a.score, 'sub_label': a.sub_label,"
        f" 'zones': a.current_zones,{link} 'armed': value_json.armed}} | to_json }}}}{{% endif %}}",
    }


def _identified(identity: str, components: Mapping[str, Component]) -> Components:
    """The components with ids that stay the same for ever. Names have no dash, so no two ids can be alike."""
    return {name: {"uniq_id": f"{identity}-{name}", **each} for name, each in components.items()}


def _title(name: str) -> str:
    return name.replace("_", " ").capitalize()
