"""The outbox: an event exists once it is here, and leaves for a sink when that sink's far end has it.

    camera threads --put--> queue in memory --writer thread--> edge.db --pending--> sinks (mqtt, email, jsonl)
                                                                  ^                    |
                                                                  +---- delivered -----+

At least once, in order, bounded. See `Outbox`; `read_events` reads the same file from outside.
"""

from edge.outbox.box import Outbox
from edge.outbox.history import read_audit, read_events, snapshot_box
from edge.outbox.objects import VERDICT
from edge.outbox.timeline import Wanted, read_marks, read_object, read_objects
from edge.outbox.values import Limits, Message, SinkStats, Stats, snapshot_path

__all__ = [
    "VERDICT",
    "Limits",
    "Message",
    "Outbox",
    "SinkStats",
    "Stats",
    "Wanted",
    "read_audit",
    "read_events",
    "read_marks",
    "read_object",
    "read_objects",
    "snapshot_box",
    "snapshot_path",
]
