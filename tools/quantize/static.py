"""From a float model to a quantized one: what may help is tried, and kept where it does."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import asdict, dataclass, replace
from functools import reduce
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from edge.engines.base import Feeds
from edge.errors import ModelError, UserError
from edge.models.packed.weight import Grid
from edge.tools.graph import PRODUCTS
from edge.tools.quantize import bias, equalise
from edge.tools.quantize.head import last_layers
from edge.tools.quantize.insert import MOST, insert
from edge.tools.quantize.judge import least_cosine
from edge.tools.quantize.net import Layer, Net, prepared
from edge.tools.quantize.place import Placement, place
from edge.tools.quantize.plan import Metric, Plan, Quantized, Range, coarse
from edge.tools.quantize.ranges import Spread, range_of, spreads
from edge.tools.quantize.rounding import rounded
from edge.tools.quantize.weights import grid_of, scales_of

if TYPE_CHECKING:
    from onnx import ModelProto

NEAR = 0.5
"""Inputs of a Concat share its grid if they lose less than a bit by it."""


def quantize(
    model: ModelProto,
    feeds: Feeds,
    plan: Plan,
    progress: Callable[[float], None] = lambda part: None,
    metric: Metric | None = None,
    workshop: Workshop | None = None,
) -> Quantized:
    """Quantize a model; the one that is given stays as it is.

    Args:
        feeds: what the model would see, one inference each, in float as the model takes them; some tens are enough.
        progress: told how far it is, 0..1.
        metric: what decides where there is a choice; None: the least cosine of an output with that of the float model
            on the feeds, the mean over feeds.
        workshop: of this model, these feeds and this plan but for `keep_float`; what it knows is not found again.

    Raises:
        UserError: feeds are needed and there are none, or they lack an input of the model.
        ModelError: the model cannot be run, or not on these feeds, or has nothing to quantize.
        MissingError: onnx or onnxruntime is not here.
    """
    if plan.activations and not feeds:
        raise UserError("activations can only be quantized on pictures: give some (--calibrate), or weights alone")
    work = workshop or Workshop(model, feeds, plan)
    judge = metric or (least_cosine(model, feeds) if feeds else None)
    if judge is None:
        return work.make(Choice(), plan.keep_float)
    tried = list(_choices(plan, work.equalises, bool(feeds)))
    best, most, made = Choice(), -np.inf, None
    for number, change in enumerate(tried):
        choice = change(best)
        if choice == best and made is not None:
            continue
        candidate = work.make(choice, plan.keep_float)
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


def _choices(plan: Plan, equalises: bool, fed: bool) -> Iterator[Callable[[Choice], Choice]]:
    """Changes to try one after the other, each to the best so far."""
    head = plan.head == "float"
    searches = ("minmax", "mse") if plan.search == "auto" and plan.activations else (plan.search,)
    for search in searches:
        yield lambda best, search=search: replace(best, search=search, float_head=head)  # type: ignore[misc]
    if plan.equalise and equalises:
        yield lambda best: replace(best, equalised=True)
    if plan.rounding == "gptq" and fed:
        yield lambda best: replace(best, gptq=True)
    if plan.correct_bias and fed:
        yield lambda best: replace(best, corrected=True)
    if plan.head == "auto" and plan.activations:
        yield lambda best: replace(best, float_head=True)


class Workshop:
    """Makes quantized models of one float model, and keeps what several of them need: spreads, ranges, codes.

    equalises: whether ranges can be evened out across any of its layers
    """

    def __init__(self, model: ModelProto, feeds: Feeds, plan: Plan) -> None:
        self._feeds, self._plan = feeds, plan
        self._net = prepared(model)
        for feed in feeds:
            if missing := [name for name in self._net.inputs if name not in feed]:
                raise UserError(
                    f"the feeds have no `{missing[0]}`, an input of the model; they have: {', '.join(feed)}"
                )
        self._head = last_layers(self._net)
        even = self._net.copy()
        self.equalises = equalise.equalise(even) > 0
        self._nets = {False: self._net, True: even}
        self._spreads: dict[bool, dict[str, Spread]] = {}
        self._ranges: dict[tuple[bool, str, tuple[str, ...]], Range] = {}
        self._rounded: dict[tuple[bool, str], Grid] = {}
        if not self._net.layers():
            raise ModelError("the model has no convolution or matrix product with constant float32 weights")

    def layers(self) -> tuple[str, ...]:
        """Names of all layers that may compute in integers, in the graph's order."""
        return tuple(layer.name for layer in self._net.layers() if layer.node.op_type in PRODUCTS)

    def make(self, choice: Choice, keep_float: frozenset[str] | None = None) -> Quantized:
        """The model that comes of a choice; of `keep_float` where it is not the plan's."""
        if keep_float is not None:
            other = copy(self)
            other._plan = replace(self._plan, keep_float=keep_float)
            return other.make(choice)
        net = self._nets[choice.equalised].copy()
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

    def _placed(self, net: Net, choice: Choice) -> tuple[Placement, dict[str, Range]]:
        outside = self._head if choice.float_head else frozenset[str]()
        seen = self._seen(net, choice)

        def range_for(names: tuple[str, ...]) -> Range:
            key = (choice.equalised, choice.search, names)
            if key not in self._ranges:
                spread = reduce(Spread.joined, (seen[name] for name in names))
                self._ranges[key] = range_of(spread, choice.search, self._plan.target == "tensorrt")
            return self._ranges[key]

        placement = place(net, self._plan, outside, lambda a, b: range_for((a,)).scale >= NEAR * range_for((b,)).scale)
        if not placement.layers:
            raise ModelError("nothing is left to be computed in integers: all layers are kept float")
        members: dict[str, list[str]] = {}
        for name, group in placement.tensors.items():
            members.setdefault(group, []).append(name)
        return placement, {name: range_for(tuple(members[group])) for name, group in placement.tensors.items()}

    def _seen(self, net: Net, choice: Choice) -> dict[str, Spread]:
        """Spreads of every tensor that any choice may want."""
        if choice.equalised not in self._spreads:
            everything = place(net, replace(self._plan, keep_float=frozenset()), frozenset(), lambda a, b: False)
            self._spreads[choice.equalised] = spreads(net.model(), list(everything.tensors), self._feeds)
        return self._spreads[choice.equalised]

    def _grids(self, net: Net, layers: Sequence[Layer], choice: Choice, ranges: Mapping[str, Range]) -> dict[str, Grid]:
        plan, grids = self._plan, {}
        for layer in layers:
            # The output channels of a ConvTranspose of several groups do not lie along an axis.
            single = not plan.per_channel or (layer.node.op_type == "ConvTranspose" and layer.group > 1)
            weight = net.values[layer.weight]
            scales = scales_of(weight, layer.axis, plan.largest_code(layer.name), not single)
            if layer.bias is not None and layer.data in ranges:
                scales = _roomy(scales, net.values[layer.bias], ranges[layer.data])
            grids[layer.weight] = grid_of(weight, scales, layer.axis, plan.largest_code(layer.name))
        if choice.gptq:
            known = {name: self._rounded.get((choice.equalised, name)) for name in grids}
            new = {
                name: grid.scales
                for name, grid in grids.items()
                if (found := known[name]) is None or not np.array_equal(found.scales, grid.scales)
            }
            largest_codes = {layer.weight: plan.largest_code(layer.name) for layer in layers}
            for name, codes in (rounded(net, self._feeds, new, largest_codes) if new else {}).items():
                known[name] = self._rounded[choice.equalised, name] = replace(grids[name], codes=codes)
            grids = {name: known[name] or grid for name, grid in grids.items()}
        return grids


def _roomy(scales: NDArray[np.float32], bias: NDArray[np.float32], data: Range) -> NDArray[np.float32]:
    """Scales so large that the bias's codes fit into int32, for channels with hardly any weights."""
    least = np.abs(bias) / (data.scale * MOST)
    return np.maximum(scales, coarse(least if scales.size > 1 else least.max(initial=0.0, keepdims=True)))


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
