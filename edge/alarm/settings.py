"""What the owner wants of the alarm, taken from the configuration."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from datetime import timezone

from edge.alarm.machine import EVERY_MODE, Mode, Place, Plan
from edge.alarm.schedule import Rule, Schedule, parse_at
from edge.config.schema import Config
from edge.config.schema.camera import Camera, Zone
from edge.labels import MOTION
from edge.localtime import DAYS, zone_of

USUAL = frozenset({"person"})
"""What counts where the owner does not say; at a camera that looks for nothing but motion, that counts as well."""


@dataclass(frozen=True, slots=True)
class Code:
    """A PIN and whose it is."""

    name: str
    code: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Siren:
    """Something that makes noise when a topic tells it to.

    topic: whole, not below the prefix
    max_s: longest time that it sounds for one trigger
    modes: in which it sounds; a panic sounds all
    """

    topic: str
    on: str = "ON"
    off: str = "OFF"
    max_s: float = 180.0
    modes: frozenset[Mode] = EVERY_MODE


@dataclass(frozen=True, slots=True)
class AlarmSettings:
    """All of it. The default is an alarm with neither delays nor codes nor sirens, that a person sets off.

    labels: what counts as an intrusion, at every camera
    motion_at: cameras at which every movement counts as well
    print: of the schedule, by which a changed one is known
    """

    node: str = "edge"
    plan: Plan = field(default_factory=Plan)
    labels: frozenset[str] = USUAL
    motion_at: frozenset[str] = frozenset()
    codes: tuple[Code, ...] = ()
    code_to_arm: bool = False
    sirens: tuple[Siren, ...] = ()
    schedule: Schedule = field(default_factory=lambda: Schedule((), timezone.utc))
    print: str = ""

    def counting(self, camera: str) -> frozenset[str]:
        """The labels that are intrusions at a camera."""
        return self.labels | {MOTION} if camera in self.motion_at else self.labels


def settings_of(config: Config) -> AlarmSettings:
    """The alarm of a checked configuration."""
    table = config.alarm
    zones = {zone.name: _place(zone, camera, config) for camera in config.camera for zone in camera.zone}
    cameras = {camera.name: frozenset(camera.alarm_modes) for camera in config.camera}
    rules = tuple(
        Rule(parse_at(line.at), line.do, frozenset(DAYS.index(day) for day in line.days)) for line in table.schedule
    )
    told = json.dumps([line.model_dump() for line in table.schedule])
    siren_s = min([siren.max_s for siren in table.siren], default=Plan().siren_s)
    return AlarmSettings(
        node=config.node.name,
        plan=Plan(table.trigger_s, table.entry_delay_s, table.exit_delay_s, zones, cameras, siren_s),
        labels=USUAL if table.labels is None else frozenset(table.labels),
        motion_at=frozenset(camera.name for camera in config.camera if table.labels is None and not camera.objects),
        codes=tuple(Code(code.name, code.code.get_secret_value()) for code in table.code),
        code_to_arm=table.code_to_arm,
        sirens=tuple(
            Siren(siren.topic, siren.on, siren.off, siren.max_s, frozenset(siren.modes)) for siren in table.siren
        ),
        schedule=Schedule(rules, zone_of(config.node.timezone), config.node.latitude, config.node.longitude),
        print=hashlib.sha256(told.encode()).hexdigest()[:12] if rules else "",
    )


def _place(zone: Zone, camera: Camera, config: Config) -> Place:
    table = config.alarm
    return Place(
        frozenset(camera.alarm_modes if zone.alarm_modes is None else zone.alarm_modes),
        table.entry_delay_s if zone.entry_delay_s is None else zone.entry_delay_s,
        table.exit_delay_s if zone.exit_delay_s is None else zone.exit_delay_s,
    )
