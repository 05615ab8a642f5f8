"""Networks pruned and shared while they are trained, beside Deep Compression's table (arXiv:1510.00149, table 1).

Sizes are whole packed files; errors are of all 10,000 test digits, run from the packed file by ONNX Runtime. A seed
draws the first weights, the order, the deformations and the validation split of the training digits, which alone says
which epoch is taken. The recipes are `edge.tools.train.recipe.RECIPES`, chosen on seed 0's validation split.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context

from bench.compression.digits import digits
from bench.table import Row

SEEDS = (1, 2, 3)
SIDE_BY_SIDE = 2


@dataclass(frozen=True, slots=True)
class Goal:
    """What a network's file must be, and what is aimed at.

    ratio: fp32 weights over the file
    error: share of the test digits
    """

    name: str
    title: str
    published: str
    ratio: float
    error: float
    aim_ratio: float
    aim_error: float


@dataclass(frozen=True, slots=True)
class Figure:
    """What one seed gave.

    others: bytes of the same weights as float32 by zstd-19, and by brotli-11 where it is here
    """

    ratio: float
    size: int
    error: float
    others: tuple[int, ...]


LARGE = Goal("lenet-300-100", "LeNet-300-100", "40x, 1.58 %", 40, 0.0164, 60, 0.0164)
DEEP = Goal("lenet-5", "LeNet-5", "39x, 0.74 %", 100, 0.0080, 175, 0.0074)


def lenets() -> Iterator[Row]:
    """784-300-100-10, 1,066,440 bytes as float32, and Caffe's LeNet-5, 1,724,320; two trainings side by side."""
    digits()
    with ProcessPoolExecutor(SIDE_BY_SIDE, mp_context=get_context("spawn")) as pool:
        # Those that take longest begin, so that no core waits at the end.
        begun = {goal.name: [pool.submit(trained, goal.name, seed) for seed in SEEDS] for goal in (DEEP, LARGE)}
        for goal in (LARGE, DEEP):
            yield from _rows(goal, [one.result() for one in begun[goal.name]])


def _rows(goal: Goal, found: list[Figure]) -> Iterator[Row]:
    seeds = f"seeds {', '.join(map(str, SEEDS))}"
    ratios, errors = [one.ratio for one in found], [one.error for one in found]
    held = [one.ratio >= goal.aim_ratio and one.error <= goal.aim_error for one in found]
    yield Row(
        f"{goal.title}, times smaller, {seeds} (published: {goal.published})",
        ", ".join(f"{ratio:.1f}" for ratio in ratios),
        f">= {goal.ratio:g}",
        min(ratios) >= goal.ratio,
    )
    yield Row(
        f"{goal.title}, wrong of 10,000 test digits",
        ", ".join(f"{error:.2%}" for error in errors),
        f"<= {goal.error:.2%}",
        max(errors) <= goal.error,
    )
    yield Row(f"{goal.title}, whole files, bytes", ", ".join(f"{one.size:,}" for one in found))
    yield Row(
        f"{goal.title}, seeds that reach the aim of {goal.aim_ratio:g}x at {goal.aim_error:.2%}",
        f"{sum(held)} of {len(held)}",
    )
    for name, sizes in zip(("zstd-19", "brotli-11"), zip(*(one.others for one in found), strict=True), strict=False):
        yield Row(f"{goal.title}, the same weights by {name}, bytes", ", ".join(f"{size:,}" for size in sizes))


def trained(name: str, seed: int) -> Figure:
    """Train a network with this seed and measure its packed file; in a process of its own, one thread."""
    from edge.models.packed.zstd import squeeze
    from edge.tools import graph
    from edge.tools.train.job import make, source
    from edge.tools.train.recipe import RECIPES

    made = make(source(name, seed), digits(), replace(RECIPES[name], seed=seed))
    raw = b"".join(array.tobytes() for array in graph.weights(made.model).values())
    others = [len(squeeze(raw))]
    try:
        import brotli
    except ImportError:
        pass
    else:
        others.append(len(brotli.compress(raw, quality=11)))
    assert made.error is not None
    return Figure(made.ratio, len(made.content), made.error, tuple(others))
