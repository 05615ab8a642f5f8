"""Who has their joints where: pose models behind one protocol."""

from edge.posers.base import Poser
from edge.posers.open import open_poser

__all__ = ["Poser", "open_poser"]
