"""The 52 published weights steer as their own project's did, on every engine, in one small file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edge.engines import registry
from edge.errors import MissingError
from edge.models.packed.read import read
from edge.steer.pilot import FILE
from edge.tools.steer import network, squeeze
from edge.tools.steer.flatbuffer import tflite
from edge.tools.steer.imitate import Recipe
from edge.tools.steer.squeeze import NET
from tests.support.shared_data import DATA, needs_data

STEERING = DATA / "steering"


def test_the_model_that_ships_has_52_parameters_in_less_than_3_kb() -> None:
    assert FILE.stat().st_size < 3000
    # Two more numbers make -1..1 of a saturation.
    assert sum(tensor.count for tensor in read(FILE).tensors) - 52 in (0, 2)


def test_the_model_that_ships_tells_the_seed_that_makes_it_again() -> None:
    ships = read(FILE)
    assert ships.origin.report["seed"] == Recipe().seed
    assert ships.origin.report["tracks"] == Recipe().tracks
    assert ships.manifest == network.manifest(NET, "mainsqueeze", ships.manifest.notes)


@needs_data
@pytest.mark.parametrize("name", ["onnxruntime", "tflite", "openvino", "reference"])
def test_every_engine_gives_the_published_steering(name: str, tmp_path: Path) -> None:
    with np.load(STEERING / "mez52.npz") as file:
        weights = squeeze.published(file)
    assert sum(array.size for array in weights.values()) == 52
    path = tmp_path / f"mainsqueeze.{'tflite' if name == 'tflite' else 'onnx'}"
    try:
        path.write_bytes(tflite(NET, weights) if name == "tflite" else network.plain(NET, weights))
        engine = registry.load(name, path)
    except MissingError as fault:
        pytest.skip(str(fault))
    with np.load(STEERING / "golden_mez52.npz") as golden:
        fed, wanted = golden["saturation"].astype(np.float32)[:, None, :, :, None], golden["steering"]
    given = [float(engine.run({NET.given: one})[NET.gives].ravel()[0]) for one in fed]
    engine.close()
    assert path.suffix == ".tflite" or path.stat().st_size < 4096
    assert np.abs(np.array(given) - wanted.ravel()).max() <= 1e-4
