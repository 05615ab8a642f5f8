"""Networks in torch: learned further from where they stand, which DAgger wants."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np

from edge.tools.steer.squeeze import NET
from edge.tools.steer.tensors import Held, drawn, run
from edge.tools.train.backend import Tensor, torch
from edge.types import F32, U8

BATCH = 256
START, START_RATE = 250, 0.02
"""Steps of a start at most, and the rate at which it learns."""
_TOLD = 25
"""Steps between two words of how far it is."""
_LEFT = 0.5
"""A start has left the plateau once its loss is below this part of what predicting the mean has."""


def fresh(
    seen: U8, said: F32, seed: int, starts: int, steps: int = START, progress: Callable[[float], None] = lambda _: None
) -> Held:
    """A net that has begun to learn: the first of several starts that left the plateau, or the best of all.

    Args:
        progress: told which part of the starts that may be tried has been
    """
    best: tuple[float, Held] | None = None
    for start in range(starts):
        rng = np.random.default_rng((seed, start))
        net = drawn(NET, rng)
        loss = fit(net, seen, said, steps, START_RATE, rng)
        loss = loss if math.isfinite(loss) else math.inf  # it diverged: another start may not
        if best is None or loss < best[0]:
            best = (loss, net)
        progress((start + 1) / starts)
        if loss < _LEFT * float(said.var()):
            break
    if best is None:
        raise ValueError("no start was asked for")
    return best[1]


def fit(
    net: Held,
    seen: U8,
    said: F32,
    steps: int,
    rate: float,
    rng: np.random.Generator,
    progress: Callable[[float], None] = lambda _: None,
    given: Callable[[Held, Tensor], Tensor] | None = None,
) -> float:
    """Learn; the mean square error of everything afterwards.

    Args:
        net: changed in place
        seen: uint8 (n, h, w); 64x64 for MainSqueeze
        said: float32 (n,), or (n, k) of k values
        rate: the highest; it rises for a third of the steps and falls to nothing
        progress: told now and then which part of the steps is done
        given: what the net makes of uint8 (n, 1, h, w), shaped as `said`; None: MainSqueeze's `forward`
    """
    t = torch()
    given = given or forward
    x, y = t.from_numpy(seen)[:, None], t.from_numpy(said)
    optimiser = t.optim.Adam(list(net.values()), rate)
    schedule = t.optim.lr_scheduler.OneCycleLR(optimiser, rate, total_steps=steps + 1)
    for step in range(steps):
        some = t.from_numpy(rng.integers(0, len(said), BATCH))
        loss = ((given(net, x[some]) - y[some]) ** 2).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
        if step % _TOLD == _TOLD - 1:
            progress((step + 1) / steps)
    with t.no_grad():
        wrong = [((given(net, x[k : k + 2048]) - y[k : k + 2048]) ** 2).sum() for k in range(0, len(said), 2048)]
    return float(sum(wrong)) / said.size


def forward(net: Mapping[str, Tensor], seen: Tensor) -> Tensor:
    """Steering (n,) of saturations uint8 (n, 1, 64, 64)."""
    return run(NET, net, seen)[NET.gives][:, 0]
