"""The newest of what a daemon has stored: it is asked, or while it is down its data folder is read."""

from __future__ import annotations

from typing import Any, Literal

from edge.config.schema import STATE_FOLDER, Node
from edge.control import MOST_EVENTS, NotRunning, call


def newest(node: Node, what: Literal["events", "alarm_log"], limit: int) -> list[dict[str, Any]]:
    """The newest `limit` events or lines of the alarm's log, oldest first. Raises StorageError."""
    if limit <= MOST_EVENTS:
        try:
            found: list[dict[str, Any]] = call(node, {"do": what, "limit": limit})
        except NotRunning:
            pass
        else:
            return found
    from edge.outbox import read_audit, read_events  # here, since a daemon that answers spares the import

    folder = node.data
    if "data" not in node.model_fields_set and not folder.exists() and STATE_FOLDER.exists():
        folder = STATE_FOLDER  # the service's, which this user may read and not write
    return read_events(folder, limit) if what == "events" else [line.payload() for line in read_audit(folder, limit)]
