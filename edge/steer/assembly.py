"""From the configuration to the parent process with all that belongs to it."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Any

from edge.clock import SystemClock
from edge.config.schema import Config, SteerTable
from edge.config.secrets import mask_url
from edge.steer.actuators.base import Actuator, open_actuator
from edge.steer.deadman import open_deadman
from edge.steer.desk import Desk
from edge.steer.gate import Gate, Limits
from edge.steer.keeper import Keeper
from edge.steer.parent import Parent, Parts
from edge.steer.task import Task
from edge.steer.trace import Trace


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


def actuator_of(config: Config) -> Actuator:
    """Open the configured one. Raises MissingError: its device or library is not here."""
    name = config.steer.actuator
    table = getattr(config.steer, name, None) if name in ("pca9685", "servo", "serial") else None
    return open_actuator(name, dict(table) if table is not None else {})


def task_of(steer: SteerTable, pilot: str | None) -> Task:
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
    )


def assemble(config: Config, stack: ExitStack, trace: Path | None, pilot: str | None) -> Parent:
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
    parts = Parts(
        actuator=actuator_of(config),
        keeper=Keeper(task_of(steer, pilot).text(), clock),
        gate=Gate(limits(steer)),
        clock=clock,
        hz=steer.hz,
        throttle=steer.throttle,
        deadman=open_deadman(steer.deadman),
        trace=written,
        orders=[desk],
    )
    return Parent(parts)
