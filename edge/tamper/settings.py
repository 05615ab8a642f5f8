"""How often a view is looked at, and how sure one must be to tell of it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TamperSettings:
    """When to look and when to tell. Times in seconds.

    every_s, told_every_s: time between two looks; while something is told, which costs more to see
    votes, of: a verdict is told once so many of the newest looks, of those that saw enough, agree on it
    back: the view is back once so many looks in a row say so
    learn_s: how fast the reference follows the view's slow changes, such as dusk
    accept_s: a new view that has stood for so long becomes the reference
    sudden: the light went off, and did not fade, where the view was brighter by this factor just before
    settle: two shifts are the same if they differ by less than this part of the width, or a third of the shift
    crowd: where so much of the picture is people and moving things, nothing is said of the view
    strange_s: a view that has not been recognised for so long is learned anew, beside the one that was kept
    former_s: a view that was kept is forgotten if it was not seen again for so long
    save_s: the reference is stored no more often than that, and only if it has changed
    """

    every_s: float = 1.0
    told_every_s: float = 2.0
    votes: int = 4
    of: int = 8
    back: int = 3
    learn_s: float = 30.0
    accept_s: float = 600.0
    sudden: float = 2.5
    settle: float = 0.015
    crowd: float = 0.5
    strange_s: float = 20.0
    former_s: float = 86_400.0
    save_s: float = 3600.0
