"""The parts of quantization, each by what it promises."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from edge.tools.evaluate import cosine, run
from edge.tools.graph import to_bytes
from edge.tools.quantize import Plan, Range, half, latencies
from edge.tools.quantize.bias import mean_errors
from edge.tools.quantize.equalise import equalise
from edge.tools.quantize.head import last_layers
from edge.tools.quantize.net import prepared
from edge.tools.quantize.plan import coarse
from edge.tools.quantize.ranges import BINS, Spread, range_of, spreads
from edge.tools.quantize.rounding import rounded
from edge.tools.quantize.weights import grid_of, scales_of
from edge.tools.tap import tap
from tests.support.quantize_nets import KINDS, classifier, depthwise, detector, feeds, normed, silu, values

SEEN = feeds()
ENDS = st.floats(-1e4, 1e4, width=32)


@given(ENDS, ENDS, st.booleans())
def test_nought_is_exact_on_every_grid_and_both_ends_lie_on_it(a: float, b: float, symmetric: bool) -> None:
    span = Range.of(min(a, b), max(a, b), symmetric)
    least, most = (-127, 127) if span.dtype == "int8" else (0, 255)
    assert least <= span.zero <= most
    assert span.scale > 0
    for end in (min(a, b, 0), max(a, b, 0)):
        code = np.clip(np.rint(end / span.scale) + span.zero, least, most)
        assert abs((code - span.zero) * span.scale - end) <= span.scale * 0.51


@given(arrays.arrays(np.float32, (4, 5), elements=st.floats(-100, 100, width=32)), st.sampled_from([31, 63, 127]))
def test_a_weight_on_its_grid_is_near_what_it_was(weight: np.ndarray, largest_code: int) -> None:
    grid = grid_of(weight, scales_of(weight, 0, largest_code), 0, largest_code)
    widest = np.abs(weight).max(axis=1, keepdims=True) / largest_code
    assert np.abs(grid.codes).max() <= largest_code
    assert (np.square(grid.values() - weight).sum(axis=1) <= 5 * np.square(widest / 2).ravel() * 1.1 + 1e-12).all()


def test_few_outliers_do_not_stretch_the_range_of_least_error() -> None:
    counts = np.zeros(BINS, np.int64)
    counts[: BINS // 20], counts[-1] = 100_000, 1
    spread = Spread(0.0, 20.0, counts)
    assert range_of(spread, "minmax", False).high == pytest.approx(20.0, rel=0.03)
    assert range_of(spread, "mse", False).high < 10
    assert range_of(spread, "percentile", False).high < 1.1


def test_spreads_of_tensors_are_those_of_the_feeds() -> None:
    found = spreads(prepared(classifier()).model(), ["x", "r1"], SEEN)
    pictures = np.concatenate([feed["x"] for feed in SEEN])
    assert (found["x"].low, found["x"].high) == (pictures.min(), pictures.max())
    assert found["x"].counts.sum() == pictures.size
    assert found["r1"].low == 0.0


def test_batch_norm_is_folded_into_the_convolution() -> None:
    model = normed()
    folded = prepared(model).model()
    assert "BatchNormalization" not in {node.op_type for node in folded.graph.node}
    for a, b in zip(run(to_bytes(model), SEEN), run(to_bytes(folded), SEEN), strict=True):
        np.testing.assert_allclose(a["y"], b["y"], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_equalising_changes_no_output(kind: str) -> None:
    net = prepared(KINDS[kind]())
    before = run(to_bytes(net.model()), SEEN)
    equalise(net)
    for a, b in zip(before, run(to_bytes(net.model()), SEEN), strict=True):
        np.testing.assert_allclose(a["y"], b["y"], rtol=1e-3, atol=1e-3)


def test_equalising_gives_neighbours_like_ranges_and_leaves_silu_alone() -> None:
    net = prepared(depthwise())
    net.values["c1.w"] = net.values["c1.w"] * np.geomspace(100, 1, 8, dtype="f4").reshape(8, 1, 1, 1)
    assert equalise(net) == 2
    spans = [np.abs(net.values[name]).reshape(8, -1).max(axis=1) for name in ("c1.w", "c2.w")]
    np.testing.assert_allclose(spans[0], spans[1], rtol=0.02)
    assert equalise(prepared(silu())) == 0


def test_the_last_layers_are_those_that_no_layer_follows() -> None:
    assert last_layers(prepared(detector())) == {"boxes", "logits"}
    assert last_layers(prepared(classifier())) == {"y"}


def test_the_mean_error_of_a_layer_is_what_its_weights_do() -> None:
    net = prepared(classifier())
    layers = net.layers()
    grids = {
        layer.weight: grid_of(
            net.values[layer.weight], scales_of(net.values[layer.weight], layer.axis, 7), layer.axis, 7
        )
        for layer in layers
    }
    told = mean_errors(net, layers, grids, SEEN)["c1"]
    other = net.copy()
    other.values["c1.w"] = grids["c1.w"].values()
    before, after = ([seen["c1"] for seen in tap(n.model(), ["c1"], SEEN)] for n in (net, other))
    np.testing.assert_allclose(
        told, np.mean([b - a for a, b in zip(before, after, strict=True)], axis=(0, 1, 3, 4)), atol=1e-5
    )


@pytest.mark.parametrize("kind", ["classifier", "depthwise"])
def test_rounding_by_outputs_beats_rounding_each_weight(kind: str) -> None:
    model = KINDS[kind]()
    net = prepared(model)
    scales = {layer.weight: scales_of(net.values[layer.weight], layer.axis, 7) for layer in net.layers()}
    codes = rounded(net, SEEN, scales, dict.fromkeys(scales, 7))
    assert set(codes) == set(scales)
    errors = []
    for clever in (False, True):
        other = net.copy()
        for layer in net.layers():
            grid = grid_of(net.values[layer.weight], scales[layer.weight], layer.axis, 7)
            shape = [-1 if axis == layer.axis else 1 for axis in range(grid.codes.ndim)]
            steps = scales[layer.weight].reshape(shape)
            other.values[layer.weight] = (codes[layer.weight] if clever else grid.codes) * steps
        pairs = zip(run(to_bytes(model), SEEN), run(to_bytes(other.model()), SEEN), strict=True)
        errors.append(np.mean([np.square(a["y"] - b["y"]).mean() for a, b in pairs]))
    assert errors[1] < 0.7 * errors[0]


@pytest.mark.parametrize("compute", ["float32", "float16"])
@pytest.mark.parametrize("kind", KINDS)
def test_float16_says_nearly_the_same_through_the_same_inputs_and_outputs(kind: str, compute: str) -> None:
    model = KINDS[kind]()
    made = half(model, compute)  # type: ignore[arg-type]
    assert all(array.dtype != np.float32 for array in values(made).values() if array.size >= 64)
    for a, b in zip(run(to_bytes(model), SEEN), run(to_bytes(made), SEEN), strict=True):
        assert b["y"].dtype == np.float32
        assert cosine(a["y"], b["y"]) > 0.9999


def test_latencies_are_told_for_every_engine_and_variant() -> None:
    model = classifier()
    found = latencies({"float": model, "half": half(model)}, SEEN[0], engines=("onnxruntime", "reference"), rounds=3)
    assert [(row.variant, row.engine) for row in found][:2] == [("float", "onnxruntime"), ("half", "onnxruntime")]
    assert found[0].ratio == 1.0
    assert all(row.ms > 0 for row in found)


def test_bits_are_those_of_the_plan_but_for_fine_layers_and_older_processors() -> None:
    plan = Plan(weights=6, fine=frozenset({"a"}))
    assert (plan.largest_code("a"), plan.largest_code("b")) == (127, 31)
    plans = Plan(), Plan(target="x86"), Plan(target="x86", weights=6)
    assert [plan.largest_code("b") for plan in plans] == [127, 63, 31]


def test_scales_have_few_bits_and_are_never_smaller() -> None:
    exact = np.random.default_rng(0).uniform(1e-6, 10, 1000)
    rough = coarse(exact)
    assert ((rough >= exact * (1 - 1e-7)) & (rough <= exact * (1 + 1 / 32))).all()
    assert not (rough.view(np.uint32) & 0x3FFFF).any()
