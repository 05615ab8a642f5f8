"""How a body is bent that stands, sits, kneels or lies: each time a little differently."""

from __future__ import annotations

import numpy as np

from edge.tools.skeletons.body import F64, changed, pose

Random = np.random.Generator


def standing(random: Random) -> F64:
    """Somebody who stands, one way or another."""
    u = random.uniform
    hands = [(u(-10, 15), u(3, 12), u(0, 30)), (u(0, 40), u(5, 25), u(40, 120))][int(random.random() < 0.35)]
    arm, wing, elbow = hands
    return pose(
        ahead=u(-4, 6), flex=u(-4, 10), nod=u(-10, 30), hip=u(-3, 5), knee=u(0, 8), open=u(1, 9), arm=arm, wing=wing,
        elbow=elbow, heading=u(-180, 180),
    )  # fmt: skip


def seated(random: Random, base: F64) -> F64:
    """The same on a chair or a sofa."""
    u = random.uniform
    return changed(
        base, ahead=u(-15, 5), flex=u(-5, 25), hip=u(75, 100), knee=u(65, 105), open=u(2, 18), arm=u(5, 45),
        wing=u(3, 20), elbow=u(10, 90),
    )  # fmt: skip


def on_floor(random: Random, base: F64) -> F64:
    """The same sitting on the floor: legs out, drawn up or crossed."""
    u = random.uniform
    hip, knee, spread = [(u(80, 95), u(0, 25), u(5, 20)), (u(115, 135), u(95, 125), u(5, 15)), (u(95, 110), 125, 40)][
        int(random.integers(3))
    ]
    return changed(
        base, ahead=u(-20, 5), flex=u(0, 35), hip=hip, knee=knee, open=spread, arm=u(-30, 60), elbow=u(0, 50)
    )


def lying(random: Random, base: F64, way: float | None = None) -> F64:
    """The same lying: on the back, the belly or a side, whichever is nearest to how they came down.

    way: degrees, where the head went from ahead, clockwise; None: anywhere.
    """
    u = random.uniform
    way = u(-180, 180) if way is None else way
    on = 90.0 * round((way + u(-30, 30)) / 90)
    tilt, angle = u(84, 94), np.radians(way)
    made = changed(
        base, ahead=tilt * np.cos(angle), aside=tilt * np.sin(angle), spin=on - way + u(-8, 8), bend=u(-10, 10), twist=0
    )
    side = int(on // 90) % 4
    limbs = {0: _on_belly, 2: _on_the_back}.get(side)
    return _on_side(random, made, side == 1) if limbs is None else limbs(random, made)


def _on_the_back(random: Random, base: F64) -> F64:
    u = random.uniform
    made = changed(base, flex=u(0, 15), nod=u(0, 25), arm=u(0, 30), elbow=u(0, 20))
    for side in "lr":
        hip = u(20, 60) if random.random() < 0.35 else u(0, 15)
        made = changed(made, **{f"hip_{side}": hip, f"knee_{side}": hip * u(0.2, 2), f"open_{side}": u(2, 25)})
        if random.random() < 0.3:
            made = changed(made, **{f"arm_{side}": u(15, 40), f"elbow_{side}": u(60, 110)})
        made = changed(made, **{f"wing_{side}": u(5, 110)})
    return made


def _on_belly(random: Random, base: F64) -> F64:
    u = random.uniform
    made = changed(base, flex=u(-8, 0), nod=u(-25, 0), hip=u(-4, 4), elbow=u(0, 8))
    for side in "lr":
        sides = {
            f"knee_{side}": u(0, 40),
            f"open_{side}": u(2, 35),
            f"wing_{side}": u(10, 165),
            f"arm_{side}": u(-8, 4),
        }
        made = changed(made, **sides)
    return made


def _on_side(random: Random, base: F64, right: bool) -> F64:
    u = random.uniform
    made = changed(base, flex=u(-10, 30), nod=u(-15, 20), open=0, wing=0)
    for side in "lr":
        hip = u(0, 80)
        sides = {f"hip_{side}": hip, f"knee_{side}": u(0, 100), f"arm_{side}": u(0, 120), f"elbow_{side}": u(0, 100)}
        made = changed(made, **sides)
    return changed(made, **{"wing_l" if right else "wing_r": u(0, 30)})


def crouched(random: Random, base: F64) -> F64:
    """The same squatting low."""
    u = random.uniform
    return changed(
        base, ahead=u(0, 20), flex=u(5, 40), hip=u(95, 125), knee=u(110, 140), open=u(5, 25), arm=u(20, 90),
        elbow=u(0, 90),
    )  # fmt: skip


def kneeling(random: Random, base: F64) -> F64:
    """The same on both knees, upright or on the heels."""
    u = random.uniform
    low = u(0, 60)
    return changed(base, ahead=u(-5, 15), flex=u(0, 30), hip=low, knee=90 + low * 0.9, open=u(3, 12), arm=u(0, 60))


def bent_over(random: Random, base: F64) -> F64:
    """The same bent to the floor."""
    u = random.uniform
    flex = u(55, 95)
    return changed(base, ahead=u(5, 30), flex=flex, hip=u(5, 45), knee=u(5, 60), arm=flex + u(-10, 40), elbow=u(0, 20))


def all_fours(random: Random, base: F64) -> F64:
    """The same on hands and knees."""
    u = random.uniform
    return changed(base, ahead=u(70, 85), flex=0, hip=u(75, 90), knee=u(80, 95), arm=u(75, 90), elbow=0, nod=u(-30, 10))


def plank(base: F64) -> F64:
    """The same with arms stretched for a push-up."""
    return changed(base, ahead=72, flex=0, hip=0, knee=0, open=3, arm=72, wing=12, elbow=0, nod=-10)
