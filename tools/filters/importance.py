"""What each channel is worth: the share of its readers' output that is lost with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.errors import UserError
from edge.tools.filters.channels import Cut, Ids
from edge.tools.filters.groups import Groups
from edge.tools.filters.moments import Moments, ridge, ridged

Scores = NDArray[np.float64]
"""By identity, float64 (`Groups.count`,), 0 and up: the lower, the sooner it is cut."""


def by_activation(groups: Groups, moments: Mapping[str, Moments]) -> Scores:
    """Measured on feeds: of each group one channel after the other goes, the one that costs its readers least.

    A reader with weights W that loses channel c, and takes what the others tell of it into their weights, errs by
    |W_c|^2 / (C^-1)_cc, where C is the covariance of the channels that are left (Hassibi, Stork 1993, Optimal Brain
    Surgeon, eq. 5, of a linear layer). A channel's score is the sum of what was lost up to it, as a share of the
    readers' outputs. The taps of a kernel are taken as filters of their own.
    """
    found = np.zeros(groups.count)
    for group in groups.groups:
        fits = [fit for reader in readers(groups) if (fit := _fit(groups, group.ids, reader, moments)) is not None]
        left, lost = np.ones(len(group.ids), np.bool_), 0.0
        while left.any():
            costs = np.where(left, sum((fit.costs() for fit in fits), np.zeros(len(left))), np.inf)
            one = int(costs.argmin())
            lost += float(costs[one])
            found[group.ids[one]] = lost
            left[one] = False
            for fit in fits:
                fit.remove(one)
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


@dataclass(slots=True)
class _Fit:
    """A reader while channels of a group go, one place each.

    places: int64 (channels of the group,), where the reader has them
    weight: float64 (filters and taps, places)
    inverse: float64 (places, places), of the covariance with `ridge` on its diagonal
    """

    places: Ids
    weight: Scores
    inverse: Scores
    ridge: float
    scale: float

    def costs(self) -> Scores:
        """What the loss of each channel costs now."""
        unknown: Scores = np.maximum(1 / self.inverse[self.places, self.places] - self.ridge, 0)
        cost: Scores = np.square(self.weight[:, self.places]).sum(0) * unknown
        return cost / self.scale

    def remove(self, one: int) -> None:
        """The others take over what they can."""
        c = self.places[one]
        row = self.inverse[c] / self.inverse[c, c]
        self.weight -= np.outer(self.weight[:, c], row)
        self.inverse -= np.outer(self.inverse[:, c], row)
        self.weight[:, c], self.inverse[c, c] = 0, 1


@dataclass(slots=True)
class _Apart:
    """A reader of which nothing is known but the variance of each channel: float64 (channels of the group,)."""

    cost: Scores

    def costs(self) -> Scores:
        """What the loss of each channel costs."""
        return self.cost

    def remove(self, one: int) -> None:
        """The others know nothing of it."""


def _fit(groups: Groups, ids: Ids, reader: Cut, moments: Mapping[str, Moments]) -> _Fit | _Apart | None:
    """What a reader says of a group; None if it does not read it, or all that it reads is constant."""
    of = moments[groups.net.nodes[reader.node].input[0]]
    counts = np.array([(reader.ids == one).sum() for one in ids])
    weight = np.moveaxis(groups.net.constants[reader.tensor].astype(np.float64), reader.axis, -1)
    weight = weight.reshape(-1, len(reader.ids))
    energy = np.square(weight).sum(0) * of.variance.reshape(-1, len(reader.ids)).mean(0)
    if not counts.any() or energy.sum() <= 0:
        return None
    if of.covariance is not None and len(of.mean) == len(reader.ids) and (counts == 1).all():
        places = np.array([np.flatnonzero(reader.ids == one)[0] for one in ids], np.int64)
        inverse = np.linalg.inv(ridged(of.covariance)).astype(np.float64)
        return _Fit(places, weight, inverse, ridge(of.covariance), float(energy.sum()))
    return _Apart(np.array([energy[reader.ids == one].sum() for one in ids]) / energy.sum())


def _energy(groups: Groups, one: Cut) -> Scores:
    """The sum of squares at each place of an axis."""
    weight = np.moveaxis(groups.net.constants[one.tensor].astype(np.float64), one.axis, 0)
    energy: Scores = np.square(weight.reshape(len(weight), -1)).sum(1)
    return energy


def _add_share(found: Scores, one: Cut, energy: Scores) -> None:
    total = energy.sum()
    if total > 0:
        np.add.at(found, one.ids, energy / total)
