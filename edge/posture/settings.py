"""What postures and activities go by. Lengths are parts of a person's height, speeds parts of it a second."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PostureSettings:
    """Heights over the ankles of one who stands: shoulders .78, hips .49, knees .25 (after Drillis and Contini, Body
    segment parameters, 1966, as parts of the stature).

    tilt: degrees by which the camera is turned about its axis, clockwise; None: learned from people who walk
    settle_s: for so long a posture must last before it is told

    drop: the shoulders come down by this at least: more than from standing to a chair (.25) or from a seat on the floor
        to lying (.3)
    drop_s: within so many seconds; who lies down takes two or more
    speed: the fastest that they come down, at least: 1.3 m/s of 1.7 m, which everyday movements stay below (Bourke et
        al., Medical Engineering & Physics 30, 2008), less what smoothing takes
    low: shoulders lower than this are on the floor whatever the torso does: of one who sits there they are at .3
    leaning: degrees: of a torso that is lower than `slumped` and leans by more, too
    slumped: see there
    short: of a torso that seems no longer than this, which lies towards the camera or away from it, too
    hips: of both, with the hips lower than this: of one who kneels they are at .28
    level: or with the shoulders no more than this above the hips
    rise: the shoulders of one who has fallen rise by no more than this while it is confirmed
    up: shoulders above this are up again
    confirm_s: for so long somebody must be low before people are told
    lost_s: the same where the joints were lost on the way down
    decide_s: who is not low for long by then, and was not up again either, kneels or sits, and has not fallen
    recover_s: for so long somebody must be up before a fall is over

    lying_s: who lies for so long outside a place to rest is told of; 0: never
    raised_s: for so long both hands must be up
    wave_s: within so many seconds a raised hand goes from side to side `waves` times, by `wave` at least
    run: the hips go on faster than this: 2.4 m/s, where walking ends
    run_s: for so long
    """

    tilt: float | None = None
    settle_s: float = 0.4
    drop: float = 0.33
    drop_s: float = 1.6
    speed: float = 0.65
    slow: float = 0.5
    stood: float = 0.65
    upright: float = 50.0
    thighs: float = 0.15
    sink: float = 0.1
    sat: float = 0.42
    low: float = 0.27
    whole: float = 0.24
    along: float = 0.55
    leaning: float = 50.0
    slumped: float = 0.4
    short: float = 0.18
    level: float = 0.09
    rise: float = 0.15
    up: float = 0.5
    confirm_s: float = 0.7
    lost_s: float = 1.2
    decide_s: float = 5.0
    recover_s: float = 1.0
    lying_s: float = 120.0
    raised_s: float = 1.5
    wave_s: float = 3.0
    waves: int = 4
    wave: float = 0.06
    run: float = 1.4
    run_s: float = 0.7
