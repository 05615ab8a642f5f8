"""What a run of events comes to: who was told of, who entered which zone, who crossed which line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from edge.types import Event


class Tally:
    """Counts as events come, in their order and with none left out.

    Args:
        zones, lines: names that are shown though nothing happened there
    """

    def __init__(self, zones: Iterable[str] = (), lines: Iterable[str] = ()) -> None:
        self._entered: dict[str, Counter[str]] = {name: Counter() for name in zones}
        self._crossed: dict[str, Counter[str]] = {name: Counter() for name in lines}
        self._alerts: Counter[str] = Counter()
        self._activities: dict[tuple[str, str, float], dict[str, Any]] = {}

    def take(self, event: Event) -> None:
        """Count what an event says that the object's event before did not."""
        before, after = event.before, event.after
        # The first word of an object may come long after it entered its first zone.
        was = before.current_zones if before else ()
        now = after.current_zones if before else after.entered_zones
        for name in now:
            if name not in was:
                self._entered.setdefault(name, Counter())[after.label] += 1
        crossed = before.crossed if before else ()
        for crossing in after.crossed:
            if crossing not in crossed:
                self._crossed.setdefault(crossing.line, Counter())[crossing.direction] += 1
        self._alerts[after.label] += event.type == "new"
        activity = after.body.activity if after.body else None
        if activity is not None and activity.confirmed_at is not None:
            told = {"kind": activity.kind, "since": round(activity.since, 3), "time": round(activity.confirmed_at, 3)}
            self._activities.setdefault((after.id, activity.kind, activity.since), told)

    def summary(self) -> dict[str, Any]:
        """`zones`, `lines` and `alerts` of the CLI contract's summary; `activities` that were confirmed."""
        return {
            "zones": {name: {"entered": dict(sorted(labels.items()))} for name, labels in self._entered.items()},
            "lines": {name: {"in": ways["in"], "out": ways["out"]} for name, ways in self._crossed.items()},
            "alerts": dict(sorted((+self._alerts).items())),
            "activities": list(self._activities.values()),
        }


def table(summary: dict[str, Any]) -> list[str]:
    """A replay's summary in lines for a person; none where nothing was drawn and nothing was told."""
    rows = [(f"alerts, {label}", str(n)) for label, n in summary["alerts"].items()]
    for one in summary.get("activities", ()):
        rows.append((one["kind"].replace("_", " "), f"confirmed at {one['time']:.1f} s, since {one['since']:.1f} s"))
    for name, zone in summary["zones"].items():
        entered = ", ".join(f"{label} {n}" for label, n in zone["entered"].items())
        rows.append((f"zone {name}, entered", entered or "0"))
    rows += [(f"line {name}", f"in {ways['in']}, out {ways['out']}") for name, ways in summary["lines"].items()]
    for change in summary.get("alarm", ()):
        cause = f": {change['cause']}" if change["cause"] else ""
        rows.append(("alarm", f"{change['state']} at {change['time']:.1f} s{cause}"))
    width = max((len(head) for head, _ in rows), default=0)
    return [f"  {head:<{width}}  {figures}" for head, figures in rows]
