"""SqueezeDet's ConvDet: one grid, a few anchors a cell; class logits of all anchors, then confidences, then deltas.

Source: Wu et al., SqueezeDet, 2016, section 3.1: centre = anchor + delta * size, size = anchor * exp(delta),
score = softmax(classes) * sigmoid(confidence). From the authors' code, github.com/BichenWuUCB/squeezeDet: anchors lie
at whole steps of input / (cells + 1), exp goes on in a straight line beyond 1 (`safe_exp`), the best 64 boxes go into
the suppression (`TOP_N_DETECTION`).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from edge.decode import nms
from edge.decode.head import Outputs, Shape, both_counts, from_centres, logit, sigmoid
from edge.models.manifest import Manifest
from edge.preprocess import Fit
from edge.types import F32, NO_DETECTIONS, Detections

ROLES = ("grid",)
TOP = 64


def misfit(shapes: Mapping[str, Shape], manifest: Manifest) -> str | None:
    """Why an output of this shape is not this head's, as far as it is known; None if it may be."""
    if len(manifest.anchors) != 1:
        return "the head needs `anchors` in the manifest: one list of widths and heights in pixels of the input"
    anchors = len(manifest.anchors[0]) // 2
    channels = anchors * (len(manifest.labels) + 5)
    shape = shapes.get("grid")
    if shape is None:
        return None
    whole = len(shape) == 4 and shape[0] in (1, None) and 0 not in shape
    if whole and {channels, None} & {shape[1], shape[3]}:
        return None
    last_or_first = (shape[3], shape[1]) if len(shape) == 4 else ()
    given = next((size for size in last_or_first if size is not None and size % anchors == 0), None)
    return (
        f"`grid` has shape {shape}, but the head wants (1, down, across, {channels}): {anchors} anchors of "
        f"{len(manifest.labels)} + 5 channels{both_counts(given, anchors, 5, manifest)}"
    )


@np.errstate(all="ignore")
def decode(outputs: Outputs, manifest: Manifest, fit: Fit, min_score: float) -> Detections:
    """Turn `grid`, float (1, down, across, anchors * (classes + 5)), or with its channels first, into detections."""
    sizes = np.array(manifest.anchors[0], np.float32).reshape(-1, 2)
    anchors, kinds = len(sizes), len(manifest.labels)
    grid = outputs["grid"][0]
    if grid.shape[2] != anchors * (kinds + 5):
        grid = grid.transpose(1, 2, 0)
    down, across = grid.shape[:2]
    cells = grid.reshape(down * across, -1)
    confidences, deltas = cells[:, anchors * kinds :][:, :anchors], cells[:, anchors * (kinds + 1) :]
    # Class probabilities are at most 1, so the confidence bounds the score.
    where, which = np.nonzero(confidences >= logit(min_score))
    logits = np.asarray(cells[:, : anchors * kinds].reshape(-1, anchors, kinds)[where, which], np.float32)
    best = logits.argmax(axis=1)
    top = logits[np.arange(len(best)), best]
    scores = sigmoid(np.asarray(confidences[where, which], np.float32)) / np.exp(logits - top[:, None]).sum(axis=1)
    good = np.flatnonzero(scores >= min_score)
    if len(good) == 0:
        return NO_DETECTIONS
    if len(good) > TOP:
        good = good[np.argpartition(-scores[good], TOP)[:TOP]]
    where, which, best, scores = where[good], which[good], best[good], scores[good]
    moves = np.asarray(deltas.reshape(-1, anchors, 4)[where, which], np.float32)
    steps = np.array([fit.input.width / (across + 1), fit.input.height / (down + 1)], np.float32)
    middles = (np.stack([where % across, where // across], axis=1) + 1) * steps
    centres = middles + moves[:, :2] * sizes[which]
    boxes = from_centres(np.concatenate([centres, sizes[which] * _safe_exp(moves[:, 2:])], axis=1, dtype=np.float32))
    limits = np.array([fit.input.width, fit.input.height] * 2, np.float32)
    return nms.survivors(np.clip(boxes, 0, limits), scores, best, manifest, fit)


def _safe_exp(x: F32) -> F32:
    """exp(x), from 1 on its tangent there."""
    return np.where(x > 1, np.float32(np.e) * x, np.exp(x))
