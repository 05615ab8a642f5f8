"""A network of every kind of layer computes the same in ONNX as in TFLite, and as torch has it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edge.engines import registry
from edge.errors import MissingError
from edge.tools.steer import network
from edge.tools.steer.flatbuffer import tflite
from edge.tools.steer.layers import (
    Active,
    Conv,
    Dense,
    Flatten,
    Fork,
    Layer,
    Mean,
    Net,
    Pool,
    Scale,
    padding,
    parameters,
)
from edge.tools.steer.squeeze import NET
from edge.types import F32

ALL = (
    Scale(),
    Conv("a", 5, 4, stride=2, then="relu"),
    Conv("b", 3, 4, stride=2, same=True, then="elu"),
    Pool(2, 2),
    Fork(((Conv("c", 1, 2),), (Conv("d", 3, 3, same=True), Active("tanh")))),
    Conv("e", 2, 3, then="tanh"),
    Flatten(),
    Dense("f", 6, then="relu"),
    Dense("g", 3, then="softmax"),
)


def test_a_network_of_every_layer_gives_the_same_in_both_formats(tmp_path: Path) -> None:
    net = _net(*ALL)
    weights = _drawn(net)
    fed = np.random.default_rng(1).integers(0, 256, (1, *net.shape)).astype(np.float32)
    (tmp_path / "all.onnx").write_bytes(network.plain(net, weights))
    (tmp_path / "all.tflite").write_bytes(tflite(net, weights))
    given = {}
    for name, suffix in (("onnxruntime", "onnx"), ("reference", "onnx"), ("tflite", "tflite")):
        try:
            engine = registry.load(name, tmp_path / f"all.{suffix}")
        except MissingError as fault:
            pytest.skip(str(fault))
        assert engine.inputs[0].shape == (1, *net.shape)
        given[name] = engine.run({net.given: fed})[net.gives]
        engine.close()
    assert given["tflite"].shape == (1, 3) == given["onnxruntime"].shape
    assert 0.05 < given["tflite"].min() < given["tflite"].max() < 0.9, "a case that tells nothing"
    for name in ("onnxruntime", "reference"):
        np.testing.assert_allclose(given["tflite"], given[name], atol=2e-6)


def test_a_network_is_written_to_the_same_bytes_again() -> None:
    net = _net(*ALL)
    assert tflite(net, _drawn(net)) == tflite(net, _drawn(net))
    assert network.plain(net, _drawn(net)) == network.plain(net, _drawn(net))


def test_the_small_network_has_52_parameters() -> None:
    assert sum(int(np.prod(shape)) for shape in parameters(NET).values()) == 52


def test_a_convolution_that_keeps_the_size_has_the_odd_zeros_behind() -> None:
    assert padding(3, 1, 10) == (1, 1)
    assert padding(3, 2, 10) == (0, 1)
    assert padding(3, 2, 9) == (1, 1)
    assert padding(1, 2, 9) == (0, 0)


@pytest.mark.parametrize("layers", [(Dense("d", 1),), (Conv("c", 21, 1),), (Mean(), Pool(2, 2)), (Pool(30, 1),), ()])
def test_layers_that_do_not_fit_are_refused(layers: tuple[Layer, ...]) -> None:
    with pytest.raises(ValueError, match=r"does not fit|flat values|no layers"):
        parameters(_net(*layers))


def _net(*layers: Layer) -> Net:
    return Net("all", (20, 26, 2), layers, given="picture", gives="values")


def _drawn(net: Net) -> dict[str, F32]:
    rng = np.random.default_rng(0)
    return {
        name: rng.normal(0, (1 / np.prod(shape[:-1])) ** 0.5, shape).astype(np.float32)
        for name, shape in parameters(net).items()
    }
