"""Accuracy control: how much is too much, found by halving the interval."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TypeVar

Made = TypeVar("Made")
TRIES = 8
"""Candidates that are made and measured at most."""
ROOM = 0.001
"""Of a bound in bytes, what may be left unused."""
WIDEST = 1e3
"""By how much the error of a first guess is changed at most, either way."""


def given_back(worst: Sequence[str], make: Callable[[frozenset[str]], Made], holds: Callable[[Made], bool]) -> Made:
    """The candidate with the fewest layers given back, the most harmful first, for which the metric holds.

    Args:
        worst: layers by their harm, the most harmful first.
        make: a candidate without compressing these layers.
        holds: whether a candidate's metric does.
    """
    first = make(frozenset())
    if holds(first):
        return first
    low, high = 0, len(worst)  # with `low` it does not hold, with all of them it does by definition
    made = None
    while high - low > 1:
        # Harm falls off fast: a few layers are enough more often than half of them.
        middle = max(low + 1, round(math.sqrt((low + 1) * (high + 1))) - 1)
        tried = make(frozenset(worst[:middle]))
        if holds(tried):
            high, made = middle, tried
        else:
            low = middle
    return make(frozenset(worst)) if made is None else made


def coarsest(make: Callable[[float], Made], holds: Callable[[Made], bool], guess: float, tries: int = TRIES) -> Made:
    """The candidate of the largest error that is allowed for which the metric holds.

    Args:
        make: a candidate of an allowed error; the smaller, the nearer to the original.
        guess: the error to begin with.

    Returns:
        The one of the smallest error that is ever allowed where the metric holds for none; who asked checks it.
    """
    best: tuple[float, Made] | None = None
    low, high = guess / WIDEST, guess * WIDEST
    error = guess
    for _ in range(tries):
        tried = make(error)
        if holds(tried):
            best, low = (error, tried), error
        else:
            high = error
        # Away from the guess by factors of 4 until it is fenced in, then by the geometric mean.
        error = min(math.sqrt(low * high), 4 * error) if error == low else max(math.sqrt(low * high), error / 4)
    return best[1] if best is not None else make(low)


def finest(make: Callable[[float], Made], size: Callable[[Made], int], most: int, guess: float, count: int) -> Made:
    """The candidate of the smallest allowed error that fits into so many bytes.

    Errors fall to a quarter with every bit that each value has more, so the next to try is known from the last.

    Args:
        make: a candidate of an allowed error; the smaller, the larger.
        size: of a candidate, bytes.
        guess: the error to begin with.
        count: of values that are coded.

    Returns:
        The largest that fits; the smallest that was tried where none does.
    """
    error, tried = guess, []
    for _ in range(TRIES):
        made = make(error)
        tried.append((size(made), made))
        if most * (1 - ROOM) <= tried[-1][0] <= most:
            break
        error *= 4.0 ** max(-5.0, min(5.0, (tried[-1][0] - most * (1 - ROOM / 2)) * 8 / max(1, count)))
    fitting = [one for one in tried if one[0] <= most]
    best = max(fitting, key=lambda one: one[0]) if fitting else min(tried, key=lambda one: one[0])
    return best[1]
