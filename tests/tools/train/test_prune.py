"""Which weights stay while a network is pruned."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.tools.train import prune

torch = pytest.importorskip("torch", reason="torch is not here: pip install 'edge-runtime[train]'")


def layers(seed: int, *sizes: int) -> dict[str, object]:
    draw = torch.Generator().manual_seed(seed)
    return {f"w{n}": torch.randn(size, generator=draw) for n, size in enumerate(sizes)}


def test_a_score_is_a_weights_share_of_what_is_not_smaller() -> None:
    scores = prune.scores({"w": torch.tensor([[1.0, -2.0], [3.0, 0.0]])})["w"]
    assert torch.allclose(scores, torch.tensor([[1 / 14, 4 / 13], [1.0, 0.0]]))


@given(st.integers(0, 99), st.floats(0.01, 1.0))
@settings(max_examples=25, deadline=None)
def test_so_many_weights_stay_as_were_asked_for_and_the_larger_ones_of_a_layer(seed: int, density: float) -> None:
    weights = layers(seed, 50, 400, 7)
    masks = prune.masks(prune.scores(weights), density)
    assert sum(int(mask.sum()) for mask in masks.values()) == max(3, round(density * 457))
    for name, mask in masks.items():
        kept, gone = weights[name].abs()[mask], weights[name].abs()[~mask]
        assert not len(gone) or kept.min() >= gone.max()


def test_no_layer_runs_empty_however_small_its_weights_are() -> None:
    weights = layers(1, 1000, 1000)
    weights["w1"] = weights["w1"] * 1e-4
    masks = prune.masks(prune.scores(weights), 0.01)
    assert all(mask.any() for mask in masks.values())


def test_the_density_falls_along_a_cubic() -> None:
    at = [prune.density_at(part, 0.1, 0.2, 0.6) for part in (0.0, 0.2, 0.4, 0.6, 1.0)]
    assert at == pytest.approx([1.0, 1.0, 0.1 + 0.9 / 8, 0.1, 0.1])


@given(st.integers(100, 2000), st.sampled_from([0, 2, 5]))
@settings(max_examples=25, deadline=None)
def test_the_density_for_a_size_takes_that_size_and_no_more(limit: int, bits: int) -> None:
    found = prune.scores(layers(2, 3000, 500))
    density = prune.density_for(found, limit, bits)
    masks = prune.masks(found, density)
    taken = 0.0
    for mask in masks.values():
        kept, size = int(mask.sum()), mask.numel()
        share = kept / size
        places = 0.0 if share in (0, 1) else -size * (share * math.log2(share) + (1 - share) * math.log2(1 - share))
        taken += (places + kept * (bits or 32)) / 8
    assert taken <= limit + 10
    assert density == 1.0 or limit - 20 <= taken


def test_weights_that_all_fit_are_all_kept() -> None:
    assert prune.density_for(prune.scores(layers(2, 300)), 10_000, 8) == 1.0
