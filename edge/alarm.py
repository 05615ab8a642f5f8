"""Armed or not: the one state that decides whether an event alerts anybody."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable
from typing import Literal, Protocol, TypeAlias, get_args

from edge.errors import StorageError, UserError

log = logging.getLogger(__name__)

State: TypeAlias = Literal["disarmed", "armed_home", "armed_away", "armed_night"]
ARM: dict[str, State] = {"home": "armed_home", "away": "armed_away", "night": "armed_night"}
"""What arming in a mode leads to."""
COMMANDS: dict[str, str | None] = {"DISARM": None, "ARM_HOME": "home", "ARM_AWAY": "away", "ARM_NIGHT": "night"}
"""The words of `<prefix>/alarm/set`: the mode that each arms, None for disarming."""
KEY = "alarm"
_LONGEST = 1024


class Remember(Protocol):
    """Stores a value for the next start; returns once it is on the disk, raises StorageError if it cannot be."""

    def __call__(self, key: str, value: str) -> object:
        """Store `value` under `key`."""
        ...


class Alarm:
    """The alarm's state. All methods may be called from any thread; reading `state` never waits.

    Args:
        remember: makes a state durable before anybody hears of it
        recall: gives the value remembered last, None at the very first start
        armed_at_first_start: what to begin with when nothing was ever remembered
    """

    def __init__(
        self, remember: Remember, recall: Callable[[str], str | None], *, armed_at_first_start: bool = False
    ) -> None:
        self._remember = remember
        self._lock = threading.Lock()
        self._listeners: list[Callable[[str], None]] = []
        self.malformed = 0
        """How many commands came that were none."""
        kept = recall(KEY)
        known: dict[str, State] = {state: state for state in get_args(State)}
        first: State = "armed_away" if armed_at_first_start else "disarmed"
        if kept is not None and kept not in known:
            log.warning("alarm: the stored state %r is unknown here, it is taken for armed_away", kept[:40])
            first = "armed_away"
        self._state: State = known.get(kept or "", first)
        if kept != self._state:
            remember(KEY, self._state)

    @property
    def state(self) -> State:
        """The state as the MQTT contract names it."""
        return self._state

    def listen(self, listener: Callable[[str], None]) -> None:
        """Have `listener(state)` called after each change, in order, in the changer's thread. It must not block and
        must not arm or disarm."""
        with self._lock:
            self._listeners.append(listener)

    def arm(self, mode: str, by: str) -> None:
        """Arm; durable when it returns.

        Args:
            mode: `home`, `away` or `night`
            by: who did it, for the log

        Raises:
            UserError: there is no such mode.
            StorageError: it could not be stored; the state is what it was.
        """
        if mode not in ARM:
            raise UserError(f"no alarm mode `{mode}`; there are {', '.join(ARM)}")
        self._change(ARM[mode], by)

    def disarm(self, by: str, code: str | None = None) -> None:
        """Disarm; durable when it returns. `code` is looked at only where a PIN is set, and none can be yet.

        Raises:
            StorageError: it could not be stored; the state is what it was.
        """
        self._change("disarmed", by)

    def command(self, payload: bytes, by: str) -> bool:
        """Do what an MQTT payload says: a word of `COMMANDS` or `{"action": WORD, "code": PIN}`.

        What is neither is counted, logged and ignored, as is one that cannot be stored: there is nobody to tell.

        Returns:
            whether it was done
        """
        try:
            action, code = _parse(payload)
        except ValueError as fault:
            self.malformed += 1
            log.warning("alarm: a command by %s was ignored: %s", by, fault)
            return False
        mode = COMMANDS[action]
        try:
            if mode is None:
                self.disarm(by, code)
            else:
                self.arm(mode, by)
        except StorageError as fault:
            log.error("alarm: %s by %s failed: %s", action, by, fault)
            return False
        return True

    def _change(self, state: State, by: str) -> None:
        with self._lock:
            if state == self._state:
                return
            self._remember(KEY, state)
            self._state = state
            log.info("alarm: %s by %s", state, by)
            for listener in self._listeners:
                listener(state)


def _parse(payload: bytes) -> tuple[str, str | None]:
    """The action and the code. The payload itself may hold a PIN, so that no message quotes it."""
    if len(payload) > _LONGEST:
        raise ValueError(f"{len(payload)} bytes are too many")
    text = payload.decode("utf-8").strip()
    code = None
    action: object = text
    if text.startswith("{"):
        try:
            table = json.loads(text)
        except (json.JSONDecodeError, RecursionError):
            raise ValueError("not valid JSON") from None
        action, code = table.get("action"), table.get("code")
    if not isinstance(action, str) or action not in COMMANDS:
        raise ValueError(f"no action; there are {', '.join(COMMANDS)}")
    if code is not None and not isinstance(code, (str, int)):
        raise ValueError("the code is no text")
    return action, None if code is None else str(code)
