"""The alarm: armed or not, what sets it off, who may end it, and who hears of it.

    cameras --events--> hear --+
    page, MQTT, command line --+--> Alarm --(machine.step)--> the state: board, sirens, events, audit log
    schedule, time ------------+        `--(outbox)--> the disk

`machine` is the state machine, a pure function; `schedule`, `sun` and `codes` are pure as well; `stored` says what
survives a power cut; `core` holds the state and stores it, `alarm` is what the others call, with its thread.
"""

from edge.alarm.alarm import Alarm
from edge.alarm.keeping import DISARM_S
from edge.alarm.orders import ARM, COMMANDS, arms
from edge.alarm.settings import AlarmSettings, Code, Siren, settings_of
from edge.alarm.world import World, machine_boot

__all__ = [
    "ARM",
    "COMMANDS",
    "DISARM_S",
    "Alarm",
    "AlarmSettings",
    "Code",
    "Siren",
    "World",
    "arms",
    "machine_boot",
    "settings_of",
]
