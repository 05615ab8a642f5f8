"""From the configuration to the parent process with all that belongs to it."""

from __future__ import annotations

import secrets
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from edge.clock import Clock, SystemClock
from edge.config.schema import Config, SteerTable
from edge.config.secrets import mask_url
from edge.errors import UserError
from edge.notify import Notifier
from edge.sinks.mqtt.settings import MqttSettings, TlsSettings
from edge.steer.actuators.base import Actuator, open_actuator
from edge.steer.actuators.mqtt import Mqtt
from edge.steer.deadman import open_deadman
from edge.steer.desk import Desk
from edge.steer.gate import Gate, Limits
from edge.steer.guard import GUARDED, Guarded
from edge.steer.keeper import Keeper
from edge.steer.parent import Parent, Parts
from edge.steer.radio import Radio
from edge.steer.task import Task
from edge.steer.trace import Trace
from edge.steer.view import beside

SIGN_S = 0.5
"""Between two signs of life for systemd; the unit's WatchdogSec is 2."""


class Sign:
    """Tells systemd that the parent lives: from its cycles, never from a timer."""

    def __init__(self, notifier: Notifier) -> None:
        self._notifier, self._due = notifier, 0.0
        self._said = ""

    def tell(self, status: dict[str, Any], now: float) -> None:
        """A cycle has passed."""
        said = f"{status['state']}: {status['reason']}"
        if now >= self._due or said != self._said:
            self._due, self._said = now + SIGN_S, said
            self._notifier.watchdog()
            self._notifier.status(said)


def only_steering(data: dict[str, Any]) -> None:
    """Of a configuration's tables, those that steering uses; for `edge.config.load.load(trim=...)`."""
    for name in set(data) - {"node", "steer", "mqtt"}:
        del data[name]
    data["camera"] = [{"name": "front", "source": "synthetic:"}]  # a file holds at least one; this one opens none


def limits(steer: SteerTable) -> Limits:
    """Of the gate."""
    return Limits(
        stale_s=steer.stale_ms / 1000,
        timeout_s=steer.timeout_ms / 1000,
        smooth_s=steer.smooth_ms / 1000,
        steering_rate=steer.steering_rate,
        throttle_rate=steer.throttle_rate,
    )


def radio_of(config: Config, clock: Clock) -> Radio | None:
    """Steering over MQTT, where it is wanted and there is a broker."""
    table, steer = config.mqtt, config.steer
    if table.host is None or not (steer.mqtt or steer.actuator == "mqtt"):
        return None
    settings = MqttSettings(
        host=table.host,
        port=table.port,
        username=table.username,
        password=None if table.password is None else table.password.get_secret_value(),
        prefix=table.prefix,
        tls=None if table.tls is None else TlsSettings(ca=table.tls.ca, cert=table.tls.cert, key=table.tls.key),
        protocol=5 if table.version == "5" else 311,
        keepalive=2,
        connect_timeout=2.0,
    )
    return Radio(settings, f"edge-steer-{secrets.token_hex(6)}", clock, steer.broker_ms / 1000)


def actuator_of(config: Config, clock: Clock, radio: Radio | None) -> Actuator:
    """Open the configured one.

    Raises:
        MissingError: its device or library is not here.
        UserError: it is `mqtt`, and no broker is configured.
    """
    name = config.steer.actuator
    if name == "mqtt":
        if radio is None:
            raise UserError('steer.actuator is "mqtt", and mqtt.host is not set: there is no broker')
        return Mqtt(radio, clock)
    table = getattr(config.steer, name, None) if name in ("pca9685", "servo", "serial") else None
    return open_actuator(name, dict(table) if table is not None else {})


def _guarded(config: Config, clock: Clock, actuator: Actuator) -> Actuator:
    name = config.steer.actuator
    if name not in GUARDED:
        return actuator
    return Guarded(actuator, name, dict(getattr(config.steer, name)), clock)


def task_of(steer: SteerTable, pilot: str | None, view: Path) -> Task:
    """What the loop is to do."""
    return Task(
        source=steer.source,
        shown=mask_url(steer.source),
        loop=steer.loop,
        model=steer.model,
        engine=steer.engine,
        threads=steer.threads,
        device=steer.device,
        hz=steer.hz,
        pilot=pilot,
        view=str(view),
    )


def assemble(config: Config, stack: ExitStack, trace: Path | None, pilot: str | None, notifier: Notifier) -> Parent:
    """The parent process's work, ready to run; what it opened is closed by `stack`, the actuator by itself.

    Raises:
        UserError: it runs already, or the trace cannot be written.
        MissingError: the actuator's device or library is not here.
    """
    steer, clock = config.steer, SystemClock()
    desk = Desk(config.node)
    stack.callback(desk.close)
    written = None
    if trace is not None:
        written = Trace(trace)
        stack.callback(written.close)
    radio = radio_of(config, clock)
    parts = Parts(
        actuator=_guarded(config, clock, actuator_of(config, clock, radio)),
        keeper=Keeper(task_of(steer, pilot, beside(desk.path)).text(), clock),
        gate=Gate(limits(steer)),
        clock=clock,
        hz=steer.hz,
        throttle=steer.throttle,
        deadman=open_deadman(steer.deadman),
        trace=written,
        orders=[desk],
        watchers=[Sign(notifier)],
    )
    if radio is not None:
        parts.orders.append(radio)
        parts.watchers.append(radio)
        radio.start()
        stack.callback(radio.close)
    return Parent(parts)
