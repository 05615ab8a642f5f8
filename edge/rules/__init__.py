"""From tracks to events: what is worth telling about one camera, and when.

`judge` decides, `story` is what is known of one object, `scene` what was drawn into the picture; `zones` and `lines`
follow an object through it, `witness` notes why it was told of.
"""

from edge.rules.bearing import Bearing
from edge.rules.judge import Rules
from edge.rules.scene import NOWHERE, Filter, Line, Scene, Shape, Zone
from edge.rules.settings import RuleSettings
from edge.rules.story import Draw, Quality

__all__ = [
    "NOWHERE",
    "Bearing",
    "Draw",
    "Filter",
    "Line",
    "Quality",
    "RuleSettings",
    "Rules",
    "Scene",
    "Shape",
    "Zone",
]
