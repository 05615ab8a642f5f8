"""Who has their joints where: pose models behind one protocol."""

from edge.posers.base import Poser

__all__ = ["Poser"]
