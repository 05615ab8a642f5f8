"""The 52 published weights steer as their own project's did, on every engine that reads ONNX, in one small file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edge.engines import registry
from edge.errors import MissingError
from edge.models.packed.read import read
from edge.steer.pilot import FILE
from edge.tools.steer import network, squeeze
from tests.support.shared_data import DATA, needs_data

STEERING = DATA / "steering"


def test_the_model_that_ships_has_52_parameters_in_less_than_3_kb() -> None:
    assert FILE.stat().st_size < 3000
    # Two more numbers make -1..1 of a saturation.
    assert sum(tensor.count for tensor in read(FILE).tensors) - 52 in (0, 2)


@needs_data
@pytest.mark.parametrize("name", ["onnxruntime", "openvino", "reference"])
def test_every_engine_gives_the_published_steering(name: str, tmp_path: Path) -> None:
    with np.load(STEERING / "mez52.npz") as file:
        weights = squeeze.published(file)
    assert sum(array.size for array in weights.values()) == 52
    made = network.plain(weights)
    assert len(made) < 4096
    (tmp_path / "mainsqueeze.onnx").write_bytes(made)
    try:
        engine = registry.load(name, tmp_path / "mainsqueeze.onnx")
    except MissingError as fault:
        pytest.skip(str(fault))
    with np.load(STEERING / "golden_mez52.npz") as golden:
        fed, wanted = golden["saturation"].astype(np.float32)[:, None, :, :, None], golden["steering"]
    given = [float(engine.run({network.INPUT: one})[network.OUTPUT].ravel()[0]) for one in fed]
    engine.close()
    assert np.abs(np.array(given) - wanted.ravel()).max() <= 1e-4
