"""Codes that are trained so that the outputs match the original's."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from onnx import ModelProto, helper

from edge.errors import ModelError
from edge.models.manifest import read_manifest
from edge.models.packed.weight import Grid
from edge.tools import evaluate, graph, lighter
from edge.tools.judge import Judge, distortion
from edge.tools.lighter import Draft, Work
from edge.tools.settings import Settings
from edge.tools.train import tune
from tests.support.small_cnn import MANIFEST, small_cnn, small_feeds

pytest.importorskip("torch", reason="torch is not here: pip install 'edge-runtime[train]'")

PLAN = tune.Plan(epochs=30, sides=(2, 3))
WANTED = Settings(quantize="int6", tune=30)
FEEDS = small_feeds(24, seed=3)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """So small a model is trained in fewer steps."""
    monkeypatch.setattr(tune, "RATE", 0.002)


def rough(bits: int = 4) -> Draft:
    model = small_cnn()
    weights, of = lighter.floats(model)
    grids = {name: lighter.flat_grid(weight, of.get(name), bits) for name, weight in weights.items()}
    return Draft(graph.replace(model, {name: grid.values() for name, grid in grids.items()}), grids)


def error(grids: dict[str, Grid], model: ModelProto) -> float:
    """On feeds that nothing was trained on."""
    unseen = small_feeds(16, seed=9)
    made = graph.replace(model, {name: grid.values() for name, grid in grids.items()})
    truth, found = (evaluate.run(graph.to_bytes(one), unseen) for one in (small_cnn(), made))
    return distortion(truth, found)


def with_node(op: str, **attributes: int | list[int]) -> ModelProto:
    """The small model with one more operator behind its first layer."""
    model = small_cnn()
    at = next(number for number, node in enumerate(model.graph.node) if node.output[0] == "c1")
    model.graph.node.insert(at + 1, helper.make_node(op, ["c1"], ["more"], **attributes))
    model.graph.node[at + 2].input[0] = "more"
    return model


def test_an_operator_that_cannot_be_trained_is_told_before_anything_is_run() -> None:
    with pytest.raises(ModelError, match="`--tune` cannot train the operator HardSwish: leave out `--tune`"):
        tune.check(with_node("HardSwish"))
    with pytest.raises(ModelError, match=r"AveragePool with ceil_mode .*: leave out `--tune`"):
        tune.check(with_node("AveragePool", kernel_shape=[1, 1], ceil_mode=1), FEEDS)
    tune.check(with_node("Relu"), FEEDS)


def test_outputs_come_nearer_to_the_originals_on_feeds_that_were_not_trained_on() -> None:
    draft = rough()
    done = tune.tune(small_cnn(), draft.model, draft.grids, FEEDS, PLAN)
    assert error(done.grids(), draft.model) < 0.8 * error(dict(draft.grids), draft.model)


def test_zeros_of_a_sparse_weight_stay_and_codes_grow_no_larger_than_they_were() -> None:
    draft = rough()
    sparse = draft.grids["w3"].codes * (np.arange(16) % 2).reshape(1, -1, 1, 1).astype(np.int16)
    grids = {**draft.grids, "w3": replace(draft.grids["w3"], codes=sparse)}
    model = graph.replace(draft.model, {"w3": grids["w3"].values()})
    made = tune.tune(small_cnn(), model, grids, FEEDS, PLAN).grids()
    assert (made["w3"].codes != sparse).any()
    for name, grid in made.items():
        assert np.abs(grid.codes).max() <= np.abs(grids[name].codes).max()
        assert np.array_equal(grid.scales, grids[name].scales)
    assert not made["w3"].codes[sparse == 0].any()


def test_the_more_reluctant_the_fewer_codes_change() -> None:
    draft = rough()
    done = tune.tune(small_cnn(), draft.model, draft.grids, FEEDS, PLAN)

    def changed(reluctance: float) -> int:
        made = done.grids(reluctance)
        return sum(int((made[name].codes != grid.codes).sum()) for name, grid in draft.grids.items())

    assert changed(0.0) > changed(0.2) > changed(1e3) == 0


def test_of_a_short_run_a_fifth_is_the_rise_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    rates: list[float] = []
    monkeypatch.setattr(tune._Student, "step", lambda student, given, truth, rate: rates.append(rate))
    draft = rough()
    for epochs, fullest in ((1, 0), (5, 2), (100, tune.RISE - 1)):
        rates.clear()
        tune.tune(small_cnn(), draft.model, draft.grids, FEEDS, replace(PLAN, epochs=epochs))
        assert int(np.argmax(rates)) == fullest


def test_two_runs_give_the_same_codes() -> None:
    draft = rough()
    plan = replace(PLAN, epochs=3)
    one, other = (tune.tune(small_cnn(), draft.model, draft.grids, FEEDS, plan) for _ in range(2))
    assert all(np.array_equal(one.latents[name], other.latents[name]) for name in draft.grids)


@pytest.fixture
def work(tmp_path: Path) -> Work:
    path = tmp_path / "small.toml"
    path.write_text(MANIFEST)
    judge = Judge.of(small_cnn(), read_manifest(path), small_feeds(8, seed=5), metric="cosine")
    return Work(FEEDS, judge, None, original=small_cnn())


def test_a_draft_that_tuning_makes_no_better_stays(work: Work) -> None:
    draft = rough()
    assert work.judge is not None
    exact = Judge.of(draft.model, work.judge.manifest, work.judge.feeds, metric="cosine")
    assert lighter.tuned(draft, replace(work, judge=exact), WANTED) is draft


def test_a_bound_in_bytes_holds(work: Work) -> None:
    draft = rough()

    def size(made: Draft) -> int:
        return sum(int((made.grids[name].codes != grid.codes).sum()) for name, grid in draft.grids.items())

    free = lighter.tuned(draft, work, WANTED)
    bound = size(free) - 1
    assert bound > 0
    assert size(lighter.tuned(draft, replace(work, size=size, max_bytes=bound), WANTED)) <= bound
    assert lighter.tuned(draft, replace(work, size=lambda made: 1), WANTED) is draft
