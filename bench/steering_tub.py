"""Real frames: pilots that are taught by the first 560 pictures of a small car's drive, judged by the last 140."""

from __future__ import annotations

import tarfile
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from bench.places import DATA
from bench.table import Missing, Row, at_least, at_most
from edge.engines.base import EngineOptions
from edge.preprocess.image import read_image
from edge.steer.pilot import open_pilot
from edge.tools.steer.export import exported
from edge.tools.steer.families import FAMILIES
from edge.tools.steer.job import Task, make, prepare
from edge.tools.steer.learn import Judged, judged
from edge.tools.steer.lesson import Balance
from edge.tools.steer.recordings import Recording, read

TUB = DATA / "steering" / "donkey_tub_0-699.tar.gz"
TAUGHT = 560
RATIO, CORRELATION = 0.75, 0.6
WHAT = f"tub, pictures {TAUGHT} to 699, open loop"


@dataclass(frozen=True, slots=True)
class _Tried:
    """validated: by pictures among the first 560; judged: by the last 140, through the packed file on an engine."""

    what: str
    validated: Judged
    judged: Judged


def tub() -> Iterator[Row]:
    """Each family taught once; the one that is best on what validates, within the first 560, is held to the target."""
    if not TUB.is_file():
        raise Missing(f"{TUB.name} beside the checkout, in ../shared/data")
    with tempfile.TemporaryDirectory() as folder:
        with tarfile.open(TUB) as archive:
            archive.extractall(folder, filter="data")
        whole = read(Path(folder) / "tub")
        first = replace(whole, samples=tuple(one for one in whole.samples if one.moment < TAUGHT))
        last = replace(whole, samples=tuple(one for one in whole.samples if one.moment >= TAUGHT))
        tried = [_tried(task, first, last, Path(folder)) for task in _tasks()]
    for one in tried:
        for which, found in (("what validates", one.validated), (WHAT, one.judged)):
            yield Row(
                f"{one.what}, {which}: angle MAE, by that of the mean, correlation",
                f"{found.mae:.3f}, {found.ratio:.2f}, {found.correlation:.2f}",
            )
    best = min(tried, key=lambda one: one.validated.mae)
    yield at_most(
        f"{WHAT}: angle MAE by that of the mean, {best.what} (best where it validates)", best.judged.ratio, RATIO
    )
    yield at_least(f"{WHAT}: correlation, {best.what}", best.judged.correlation, CORRELATION)


def _tasks() -> Iterator[Task]:
    """As was chosen by cross-validation over four stretches of the first 560."""
    for family in FAMILIES.values():
        yield Task(family, balance=Balance(zeros=1.0, cap=0.0))


def _tried(task: Task, first: Recording, last: Recording, folder: Path) -> _Tried:
    prepared = prepare([first], task)
    made = make(task, prepared, task.family.name)
    path = folder / f"{task.family.name}-{task.head}.epk"
    path.write_bytes(exported(path, made.net, made.learned.weights, made.described, {})[path])
    pilot = open_pilot(str(path), options=EngineOptions(threads=1))
    told = np.array([pilot.steer(read_image(one.picture)) for one in last.samples], np.float32)
    pilot.close()
    driven = np.array([one.steering for one in last.samples], np.float32)
    mean = float(np.mean([one.steering for one in first.samples]))
    what = f"{task.family.name} ({made.parameters} parameters, {task.head})"
    return _Tried(what, made.learned.chosen.checked, judged(told, driven, mean))
