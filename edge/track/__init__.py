"""Which detection is which object: ids over time."""

from edge.track.settings import TrackerSettings
from edge.track.tracker import Tracker

__all__ = ["Tracker", "TrackerSettings"]
