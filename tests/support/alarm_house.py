"""The settings of a house with an alarm, for tests that need the same one in several processes."""

from __future__ import annotations

from edge.alarm.machine import Place, Plan
from edge.alarm.settings import AlarmSettings, Code, Siren

HOUSE = AlarmSettings(
    node="pi",
    plan=Plan(trigger_s=600, entry_s=30, exit_s=45, zones={"window": Place()}),
    codes=(Code("Anna", "4711"),),
    sirens=(Siren("zigbee/siren/set"),),
)
