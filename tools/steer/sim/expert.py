"""A driver who knows the road: pure pursuit.

R. C. Coulter, Implementation of the Pure Pursuit Path Tracking Algorithm, CMU-RI-TR-92-01, 1992.
"""

from __future__ import annotations

import math

from edge.tools.steer.sim.car import LOCK, WHEELBASE, Car
from edge.tools.steer.sim.track import Track

AHEAD = 7.0
"""Metres along the middle of the road to the point that is aimed at."""


def pursue(track: Track, car: Car, at: int, ahead: float = AHEAD) -> float:
    """The steering -1..1, + to the right, that leads a car to a point of the line.

    Args:
        at: the point of the line next to the car
        ahead: metres along the line from there to the point aimed at
    """
    aim = track.line[(at + round(ahead / track.spacing)) % len(track.line)]
    east = aim[0] - car.x + math.cos(car.heading) * WHEELBASE / 2
    north = aim[1] - car.y + math.sin(car.heading) * WHEELBASE / 2
    bearing = car.heading - math.atan2(north, east)
    angle = math.atan(2 * WHEELBASE * math.sin(bearing) / math.hypot(east, north))
    return max(-1.0, min(1.0, angle / LOCK))
