"""Quantized networks say nearly what the float ones say, and really compute in integers."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
import pytest

from edge.errors import ModelError, UserError
from edge.tools.evaluate import cosine, run
from edge.tools.graph import to_bytes
from edge.tools.quantize import Plan, Workshop, quantize, sensitivity
from edge.tools.quantize.net import prepared
from edge.tools.quantize.plan import Target
from tests.support.fused import operators
from tests.support.quantize_nets import KINDS, Draft, classifier, detector, feeds, fire, residual, silu, values

SEEN, NEW = feeds(), feeds(seed=6)
RELEASE = tuple(int(part) for part in onnxruntime.__version__.split(".")[:2])
FLAT_INTEGERS = pytest.mark.skipif(RELEASE < (1, 20), reason="ONNX Runtime before 1.20 has floats around every Flatten")
FLOAT_KERNELS = ("Conv", "FusedConv", "Gemm", "FusedGemm", "MatMul")


def likeness(model: onnx.ModelProto, other: onnx.ModelProto) -> float:
    """The least cosine on pictures that no range was found on."""
    pairs = zip(run(to_bytes(model), NEW), run(to_bytes(other), NEW), strict=True)
    return min(cosine(a[name], b[name]) for a, b in pairs for name in a)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("target", ["vnni", "openvino", "tensorrt"])
def test_a_quantized_network_says_nearly_what_the_float_one_says(kind: str, target: Target) -> None:
    model = KINDS[kind]()
    made = quantize(model, SEEN, Plan(target=target))
    onnx.checker.check_model(made.model, full_check=True)
    assert likeness(model, made.model) > 0.998
    assert made.report["metric"] > 0.998


@pytest.mark.parametrize("kind", KINDS)
def test_onnxruntime_computes_every_layer_in_integers(kind: str) -> None:
    made = quantize(KINDS[kind](), SEEN, Plan(head="int8"))
    found = operators(made.model)
    assert not [name for name in FLOAT_KERNELS if found[name]]
    assert found["QLinearConv"] + found["QGemm"] == made.report["layers"] == len(prepared(KINDS[kind]()).layers())
    assert made.kept_float == ()


@pytest.mark.parametrize(
    ("kind", "kernels"),
    [
        (fire, {"QLinearConcat": 1, "Relu": 0}),
        (residual, {"QLinearAdd": 1, "Relu": 0}),
        (silu, {"QLinearSigmoid": 1, "QLinearMul": 1}),
        pytest.param(classifier, {"Relu": 0, "MaxPool": 0}, marks=FLAT_INTEGERS),
    ],
)
def test_what_lies_between_layers_is_integer_too(kind: object, kernels: dict[str, int]) -> None:
    assert callable(kind)
    found = operators(quantize(kind(), SEEN, Plan(head="int8")).model)
    assert {name: found[name] for name in kernels} == kernels
    assert (found["QuantizeLinear"], found["DequantizeLinear"]) == (1, 1)  # the picture in, the answer out


def test_weights_are_int8_and_biases_int32_in_the_file() -> None:
    held = values(quantize(classifier(), SEEN, Plan()).model)
    large = [array for array in held.values() if array.size >= 64]
    assert large
    assert all(array.dtype == np.int8 for array in large)
    assert sum(array.dtype == np.int32 for array in held.values()) == 3


@pytest.mark.parametrize(("plan", "most"), [(Plan(weights=6), 31), (Plan(target="x86"), 63), (Plan(), 127)])
def test_weights_keep_to_the_codes_that_the_target_allows(plan: Plan, most: int) -> None:
    held = values(quantize(classifier(), SEEN, plan).model)
    codes = [array for name, array in held.items() if array.dtype == np.int8 and name.endswith("_int8")]
    assert max(np.abs(array.astype(int)).max() for array in codes) <= most


def test_tensorrt_gets_int8_tensors_without_zero_points() -> None:
    held = values(quantize(fire(), SEEN, Plan(target="tensorrt")).model)
    assert all((array == 0).all() for name, array in held.items() if name.endswith("_zero"))
    assert not [name for name, array in held.items() if array.dtype == np.uint8]


def test_two_runs_make_the_same_bytes() -> None:
    first, second = (to_bytes(quantize(fire(), SEEN, Plan()).model) for _ in range(2))
    assert first == second


def test_the_given_model_stays_as_it_is() -> None:
    model = classifier()
    before = to_bytes(model)
    quantize(model, SEEN, Plan())
    assert to_bytes(model) == before


def test_layers_that_are_to_stay_float_do() -> None:
    made = quantize(classifier(), SEEN, Plan(keep_float=frozenset({"c2"})))
    assert made.kept_float == ("c2",)
    assert "c2.w" in values(made.model)
    found = operators(made.model)
    assert found["Conv"] + found["FusedConv"] == 1


def test_a_head_that_suffers_is_found_by_measuring_and_kept_float() -> None:
    def scores_alone(model: onnx.ModelProto) -> float:
        pairs = zip(truth, run(to_bytes(model), SEEN), strict=True)
        return -float(np.mean([np.abs(a["y"] - b["y"]).max() for a, b in pairs]))

    model = detector()
    truth = run(to_bytes(model), SEEN)
    assert quantize(model, SEEN, Plan(head_loss=0.01), metric=scores_alone).kept_float == ("boxes", "logits")
    assert quantize(model, SEEN, Plan(head_loss=1e9), metric=scores_alone).kept_float == ()
    assert quantize(model, SEEN, Plan(head="float")).report["head"] == "float"


def test_an_old_opset_is_raised() -> None:
    made = quantize(classifier(opset=11), SEEN, Plan())
    assert made.model.opset_import[0].version >= 13
    assert likeness(classifier(), made.model) > 0.998


def test_weights_alone_stay_float_on_grids_that_are_told() -> None:
    model = classifier()
    made = quantize(model, (), Plan(activations=False, weights=6))
    held = values(made.model)
    assert set(made.grids) == {"c1.w", "c2.w", "y.w"}
    for name, grid in made.grids.items():
        assert held[name].dtype == np.float32
        assert np.array_equal(grid.values(), held[name])
        assert np.abs(grid.codes).max() <= 31
    assert likeness(model, made.model) > 0.99
    assert not operators(made.model)["DequantizeLinear"]


def test_a_hurt_layer_is_the_first_in_the_order_of_harm() -> None:
    draft = Draft()
    draft.conv("x", "c1", (8, 3, 3, 3))
    draft.values["c1.w"][0] *= 300  # one channel drowns the others in a shared scale
    draft.add("Relu", "c1", "r1")
    draft.conv("r1", "c2", (8, 8, 3, 3))
    draft.values["c2.w"][:, 0] = 0
    draft.add("Relu", "c2", "r2")
    draft.conv("r2", "y", (6, 8, 1, 1))
    plan = Plan(target="openvino", search="minmax")
    order = sensitivity(draft.model("y"), SEEN, plan=plan)
    assert order[0][0] == "c2"
    assert order[0][1] > 10 * max(order[1][1], 1e-6)


def test_a_user_is_told_what_is_wrong() -> None:
    with pytest.raises(UserError, match="--calibrate"):
        quantize(classifier(), (), Plan())
    with pytest.raises(UserError, match="no `x`"):
        quantize(classifier(), [{"z": SEEN[0]["x"]}], Plan())
    draft = Draft()
    draft.add("Relu", "x", "y")
    with pytest.raises(ModelError, match="no convolution"):
        quantize(draft.model("y"), SEEN, Plan())
    with pytest.raises(ModelError, match="kept float"):
        quantize(classifier(), SEEN, Plan(keep_float=frozenset({"c1", "c2", "y"})))


def test_names_that_a_converter_took_already_stay_apart() -> None:
    draft = Draft()
    draft.add("Relu", draft.conv("x", "c1", (8, 3, 3, 3)), "c1_scale")
    draft.add("Relu", draft.conv("c1_scale", "c1_real", (8, 8, 3, 3)), "c1.w_int8")
    draft.conv("c1.w_int8", "y", (6, 8, 1, 1))
    model = draft.model("y")
    assert likeness(model, quantize(model, SEEN, Plan()).model) > 0.998


def test_a_workshop_makes_the_same_models_without_finding_everything_again() -> None:
    model, work = fire(), Workshop(fire(), SEEN, Plan())
    for keep in (frozenset[str](), frozenset({"e1"})):
        plan = Plan(keep_float=keep)
        first, second = (quantize(model, SEEN, plan, workshop=shop) for shop in (work, None))
        assert to_bytes(first.model) == to_bytes(second.model)
        assert first.kept_float == second.kept_float == tuple(keep)
