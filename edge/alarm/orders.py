"""The words in which the alarm is ordered about over MQTT, and what becomes of them where nobody can be answered."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from dataclasses import dataclass, field

from edge.alarm.machine import Mode
from edge.errors import EdgeError

log = logging.getLogger(__name__)

ARM: dict[str, Mode] = {"home": "home", "away": "away", "night": "night"}
"""The modes that can be armed."""
COMMANDS: dict[str, str] = {
    "DISARM": "disarm",
    "ARM_HOME": "home",
    "ARM_AWAY": "away",
    "ARM_NIGHT": "night",
    "PANIC": "panic",
}
"""The words of `<prefix>/alarm/set`: a mode, `disarm` or `panic`."""
_LONGEST = 1024


@dataclass(frozen=True, slots=True)
class Command:
    """What a payload says. now: arm without the exit delays."""

    action: str
    code: str | None = field(default=None, repr=False)
    now: bool = False


def parse(payload: bytes) -> Command:
    """A word of `COMMANDS`, or `{"action": WORD, "code": PIN, "now": BOOL}`.

    Raises:
        ValueError: it is neither. The payload may hold a PIN, so that no message quotes it.
    """
    if len(payload) > _LONGEST:
        raise ValueError(f"{len(payload)} bytes are too many")
    text = payload.decode("utf-8").strip()
    code = now = None
    action: object = text
    if text.startswith("{"):
        try:
            table = json.loads(text)
        except (json.JSONDecodeError, RecursionError):
            raise ValueError("not valid JSON") from None
        action, code, now = table.get("action"), table.get("code"), table.get("now")
    if not isinstance(action, str) or action not in COMMANDS:
        raise ValueError(f"no action; there are {', '.join(COMMANDS)}")
    if code is not None and not isinstance(code, (str, int)):
        raise ValueError("the code is no text")
    if now is not None and not isinstance(now, bool):
        raise ValueError("`now` is neither true nor false")
    return Command(action, None if code is None else str(code), bool(now))


def obey(payload: bytes, by: str, carry_out: Callable[[Command], None]) -> bool | None:
    """Have a payload carried out. What cannot be is logged: over MQTT there is nobody to tell.

    Returns:
        whether it was; None where it is no command at all
    """
    try:
        given = parse(payload)
    except ValueError as fault:
        log.warning("alarm: a command by %s was ignored: %s", by, fault)
        return None
    try:
        carry_out(given)
    except EdgeError as fault:
        log.error("alarm: %s by %s failed: %s", given.action, by, fault)
        return False
    return True
