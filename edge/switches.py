"""What an owner switches on a camera while it runs: `<prefix>/<camera>/<switch>/set`, told by `.../state`.

A change is wanted at once and true later: a part that is at work makes it true the next time that it looks (`begin`);
where no part is at work, it is true at once. So what is told is what the running system does, never a mere wish.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal, Protocol, TypeAlias, get_args

from edge.board import Board
from edge.config.schema import Camera
from edge.errors import AlarmRefused, UserError
from edge.labels import PERSON
from edge.memory import Memory

log = logging.getLogger(__name__)

Name: TypeAlias = Literal["enabled", "detect", "motion", "pose", "notifications", "snapshots"]
NAMES: tuple[Name, ...] = get_args(Name)
KEY = "switches"
WATCHING: frozenset[Name] = frozenset({"enabled", "detect", "motion", "notifications"})
"""Those without which the alarm sees less or tells nobody: its code guards them, and its log has them."""


class Warden(Protocol):
    """What the switches need of the alarm."""

    def permit(self, what: str, by: str, code: str | None = None) -> str | None:
        """Whose code lets the alarm see less, None where none is wanted. Raises AlarmRefused."""
        ...

    def note(self, what: str, by: str, name: str | None = None) -> None:
        """Write down what was done, and whose code let it be; returns at once."""
        ...


class Switches:
    """The switches of one camera. Any thread; nothing blocks but `wait_for`.

    Args:
        camera: its name
        board: gets `<camera>/<switch>/state`, ON or OFF
        wanted: how each is to stand at first
        fixed: those that stay OFF, and why
        keep: called after each change
    """

    def __init__(
        self,
        camera: str,
        board: Board,
        wanted: Mapping[Name, bool],
        fixed: Mapping[Name, str],
        keep: Callable[[], None] = lambda: None,
    ) -> None:
        self._camera, self._board, self._fixed, self._keep = camera, board, dict(fixed), keep
        self._wanted = {name: wanted.get(name, True) and name not in fixed for name in NAMES}
        self._true: dict[Name, bool] = {}
        self._busy: set[Name] = set()
        self._change = threading.Condition()
        self._listeners: list[Callable[[Name, bool], None]] = []
        for name in NAMES:
            self._tell(name)

    def listen(self, listener: Callable[[Name, bool], None]) -> None:
        """Have `listener(name, on)` called once a change is true, in whichever thread made it so; it must not block
        nor switch."""
        self._listeners.append(listener)

    def wanted(self, name: Name) -> bool:
        """How a switch is to stand: for the part behind it."""
        return self._wanted[name]

    def on(self, name: Name) -> bool:
        """How things stand."""
        return self._true[name]

    def states(self) -> dict[str, bool]:
        """How things stand, all of them."""
        return {name: self._true[name] for name in NAMES}

    def stay_off(self) -> list[str]:
        """Those that cannot be switched on."""
        return [name for name in NAMES if name in self._fixed]

    def kept(self) -> dict[str, bool]:
        """What a restart must know: how those stand that can be switched."""
        return {name: on for name, on in self._wanted.items() if name not in self._fixed}

    def set(self, name: Name, on: bool, by: str) -> None:
        """Switch; what is to follow is done by the part behind it. Raises UserError where it cannot be switched on."""
        if on and name in self._fixed:
            raise UserError(f"{self._camera}: `{name}` cannot be switched on: {self._fixed[name]}")
        with self._change:
            if self._wanted[name] == on:
                return
            self._wanted[name] = on
            log.info("%s: %s switched %s by %s", self._camera, name, "on" if on else "off", by)
            if name not in self._busy:
                self._tell(name)
            self._change.notify_all()
        self._keep()

    def again(self, name: Name) -> None:
        """Tell once more how a switch stands: somebody took it for switched."""
        self._board.again(f"{self._camera}/{name}/state")

    def begin(self, name: Name) -> bool:
        """A part takes up its work, or looks anew: how its switch stands is true from now on, and a change becomes
        true only by the next `begin` or `rest`."""
        with self._change:
            self._busy.add(name)
            self._tell(name)
            return self._wanted[name]

    def rest(self, name: Name) -> None:
        """The part does nothing now, whatever is wanted: a change is true at once."""
        with self._change:
            self._busy.discard(name)
            self._tell(name)

    def wait_for(self, name: Name, on: bool, gone: Callable[[], bool]) -> None:
        """Sleep until a switch is wanted to stand so, or `gone()` (`wake` has it asked)."""
        with self._change:
            self._change.wait_for(lambda: self._wanted[name] is on or gone())

    def wake(self) -> None:
        """Have sleepers ask whether they are to go."""
        with self._change:
            self._change.notify_all()

    def _tell(self, name: Name) -> None:
        on = self._wanted[name]
        if self._true.get(name) is on:
            return
        self._true[name] = on
        self._board.set(f"{self._camera}/{name}/state", "ON" if on else "OFF")
        for listener in self._listeners:
            listener(name, on)


class Panel:
    """The switches of all cameras, kept over a restart. Any thread.

    Args:
        cameras: the configured ones. A value of `enabled` that was changed in the configuration since a camera was
            switched is newer than the switch, and wins.
        board: gets the states
        memory: keeps what was switched
        warden: asked before one of `WATCHING` goes off, told of each change of one; None lets all pass
        poses: whether people's joints are looked for at all

    Raises:
        StorageError: what was kept cannot be read.
    """

    def __init__(
        self,
        cameras: Iterable[Camera],
        board: Board,
        memory: Memory,
        warden: Warden | None = None,
        *,
        poses: bool = False,
    ) -> None:
        self._memory, self._warden = memory, warden
        self._keeping = threading.Lock()
        self._configured: dict[str, bool] = {}
        self._switches: dict[str, Switches] = {}
        kept = _parse(memory.recall(KEY))
        for camera in cameras:
            wanted = _wanted(kept.get(camera.name), camera.enabled)
            self._configured[camera.name] = camera.enabled
            self._switches[camera.name] = Switches(camera.name, board, wanted, fixed(camera, poses=poses), self._keep)
        if kept:
            self._keep()  # with the configuration as it is now, or a switch that it overruled could come back

    def __getitem__(self, camera: str) -> Switches:
        """Those of one camera."""
        return self._switches[camera]

    def set(self, camera: str, switch: str, on: bool, by: str, code: str | None = None) -> str | None:
        """Switch; whose code let it be, None where none was asked for. by: who did it, for the log; code: the alarm's,
        wanted for `WATCHING` while it is on.

        Raises:
            UserError: there is no such camera or switch, or it cannot be switched on.
            AlarmRefused: the alarm's code is wanted and this is none; the state is told once more.
        """
        if camera not in self._switches:
            raise UserError(f"no camera `{camera[:64]}`; there are {', '.join(self._switches)}")
        for name in NAMES:
            if name == switch:
                return self._turn(camera, name, on, by, code)
        raise UserError(f"no switch `{switch[:64]}`; there are {', '.join(NAMES)}")

    def _turn(self, camera: str, name: Name, on: bool, by: str, code: str | None) -> str | None:
        switches = self._switches[camera]
        if self._warden is None or name not in WATCHING or switches.wanted(name) is on:
            switches.set(name, on, by)
            return None
        what, who = f"{camera}/{name} {'on' if on else 'off'}", None
        if not on:
            try:
                who = self._warden.permit(what, by, code)
            except AlarmRefused:
                switches.again(name)
                raise
        switches.set(name, on, by)
        self._warden.note(what, by, who)
        return who

    def _keep(self) -> None:
        with self._keeping:  # else an older picture of them could be noted last
            table = {
                camera: {"configured": self._configured[camera], "switches": switches.kept()}
                for camera, switches in self._switches.items()
            }
            self._memory.note(KEY, json.dumps(table))


def fixed(camera: Camera, *, poses: bool) -> dict[Name, str]:
    """The switches of a camera that stay OFF, and why. poses: whether people's joints are looked for at all."""
    stay: dict[Name, str] = {}
    if not poses:
        stay["pose"] = "no postures are looked for: set `pose.enabled = true`"
    elif not camera.pose:
        stay["pose"] = "this camera has `pose = false`"
    elif PERSON not in camera.objects:
        stay["pose"] = "this camera does not look for `person`"
    if not camera.objects:
        stay["detect"] = "this camera looks for motion alone"
    return stay


def _parse(kept: str | None) -> dict[str, Any]:
    try:
        table = json.loads(kept or "{}")
    except (ValueError, RecursionError):
        table = None
    if not isinstance(table, dict):
        log.warning("what was switched before cannot be read: all switches are as the configuration has them")
        return {}
    return table


def _wanted(kept: Any, enabled: bool) -> dict[Name, bool]:
    """How a camera's switches are to stand, from what was kept of it."""
    table = kept if isinstance(kept, dict) else {}
    switched = table.get("switches")
    found = switched if isinstance(switched, dict) else {}
    wanted: dict[Name, bool] = {name: found[name] for name in NAMES if isinstance(found.get(name), bool)}
    if "enabled" not in wanted or table.get("configured") is not enabled:
        wanted["enabled"] = enabled
    return wanted
