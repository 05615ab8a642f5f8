"""The words in which the alarm is ordered about over MQTT."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

from edge.alarm.machine import Mode

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


def arms(payload: bytes) -> bool:
    """Whether a payload is an order to arm."""
    try:
        return COMMANDS[parse(payload).action] in ARM
    except ValueError:
        return False


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
