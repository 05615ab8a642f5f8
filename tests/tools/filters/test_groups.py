"""Which filters go together, and what is left alone."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import helper

from edge.tools.filters.groups import Groups, find_groups
from tests.tools.filters.nets import SIDE, Net, stacked

IMAGE = [1, 2, SIDE, SIDE]


def sizes(groups: Groups) -> list[tuple[int, int]]:
    """Channels and layers of each group."""
    return [(len(group.ids), len(group.layers)) for group in groups.groups]


def test_layers_whose_outputs_are_added_lose_the_same_filters() -> None:
    net = Net()
    a = net.conv("x", 6)
    b = net.conv(a, 6)
    groups = find_groups(net.model(net.conv(net.plain("Add", [a, b]), 2), IMAGE))
    assert sizes(groups) == [(6, 2)]


def test_layers_whose_outputs_lie_behind_each_other_are_free() -> None:
    net = Net()
    both = stacked(net, [net.conv("x", 4), net.conv("x", 6)])
    groups = find_groups(net.model(net.conv(both, 2), IMAGE))
    assert sizes(groups) == [(4, 1), (6, 1)]
    (reader,) = [cut for cut in groups.cuts if cut.role == "in"]
    assert reader.ids.tolist() == [*groups.groups[0].ids, *groups.groups[1].ids]


def test_a_depthwise_convolution_goes_with_what_it_reads() -> None:
    net = Net()
    deep = net.conv(net.conv("x", 4), 8, 3, group=4)
    groups = find_groups(net.model(net.conv(deep, 2), IMAGE))
    assert sizes(groups) == [(4, 1)]
    (depthwise,) = [cut for cut in groups.cuts if cut.role == "along" and cut.slot == 1]
    assert depthwise.ids.tolist() == np.repeat(groups.groups[0].ids, 2).tolist()


def test_groups_of_a_convolution_lose_the_same_places() -> None:
    net = Net()
    grouped = net.conv(net.conv("x", 6), 4, 3, group=2)
    groups = find_groups(net.model(net.conv(grouped, 2), IMAGE))
    assert sizes(groups) == [(3, 1), (2, 1)]


def test_a_channel_becomes_a_block_of_columns_when_it_is_flattened() -> None:
    net = Net()
    (flat,) = net.add("Flatten", [net.conv("x", 4)])
    (output,) = net.add("Gemm", [flat, net.weight(4 * SIDE * SIDE, 2), net.weight(2)])
    groups = find_groups(net.model(output, [1, 2]))
    (reader,) = [cut for cut in groups.cuts if cut.role == "in"]
    assert reader.ids.tolist() == np.repeat(groups.groups[0].ids, SIDE * SIDE).tolist()


def test_what_is_an_output_keeps_its_channels() -> None:
    net = Net()
    assert find_groups(net.model(net.conv("x", 2), IMAGE)).groups == ()


@pytest.mark.parametrize(
    ("operator", "attributes", "reason"),
    [
        ("LRN", {"size": 3}, "not followed"),
        ("Softmax", {"axis": 1}, "normalized together"),
        ("CumSum", {}, "not followed"),
    ],
)
def test_what_is_not_understood_is_left_alone_and_said(operator: str, attributes: dict[str, int], reason: str) -> None:
    net = Net()
    inputs = [net.conv("x", 6), *([net.constant(np.array(1, np.int64))] if operator == "CumSum" else [])]
    after = net.plain(operator, inputs, **attributes)
    groups = find_groups(net.model(net.conv(net.conv(after, 4), 2), IMAGE))
    assert sizes(groups) == [(4, 1)]
    (left,) = groups.left
    assert left.operator == operator
    assert reason in str(left)


def test_an_operator_of_another_domain_is_not_understood() -> None:
    net = Net()
    after = net.plain("Relu", [net.conv("x", 6)])
    model = net.model(net.conv(after, 2), IMAGE)
    model.opset_import.append(helper.make_opsetid("vendor", 1))
    model.graph.node[1].domain = "vendor"
    model.graph.value_info.append(helper.make_tensor_value_info(after, 1, [1, 6, SIDE, SIDE]))
    assert find_groups(model).groups == ()


def test_a_weight_that_two_layers_share_is_cut_for_both() -> None:
    net = Net()
    a, b = net.conv("x", 4), net.conv("x", 4)
    c, d = net.conv(a, 6), net.conv(b, 6)
    net.nodes[3].input[1] = net.nodes[2].input[1]
    groups = find_groups(net.model(net.conv(stacked(net, [c, d]), 2), IMAGE))
    assert sizes(groups) == [(4, 2), (6, 1)]


def test_a_weight_that_something_else_reads_keeps_its_size() -> None:
    net = Net()
    a = net.conv("x", 4)
    b = net.conv(a, 4, 1)
    (noise,) = net.add("ReduceMean", [net.nodes[1].input[1]], keepdims=1)
    groups = find_groups(net.model(net.conv(net.plain("Add", [b, noise]), 2), IMAGE))
    assert groups.groups == ()
