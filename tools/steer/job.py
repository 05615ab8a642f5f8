"""From recordings to a network that steers: what `edge steer train` does between reading and writing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import count

import numpy as np

from edge.errors import UserError
from edge.models.manifest import Manifest
from edge.tools.steer.families import MAINSQUEEZE, Family, Head, trained
from edge.tools.steer.layers import Net
from edge.tools.steer.learn import Epoch, Learned, Recipe, learn
from edge.tools.steer.lesson import Balance, Lesson, balanced, loaded, parted
from edge.tools.steer.network import SEEN
from edge.tools.steer.recordings import Kind, Recording, Sample
from edge.types import F32

ROWS: dict[Kind, tuple[float, float]] = {"udacity": SEEN, "tub": (1 / 3, 1.0)}
"""What is seen of a picture's height: the simulator's has the car at the bottom, a small car's has none."""
LEAST = 20
"""Pictures to learn from, and such that validate."""


@dataclass(frozen=True, slots=True)
class Task:
    """What is to be taught, and how.

    rows: None for what is usual of the recordings
    validated: the last part of each recording, which is not learned from
    """

    family: Family = MAINSQUEEZE
    head: Head = "regression"
    rows: tuple[float, float] | None = None
    validated: float = 0.2
    balance: Balance = field(default_factory=Balance)
    recipe: Recipe = field(default_factory=Recipe)


@dataclass(frozen=True, slots=True)
class Prepared:
    """Lessons, ready.

    before, after: the steering of what is learned from, before and after balancing
    samples: those that validate, as `check` has them
    faults: a line for each picture that could not be read
    """

    rows: tuple[float, float]
    train: Lesson
    check: Lesson
    before: F32
    after: F32
    samples: tuple[Sample, ...]
    faults: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Made:
    """A network that has been taught."""

    net: Net
    parameters: int
    described: Manifest
    learned: Learned


def rows_of(recordings: Sequence[Recording]) -> tuple[float, float]:
    """The rows that are usual of recordings; UserError where they differ."""
    found = {ROWS[recording.kind] for recording in recordings}
    if len(found) != 1:
        raise UserError(f"{_where(recordings)}: a log and a tub show other rows; say which: --rows TOP BOTTOM")
    return found.pop()


def prepare(recordings: Sequence[Recording], task: Task, told: Callable[[float], None] = lambda _: None) -> Prepared:
    """Part by time, balance, and read the pictures that are left.

    Args:
        told: hears which part of the pictures has been read

    Raises:
        UserError: there is too little to learn from, or the wheel never moves.
    """
    rows = task.rows or rows_of(recordings)
    train: list[Sample] = []
    check: list[Sample] = []
    for recording in recordings:
        learned_from, validating = parted(recording.samples, task.validated)
        train += learned_from
        check += validating
    before = np.array([sample.steering for sample in train], np.float32)
    kept = balanced(before, task.balance, np.random.default_rng(task.recipe.seed))
    fed = task.family.manifest(task.head, "steering", rows).input
    read = count(1)

    def one() -> None:
        told(next(read) / (len(kept) + len(check)))

    lesson, _, faults = loaded([train[k] for k in kept], fed, one)
    validation, samples, more = loaded(check, fed, one)
    if min(len(lesson.said), len(samples)) < LEAST:
        few = f"{len(lesson.said)} pictures to learn from and {len(samples)} that validate"
        raise UserError(f"{_where(recordings)}: {few}, of at least {LEAST} each: record more")
    if not np.ptp(lesson.said) or not np.ptp(validation.said):
        raise UserError(f"{_where(recordings)}: the wheel never moves in what is learned from, or in what validates")
    return Prepared(rows, lesson, validation, before, lesson.said, tuple(samples), (*faults, *more))


def make(
    task: Task,
    prepared: Prepared,
    name: str,
    told: Callable[[Epoch], None] = lambda _: None,
    progress: Callable[[float], None] = lambda _: None,
) -> Made:
    """Teach the network.

    Args:
        name: of the model
        told: hears of each epoch; progress: now and then, which part is done

    Raises:
        MissingError: torch is not here.
        EdgeError: it diverged.
    """
    net = task.family.net(task.head)
    learned = learn(task.family, task.head, prepared.train, prepared.check, task.recipe, told, progress)
    return Made(net, trained(net), task.family.manifest(task.head, name, prepared.rows), learned)


def _where(recordings: Sequence[Recording]) -> str:
    return ", ".join(str(recording.folder) for recording in recordings)
