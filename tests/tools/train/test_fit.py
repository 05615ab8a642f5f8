"""Training through pruning and sharing, on pictures that are made up."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from edge.errors import UserError
from edge.tools.train import architectures
from edge.tools.train.augment import Deform, deformed
from edge.tools.train.data import Samples, split
from edge.tools.train.fit import Epoch, Fitted, fit
from edge.tools.train.interpret import read_net
from edge.tools.train.recipe import Recipe
from tests.tools.train.blobs import blobs

torch = pytest.importorskip("torch", reason="torch is not here: pip install 'edge-runtime[train]'")

NAME = "lenet-300-100"
RECIPE = Recipe(epochs=6, batch=32, density=0.05, bits=2, validation=0.2, deform=Deform().scaled(0.2))


def trained(recipe: Recipe, told: list[Epoch] | None = None) -> Fitted:
    net = read_net(architectures.build(NAME, 1))
    teacher = net if recipe.distil else None
    tell = (told if told is not None else []).append
    return fit(net, blobs(600, 5), architectures.manifest(NAME), recipe, teacher, tell)


def values(weights: NDArray[np.float32]) -> int:
    return len(np.unique(weights[weights != 0]))


def test_few_weights_with_few_values_learn_to_tell_pictures_apart() -> None:
    told: list[Epoch] = []
    fitted = trained(RECIPE, told)
    assert told == list(fitted.epochs)
    assert fitted.chosen.error <= 0.1
    prunable = [fitted.weights[name] for name in ("w0", "w1", "w2")]
    assert sum(map(np.count_nonzero, prunable)) <= 0.05 * 266_610 + 1
    assert 0.04 < fitted.density < 0.051
    assert fitted.learned
    assert 0.8 < fitted.guessed < 0.9
    assert (told[0].compressed, told[-1].compressed) == (False, True)
    assert [values(weight) <= most for weight, most in zip(prunable, (4, 4, 8), strict=True)] == [True] * 3
    assert fitted.chosen.error == min(epoch.error for epoch in fitted.epochs if epoch.final)


def test_what_was_pruned_for_good_stays_0() -> None:
    short = trained(replace(RECIPE, bits=0))
    kept = [epoch.kept for epoch in short.epochs if epoch.final]
    assert len(set(kept)) == 1
    assert kept[0] < short.epochs[0].kept


def test_a_seed_gives_the_same_weights_again_and_another_one_others() -> None:
    recipe = replace(RECIPE, epochs=2)
    first, again, other = trained(recipe), trained(recipe), trained(replace(recipe, seed=1))
    assert first.epochs == again.epochs
    assert all(np.array_equal(first.weights[name], again.weights[name]) for name in first.weights)
    assert not np.array_equal(first.weights["w0"], other.weights["w0"])


def test_a_limit_in_bytes_is_met_instead_of_a_density() -> None:
    small, large = (trained(replace(RECIPE, epochs=2, limit=limit)).chosen.kept for limit in (3000, 9000))
    assert small < large < 20_000


def test_one_step_prunes_nothing_and_that_is_told() -> None:
    fitted = trained(replace(RECIPE, epochs=1, batch=1000))
    assert (fitted.density > 0.9, fitted.chosen.compressed) == (True, False)


def test_distillation_pulls_towards_the_teacher() -> None:
    recipe = replace(RECIPE, epochs=2, density=1.0, bits=0, distil=1.0, deform=None)
    assert trained(recipe).chosen.error > 0.5, "an untrained teacher knows nothing"


def test_what_is_no_picture_is_not_deformed() -> None:
    net = read_net(architectures.build(NAME, 1))
    flat = Samples(np.zeros((20, 784), np.uint8), np.zeros(20, np.int64))
    with pytest.raises(UserError, match=r"^only pictures can be deformed, and the model takes \(784,\)$"):
        fit(net, flat, architectures.manifest(NAME), RECIPE)


def test_the_validation_split_is_drawn_by_seed_and_apart_from_what_is_trained_on() -> None:
    samples = Samples(np.arange(50, dtype=np.float32).reshape(50, 1), np.arange(50))
    train, held = split(samples, 0.2, 3)
    assert len(held) == 10
    assert sorted([*train.labels, *held.labels]) == list(range(50))
    assert held.labels.tolist() == split(samples, 0.2, 3)[1].labels.tolist()
    assert held.labels.tolist() != split(samples, 0.2, 4)[1].labels.tolist()


def test_a_picture_that_is_not_deformed_stays_and_one_that_is_keeps_its_ink() -> None:
    pixels = torch.from_numpy(blobs(20, 1).pixels)
    still = deformed(pixels, Deform().scaled(0.0), torch.Generator().manual_seed(1))
    assert torch.equal(still, pixels)
    moved = deformed(pixels, Deform(), torch.Generator().manual_seed(1), chunk=7)
    assert moved.dtype == pixels.dtype
    assert not torch.equal(moved, pixels)
    assert float(moved.float().mean()) == pytest.approx(float(pixels.float().mean()), rel=0.2)
