"""The steering that runs beside the daemon, as the page has it in hand."""

from __future__ import annotations

from typing import Any

from edge.config.schema import Node
from edge.errors import EdgeError
from edge.steer.desk import ask, places
from edge.steer.states import FIGURES
from edge.steer.view import beside, look


def figures(node: Node) -> dict[str, Any]:
    """What the steering of a configuration has counted, as `Parent.figures` has it; empty where none runs now.

    May block for two seconds.
    """
    try:
        return ask(node, FIGURES)
    except EdgeError:
        return {}


class Wheel:
    """Orders and questions over the sockets of `edge steer drive`. Any thread; each may block for two seconds."""

    def __init__(self, node: Node) -> None:
        self._node = node

    def ask(self, word: str) -> dict[str, Any]:
        """Give an order, or `STATUS`; the state after it. Raises EdgeError: no steering runs."""
        return ask(self._node, word)

    def picture(self) -> bytes | None:
        """What the car sees now, JPEG; None while there is nothing to see."""
        return next(filter(None, (look(beside(path)) for path in places(self._node))), None)
