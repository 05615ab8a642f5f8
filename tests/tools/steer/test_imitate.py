"""The network, and how it is taught."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edge.engines.base import EngineOptions
from edge.models.packed.read import read
from edge.steer.pilot import FILE, open_pilot
from edge.tools.steer import torched
from edge.tools.steer.imitate import CHECKED, TAUGHT, Recipe, imitate
from edge.tools.steer.judge import JUDGED, judge, scenery
from edge.tools.steer.network import manifest, packed
from edge.tools.steer.squeeze import LAYERS, NET, published, saturation, steering
from edge.types import F32
from tests.support.shared_data import DATA, needs_data

SHORT = Recipe(tracks=1, views=1, poses=30, rounds=1, metres=20.0, steps=(12, 6), starts=2, checked=1)


def drawn(seed: int) -> dict[str, F32]:
    rng = np.random.default_rng(seed)
    shapes = {"conv1": (3, 3, 1, 2), "squeeze": (1, 1, 2, 1), "expand1": (1, 1, 1, 2), "expand3": (3, 3, 1, 2)}
    weights = {
        name: rng.normal(0, 0.7, shape).astype(np.float32) for name, shape in {**shapes, "dense": (4, 1)}.items()
    }
    return weights | {
        f"{name}_b": rng.normal(0, 0.3, array.shape[-1]).astype(np.float32) for name, array in weights.items()
    }


@needs_data
def test_numpy_gives_what_the_published_network_gave() -> None:
    golden = np.load(DATA / "steering" / "golden_mez52.npz")
    weights = published(np.load(DATA / "steering" / "mez52.npz"))
    assert sum(array.size for array in weights.values()) == 52
    said = [steering(weights, seen) for seen in golden["saturation"]]
    np.testing.assert_allclose(said, golden["steering"], atol=1e-5)


@pytest.mark.parametrize("engine", ["onnxruntime", "openvino"])
def test_a_packed_network_says_on_an_engine_what_numpy_says(engine: str, tmp_path: Path) -> None:
    pytest.importorskip(engine)
    weights = drawn(4)
    path = tmp_path / "drawn.epk"
    path.write_bytes(packed(NET, weights, manifest(NET, "drawn", ""), {}))
    pilot = open_pilot(str(path), engine, EngineOptions(threads=1))
    rng = np.random.default_rng(1)
    for _ in range(5):
        frame = rng.integers(0, 256, (160, 320, 3), np.uint8)
        wanted = float(np.clip(steering(weights, saturation(frame)), -1, 1))
        assert pilot.steer(frame) == pytest.approx(wanted, abs=1e-4)
    pilot.close()


def test_torch_learns_the_network_that_numpy_runs() -> None:
    torch = pytest.importorskip("torch", reason="torch is not here: pip install 'edge-runtime[train]'")
    from edge.tools.steer.torched import forward

    weights = drawn(9)
    turned = {
        name: torch.from_numpy(array.T.copy() if name == "dense" else array.transpose(3, 2, 0, 1).copy())
        if name in LAYERS
        else torch.from_numpy(array)
        for name, array in weights.items()
    }
    seen = np.random.default_rng(2).integers(0, 256, (4, 64, 64), np.uint8)
    said = forward(turned, torch.from_numpy(seen)[:, None]).numpy()
    np.testing.assert_allclose(said, [steering(weights, one) for one in seen], atol=1e-4)


def test_the_same_seed_teaches_the_same_network() -> None:
    pytest.importorskip("torch", reason="torch is not here: pip install 'edge-runtime[train]'")
    told: list[int] = []
    first, second = imitate(SHORT, lambda done: told.append(done.samples)), imitate(SHORT)
    assert {name for name in first.weights} == {*LAYERS, *(f"{layer}_b" for layer in LAYERS)}
    for name, array in first.weights.items():
        np.testing.assert_array_equal(array, second.weights[name])
    assert told[1] > told[0] == 60, "it learns from where it drove itself as well"
    assert first.chosen in first.rounds


def test_tracks_that_judge_are_none_that_teach() -> None:
    assert len({JUDGED, TAUGHT, CHECKED}) == 3


def test_scenes_differ_in_one_thing_from_the_plain_one() -> None:
    plain = scenery("plain", 10, 1, 3)
    assert scenery("shadows", 10, 1, 3)[0].shadows
    assert scenery("bridge", 10, 1, 3)[0].bridges
    assert not plain[0].shadows
    assert [round(scenery("light", 5, 1, k)[1].light, 2) for k in range(5)] == [0.4, 0.7, 1.0, 1.3, 1.6]
    assert scenery("light", 1, 1, 0)[1].light == 0.4
    blue, green, red = scenery("balance", 10, 1, 3)[1].balance
    assert blue != green != red


def test_the_model_that_ships_crosses_a_bridge_that_it_never_saw() -> None:
    pilot = open_pilot(options=EngineOptions(threads=1))
    row = judge({"model": pilot.steer}, 1, 2, scene="bridge")[0]
    pilot.close()
    assert row.laps == 1
    assert read(FILE).manifest.name == "mainsqueeze"


def test_a_start_that_diverges_is_followed_by_a_better_one(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torch", reason="torch is not here: pip install 'edge-runtime[train]'")
    losses = iter([np.nan, 2.0, 3.0])
    nets: list[torched.Held] = [{}, {}, {}]
    drawn = iter(nets)
    monkeypatch.setattr(torched, "drawn", lambda net, rng: next(drawn))
    monkeypatch.setattr(torched, "fit", lambda *given: next(losses))
    said = np.array([-1, 1], np.float32)
    assert torched.fresh(np.zeros((2, 64, 64), np.uint8), said, 0, 3) is nets[1]
