"""What each channel is worth: the share of its readers' output that is lost with it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from edge.errors import UserError
from edge.tools.filters.channels import Cut
from edge.tools.filters.groups import Groups
from edge.tools.filters.tap import Moments

Scores = NDArray[np.float64]
"""By identity, float64 (`Groups.count`,), 0 and up: the lower, the sooner it is cut."""


def by_activation(groups: Groups, moments: Mapping[str, Moments]) -> Scores:
    """Measured on feeds: the energy of a channel in its readers' outputs that its mean cannot stand in for.

    A reader with weights W that loses channel c, with the mean of c moved into its bias, errs by W_c (x_c - mean x_c),
    of which the expected square is |W_c|^2 var(x_c) where the values of c under one filter are not correlated.
    """
    found = np.zeros(groups.count)
    for reader in readers(groups):
        name = groups.net.nodes[reader.node].input[0]
        groupwise = moments[name].variance.reshape(-1, len(reader.ids)).mean(0)
        _add_share(found, reader, _energy(groups, reader) * groupwise)
    return found


def by_norm(groups: Groups) -> Scores:
    """From weights alone: as above, with the squared L2 norms of the filters that make a channel for its variance."""
    made, scaled = np.zeros(groups.count), np.ones(groups.count)
    for one in groups.cuts:
        energy = _energy(groups, one)
        level = energy / (energy.mean() or 1)
        if one.role == "out":
            np.add.at(made, one.ids, level)
        elif one.slot == 1 and groups.net.constants[one.tensor].ndim > 2 and one.role == "along":
            np.multiply.at(scaled, one.ids, level)
    found = np.zeros(groups.count)
    for reader in readers(groups):
        _add_share(found, reader, _energy(groups, reader) * (made * scaled)[reader.ids])
    return found


def by_filter(groups: Groups, scores: Mapping[str, NDArray[np.floating]]) -> Scores:
    """From scores of filters, by the name of their weight: those of one channel are added up.

    Raises:
        UserError: scores of another number of filters, or of no weight of the model that makes channels.
    """
    found = np.zeros(groups.count)
    makers = {one.tensor: one for one in groups.cuts if one.role == "out"}
    for name, values in scores.items():
        if name not in groups.net.constants:
            raise UserError(f"scores for `{name}`: the model has no such weight")
        maker = makers.get(name)
        if maker is None:
            continue
        if np.shape(values) != maker.ids.shape or not np.isfinite(values).all():
            raise UserError(f"scores for `{name}`: wanted {len(maker.ids)} finite numbers, one a filter")
        np.add.at(found, maker.ids, np.maximum(values, 0) / (np.sum(np.maximum(values, 0)) or 1))
    return found


def readers(groups: Groups) -> list[Cut]:
    """The weights that read channels."""
    return [one for one in groups.cuts if one.role == "in"]


def _energy(groups: Groups, one: Cut) -> Scores:
    """The sum of squares at each place of an axis."""
    weight = np.moveaxis(groups.net.constants[one.tensor].astype(np.float64), one.axis, 0)
    energy: Scores = np.square(weight.reshape(len(weight), -1)).sum(1)
    return energy


def _add_share(found: Scores, one: Cut, energy: Scores) -> None:
    total = energy.sum()
    if total > 0:
        np.add.at(found, one.ids, energy / total)
