"""Trains the network of `edge.posture.temporal` on windows of skeletons."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from edge.posture.temporal import STEPS
from edge.tools.skeletons.measure import PARTS, ROWS
from edge.tools.skeletons.windows import Windows, windows
from edge.tools.train.backend import functional, torch
from edge.types import F32

FIRST, SECOND, HIDDEN = 32, 32, 28
"""Channels of the convolutions, and units of the layer before the last."""
FAR = 3.0
"""Statures from the middle of a window; what is further is a mistake."""
KERNEL, NEXT = 5, 3
"""Steps that they look at; each halves their number."""
BITS = 6
"""Of a weight in the file; each output has a scale of its own."""
ROUNDED = 0.6
"""After this part of the epochs, it is trained with the weights that the file will have (straight-through: Bengio et
al., arXiv 1308.3432)."""
VALIDATED = 0.15
"""Part of the sequences that chooses the epoch, beside those that are learned from."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """How it is trained.

    sequences: how many are drawn
    rate: the highest learning rate; it rises for a tenth of the time and falls as a cosine
    fall: how much a window with a fall counts beside one without
    shift, scale: by how much windows are moved and stretched, in statures and as a part
    """

    sequences: int = 24000
    epochs: int = 14
    batch: int = 256
    rate: float = 4e-3
    decay: float = 1e-3
    fall: float = 1.5
    shift: float = 0.05
    scale: float = 0.12
    seed: int = 1


@dataclass(frozen=True, slots=True)
class Epoch:
    """What came of one pass.

    loss, checked: mean loss of the windows learned from, and of those that are not
    found, false: part of the windows with a fall that are told as such, and of those without that are
    """

    number: int
    loss: float
    checked: float
    found: float
    false: float


@dataclass(frozen=True, slots=True)
class Learned:
    """The best epoch's weights by name, as `write.model` takes them, and all epochs."""

    weights: Mapping[str, F32]
    epochs: tuple[Epoch, ...]
    chosen: Epoch
    windows: int


def learn(
    recipe: Recipe,
    told: Callable[[Epoch], None] = lambda epoch: None,
    drawn: Callable[[float], None] = lambda part: None,
) -> Learned:
    """Draw sequences and train on them; the same recipe gives the same weights on the same machine.

    Args:
        told: of each epoch; drawn: how far the drawing of sequences is, 0..1

    Raises:
        MissingError: torch is not here.
    """
    lib = torch()
    lib.manual_seed(recipe.seed)
    lib.set_num_threads(1)
    random = np.random.default_rng(recipe.seed)
    kept = int(recipe.sequences * (1 - VALIDATED))
    train = _drawn(recipe, 0, kept, random, lambda part: drawn(part * (1 - VALIDATED)))
    check = _drawn(recipe, kept, recipe.sequences - kept, random, lambda part: drawn(1 - VALIDATED * (1 - part)))
    net = _Net(lib)
    steps = recipe.epochs * (len(train) // recipe.batch)
    best, chosen = net.state(), Epoch(0, math.inf, math.inf, 0.0, 0.0)
    epochs = []
    optimizer = lib.optim.AdamW(net.parameters(), lr=recipe.rate, weight_decay=recipe.decay)
    schedule = lib.optim.lr_scheduler.OneCycleLR(optimizer, recipe.rate, max(steps, 1), pct_start=0.1)
    for number in range(1, recipe.epochs + 1):
        rounded = number > ROUNDED * recipe.epochs
        loss = _epoch(net, train, recipe, random, optimizer, schedule, rounded=rounded)
        epoch = _judged(net, check, recipe, number, loss)
        epochs.append(epoch)
        told(epoch)
        if epoch.checked < chosen.checked:
            best, chosen = net.state(), epoch
    return Learned(best, tuple(epochs), chosen, len(train))


class _Net:
    """Two convolutions over time, each over all rows, and two layers."""

    def __init__(self, lib: Any) -> None:
        left = -(-STEPS // 4)
        shapes = {
            "first": (FIRST, 1, ROWS, KERNEL),
            "second": (SECOND, FIRST, 1, NEXT),
            "third": (HIDDEN, SECOND * left),
            "last": (2, HIDDEN),
        }
        self._held = {}
        for name, shape in shapes.items():
            weight = lib.empty(shape)
            lib.nn.init.kaiming_normal_(weight)
            self._held[f"{name}.weight"] = weight.requires_grad_()
            self._held[f"{name}.bias"] = lib.zeros(shape[0]).requires_grad_()

    def parameters(self) -> list[Any]:
        return list(self._held.values())

    def state(self) -> dict[str, F32]:
        return {name: held.detach().numpy().copy() for name, held in self._held.items()}

    def __call__(self, fed: Any, drop: float = 0.0, *, rounded: bool = False) -> Any:
        """The two chances' logits. rounded: with the weights that the file will have."""
        f, held = functional(), self._held
        if rounded:
            held = {name: _rounded(one) if name.endswith(".weight") else one for name, one in held.items()}
        x = f.conv2d(fed.clamp(-FAR, FAR), held["first.weight"], held["first.bias"], (1, 2), (0, KERNEL // 2)).relu()
        x = f.conv2d(x, held["second.weight"], held["second.bias"], (1, 2), (0, NEXT // 2)).relu().flatten(1)
        x = f.dropout(x, drop, drop > 0)
        x = f.linear(x, held["third.weight"], held["third.bias"]).relu()
        return f.linear(x, held["last.weight"], held["last.bias"])


def _rounded(weight: Any) -> Any:
    """A tensor on the file's grid, whose gradient is that of the tensor itself."""
    scale = weight.detach().flatten(1).abs().amax(1).clamp_min(1e-8) / ((1 << (BITS - 1)) - 1)
    scale = scale.reshape(-1, *[1] * (weight.dim() - 1))
    return weight + ((weight / scale).round() * scale - weight).detach()


def _drawn(
    recipe: Recipe, first: int, count: int, random: np.random.Generator, drawn: Callable[[float], None]
) -> Windows:
    parts = []
    for begin in range(0, count, 50):
        parts.append(windows(recipe.seed, first + begin, min(50, count - begin), random))
        drawn(begin / count)
    return Windows(
        np.concatenate([part.fed for part in parts]),
        np.concatenate([part.truth for part in parts]),
        np.concatenate([part.weight for part in parts]),
    )


def _epoch(
    net: _Net,
    train: Windows,
    recipe: Recipe,
    random: np.random.Generator,
    optimizer: Any,
    schedule: Any,
    *,
    rounded: bool,
) -> float:
    """One pass over all windows; the mean loss."""
    lib, order, losses = torch(), random.permutation(len(train)), []
    for begin in range(0, len(train) - recipe.batch + 1, recipe.batch):
        which = order[begin : begin + recipe.batch]
        fed = varied(train.fed[which].astype(np.float32), recipe, random)
        loss = _loss(net(lib.from_numpy(fed), 0.1, rounded=rounded), train, which, recipe)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        losses.append(float(loss.detach()))
    return float(np.mean(losses)) if losses else float("nan")


def varied(fed: F32, recipe: Recipe, random: np.random.Generator) -> F32:
    """Windows seen from the other side, moved, stretched, with parts that nobody saw."""
    count = len(fed)
    places = fed[:, :, : 2 * PARTS + 2]  # x of the middles, the width, y of them, the height
    places[:, :, :PARTS] *= random.choice(np.array([-1, 1], np.float32), (count, 1, 1, 1))
    places *= np.exp(random.normal(0, recipe.scale, (count, 1, 1, 1)))
    places[:, :, :PARTS] += random.normal(0, recipe.shift, (count, 1, 1, 1))
    places[:, :, PARTS + 1 : -1] += random.normal(0, recipe.shift, (count, 1, 1, 1))
    scores = fed[:, :, 2 * PARTS + 2 :]
    scores[:] = np.clip(scores, 0, 1) ** np.exp(random.normal(0, 0.7, (count, 1, 1, 1)))
    scores *= np.where(random.random((count, 1, PARTS, 1)) < 0.04, random.uniform(0, 0.5), 1)
    return fed.astype(np.float32)


def _loss(logits: Any, held: Windows, which: Any, recipe: Recipe) -> Any:
    lib = torch()
    truth, weight = lib.from_numpy(held.truth[which]), lib.from_numpy(held.weight[which])
    each = functional().binary_cross_entropy_with_logits(logits, truth, reduction="none")
    fall = each[:, 0] * weight * (1 + (recipe.fall - 1) * truth[:, 0])
    return fall.mean() + 0.3 * each[:, 1].mean()


def _judged(net: _Net, check: Windows, recipe: Recipe, number: int, loss: float) -> Epoch:
    lib = torch()
    with lib.no_grad():
        logits = net(lib.from_numpy(check.fed.astype(np.float32)), rounded=True)
        checked = float(_loss(logits, check, np.arange(len(check)), recipe))
    told, fell = logits[:, 0].numpy() > 0, check.truth[:, 0] > 0
    none = ~fell & (check.weight > 0)
    return Epoch(number, loss, checked, float(told[fell].mean()), float(told[none].mean()))
