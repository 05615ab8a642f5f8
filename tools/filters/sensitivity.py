"""How much a model errs as more of one group of channels is cut."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from edge.engines.base import Feeds
from edge.errors import ModelError
from edge.tools.filters.channels import Ids
from edge.tools.filters.choose import Curve
from edge.tools.filters.cut import cut
from edge.tools.filters.groups import Groups
from edge.tools.filters.importance import Scores
from edge.tools.filters.moments import Moments
from edge.tools.filters.stand_in import stand_ins
from edge.tools.graph import producers
from edge.tools.tap import tap

if TYPE_CHECKING:
    from onnx import ModelProto

SHARES = (0.25, 0.5, 0.75)
"""Of a group, cut to measure what that costs; in between costs are interpolated."""
MOST_FEEDS = 8
"""A measurement takes that many of the feeds, spread over them."""


def measured(
    groups: Groups,
    order: Sequence[Ids],
    moments: Mapping[str, Moments],
    feeds: Feeds,
    progress: Callable[[str], None],
) -> list[Curve]:
    """The error of the outputs with the first channels of each group cut, and of that group alone."""
    some = [feeds[k] for k in sorted({int(k) for k in np.linspace(0, len(feeds) - 1, MOST_FEEDS)})]
    names = _logits(groups.net.model)
    truth = list(tap(groups.net.model, names, some))
    curves = []
    for number, ids in enumerate(order, 1):
        progress(f"measuring group {number} of {len(order)}")
        counts, errors = [0], [0.0]
        for count in sorted({round(share * len(ids)) for share in SHARES} - {0, len(ids)}):
            keep = groups.everything()
            keep[ids[:count]] = False
            try:
                made = cut(groups, keep, stand_ins(groups, keep, moments))
            except ModelError:
                break  # nothing would be left of what some layer reads: `choose` does not go that far
            counts.append(count)
            errors.append(_relative(truth, tap(made, names, some)))
        curves.append(_interpolated(counts, list(np.maximum.accumulate(errors)), len(ids)))
    return curves


def summed(order: Sequence[Ids], scores: Scores) -> list[Curve]:
    """The same from scores alone: what the channels are worth, added up."""
    return [_interpolated(range(len(ids) + 1), [0, *np.cumsum(scores[ids])], len(ids)) for ids in order]


def output_error(model: ModelProto, other: ModelProto, feeds: Feeds) -> float:
    """The energy of the difference over that of the model's output: mean over outputs, all feeds together."""
    return _relative(list(_outputs(model, feeds)), _outputs(other, feeds))


def _logits(model: ModelProto) -> list[str]:
    """The outputs, and for those of a softmax what it reads: where it is sure, it hides what a cut does."""
    made_by = producers(model)
    names = [value.name for value in model.graph.output]
    ends = [made_by.get(name) for name in names]
    soft = ("Softmax", "LogSoftmax")
    return [n if end is None or end.op_type not in soft else end.input[0] for n, end in zip(names, ends, strict=True)]


def _outputs(model: ModelProto, feeds: Feeds) -> Iterator[dict[str, NDArray[Any]]]:
    return tap(model, [value.name for value in model.graph.output], feeds)


def _relative(truth: Sequence[Mapping[str, NDArray[Any]]], other: Iterator[Mapping[str, NDArray[Any]]]) -> float:
    wrong, whole = dict.fromkeys(truth[0], 0.0), dict.fromkeys(truth[0], 0.0)
    for right, found in zip(truth, other, strict=True):
        for name, value in right.items():
            wide = value.astype(np.float64)
            wrong[name] += float(np.square(found[name] - wide).sum())
            whole[name] += float(np.square(wide).sum())
    return float(np.mean([wrong[name] / whole[name] if whole[name] else wrong[name] for name in wrong]))


def _interpolated(counts: Sequence[int], errors: Sequence[float], size: int) -> Curve:
    """Straight lines through points, the last one further on up to the whole group."""
    x, y = np.array(counts, np.float64), np.array(errors, np.float64)
    if len(x) > 1 and x[-1] < size:
        y = np.append(y, y[-1] + (y[-1] - y[-2]) / (x[-1] - x[-2]) * (size - x[-1]))
        x = np.append(x, size)
    return lambda count: float(np.interp(count, x, y))
