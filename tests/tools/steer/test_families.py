"""Every family with either head has the parameters that it says, learns, and steers on the engines."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edge.engines import registry
from edge.engines.base import EngineOptions
from edge.errors import EdgeError, MissingError
from edge.steer.pilot import open_pilot
from edge.tools.steer import learn as learning
from edge.tools.steer.augment import Variety
from edge.tools.steer.export import exported
from edge.tools.steer.families import CONV63, FAMILIES, HEADS, MAINSQUEEZE, PILOTNET, Family, Head, centres, trained
from edge.tools.steer.layers import Net, parameters
from edge.tools.steer.learn import Recipe, judged, learn
from edge.tools.steer.lesson import Lesson
from edge.tools.steer.tensors import Held, drawn
from edge.types import F32
from tests.support.recordings import road

HERE = pytest.mark.usefixtures("_torch")
ROWS = (0.5, 1.0)


@pytest.fixture
def _torch() -> None:
    pytest.importorskip("torch", reason="torch is not here: pip install 'edge-runtime[train]'")


def test_the_small_ones_have_52_and_63_parameters() -> None:
    assert trained(MAINSQUEEZE.net("regression")) == 52
    assert trained(CONV63.net("regression")) == 63
    assert 200_000 < trained(PILOTNET.net("regression")) < 260_000
    assert trained(CONV63.net("categorical")) == 20 + 42 * 15 + 15, "the centres of the bins are given"


@HERE
@pytest.mark.parametrize("suffix", ["epk", "onnx", "tflite"])
@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("family", FAMILIES.values(), ids=list(FAMILIES))
def test_a_pilot_steers_by_every_format_as_torch_says(family: Family, head: Head, suffix: str, tmp_path: Path) -> None:
    from edge.tools.steer.learn import said
    from edge.tools.steer.tensors import drawn, weights_of

    net, described = family.net(head), family.manifest(head, "drawn", ROWS)
    held = drawn(net, np.random.default_rng(3))
    weights = weights_of(held)
    path = tmp_path / f"drawn.{suffix}"
    try:
        for name, content in exported(path, net, weights, described, {}).items():
            name.write_bytes(content)
        pilot = open_pilot(str(path), "tflite" if suffix == "tflite" else "onnxruntime", EngineOptions(threads=1))
    except MissingError as fault:
        pytest.skip(str(fault))
    rng = np.random.default_rng(1)
    tall, wide, channels = family.shape
    frame = rng.integers(0, 256, (2 * tall, wide, 3), np.uint8)  # the lower half is as large as the input
    seen = frame[tall:, :, ::-1]
    if channels == 1:
        light = seen.max(2).astype(float)
        seen = np.rint(255 * (light - seen.min(2)) / np.maximum(light, 1)).astype(np.uint8)[..., None]
    assert pilot.steer(frame) == pytest.approx(float(said(net, held, seen[None])[0]), abs=2e-3)
    pilot.close()


@pytest.mark.parametrize("name", ["onnxruntime", "openvino", "reference"])
def test_a_categorical_head_gives_the_mean_centre_of_its_bins(name: str, tmp_path: Path) -> None:
    net = CONV63.net("categorical")
    weights: dict[str, F32] = {key: np.zeros(shape, np.float32) for key, shape in parameters(net).items()}
    weights["bins_b"][[3, 4]] = 50, 50
    weights["centres"] = centres()[:, None]
    path = tmp_path / "bins.onnx"
    for file, content in exported(path, net, weights, CONV63.manifest("categorical", "bins", ROWS), {}).items():
        file.write_bytes(content)
    try:
        engine = registry.load(name, path)
    except MissingError as fault:
        pytest.skip(str(fault))
    told = engine.run({net.given: np.zeros((1, *net.shape), np.float32)})[net.gives]
    engine.close()
    assert told.shape == (1, 1)
    assert float(told[0, 0]) == pytest.approx((centres()[3] + centres()[4]) / 2, abs=1e-5)


@HERE
@pytest.mark.parametrize("head", HEADS)
def test_a_network_learns_to_follow_a_line_and_the_same_seed_the_same(head: Head) -> None:
    angles = np.random.default_rng(5).uniform(-0.9, 0.9, 200).astype(np.float32)
    seen = np.stack([(road(float(angle), 32, 16)[:, :, 2:] - 90) for angle in angles])
    train, check = Lesson(seen[:150], angles[:150]), Lesson(seen[150:], angles[150:])
    recipe = Recipe(epochs=2, starts=3, trial=40, dropout=0.0, variety=Variety(shift=0.0))
    told: list[int] = []
    made = learn(CONV63, head, train, check, recipe, lambda epoch: told.append(epoch.number))
    assert told == [1, 2]
    assert made.chosen.checked.mae == min(epoch.checked.mae for epoch in made.epochs)
    assert made.chosen.checked.ratio < 0.6
    assert made.chosen.checked.correlation > 0.8
    again = learn(CONV63, head, train, check, recipe)
    for key, array in made.weights.items():
        np.testing.assert_array_equal(array, again.weights[key])
    if head == "categorical":
        np.testing.assert_array_equal(made.weights["centres"], centres()[:, None])


@HERE
def test_a_training_that_diverges_is_said() -> None:
    angles = np.linspace(-0.9, 0.9, 40, dtype=np.float32)
    lesson = Lesson(np.stack([road(float(angle), 32, 16)[:, :, 2:] for angle in angles]), angles)
    with pytest.raises(EdgeError, match="try another seed"):
        learn(CONV63, "regression", lesson, lesson, Recipe(epochs=1, rate=1e30, starts=1, trial=5))


@HERE
def test_a_start_that_diverges_is_followed_by_another(monkeypatch: pytest.MonkeyPatch) -> None:
    angles = np.linspace(-0.9, 0.9, 40, dtype=np.float32)
    lesson = Lesson(np.stack([road(float(angle), 32, 16)[:, :, 2:] - 90 for angle in angles]), angles)
    begun: list[int] = []

    def first_without_numbers(net: Net, rng: np.random.Generator) -> Held:
        begun.append(1)
        held = drawn(net, rng)
        if len(begun) == 1:
            held["dense"].data.fill_(float("nan"))
        return held

    monkeypatch.setattr(learning, "drawn", first_without_numbers)
    made = learn(CONV63, "regression", lesson, lesson, Recipe(epochs=1, starts=2, trial=2))
    assert made.starts == 2


@pytest.mark.parametrize("count", [3, 100])
def test_always_saying_the_mean_is_told_as_that(count: int) -> None:
    driven = np.linspace(-0.5, 0.5, count, dtype=np.float32)
    plain = judged(np.full(count, 0.1, np.float32), driven, 0.1)
    assert plain.ratio == pytest.approx(1.0)
    assert plain.correlation == 0.0


@pytest.mark.parametrize(("gives", "told"), [(np.inf, np.inf), (-np.inf, -np.inf), (np.nan, np.nan), (3.0, 1.0)])
def test_what_has_no_end_is_no_full_lock(gives: float, told: float, tmp_path: Path) -> None:
    net = CONV63.net("regression")
    weights: dict[str, F32] = {key: np.zeros(shape, np.float32) for key, shape in parameters(net).items()}
    weights["dense_b"][0] = gives
    path = tmp_path / "end.onnx"
    for file, content in exported(path, net, weights, CONV63.manifest("regression", "end", ROWS), {}).items():
        file.write_bytes(content)
    pilot = open_pilot(str(path))
    np.testing.assert_equal(pilot.steer(road(0.0)), told)
    pilot.close()
