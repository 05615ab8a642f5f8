"""What can be asked of the daemon on its socket, and how it is answered."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, TypeAlias

from edge.errors import UserError

Handler: TypeAlias = Callable[[dict[str, Any]], Any]
"""Answers a request with a JSON-ready value. The request has `by`, the user at the other end. May raise EdgeError."""

MOST_EVENTS = 1000
"""How many events one answer holds at most: it is made in the daemon's memory."""


class House(Protocol):
    """What the socket needs of the daemon."""

    def status(self) -> dict[str, Any]:
        """What is true now."""
        ...

    def events(self, limit: int) -> list[dict[str, Any]]:
        """The newest events, newest first."""
        ...

    def arm(self, mode: str, by: str, *, code: str | None = None, now: bool = False) -> None:
        """Arm. now: without the exit delays."""
        ...

    def disarm(self, code: str | None, by: str) -> None:
        """Disarm."""
        ...

    def panic(self, by: str) -> None:
        """Set the alarm off."""
        ...

    def alarm_log(self, limit: int) -> list[dict[str, Any]]:
        """The newest lines of the alarm's log, newest first."""
        ...

    def switch(self, camera: str, name: str, on: bool, by: str, *, code: str | None = None) -> object:
        """Switch something on a camera."""
        ...


def handlers_of(house: House) -> dict[str, Handler]:
    """The requests of the commands: `status`, `arm` (`mode`, `code`, `now`), `disarm` (`code`), `panic`, `events` and
    `alarm_log` (`limit`; oldest first), `switch` (`camera`, `name`, `on`, `code`; answers with the camera's switches as
    they stand)."""

    def arm(request: dict[str, Any]) -> dict[str, Any]:
        now, mode = request.get("now") is True, request.get("mode")
        if mode is None and now:  # the delays of what is being armed are what it is about
            mode = house.status().get("alarm_detail", {}).get("mode") or "away"
        house.arm(str(mode), request["by"], code=_code(request), now=now)
        status = house.status()
        blind = status.get("alarm_detail", {}).get("blind")
        return {"alarm": status["alarm"], **({"blind": blind} if blind else {})}

    def disarm(request: dict[str, Any]) -> dict[str, Any]:
        house.disarm(_code(request), request["by"])
        return {"alarm": house.status()["alarm"]}

    def panic(request: dict[str, Any]) -> dict[str, Any]:
        house.panic(request["by"])
        return {"alarm": house.status()["alarm"]}

    def switch(request: dict[str, Any]) -> dict[str, bool]:
        camera, name, on = str(request.get("camera")), str(request.get("name")), request.get("on")
        if not isinstance(on, bool):
            raise UserError("`on` must be true or false")
        house.switch(camera, name, on, request["by"], code=_code(request))
        found = (each for each in house.status()["cameras"] if each["name"] == camera)
        return {switch: bool(stands) for each in found for switch, stands in each["switches"].items()}

    return {
        "status": lambda request: house.status(),
        "arm": arm,
        "disarm": disarm,
        "panic": panic,
        "switch": switch,
        "events": lambda request: house.events(_limit(request))[::-1],
        "alarm_log": lambda request: house.alarm_log(_limit(request))[::-1],
    }


def _code(request: dict[str, Any]) -> str | None:
    code = request.get("code")
    return None if code is None else str(code)


def _limit(request: dict[str, Any]) -> int:
    limit = request.get("limit")
    if not isinstance(limit, int) or not 1 <= limit <= MOST_EVENTS:
        raise UserError(f"`limit` must be a number from 1 to {MOST_EVENTS}")
    return limit
