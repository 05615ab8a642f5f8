"""Codes of weights on grids, tuned so that a model's outputs match the original's: distillation without labels.

The steps of the grids stay, and so do zeros. Behind each code is a number that is trained as if it were used itself
(straight-through, Bengio et al. 2013, arXiv:1308.3432); in the outputs' error codes count, rounded. A layer's gradient
is taken through the inverse of the second moments of its input (the input's half of K-FAC, Martens and Grosse 2015,
arXiv:1503.05671): along what the inputs rarely show much may change. Its length is set by the root mean square over the
layer, not value by value as Adam does, by which values that hardly matter would wander until their codes are noise.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from edge.engines.base import Feeds
from edge.errors import ModelError
from edge.models.packed.weight import Grid
from edge.tools.biases import SHARE
from edge.tools.grids import SPARSE
from edge.tools.layers import Layer, layers, look
from edge.tools.rounding import DAMP
from edge.tools.train.backend import Tensor, torch
from edge.tools.train.interpret import Net, read_net, untrained
from edge.types import F32

if TYPE_CHECKING:
    from onnx import ModelProto

BATCH = 8
RATE = 0.001
"""How far a step moves a layer's numbers, in steps of its grid, the root mean square; ten times as much diverges
on SqueezeNet."""
MOMENTUM = 0.9
POWER = 0.95
"""How much of the gradients' mean power stays from step to step."""
FURTHEST = 10
"""Times the root mean square that one number moves at most."""
RISE = 20
"""Steps until the rate is full; of a short run its `RISING` at most."""
RISING = 0.2
SHIFT = 1 / 19
"""Of a picture's side, how far variations are shifted."""
_UNUSED = {"allow_unused": True, "materialize_grads": True}
"""What no output depends on has a gradient of 0."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How long and on what.

    epochs: passes over the feeds
    sides: axes of an input's height and width, along which pictures are varied; None: they are no pictures
    threads: of torch; one gives the same codes in every run on one machine
    """

    epochs: int
    sides: tuple[int, int] | None = None
    seed: int = 0
    threads: int = 1


@dataclass(frozen=True, slots=True)
class Tuned:
    """What tuning gave.

    before: the grids that it began with
    latents: float32, the numbers behind the codes, by weight; 0 where a zero stays
    """

    before: Mapping[str, Grid]
    latents: Mapping[str, F32]

    def grids(self, reluctance: float = 0.0) -> dict[str, Grid]:
        """The grids, with old codes where the number behind moved no further than half a step and so much more.

        Codes are never larger than the largest of the tensor before.
        """
        made = {}
        for name, grid in self.before.items():
            old = grid.codes.astype(np.float32)
            most = np.abs(old).max(initial=0)
            new = np.clip(np.rint(self.latents[name]), -most, most)
            moved = np.abs(self.latents[name] - old) > 0.5 + reluctance
            made[name] = Grid(np.where(moved, new, old).astype(np.int16), grid.scales, grid.axis)
        return made


def check(model: ModelProto, feeds: Feeds = ()) -> None:
    """Refuse a model that cannot be tuned, before any work; with a feed it is run once.

    Raises:
        ModelError: torch cannot run it.
        MissingError: torch is not here.
    """
    unknown = untrained(model)
    if unknown:
        what = f"operator {unknown[0]}" if len(unknown) == 1 else f"operators {', '.join(unknown)}"
        raise ModelError(f"`--tune` cannot train the {what}: leave out `--tune`")
    net = read_net(model)
    for feed in feeds[:1]:
        given = {name: torch().from_numpy(feed[name]) for name in net.inputs}
        weights = {name: torch().from_numpy(array.copy()) for name, array in net.weights.items()}
        with torch().no_grad():
            try:
                net.run(given, weights)
            except ModelError as fault:
                raise ModelError(f"{fault}: leave out `--tune`") from None


def tune(
    original: ModelProto,
    draft: ModelProto,
    grids: Mapping[str, Grid],
    feeds: Feeds,
    plan: Plan,
    progress: Callable[[float], None] = lambda part: None,
) -> Tuned:
    """Train the codes of a draft on feeds and on variations of them: mirrored, shifted, mixed, brighter and darker.

    Args:
        original: whose outputs are to be matched; its inputs and outputs are the draft's.
        draft: a model whose `grids`, of weights and biases, are trained; everything else in it stays.
        feeds: some, a sample each.

    Raises:
        ModelError: torch cannot run one of the models.
        MissingError: torch is not here.
    """
    torch().set_num_threads(plan.threads)
    known, net = read_net(original), read_net(draft)
    tuned = {name: grid for name, grid in grids.items() if name in net.weights}
    student = _Student(net, tuned, _tuned_layers(draft, tuned, feeds))
    fed = {name: torch().from_numpy(np.concatenate([feed[name] for feed in feeds])) for name in net.inputs}
    weights = {name: torch().from_numpy(array.copy()) for name, array in known.weights.items()}
    random = np.random.default_rng(plan.seed)
    count = max(1, math.ceil(len(feeds) / BATCH))
    steps = plan.epochs * count
    rise = min(RISE, RISING * steps)
    for step in range(steps):
        if step % count == 0:
            order = random.permutation(len(feeds))
        some = order[step % count :: count]
        given = _varied(fed, some, plan.sides, random)
        with torch().no_grad():
            truth = known.run(given, weights)
        student.step(given, truth, RATE * min(1.0, (step + 1) / rise) * (1 + math.cos(math.pi * step / steps)) / 2)
        progress((step + 1) / steps)
    untouched = {name: grid for name, grid in grids.items() if name not in tuned}
    return Tuned(grids, {**{n: g.codes.astype(np.float32) for n, g in untouched.items()}, **student.latents()})


@dataclass(slots=True)
class _Group:
    """A layer's numbers that move together.

    weight: name; bias: name, empty where it is not tuned
    inverse: float32 (groups, values, values), of the input's second moments
    power: running mean square of the gradients, of steps so far
    """

    weight: str
    bias: str
    layer: Layer
    inverse: Tensor
    power: float = 0.0
    steps: int = 0
    moving: dict[str, Tensor] = field(default_factory=dict)


class _Student:
    """The draft while its codes are trained."""

    def __init__(self, net: Net, grids: Mapping[str, Grid], groups: list[_Group]) -> None:
        self._net, self._groups = net, groups
        self._fixed = {name: torch().from_numpy(array.copy()) for name, array in net.weights.items()}
        self._codes = {name: torch().from_numpy(grid.codes.astype(np.float32)) for name, grid in grids.items()}
        self._most = {name: float(codes.abs().max()) for name, codes in self._codes.items()}
        self._scales = {name: torch().from_numpy(_spread(grid)) for name, grid in grids.items()}
        self._free = {name: torch().from_numpy(_free(grid)) for name, grid in grids.items()}
        self._behind = {name: codes.clone().requires_grad_() for name, codes in self._codes.items()}

    def latents(self) -> dict[str, F32]:
        """The numbers behind the codes."""
        return {name: behind.detach().numpy().copy() for name, behind in self._behind.items()}

    def step(self, given: Mapping[str, Tensor], truth: Mapping[str, Tensor], rate: float) -> None:
        """Move towards the original's outputs, the truth, on one batch."""
        # In float32, however slow: bfloat16's own error is as large as the grids', and would be made up for as well.
        found = self._net.run(given, {**self._fixed, **self._rounded()})
        behind = {name: self._behind[name] for group in self._groups for name in (group.weight, group.bias) if name}
        slopes = torch().autograd.grad(_distortion(truth, found), list(behind.values()), **_UNUSED)
        of = dict(zip(behind, slopes, strict=True))
        for group in self._groups:
            self._move(group, of, rate)

    def _rounded(self) -> dict[str, Tensor]:
        made = {}
        for name, behind in self._behind.items():
            codes = behind.detach().round()
            made[name] = (behind + (codes - behind.detach())) * self._scales[name]
        return made

    def _move(self, group: _Group, slopes: Mapping[str, Tensor], rate: float) -> None:
        scale, free = self._scales[group.weight], self._free[group.weight]
        slope = slopes[group.weight] * free / scale
        rows = slope.T[None] if group.layer.turned else slope.reshape(group.layer.groups, -1, group.inverse.shape[-1])
        turned = rows @ group.inverse
        slope = turned[0].T if group.layer.turned else turned.reshape(slope.shape)
        moves = {group.weight: slope * free / scale}
        power = float(moves[group.weight].square().sum() / free.sum().clamp_min(1))
        group.steps += 1
        group.power = POWER * group.power + (1 - POWER) * power
        unit = math.sqrt(group.power / (1 - POWER**group.steps)) + 1e-30
        if group.bias:
            moves[group.bias] = slopes[group.bias] / self._scales[group.bias].square()
        for name, move in moves.items():
            last = group.moving.get(name)
            now = (move / unit).clamp(-FURTHEST, FURTHEST)
            group.moving[name] = now if last is None else MOMENTUM * last + now
            most = self._most[name]
            self._behind[name].data.sub_(group.moving[name], alpha=rate).clamp_(-most, most)


def _tuned_layers(draft: ModelProto, grids: Mapping[str, Grid], feeds: Feeds) -> list[_Group]:
    """The layers whose weights lie on grids."""
    of = {name: layer for name, layer in layers(draft).items() if name in grids}
    made = []
    for name, fed in look(draft, feeds, of).items():
        moment = fed.centred(SHARE if of[name].bias in grids else 0.0)
        floor = DAMP * np.einsum("gii->gi", moment).mean(axis=1) + 1e-12
        inverse = np.linalg.inv(moment + floor[:, None, None] * np.eye(moment.shape[-1])).astype(np.float32)
        bias = of[name].bias if of[name].bias in grids else ""
        made.append(_Group(name, bias, of[name], torch().from_numpy(inverse)))
    return made


def _spread(grid: Grid) -> F32:
    """The step of each value, float32, in a shape that broadcasts over the tensor."""
    shape = [1] * grid.codes.ndim
    if grid.scales.size > 1:
        shape[grid.axis] = -1
    return np.array(grid.scales, np.float32).reshape(shape)


def _free(grid: Grid) -> F32:
    """1 where a code may change, 0 where it stays: at the zeros of a tensor that has many."""
    stored = grid.codes != 0
    pruned = grid.codes.ndim > 1 and 1 - stored.mean() > SPARSE
    return np.asarray(stored if pruned else np.ones(stored.shape), np.float32)


def _distortion(truth: Mapping[str, Tensor], found: Mapping[str, Tensor]) -> Tensor:
    """What `edge.tools.judge.distortion` measures, of a batch."""
    total: Any = 0.0
    for name, wanted in truth.items():
        x, y = wanted.float(), found[name].float()
        if x.ndim >= 3 and x.shape[-1] > 1:
            x, y = (one.reshape(len(one), -1, one.shape[-1]) for one in (x, y))
            total = total + ((x - y).square().mean(1) / (x.var(1, correction=0) + 1e-12)).mean()
        else:
            x, y = x.flatten(1), y.flatten(1)
            total = total + ((x - y).square().sum(1) / (x.square().sum(1) + 1e-12)).mean()
    return total


def _varied(
    fed: Mapping[str, Tensor], some: NDArray[np.int64], sides: tuple[int, int] | None, random: np.random.Generator
) -> dict[str, Tensor]:
    """A batch of feeds; pictures mirrored, shifted around, half of them mixed with others, of other brightness."""
    given = {name: tensor[torch().from_numpy(some)] for name, tensor in fed.items()}
    if sides is None:
        return given
    for name, x in given.items():
        if x.ndim != 4 or not x.is_floating_point():
            continue
        if random.random() < 0.5:
            x = x.flip(sides[1])
        furthest = [int(SHIFT * x.shape[side]) for side in sides]
        x = torch().roll(x, [int(random.integers(-far, far + 1)) for far in furthest], sides)
        other = fed[name][torch().from_numpy(random.integers(0, len(fed[name]), len(x)))]
        own = np.where(random.random(len(x)) < 0.5, random.uniform(0.5, 1, len(x)), 1)
        light = random.uniform(0.8, 1.2, len(x))
        own, light = (torch().from_numpy(one.astype(np.float32)).reshape(-1, 1, 1, 1) for one in (own, light))
        given[name] = ((own * x + (1 - own) * other) * light).contiguous(memory_format=torch().channels_last)
    return given
