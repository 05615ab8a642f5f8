"""The work of a layer is counted as the literature counts it."""

from __future__ import annotations

import pytest

from edge.errors import ModelError
from edge.tools.filters.macs import layers, parameters, total_macs
from tests.tools.filters.nets import SIDE, Net, upsampled

AREA = SIDE * SIDE


def test_multiply_accumulates_and_parameters_of_each_layer() -> None:
    net = Net()
    a = net.conv("x", 8)
    b = net.conv(a, 8, 3, 8, bias=False)
    c = upsampled(net, b)
    (flat,) = net.add("Flatten", [c])
    (d,) = net.add("Gemm", [flat, net.weight(10, 6 * AREA), net.weight(10)], transB=1)
    (output,) = net.add("MatMul", [d, net.weight(10, 2)])
    model = net.model(output, [1, 2])
    found = layers(model)
    assert [layer.macs for layer in found] == [AREA * 8 * 27, AREA * 8 * 9, AREA * 8 * 6 * 9, 60 * AREA * 1, 20]
    assert [layer.parameters for layer in found] == [8 * 28, 72, 432, 60 * AREA + 10, 20]
    assert parameters(model) == sum(layer.parameters for layer in found)
    assert total_macs(found) == sum(layer.macs for layer in found)


def test_an_open_batch_counts_as_one_and_another_open_size_is_refused() -> None:
    net = Net()
    model = net.model(net.conv("x", 2), [1, 2, SIDE, SIDE])
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_param = "n"
    model.graph.output[0].type.tensor_type.shape.dim[0].dim_param = "n"
    assert total_macs(layers(model)) == AREA * 2 * 27
    model.graph.input[0].type.tensor_type.shape.dim[3].dim_param = "w"
    model.graph.output[0].type.tensor_type.shape.dim[3].dim_param = "w"
    with pytest.raises(ModelError, match="fix the size of the model's input"):
        layers(model)
