"""When Home Assistant is told, under which ids, and how it learns that something is gone."""

from __future__ import annotations

import hashlib
import json
import logging
import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from edge.config.schema import Config
from edge.errors import StorageError
from edge.memory import Memory
from edge.sinks.homeassistant.entities import devices

log = logging.getLogger(__name__)

MACHINE_ID = Path("/etc/machine-id")
MACHINE_KEY, TOLD_KEY = "homeassistant_machine", "homeassistant_told"


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
        page: address of our page for people elsewhere, None without one
        machine_id: the file of the machine's id
    """

    def __init__(
        self, config: Config, version: str, memory: Memory, machine_id: Path = MACHINE_ID, page: str | None = None
    ) -> None:
        self._config, self._version, self._memory = config, version, memory
        self._machine_id, self._page = machine_id, page

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
        found = devices(self._config, key, self._version, self._page)
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
