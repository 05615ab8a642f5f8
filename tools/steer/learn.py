"""Teaches a network of `families` by lessons out of recordings."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from edge.errors import EdgeError
from edge.tools.steer.augment import Variety, varied
from edge.tools.steer.families import BINS, Family, Head, fixed
from edge.tools.steer.layers import Net, steps
from edge.tools.steer.lesson import Lesson
from edge.tools.steer.tensors import Held, drawn, run, weights_of
from edge.tools.train.backend import Tensor, torch
from edge.types import F32, U8

LEFT = 0.7
"""A start has left the plateau once its squared error is below this part of that of always saying the mean."""
MEASURED = 2000
"""Pictures by which that is measured, at most."""
PASS = 4096
"""Pictures of an epoch at the least: a small recording is seen several times, each time varied anew."""
TOLD = 10
"""Batches between two words of how far it is."""
WARM = 0.3
"""Part of the steps in which the rate rises."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """How it is taught.

    epochs, rate, batch: 0 for what is usual of the family
    starts: at most, until one leaves the plateau on which most of them sit
    trial: steps of a start
    dropout: None for what is usual of the family
    """

    epochs: int = 0
    rate: float = 0.0
    batch: int = 0
    starts: int = 6
    trial: int = 200
    dropout: float | None = None
    variety: Variety = field(default_factory=Variety)
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Judged:
    """How the steering of pictures is told.

    mae: mean absolute error; ratio: by that of always saying the mean of what was learned from; correlation: with
    what was driven, 0 where either never changes
    """

    mae: float
    ratio: float
    correlation: float


@dataclass(frozen=True, slots=True)
class Epoch:
    """What came of one pass. loss: mean, of what was learned from; checked: of what was not."""

    number: int
    loss: float
    checked: Judged


@dataclass(frozen=True, slots=True)
class Learned:
    """The best epoch's weights as `layers` names and shapes them, and all epochs.

    told: float32 (n,), what they say of those that chose the epoch
    starts: how many there were, the one that went on among them
    """

    weights: Mapping[str, F32]
    epochs: tuple[Epoch, ...]
    chosen: Epoch
    told: F32
    starts: int


def learn(
    family: Family,
    head: Head,
    train: Lesson,
    check: Lesson,
    recipe: Recipe,
    told: Callable[[Epoch], None] = lambda _: None,
    progress: Callable[[float], None] = lambda _: None,
) -> Learned:
    """Teach a network; the same recipe gives the same weights on the same machine.

    Args:
        train, check: what is learned from, and what chooses the epoch; neither may be empty
        told: hears of each epoch; progress: now and then, which part is done

    Raises:
        MissingError: torch is not here.
        EdgeError: it diverged.
    """
    torch().manual_seed(recipe.seed)
    teacher = _Teacher(family, head, train, recipe)
    held, starts = teacher.begun()
    mean = float(train.said.mean())
    epochs: list[Epoch] = []
    best = Learned({}, (), Epoch(0, math.inf, Judged(math.inf, math.inf, 0.0)), check.said, starts)
    for number, loss in enumerate(teacher.passes(held, progress), 1):
        steering = said(teacher.net, held, check.seen)
        epoch = Epoch(number, loss, judged(steering, check.said, mean))
        epochs.append(epoch)
        told(epoch)
        if epoch.checked.mae < best.chosen.checked.mae:
            best = Learned(weights_of(held), (), epoch, steering, starts)
    if not best.weights:
        raise EdgeError("nothing was learned: the loss is no number any more; try another seed")
    return replace(best, epochs=tuple(epochs))


def said(net: Net, held: Mapping[str, Tensor], seen: U8) -> F32:
    """The steering of pictures uint8 (n, rows, columns, channels), clipped to -1..1: float32 (n,)."""
    parts = []
    with torch().no_grad():
        for begin in range(0, len(seen), 512):
            parts.append(run(net, held, planes(seen[begin : begin + 512]))[net.gives][:, 0].numpy())
    return np.asarray(np.clip(np.concatenate(parts), -1, 1), np.float32)


def judged(told: F32, driven: F32, mean: float) -> Judged:
    """Hold what a network says against what was driven. mean: of the steering that was learned from."""
    mae = float(np.abs(told - driven).mean())
    plain = float(np.abs(driven - mean).mean())
    moves = np.ptp(told) > 0 and np.ptp(driven) > 0  # a deviation of equal floats need not be 0
    return Judged(mae, mae / max(plain, 1e-9), float(np.corrcoef(told, driven)[0, 1]) if moves else 0.0)


class _Teacher:
    """Teaches networks of one kind by one lesson."""

    def __init__(self, family: Family, head: Head, train: Lesson, recipe: Recipe) -> None:
        self.net = family.net(head)
        self._fixed = {name: torch().from_numpy(array.T.copy()) for name, array in fixed(self.net).items()}
        self._chances = steps(self.net)[-1].takes[0] if head == "categorical" else None
        self._train, self._recipe, self._lit = train, recipe, family.colour != "HSV-S"
        self._dropout = family.dropout if recipe.dropout is None else recipe.dropout
        self._rate = recipe.rate or family.rate
        self._epochs = recipe.epochs or family.epochs
        self._batch = recipe.batch or family.batch

    def begun(self) -> tuple[Held, int]:
        """A net that has begun to learn: the first of the starts that left the plateau, or the best of all; and how
        many starts there were."""
        every = len(self._train.said) // MEASURED + 1
        some = Lesson(self._train.seen[::every], self._train.said[::every])
        best: tuple[float, Held] | None = None
        number = 0
        while best is None or (number < self._recipe.starts and best[0] >= LEFT * float(some.said.var())):
            number += 1
            rng = np.random.default_rng((self._recipe.seed, number))
            held = drawn(self.net, rng) | self._fixed
            for _ in self._steps(held, self._recipe.trial, rng):
                pass
            wrong = float(((said(self.net, held, some.seen) - some.said) ** 2).mean())
            wrong = wrong if math.isfinite(wrong) else math.inf  # it diverged: another start may not
            if best is None or wrong < best[0]:
                best = (wrong, held)
        return best[1], number

    def passes(self, held: Held, progress: Callable[[float], None]) -> Iterator[float]:
        """Learn; the mean loss of each epoch, once it is over."""
        each = max(max(PASS, len(self._train.said)) // self._batch, 1)
        count = each * self._epochs
        losses: list[float] = []
        for loss in self._steps(held, count, np.random.default_rng((self._recipe.seed, 0))):
            losses.append(loss)
            if len(losses) % TOLD == 0:
                progress(len(losses) / count)
            if len(losses) % each == 0:
                yield float(np.mean(losses[-each:]))

    def _steps(self, held: Held, count: int, rng: np.random.Generator) -> Iterator[float]:
        """Learn by so many batches, the loss of each; the rate rises at first, and falls to nothing."""
        lib, some = torch(), self._train
        optimiser = lib.optim.Adam([part for part in held.values() if part.requires_grad], self._rate)
        schedule = lib.optim.lr_scheduler.OneCycleLR(optimiser, self._rate, total_steps=count + 1, pct_start=WARM)
        for _ in range(count):
            which = rng.integers(0, len(some.said), self._batch)
            seen, wanted = varied(some.seen[which], some.said[which], self._recipe.variety, rng, lit=self._lit)
            loss = self._loss(run(self.net, held, planes(seen), self._dropout), lib.from_numpy(wanted))
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
            yield float(loss.detach())

    def _loss(self, made: dict[str, Tensor], wanted: Tensor) -> Tensor:
        """Squared error; of a categorical head, cross-entropy with a steering that two neighbouring bins share."""
        if self._chances is None:
            return ((made[self.net.gives][:, 0] - wanted) ** 2).mean()
        return -(_shared(wanted) * made[self._chances].clamp_min(1e-7).log()).sum(1).mean()


def planes(seen: U8) -> Tensor:
    """Pictures in torch's order, (n, channels, rows, columns). Several channels stay last in memory: PilotNet is twice
    as fast so, and a single one slower."""
    if seen.shape[-1] == 1:
        return torch().from_numpy(np.ascontiguousarray(seen[..., 0]))[:, None]
    return torch().from_numpy(np.ascontiguousarray(seen)).permute(0, 3, 1, 2)


def _shared(wanted: Tensor) -> Tensor:
    """Steering (n,) as shares of bins (n, `BINS`), whose mean centre it is."""
    places = (wanted[:, None] + 1) / 2 * (BINS - 1)
    return (1 - (places - torch().arange(BINS)).abs()).clamp_min(0)
