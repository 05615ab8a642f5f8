"""How somebody holds themselves, as people are told of it: a posture that lasts, and what happens to them."""

from __future__ import annotations

from edge.types import Activity, Body, PostureName

CALM_S = 1.0
"""A posture that lasts for less is the joints' trembling, or on the way to another one."""


class Bearing:
    """One person's. Not thread-safe.

    posture: the newest one that lasted; one that is unknown keeps the last
    activity: the newest, None without any
    """

    __slots__ = ("_calm_s", "activity", "posture")

    def __init__(self, calm_s: float = CALM_S) -> None:
        self._calm_s = calm_s
        self.posture: PostureName = "unknown"
        self.activity: Activity | None = None

    def look(self, body: Body, time: float) -> None:
        """Take in what is known at a frame time."""
        self.activity = body.activity
        if body.posture.name != "unknown" and time - body.posture.since >= self._calm_s - 1e-6:
            self.posture = body.posture.name

    @property
    def key(self) -> tuple[str, bool] | None:
        """What of the activity is news when it changes: its kind, and whether it is confirmed."""
        return None if self.activity is None else (self.activity.kind, self.activity.confirmed)
