"""Somebody may need help: what happens to a person that is mailed at once, and what the mail says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from edge.sinks.email.settings import Rules
from edge.types import UNARMED

NO_DEVICE = "This is no medical device: it may miss a fall, and may take for one what is none. Go and look."
_SAID = {
    "fall": ("Fall", "Somebody has fallen"),
    "lying": ("Lying", "Somebody has been lying for long, and not where people rest"),
    "hands_up": ("Hands up", "Somebody holds up their hands"),
    "waving": ("Waving", "Somebody waves their arms"),
    "running": ("Running", "Somebody runs"),
    "crowding": ("Crowd", "Many people are there at once"),
}
"""By the kind of an activity: the title, and the sentence."""


@dataclass(frozen=True, slots=True)
class Call:
    """One reason to look after somebody.

    name: the same in all messages about it, and in none about another
    since: Unix time of its onset
    """

    name: str
    kind: str
    since: float

    @property
    def title(self) -> str:
        """For a subject."""
        return _SAID[self.kind][0]

    @property
    def sentence(self) -> str:
        """What happens, without where."""
        return _SAID[self.kind][1]


def call_of(payload: Mapping[str, Any], rules: Rules) -> Call | None:
    """What a message says that these recipients want a mail about at once; None where it says nothing like that.

    Neither the modes of the alarm count nor quiet hours: a fall is no burglary. Whoever asks sees to it that it is told
    once.
    """
    after = payload["after"]
    activity = after.get("activity")
    if activity is None or not activity["confirmed"] or activity["kind"] not in rules.calls:
        return None
    if payload.get("notify") is False or payload["type"] not in ("new", "update"):
        return None
    if rules.calls_when == "armed" and payload["armed"] in UNARMED:
        return None
    zones = {*after["current_zones"], *after["entered_zones"]}
    if rules.zones and zones.isdisjoint(rules.zones):
        return None
    for given, named in ((rules.cameras, after["camera"]), (rules.labels, after["label"])):
        if given and named not in given:
            return None
    return Call(f"{after['id']} {activity['kind']} {activity['since']}", activity["kind"], float(activity["since"]))
