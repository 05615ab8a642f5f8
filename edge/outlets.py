"""The sinks that a configuration asks for; nothing of a sink is imported before it is asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from edge import __version__, mailing
from edge.board import Board
from edge.clock import Clock
from edge.config.schema import Config
from edge.metrics import Stages
from edge.outbox import Outbox
from edge.sinks.base import Sink

COMMANDS = ("alarm/set", "restart/set", "+/+/set")
"""Topics below the prefix that are listened to."""


def names(config: Config) -> list[str]:
    """The sinks that every event is for."""
    wanted = {"mqtt": config.mqtt.host, "jsonl": config.jsonl.path}
    return [*(name for name, where in wanted.items() if where), *mailing.names(config)]


class Commands(Protocol):
    """Takes what comes over MQTT, by its topic below the prefix."""

    def heard(self, topic: str, payload: bytes) -> None:
        """Do what a command says."""
        ...

    def retained(self, topic: str) -> None:
        """One came that the broker retains, which is not done."""
        ...


class Hidden(Protocol):
    """A secret of the configuration, which no log can print by accident."""

    def get_secret_value(self) -> str:
        """The secret itself."""
        ...


@dataclass(frozen=True, slots=True)
class Outlet:
    """Makes the sinks of one daemon."""

    config: Config
    outbox: Outbox
    board: Board
    clock: Clock
    clock_ok: Callable[[], bool]
    latency: Stages

    def sinks(self, commands: Commands, stats: Callable[[], Mapping[str, Any]]) -> Iterator[Sink]:
        """The configured sinks, not started yet. stats: as for `MqttSink`."""
        if self.config.mqtt.host:
            yield self._mqtt(self.config.mqtt.host, commands, stats)
        if self.config.email.host:
            yield from self._email()
        if self.config.jsonl.path:
            from edge.sinks.jsonl import JsonlSink

            yield JsonlSink(self.outbox, self.config.jsonl.path, self.clock)

    def _mqtt(self, host: str, commands: Commands, stats: Callable[[], Mapping[str, Any]]) -> Sink:
        from edge.sinks.homeassistant import Discovery, birth_topic
        from edge.sinks.mqtt import MqttSettings, MqttSink, TlsSettings

        table, privacy = self.config.mqtt, self.config.privacy
        discovery = Discovery(self.config, __version__, self.outbox, page=mailing.page(self.config.web))
        tls = None if table.tls is None else TlsSettings(ca=table.tls.ca, cert=table.tls.cert, key=table.tls.key)
        settings = MqttSettings(
            host=host,
            port=table.port,
            username=table.username,
            password=_plain(table.password),
            prefix=table.prefix,
            tls=tls,
            protocol=5 if table.version == "5" else 311,
        )
        return MqttSink(
            settings,
            self.config.node.name,
            self.outbox,
            self.board,
            self.clock,
            commands=COMMANDS,
            on_command=commands.heard,
            on_retained=commands.retained,
            discovery=discovery,
            birth=birth_topic(self.config) if table.discovery else None,
            stats=stats,
            latency=self.latency,
            terms=f"blur {privacy.blur}" if privacy.pictures_leave else "none leaves",
        )

    def _email(self) -> Iterator[Sink]:
        from edge.sinks.email.sink import EmailSink

        for settings in mailing.settings(self.config):
            yield EmailSink(settings, self.outbox, self.clock, self.clock_ok)


def _plain(secret: Hidden | None) -> str | None:
    return None if secret is None else secret.get_secret_value()
