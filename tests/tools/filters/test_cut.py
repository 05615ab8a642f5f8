"""Cutting channels changes nothing but what the channels gave."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from onnx import ModelProto

from edge.errors import ModelError
from edge.tools.evaluate import run
from edge.tools.filters.cut import cut
from edge.tools.filters.groups import Groups, find_groups
from edge.tools.graph import replace, to_bytes
from tests.tools.filters.nets import SIDE, models


def outputs(model: ModelProto, seed: int = 0) -> list[np.ndarray]:
    x = np.random.default_rng(seed).normal(size=(1, 3, SIDE, SIDE)).astype(np.float32)
    return list(run(to_bytes(model), [{"x": x}])[0].values())


def zeroed(groups: Groups, keep: np.ndarray) -> ModelProto:
    """The whole model with zeros wherever a constant bears a channel that is not kept."""
    values = {cut.tensor: groups.net.constants[cut.tensor].copy() for cut in groups.cuts}
    for one in groups.cuts:
        np.moveaxis(values[one.tensor], one.axis, 0)[~keep[one.ids]] = 0
    return replace(groups.net.model, values)


def reject(fault: ModelError) -> None:
    """A cut that leaves nothing of a layer is no example; any other fault is a bug."""
    if "all its channels" not in str(fault):
        raise fault
    assume(False)


@settings(max_examples=100, deadline=None)
@given(models(), st.integers(0, 1 << 16))
def test_cutting_channels_that_nobody_reads_changes_no_output(model: ModelProto, seed: int) -> None:
    groups = find_groups(model)
    draw = np.random.default_rng(seed)
    keep = groups.everything()
    for group in groups.groups:
        some = draw.permutation(group.ids)[: draw.integers(0, len(group.ids))]
        keep[some] = False
    try:
        made = cut(groups, keep)
    except ModelError as fault:
        reject(fault)
    for truth, found in zip(outputs(zeroed(groups, keep)), outputs(made), strict=True):
        np.testing.assert_allclose(found, truth, rtol=1e-4, atol=1e-5)


@settings(max_examples=30, deadline=None)
@given(models())
def test_a_model_of_which_nothing_is_cut_gives_the_same(model: ModelProto) -> None:
    groups = find_groups(model)
    for truth, found in zip(outputs(model), outputs(cut(groups, groups.everything())), strict=True):
        np.testing.assert_array_equal(found, truth)


def test_cutting_all_channels_of_a_layer_is_refused() -> None:
    from tests.tools.filters.nets import Net

    net = Net()
    groups = find_groups(net.model(net.conv(net.conv("x", 4), 2), [1, 2, SIDE, SIDE]))
    keep = groups.everything()
    keep[groups.groups[0].ids] = False
    with pytest.raises(ModelError, match="all its channels would be cut"):
        cut(groups, keep)
