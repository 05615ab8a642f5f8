"""Values of a running model's tensors."""

from __future__ import annotations

import numpy as np
import pytest

from edge.errors import ModelError
from edge.tools.evaluate import run
from edge.tools.graph import to_bytes
from edge.tools.tap import tap
from tests.support.small_cnn import small_cnn, small_feeds


def test_inputs_inner_tensors_and_outputs_are_given_by_name_and_the_model_stays_as_it_is() -> None:
    model, feeds = small_cnn(), small_feeds(2)
    before, output = to_bytes(model), model.graph.output[0].name
    for feed, seen, whole in zip(feeds, tap(model, ["r1", "data", output], feeds), run(before, feeds), strict=True):
        assert list(seen) == ["r1", "data", output]
        assert seen["data"] is feed["data"]
        assert seen["r1"].min() == 0
        np.testing.assert_array_equal(seen[output], whole[output])
    assert to_bytes(model) == before


def test_feeds_that_do_not_fit_are_told_in_one_line() -> None:
    with pytest.raises(ModelError, match="onnxruntime fails on the model") as told:
        list(tap(small_cnn(), ["r1"], [{"data": np.zeros((1, 2), np.float32)}]))
    assert "\n" not in str(told.value)
