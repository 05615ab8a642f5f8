"""Few values for many weights: codebooks whose entries are trained.

A layer's weights take the value of the nearest entry; an entry's gradient is the sum over the weights that take it
(Deep Compression, equation 3). The weights behind go on being trained as if they were used themselves, so one may move
to another entry (straight-through, Bengio et al. 2013, arXiv:1308.3432).
"""

from __future__ import annotations

from edge.tools.train.backend import Tensor, torch

ROUNDS = 30


def codebook(values: Tensor, entries: int) -> Tensor:
    """Entries for these values by k-means, ascending; fewer where there are fewer values.

    Starts half-way between even steps over the range, which keep the large weights apart (linear initialization, Deep
    Compression, section 3.2), and even shares of the values. Deterministic.
    """
    values = values.detach().flatten()
    entries = min(entries, len(values.unique()))
    if entries <= 1:
        return values.mean().reshape(1) if entries else torch().zeros(1)
    even = torch().linspace(float(values.min()), float(values.max()), entries)
    shares = torch().quantile(_few(values), (torch().arange(entries) + 0.5) / entries)
    book = (even + shares) / 2
    for _ in range(ROUNDS):
        codes = nearest(values, book)
        count = torch().bincount(codes, minlength=entries)
        sums = torch().zeros(entries).index_add_(0, codes, values)
        book = torch().where(count > 0, sums / count.clamp_min(1), book)
    return book.sort().values


def _few(values: Tensor) -> Tensor:
    """At most a million of them, evenly spread: torch's quantile takes no more than 16 million."""
    return values[:: -(-len(values) // 1_000_000)]


def nearest(values: Tensor, book: Tensor) -> Tensor:
    """int64 codes: each value's nearest entry of an ascending codebook."""
    return torch().bucketize(values, (book[1:] + book[:-1]) / 2)


def shared(weight: Tensor, places: Tensor, book: Tensor) -> Tensor:
    """The weight with each value at `places` replaced by its entry and 0 elsewhere.

    Differentiable by `book` (summed by code) and by `weight` (at `places`, as if it had not been replaced).

    Args:
        places: int64, indices into the flat weight.
        book: ascending, see `codebook`.
    """
    behind = weight.flatten()[places]
    entries = book[nearest(behind.detach(), book.detach())]
    flat = torch().zeros(weight.numel(), dtype=weight.dtype)
    return flat.index_put((places,), entries + (behind - behind.detach())).view_as(weight)
