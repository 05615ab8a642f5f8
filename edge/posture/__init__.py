"""How somebody stands, sits or lies, and what happens to them, from their joints alone."""

from edge.posture.crowd import Crowd
from edge.posture.geometry import Level
from edge.posture.person import Person
from edge.posture.settings import PostureSettings

__all__ = ["Crowd", "Level", "Person", "PostureSettings"]
