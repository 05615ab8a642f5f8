"""From a float model to a quantized one: what may help is tried, and kept where it does."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from edge.errors import ModelError, UserError
from edge.models.packed.weight import Grid
from edge.tools.quantize import bias, equalise
from edge.tools.quantize.head import last_layers
from edge.tools.quantize.insert import MOST, insert
from edge.tools.quantize.judge import least_cosine
from edge.tools.quantize.net import Layer, Net, prepared
from edge.tools.quantize.place import INTEGER_LAYERS, Placement, place
from edge.tools.quantize.plan import Feed, Metric, Plan, Quantized, Range
from edge.tools.quantize.ranges import Spread, range_of, spreads
from edge.tools.quantize.rounding import rounded
from edge.tools.quantize.weights import grid_of, scales_of

if TYPE_CHECKING:
    from onnx import ModelProto

NEAR = 0.5
"""Inputs of a Concat share its grid if they lose less than a bit by it."""


def quantize(
    model: ModelProto,
    feeds: Sequence[Feed],
    plan: Plan,
    progress: Callable[[float], None] = lambda part: None,
    metric: Metric | None = None,
) -> Quantized:
    """Quantize a model; the one that is given stays as it is.

    Args:
        feeds: what the model would see, one inference each, in float as the model takes them; some tens are enough.
        progress: told how far it is, 0..1.
        metric: what decides where there is a choice; None: the least cosine of an output with that of the float model
            on the feeds, the mean over feeds.

    Raises:
        UserError: feeds are needed and there are none, or they do not fit the model's inputs.
        ModelError: the model cannot be run, or has nothing to quantize.
        MissingError: onnx or onnxruntime is not here.
    """
    if plan.activations and not feeds:
        raise UserError("activations can only be quantized on pictures: give some (--calibrate), or weights alone")
    work = Workshop(model, feeds, plan)
    judge = metric or (least_cosine(model, feeds) if feeds else None)
    if judge is None:
        return work.make(Choice())
    tried = list(_choices(plan, bool(feeds)))
    best, most, made = Choice(), -np.inf, None
    for number, change in enumerate(tried):
        choice = change(best)
        if choice == best and made is not None:
            continue
        candidate = work.make(choice)
        value = judge(candidate.model)
        enough = plan.head_loss if choice.float_head and not best.float_head else 0.0
        if made is None or value > most + enough:
            best, most, made = choice, value, candidate
        progress((number + 1) / len(tried))
    assert made is not None  # noqa: S101 - there is always a first choice
    return replace(made, report={**made.report, "metric": most})


@dataclass(frozen=True, slots=True)
class Choice:
    """What is open in a plan."""

    search: str = "minmax"
    equalised: bool = False
    gptq: bool = False
    corrected: bool = False
    float_head: bool = False


def _choices(plan: Plan, fed: bool) -> Iterator[Callable[[Choice], Choice]]:
    """Changes to try one after the other, each to the best so far."""
    head = plan.head == "float"
    searches = ("minmax", "percentile", "mse") if plan.search == "auto" and plan.activations else (plan.search,)
    for search in searches:
        yield lambda best, search=search: replace(best, search=search, float_head=head)  # type: ignore[misc]
    if plan.equalise:
        yield lambda best: replace(best, equalised=True)
    if plan.rounding == "gptq" and fed:
        yield lambda best: replace(best, gptq=True)
    if plan.correct_bias and fed:
        yield lambda best: replace(best, corrected=True)
    if plan.head == "auto" and plan.activations:
        yield lambda best: replace(best, float_head=True)


class Workshop:
    """Makes quantized models of one float model, and keeps what several of them need."""

    def __init__(self, model: ModelProto, feeds: Sequence[Feed], plan: Plan) -> None:
        self._feeds, self._plan = feeds, plan
        self._net = prepared(model)
        self._head = last_layers(self._net)
        self._nets = {False: self._net}
        self._spreads: dict[bool, dict[str, Spread]] = {}
        self._codes: dict[bool, dict[str, NDArray[np.int16]]] = {}
        if not self._net.layers():
            raise ModelError("the model has no convolution or matrix product with constant float32 weights")

    def layers(self) -> tuple[str, ...]:
        """Names of all layers that may compute in integers, in the graph's order."""
        return tuple(layer.name for layer in self._net.layers() if layer.node.op_type in INTEGER_LAYERS)

    def make(self, choice: Choice, keep_float: frozenset[str] | None = None) -> Quantized:
        """The model that comes of a choice; of `keep_float` where it is not the plan's."""
        if keep_float is not None:
            other = copy(self)
            other._plan = replace(self._plan, keep_float=keep_float)
            return other.make(choice)
        net = self._prepared(choice.equalised).copy()
        if not self._plan.activations:
            return self._weights_alone(net, choice)
        placement, ranges = self._placed(net, choice)
        layers = placement.layers
        grids = self._grids(net, layers, choice, ranges)
        if choice.corrected:
            bias.correct(net, layers, grids, self._feeds)
            layers = _again(net, layers)
        insert(net, layers, grids, ranges, integer_bias=self._plan.target not in ("openvino", "tensorrt"))
        integer = {layer.name for layer in layers}
        kept = tuple(layer.name for layer in self._net.layers() if layer.name not in integer)
        return Quantized(net.model(), kept, ranges, report=_report(choice, len(layers)))

    def _weights_alone(self, net: Net, choice: Choice) -> Quantized:
        layers = [layer for layer in net.layers() if layer.name not in self._plan.keep_float]
        grids = self._grids(net, layers, choice, {})
        if choice.corrected:
            bias.correct(net, layers, grids, self._feeds)
        for name, grid in grids.items():
            net.values[name] = grid.values()
        kept = tuple(layer.name for layer in net.layers() if layer.name in self._plan.keep_float)
        return Quantized(net.model(), kept, grids=grids, report=_report(choice, len(layers)))

    def _prepared(self, equalised: bool) -> Net:
        if equalised not in self._nets:
            net = self._net.copy()
            self._nets[equalised] = net if equalise.equalise(net) else self._net
        return self._nets[equalised]

    def _placed(self, net: Net, choice: Choice) -> tuple[Placement, dict[str, Range]]:
        plan = self._plan
        outside = self._head if choice.float_head else frozenset[str]()
        symmetric = plan.target == "tensorrt"
        if choice.equalised not in self._spreads:
            # Without an outside, so that these are the tensors of every choice.
            everything = place(net, replace(plan, keep_float=frozenset()), frozenset(), lambda a, b: False)
            self._spreads[choice.equalised] = spreads(net.model(), list(everything.tensors), self._feeds)
        seen = self._spreads[choice.equalised]
        single = {name: range_of(spread, choice.search, symmetric) for name, spread in seen.items()}
        placement = place(net, plan, outside, lambda a, b: single[a].scale >= NEAR * single[b].scale)
        if not placement.layers:
            raise ModelError("nothing is left to be computed in integers: all layers are kept float")
        joined: dict[str, Spread] = {}
        for name, group in placement.tensors.items():
            joined[group] = joined[group].joined(seen[name]) if group in joined else seen[name]
        shared = {group: range_of(spread, choice.search, symmetric) for group, spread in joined.items()}
        return placement, {name: shared[group] for name, group in placement.tensors.items()}

    def _grids(self, net: Net, layers: Sequence[Layer], choice: Choice, ranges: Mapping[str, Range]) -> dict[str, Grid]:
        plan, grids = self._plan, {}
        for layer in layers:
            # The output channels of a ConvTranspose of several groups do not lie along an axis.
            single = not plan.per_channel or (layer.node.op_type == "ConvTranspose" and layer.group > 1)
            weight = net.values[layer.weight]
            scales = scales_of(weight, layer.axis, plan.levels, not single)
            if layer.bias is not None and layer.data in ranges:
                scales = _roomy(scales, net.values[layer.bias], ranges[layer.data])
            grids[layer.weight] = grid_of(weight, scales, layer.axis, plan.levels)
        if choice.gptq:
            if choice.equalised not in self._codes:
                wanted = {name: grid.scales for name, grid in grids.items()}
                self._codes[choice.equalised] = rounded(net, self._feeds, wanted, plan.levels)
            for name, codes in self._codes[choice.equalised].items():
                if name in grids:
                    grids[name] = replace(grids[name], codes=codes)
        return grids


def _roomy(scales: NDArray[np.float32], bias: NDArray[np.float32], data: Range) -> NDArray[np.float32]:
    """Scales so large that the bias's codes fit into int32, for channels with hardly any weights."""
    least = np.abs(bias) / (data.scale * MOST)
    return np.maximum(scales, least if scales.size > 1 else least.max(initial=0.0)).astype(np.float32)


def _again(net: Net, layers: Sequence[Layer]) -> tuple[Layer, ...]:
    """The same layers after their biases were changed."""
    now = {layer.name: layer for layer in net.layers()}
    return tuple(now[layer.name] for layer in layers)


def _report(choice: Choice, layers: int) -> dict[str, object]:
    told = asdict(choice)
    return {
        "layers": layers,
        "search": told["search"],
        "equalised": told["equalised"],
        "rounding": "gptq" if choice.gptq else "nearest",
        "corrected": told["corrected"],
        "head": "float" if choice.float_head else "int8",
        "metric": None,
    }
