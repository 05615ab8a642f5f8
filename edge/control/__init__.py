"""The local socket behind `edge status`, `arm`, `disarm`, `events` and the like."""

from edge.control.handlers import MOST_EVENTS, Handler, handlers_of
from edge.control.line import ControlServer, NotRunning, call

__all__ = ["MOST_EVENTS", "ControlServer", "Handler", "NotRunning", "call", "handlers_of"]
