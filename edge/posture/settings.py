"""What postures and activities go by. Lengths are parts of a person's height, speeds parts of it a second."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PostureSettings:
    """Heights over the ankles of one who stands: shoulders .78, hips .49, knees .25 (after Drillis and Contini, Body
    segment parameters, 1966, as parts of the stature).

    settle_s: for so long a posture must last before it is told

    drop: the shoulders come down by this at least: more than from standing to a chair (.25), or than noise and the
        camera's view make of a bow
    drop_s: within so many seconds; who lies down by way of a seat or the knees takes two or more
    sink: the hips come down by this too: of one who lies back from a seat, or bends, they stay where they are
    upright: degrees: the torso leans by less where the way down begins; else the person lay before
    sat: and the shoulders are this high: on a chair they are at .55, which a look from behind makes less
    stood: higher than this is standing: chairs end at .6
    slow: the speed over .3 of the way, at least, of one who then lies flat. Let go, a body passes there at 1.5 or
        more; who means to lie down, over two seconds, at .5. From less high it is less by the root of the height
    speed: the same, of one who may lie along the camera's view, where the end tells less
    thighs: the knees are no more than this below the hips: more, and they carry the hips of one who bends or kneels
    low: the shoulders are lower than this: of one who lies at .1, from above .25; of one who sits on the floor .35
    whole: of a torso that looks upright and no shorter than this, they may be: it sits there. Lying along the view,
        seen from 35 degrees above, it seems .2 long, and .29 upright
    leaning, slumped: degrees, and the height of the shoulders, of one who lies against something
    along, along_hips, short: shoulders and hips lower than this and the torso no longer (or leaning) may lie along the
        view: head away, seen from 30 degrees above, hips seem at .28 and shoulders at .45
    rise: the shoulders of one who has fallen rise by no more than this while it is confirmed; at push-ups by .25
    up: shoulders above this are up again
    confirm_s: for so long somebody must be low before people are told
    lost_s: the same where the joints were lost on the way down
    decide_s: who is not low for long by then, and was not up again either, kneels or sits, and has not fallen
    recover_s: for so long somebody must be up before a fall is over

    lying_s: who lies for so long outside a place to rest is told of; 0: never. Two minutes are more than a rest on the
        floor between two chores, and less than harm takes; who falls unseen is found by it
    raised_s: for so long both hands must be up: longer than a stretch
    wave_s: within so many seconds a raised hand goes from side to side `waves` times, by `wave` at least
    run: the hips go on faster than this: 2.4 m/s, where walking ends
    run_s: for so long
    """

    settle_s: float = 0.4
    drop: float = 0.33
    drop_s: float = 1.6
    sink: float = 0.1
    upright: float = 50.0
    sat: float = 0.42
    stood: float = 0.65
    slow: float = 0.5
    speed: float = 0.65
    thighs: float = 0.15
    low: float = 0.27
    whole: float = 0.24
    leaning: float = 50.0
    slumped: float = 0.4
    along: float = 0.55
    along_hips: float = 0.4
    short: float = 0.18
    rise: float = 0.15
    up: float = 0.5
    confirm_s: float = 0.7
    lost_s: float = 1.2
    decide_s: float = 5.0
    recover_s: float = 1.0
    lying_s: float = 120.0
    raised_s: float = 2.0
    wave_s: float = 3.0
    waves: int = 4
    wave: float = 0.06
    run: float = 1.4
    run_s: float = 0.7
