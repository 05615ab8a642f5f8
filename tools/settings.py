"""What `edge compress` can be asked for, and which of it contradicts one another."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from edge.errors import UserError

FEEDS = 64
"""Pictures that are taken; every other one calibrates, the others judge."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What is asked for; nothing is lossless.

    prune: share of the weights to drop
    prune_filters: share of the multiply-accumulates to save by dropping whole filters
    share: bits of a layer's codebook; 0: none
    quantize: `int8`, `int6` or `fp16`; empty: not
    calibrate: pictures, see `samples.feeds`
    max_drop: of the metric, that all steps together may cost; None: no bound
    metric: `map`, `top1` or `cosine`; empty: the task's
    target: one of `faster.TARGETS`, where integers are to be fast
    labels: an .npz whose first array has the class of each sample of `calibrate`, an .npz too
    threads: of measuring and of training
    pictures: of `calibrate` that are taken; every other one calibrates, the others judge
    max_bytes: of the file, which weights on grids are fitted to as finely as there is room; needs `int6` and pictures
    tune: passes over the pictures that calibrate, in which weights on grids are trained; 0: none. Needs torch
    """

    prune: float = 0.0
    prune_filters: float = 0.0
    share: int = 0
    quantize: str = ""
    calibrate: Path | None = None
    max_drop: float | None = None
    metric: str = ""
    target: str = "auto"
    labels: Path | None = None
    threads: int = 1
    seed: int = 0
    pictures: int = FEEDS
    max_bytes: int | None = None
    tune: int = 0

    @property
    def lossless(self) -> bool:
        """Whether every value stays as it is, bit for bit."""
        return not (self.prune or self.prune_filters or self.share or self.quantize)


def check(wanted: Settings) -> None:
    """Refuse settings that contradict one another; UserError."""
    for name in ("prune", "prune_filters", "max_drop"):
        if math.isnan(getattr(wanted, name) or 0.0):
            raise UserError(f"`--{name.replace('_', '-')}` nan is no share; give one between 0 and 1")
    if wanted.share and wanted.quantize:
        raise UserError("`--share` and `--quantize` both choose the values of weights: give one of them")
    for name in ("calibrate", "max_drop", "metric", "labels"):
        if wanted.lossless and getattr(wanted, name) not in (None, ""):
            raise UserError(
                f"`--{name.replace('_', '-')}` changes nothing where every value is kept: ask for `--quantize`, "
                "`--share`, `--prune` or `--prune-filters` as well"
            )
    if (wanted.max_drop is not None or wanted.metric) and wanted.calibrate is None:
        asked = "--metric" if wanted.max_drop is None else "--max-drop"
        raise UserError(f"`{asked}` is measured on pictures: give some with `--calibrate FOLDER`")
    if wanted.prune_filters and wanted.calibrate is None:
        raise UserError(
            "`--prune-filters` without pictures takes filters that the model cannot do without: give some with "
            "`--calibrate FOLDER`"
        )
    if wanted.pictures != FEEDS and wanted.calibrate is None:
        raise UserError("`--pictures` are taken of those to calibrate on: give some with `--calibrate PATH`")
    if wanted.labels is not None and wanted.metric not in ("", "top1"):
        raise UserError(f"`--labels` are for the metric `top1`: leave out `--metric {wanted.metric}`")
    if wanted.max_bytes is not None and (
        wanted.quantize != "int6" or wanted.calibrate is None or wanted.max_drop is not None or wanted.max_bytes < 1
    ):
        raise UserError("`max_bytes` fits grids of weights to a size: it needs int6 and pictures, and no `max_drop`")
    if wanted.tune and (wanted.quantize not in ("int8", "int6") or wanted.calibrate is None):
        raise UserError(
            "`--tune` trains weights on integer grids, on pictures: give it with `--quantize int8` or `int6`, and "
            "`--calibrate PATH`"
        )
    if wanted.labels is not None and (wanted.calibrate is None or wanted.calibrate.suffix != ".npz"):
        raise UserError("`--labels` are those of the samples in an .npz: give it with `--calibrate SAMPLES.npz`")
    if wanted.target != "auto" and (wanted.quantize != "int8" or wanted.calibrate is None):
        raise UserError("`--target` is of integer arithmetic: give it with `--quantize int8 --calibrate PATH`")
