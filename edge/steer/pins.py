"""gpiozero, as the servo and the dead-man switch use it: what it cannot do is one line."""

from __future__ import annotations

import importlib
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from edge.engines.base import one_line
from edge.errors import MissingError


def library(what: str) -> Any:
    """gpiozero. what: who needs it, with the verb. Raises MissingError: it is not here."""
    try:
        return importlib.import_module("gpiozero")
    except ImportError:
        raise MissingError(f"{what} gpiozero: pip install 'edge-runtime[steer]'") from None


@contextmanager
def opening(gpiozero: Any, what: str) -> Iterator[None]:
    """Around the making of devices. Raises MissingError: the pins are not here, are taken, or cannot do it."""
    # Each way to the pins that is not here is a warning of several lines, and the last word tells as much.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", gpiozero.PinFactoryFallback)
        try:
            yield
        except (gpiozero.GPIOZeroError, OSError) as fault:
            hint = "on a Raspberry Pi: pip install lgpio, and be in the group `gpio`"
            raise MissingError(f"{what}: {one_line(fault)}; {hint}") from None
        except getattr(sys.modules.get("lgpio"), "error", ()) as fault:  # gpiozero lets it through
            raise MissingError(f"{what}: {one_line(fault)}; does another program have the pin?") from None
