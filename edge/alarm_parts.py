"""The alarm in the daemon: joined with the outbox, the board and the clock, and run by threads of its own."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from edge.alarm import Alarm, World, machine_boot, settings_of
from edge.board import Board
from edge.clock import Clock
from edge.config.schema import Config
from edge.outbox import Outbox, read_audit
from edge.supervisor import Part, Supervisor
from edge.types import Event

TOPIC = "alarm/state"
SLACK_S = 10.0


def open_alarm(
    config: Config,
    outbox: Outbox,
    board: Board,
    clock: Clock,
    clock_ok: Callable[[], bool],
    emit: Callable[[Event], object],
) -> Alarm:
    """The alarm of a configuration, as it was left; its state is on the board from now on.

    Raises:
        StorageError: the first state cannot be stored.
    """
    world = World(
        clock=clock,
        clock_ok=clock_ok,
        boot=machine_boot(),
        boot_id=outbox.boot_id,
        emit=emit,
        sound=lambda topic, payload: board.set(f"/{topic}", payload, retain=False),
        journal=outbox,
    )
    alarm = Alarm(
        outbox.remember,
        outbox.recall,
        armed_at_first_start=config.alarm.armed_at_first_start,
        settings=settings_of(config),
        world=world,
    )
    board.set(TOPIC, alarm.state)
    alarm.listen(lambda state: board.set(TOPIC, state))
    return alarm


def sirens_kept(now: Config, then: Config) -> frozenset[str]:
    """The topics of sirens that a daemon of `then` goes on telling where one of `now` stops."""
    if (now.mqtt.host, now.mqtt.port) != (then.mqtt.host, then.mqtt.port):
        return frozenset()
    return frozenset(siren.topic for siren in then.alarm.siren)


class AlarmParts:
    """Runs the alarm: one thread for what does not wait, and one for the schedule where there is one."""

    def __init__(self, alarm: Alarm, supervisor: Supervisor, *, scheduled: bool) -> None:
        self._alarm, self._supervisor = alarm, supervisor
        self._parts = [supervisor.start("alarm", self._watch)]
        if scheduled:
            self._parts.append(supervisor.start("alarm: schedule", self._schedule))

    def stop(self, timeout: float) -> None:
        """End the threads and silence the sirens, in at most `timeout` seconds."""
        for part in self._parts:
            part.stop.set()
        self._alarm.wake()
        self._supervisor.stop(self._parts, timeout)
        self._alarm.silence()

    def _watch(self, part: Part) -> None:
        self._alarm.run(part.stop, part.working)

    def _schedule(self, part: Part) -> None:
        """A look at the clock a second. A disk that hangs holds this thread alone, and the outbox reports it."""
        while not part.stop.is_set():
            part.expect(math.inf)
            pause = self._alarm.follow_schedule()
            part.working(pause + SLACK_S)
            part.stop.wait(pause)


def alarm_log(config: Config, limit: int) -> list[dict[str, Any]]:
    """The newest lines of the audit log, newest first."""
    return [entry.payload() for entry in read_audit(config.node.data, limit)[::-1]]
