"""Pruning saves the work that was asked for, and loses little."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from onnx import ModelProto

from edge.errors import UserError
from edge.tools import squeezenet
from edge.tools.evaluate import run
from edge.tools.filters.macs import layers, total_macs
from edge.tools.filters.net import constants_of as weights_of
from edge.tools.filters.prune import prune_filters
from edge.tools.graph import load, replace, to_bytes, weights
from tests.support.shared_data import FASTESTDET, MODELS, YOLOX, needs_data
from tests.tools.filters.nets import SIDE, Net, models, stacked

RFB = MODELS / "version-RFB-320_simplified.onnx"
SQUEEZENET = MODELS / "compressed_SqueezeNet.net"


def small() -> ModelProto:
    """A convolution of 32, one of 64 behind a depthwise one, a flattening and two dense layers."""
    net = Net(3)
    a = net.plain("Relu", [net.conv("x", 32)])
    b = net.plain("Relu", [net.conv(net.conv(a, 32, 3, 32), 64, 1)])
    (flat,) = net.add("Flatten", [net.plain("MaxPool", [b], kernel_shape=[2, 2], strides=[2, 2])])
    wide = net.channels[b] * (SIDE // 2) ** 2
    (hidden,) = net.add("Relu", net.add("Gemm", [flat, net.weight(48, wide), net.weight(48)], transB=1))
    (output,) = net.add("Gemm", [hidden, net.weight(48, 2), net.weight(2)])
    return net.model(output, [1, 2])


def feeds(count: int, seed: int = 0) -> list[dict[str, np.ndarray]]:
    """Random inputs of `Net`."""
    draw = np.random.default_rng(seed)
    return [{"x": draw.normal(size=(1, 3, SIDE, SIDE)).astype(np.float32)} for _ in range(count)]


def outputs(model: ModelProto, given: list[dict[str, np.ndarray]]) -> np.ndarray:
    """The first output for all feeds."""
    return np.concatenate([next(iter(found.values())) for found in run(to_bytes(model), given)])


@pytest.mark.parametrize("measured", [False, True])
@pytest.mark.parametrize("fraction", [0.0, 0.2, 0.5])
def test_the_work_that_was_asked_for_is_saved(fraction: float, measured: bool) -> None:
    model = small()
    before = to_bytes(model)
    pruned = prune_filters(model, fraction, feeds(4) if measured else None, round_to=8)
    was, now = pruned.report.macs
    assert now == total_macs(layers(pruned.model)) <= was * (1 - fraction)
    assert (pruned.report.filters[1] < pruned.report.filters[0]) == (fraction > 0)
    assert all(group.kept % 8 == 0 for group in pruned.report.groups if group.kept < group.channels)
    assert (pruned.report.error is not None) == measured
    assert to_bytes(model) == before
    outputs(pruned.model, feeds(2))


def test_what_is_kept_is_told_by_weight_and_axis() -> None:
    model = small()
    pruned = prune_filters(model, 0.4, round_to=8)
    before, after = weights(model), weights(pruned.model)
    for name, axes in pruned.kept.items():
        if name in after:
            array = before[name]
            for axis, places in axes.items():
                array = np.take(array, places, axis)
            np.testing.assert_array_equal(after[name], array)


def test_a_filter_that_gives_a_constant_is_cut_without_loss() -> None:
    net = Net(5)
    last = net.conv(net.plain("Sigmoid", [net.conv("x", 16)]), 2, 1)
    model = net.model(last, [1, 2, SIDE, SIDE])
    name = model.graph.node[0].input[1]
    flat = {i.name: i for i in model.graph.initializer}[name].dims
    values = weights(model)[name].copy().reshape(flat)
    values[4:12] = 0
    model = replace(model, {name: values})
    pruned = prune_filters(model, 0.5, feeds(3), round_to=8, rebuild=False)
    assert pruned.kept[name][0].tolist() == [*range(4), *range(12, 16)]
    some = feeds(3, 1)
    np.testing.assert_allclose(outputs(pruned.model, some), outputs(model, some), atol=1e-5)


def test_fitted_weights_make_up_for_filters_that_follow_from_others() -> None:
    net = Net(7)
    a = net.plain("Relu", [net.conv("x", 16)])
    both = stacked(net, [a, net.conv(a, 48, 1)])
    model = net.model(net.conv(both, 2), [1, 2, SIDE, SIDE])
    some, others = feeds(16), feeds(8, 1)
    cut, fitted = (prune_filters(model, 0.4, some, round_to=8, rebuild=rebuild) for rebuild in (False, True))
    truth = outputs(model, others)
    worse, better = (np.square(outputs(one.model, others) - truth).sum() for one in (cut, fitted))
    assert better < worse / 2
    assert cut.report.macs == fitted.report.macs


def test_one_of_two_equal_channels_is_cut_without_loss() -> None:
    net = Net(9)
    model = net.model(net.conv(net.plain("Relu", [net.conv("x", 16)]), 2), [1, 2, SIDE, SIDE])
    maker = model.graph.node[0]
    values = {name: value for name, value in weights_of(model).items() if name in maker.input[1:]}
    model = replace(model, {name: np.concatenate([value[:8], value[:8]]) for name, value in values.items()})
    pruned = prune_filters(model, 0.5, feeds(16), round_to=8, rebuild=False)
    kept = pruned.kept[maker.input[1]][0]
    assert sorted(kept % 8) == list(range(8))
    some = feeds(3, 1)
    truth = outputs(model, some)
    assert np.square(outputs(pruned.model, some) - truth).sum() < 1e-3 * np.square(truth).sum()


def test_given_scores_say_which_filters_stay() -> None:
    model = small()
    first = model.graph.node[0].input[1]
    scores = {node.input[1]: np.ones(n) for node, n in zip(_makers(model), (32, 64, 48, 2), strict=True)}
    scores[first] = np.where(np.arange(32) % 2, 1.0, 0.0)
    pruned = prune_filters(model, 0.45, scores=scores, round_to=8)
    assert pruned.kept[first][0].tolist() == list(range(1, 32, 2))


def _makers(model: ModelProto) -> list[object]:
    nodes = [node for node in model.graph.node if node.op_type in ("Conv", "Gemm")]
    return [nodes[0], *nodes[2:]]


def test_a_mistake_gives_one_line() -> None:
    model = small()
    first = model.graph.node[0].input[1]
    with pytest.raises(UserError, match="a fraction of 1 cannot be pruned"):
        prune_filters(model, 1)
    with pytest.raises(UserError, match=r"at most .* % of this model's work"):
        prune_filters(model, 0.99)
    with pytest.raises(UserError, match="no such weight"):
        prune_filters(model, 0.2, scores={"nobody": np.ones(3)})
    with pytest.raises(UserError, match="wanted 32 finite numbers"):
        prune_filters(model, 0.2, scores={first: np.ones(3)})
    with pytest.raises(UserError, match="cannot be rounded to 0"):
        prune_filters(model, 0.2, round_to=0)


@needs_data
@pytest.mark.parametrize("path", [YOLOX, FASTESTDET, RFB, SQUEEZENET], ids=lambda path: path.stem)
def test_a_real_model_still_runs_with_a_fifth_of_its_work_gone(path: Path) -> None:
    model = squeezenet.load(path) if path == SQUEEZENET else load(path)
    pruned = prune_filters(model, 0.2)
    was, now = pruned.report.macs
    assert 0.65 * was < now <= 0.8 * was
    taken = model.graph.input[0]
    shape = [size.dim_value for size in taken.type.tensor_type.shape.dim]
    x = [{taken.name: np.random.default_rng(0).random(shape).astype(np.float32)}]
    truth, found = run(to_bytes(model), x)[0], run(to_bytes(pruned.model), x)[0]
    assert {name: value.shape for name, value in truth.items()} == {name: value.shape for name, value in found.items()}
    assert len(to_bytes(pruned.model)) < len(to_bytes(model))


@settings(max_examples=12, deadline=None)
@given(models(), st.booleans())
def test_any_net_is_pruned_by_what_was_asked_for(model: ModelProto, rebuild: bool) -> None:
    try:
        pruned = prune_filters(model, 0.1, feeds(3), round_to=2, rebuild=rebuild)
    except UserError as fault:
        reject(fault)
    was, now = pruned.report.macs
    assert now <= 0.9 * was
    assert np.isfinite(outputs(pruned.model, feeds(2, 1))).all()


def reject(fault: UserError) -> None:
    """A net with too little to cut is no example; any other fault is a bug."""
    if "ask for less" not in str(fault):
        raise fault
    assume(False)
