"""A channel shuffle is a choice of channels."""

from __future__ import annotations

import numpy as np
import pytest

from edge.tools.evaluate import run
from edge.tools.filters.groups import find_groups
from edge.tools.filters.shuffle import shuffles_to_gathers
from edge.tools.graph import load, to_bytes
from tests.support.shared_data import FASTESTDET, needs_data
from tests.tools.filters.nets import SIDE, Net, shuffled

IMAGE = [1, 2, SIDE, SIDE]


def operators(model: object) -> list[str]:
    return [node.op_type for node in model.graph.node]  # type: ignore[attr-defined]


def test_a_shuffle_becomes_one_gather_of_the_same_values() -> None:
    net = Net()
    model = net.model(net.conv(shuffled(net, net.conv("x", 6)), 2), IMAGE)
    made = shuffles_to_gathers(model)
    assert operators(made) == ["Conv", "Gather", "Conv"]
    x = {"x": np.random.default_rng(1).normal(size=(1, 3, SIDE, SIDE)).astype(np.float32)}
    (truth,), (found,) = (run(to_bytes(one), [x])[0].values() for one in (model, made))
    np.testing.assert_array_equal(truth, found)


def test_channels_before_a_shuffle_are_free() -> None:
    net = Net()
    groups = find_groups(net.model(net.conv(shuffled(net, net.conv("x", 6)), 2), IMAGE))
    assert [len(group.ids) for group in groups.groups] == [6]
    assert groups.left == ()


@pytest.mark.parametrize("order", [[0, 1, 3, 2], [0, 2, 1, 3]])
def test_what_moves_more_than_channels_stays(order: list[int]) -> None:
    net = Net()
    count = net.constant(np.array([1, SIDE, SIDE, SIDE], np.int64))
    (same,) = net.add("Reshape", [net.conv("x", SIDE), count])
    (moved,) = net.add("Transpose", [same], perm=order)
    net.channels[moved] = SIDE
    model = net.model(net.conv(moved, 2), IMAGE)
    assert operators(shuffles_to_gathers(model)) == operators(model)


@needs_data
def test_all_shuffles_of_a_real_model_are_found() -> None:
    model = load(FASTESTDET)
    made = shuffles_to_gathers(model)
    assert operators(model).count("Transpose") - operators(made).count("Transpose") == 13
    assert [left.operator for left in find_groups(model).left] == ["Softmax"]
    x = {"input.1": np.random.default_rng(0).random((1, 3, 352, 352)).astype(np.float32)}
    (truth,), (found,) = (run(to_bytes(one), [x])[0].values() for one in (model, made))
    np.testing.assert_array_equal(truth, found)
