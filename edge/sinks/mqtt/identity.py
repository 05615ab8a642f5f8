"""The client id: one that nobody can guess, since whoever connects with it throws us off (MQTT 5.0, 3.1.4-3)."""

from __future__ import annotations

import logging
import re
import secrets

from edge.errors import StorageError
from edge.memory import Memory

log = logging.getLogger(__name__)

KEY = "mqtt_client"


def client_id(memory: Memory, node: str) -> str:
    """`edge-<node>-<12 hex digits>`, the same at each start.

    With another id, the connection that a power cut left at the broker would end a minute after the next start only,
    and its will would say `offline` of a device that is there.
    """
    try:
        suffix = memory.recall(KEY)
        if suffix is None or re.fullmatch("[0-9a-f]{12}", suffix) is None:
            suffix = secrets.token_hex(6)
            memory.note(KEY, suffix)
    except StorageError as fault:
        log.warning("MQTT: a client id for this run alone: %s", fault)
        suffix = secrets.token_hex(6)
    return f"edge-{re.sub(r'[^A-Za-z0-9_-]', '_', node)}-{suffix}"
