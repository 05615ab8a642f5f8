"""Where channels go: operators that move values and compute none."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from edge.tools.filters.channels import FIXED, Channels, Found, Ids, NotFollowedError, Step
from edge.tools.filters.net import Shape


def transpose(step: Step) -> Found:
    """Axes change places."""
    given, rank = step.first(), len(step.shape(step.node.input[0]))
    order = step.attributes.get("perm", list(range(rank))[::-1])
    return [Channels(list(order).index(given.axis), given.ids)]


def reshape(step: Step) -> Found:
    """Other sizes, the same order: channels may become blocks of places, or come out of such blocks again."""
    given, sizes = step.first(), step.required(1)
    source, target = step.shape(step.node.input[0]), step.shape(step.node.output[0])
    found = reshaped(source, target, given)
    kept = sizes[found.axis] == 0 and not step.attributes.get("allowzero", 0) and found.axis == given.axis
    if sizes[found.axis] > 0:
        step.count(step.node.input[1], found.axis, found.ids)
    elif sizes[found.axis] == 0 and not kept:
        raise NotFollowedError("a size taken from another axis")
    return [found]


def flatten(step: Step) -> Found:
    """All axes but the first few become one."""
    return [reshaped(step.shape(step.node.input[0]), step.shape(step.node.output[0]), step.first())]


def squeeze(step: Step) -> Found:
    """Axes of one place go."""
    given, source, axes = step.first(), step.shape(step.node.input[0]), step.constant(1)
    gone = {k for k, size in enumerate(source) if size == 1} if axes is None else {int(a) % len(source) for a in axes}
    if given.axis in gone or (axes is None and None in source):
        raise NotFollowedError("the axis of the channels goes")
    return [Channels(given.axis - sum(axis < given.axis for axis in gone), given.ids)]


def unsqueeze(step: Step) -> Found:
    """Axes of one place come."""
    given, rank = step.first(), len(step.shape(step.node.output[0]))
    new = {int(axis) % rank for axis in step.required(1)}
    return [Channels([axis for axis in range(rank) if axis not in new][given.axis], given.ids)]


def concat(step: Step) -> Found:
    """Behind each other: channels keep their identity at an offset. Along another axis: what lies in a row is one."""
    axis = step.attributes["axis"] % len(step.shape(step.node.output[0]))
    given = step.inputs
    axes = {c.axis for c in given if c is not None}
    if axes == {axis}:
        rows = [_row(step, name, c, axis) for name, c in zip(step.node.input, given, strict=True)]
        return [Channels(axis, np.concatenate(rows))]
    if len(axes) > 1:
        raise NotFollowedError("channels on several axes")
    along = axes.pop()
    ids = next(c.ids for c in given if c is not None)
    for slot, (name, c) in enumerate(zip(step.node.input, given, strict=True)):
        if c is not None:
            step.coupling.join(ids, c.ids)
        elif name in step.net.constants:
            step.cut(slot, along, ids, "along")
        else:
            step.coupling.join(ids, FIXED)
    return [Channels(along, ids)]


def split(step: Step) -> Found:
    """Pieces of an axis."""
    given, sizes = step.first(), step.required(1)
    if step.attributes.get("axis", 0) % len(step.shape(step.node.input[0])) != given.axis:
        return [given] * len(step.node.output)
    pieces = np.split(given.ids, np.cumsum(sizes)[:-1])
    for index, ids in enumerate(pieces):
        step.count(step.node.input[1], index, ids)
    return [Channels(given.axis, ids) for ids in pieces]


def slices(step: Step) -> Found:
    """A range of an axis."""
    given, rank = step.first(), len(step.shape(step.node.input[0]))
    starts, ends, axes, strides = step.required(1), step.required(2), step.constant(3), step.constant(4)
    over = [int(axis) % rank for axis in (range(len(starts)) if axes is None else axes)]
    if given.axis not in over:
        return [given]
    index, size = over.index(given.axis), len(given.ids)
    if strides is not None and strides[index] != 1:
        raise NotFollowedError("every n-th channel is taken")
    first, end, _ = slice(int(starts[index]), int(ends[index])).indices(size)
    step.count(step.node.input[1], index, given.ids[:first])
    step.count(step.node.input[2], index, given.ids[:end])
    return [Channels(given.axis, given.ids[first:end])]


def gather(step: Step) -> Found:
    """Chosen places of an axis."""
    given, indices = step.first(), step.required(1)
    axis = step.attributes.get("axis", 0) % len(step.shape(step.node.input[0]))
    if axis != given.axis:
        return [Channels(given.axis + (indices.ndim - 1 if axis < given.axis else 0), given.ids)]
    if indices.ndim != 1:
        raise NotFollowedError("one channel, or a table of them")
    ids = given.ids[indices]
    step.pick(1, given.ids, ids)
    return [Channels(axis, ids)]


def pad(step: Step) -> Found:
    """Borders along other axes."""
    given, pads = step.first(), step.required(1)
    if step.constant(3) is not None or pads[given.axis] or pads[given.axis + len(pads) // 2]:
        raise NotFollowedError("channels are added")
    return [given]


def resize(step: Step) -> Found:
    """Other sizes along other axes."""
    given, rank, set_up = step.first(), len(step.shape(step.node.input[0])), step.attributes
    axes = [axis % rank for axis in set_up.get("axes", range(rank))]
    if given.axis not in axes:
        return [given]
    index, scales, sizes = axes.index(given.axis), step.constant(2), step.constant(3)
    if set_up.get("coordinate_transformation_mode") == "tf_crop_and_resize":
        raise NotFollowedError("a region is cut out")
    if scales is not None and scales.size and scales[index] == 1:
        return [given]
    if (
        sizes is None
        or sizes[index] != len(given.ids)
        or set_up.get("keep_aspect_ratio_policy", "stretch") != "stretch"
    ):
        raise NotFollowedError("channels are resized")
    step.count(step.node.input[3], index, given.ids)
    return [given]


def space_to_depth(step: Step) -> Found:
    """Places become channels: all channels again for each place of a block."""
    given = step.first(1)
    return [Channels(1, np.tile(given.ids, step.attributes["blocksize"] ** 2))]


def depth_to_space(step: Step) -> Found:
    """Channels become places: those that become one channel are coupled."""
    given, block = step.first(1), step.attributes["blocksize"] ** 2
    deep_first = step.attributes.get("mode", "DCR") == "DCR"
    rows = given.ids.reshape(block, -1) if deep_first else given.ids.reshape(-1, block).T
    for row in rows[1:]:
        step.coupling.join(rows[0], row)
    return [Channels(1, np.ascontiguousarray(rows[0]))]


def reshaped(source: Shape, target: Shape, given: Channels) -> Channels:
    """Where channels lie after a change of sizes.

    Raises:
        NotFollowedError: they do not end as whole places of one axis.
    """
    for before, after in _factors(source, target):
        if given.axis not in before:
            continue
        sizes = [source[axis] or 0 for axis in before]
        shape = [1] * len(before)
        shape[before.index(given.axis)] = len(given.ids)
        table = np.broadcast_to(given.ids.reshape(shape), sizes).reshape([target[axis] or 0 for axis in after])
        for k, axis in enumerate(after):
            rows = np.moveaxis(table, k, 0).reshape(table.shape[k], -1)
            if (rows == rows[:, :1]).all():
                return Channels(axis, np.ascontiguousarray(rows[:, 0]))
    raise NotFollowedError("channels are mixed with other axes")


def _factors(source: Shape, target: Shape) -> list[tuple[list[int], list[int]]]:
    """Runs of axes that hold the same values before and after; an open size is its own run, first of all axes."""
    found = []
    i = j = 0
    if source and target and source[0] is None and target[0] is None:
        i = j = 1
    if None in source[i:] or None in target[j:]:
        raise NotFollowedError("open sizes")
    while i < len(source) and j < len(target):
        before, after = [i], [j]
        a, b = source[i] or 0, target[j] or 0
        while a != b:
            if a < b and before[-1] + 1 < len(source):
                before.append(before[-1] + 1)
                a *= source[before[-1]] or 0
            elif b < a and after[-1] + 1 < len(target):
                after.append(after[-1] + 1)
                b *= target[after[-1]] or 0
            else:
                raise NotFollowedError("sizes that do not match")
        found.append((before, after))
        i, j = before[-1] + 1, after[-1] + 1
    if any(size != 1 for size in (*source[i:], *target[j:])):
        raise NotFollowedError("sizes that do not match")
    return found


def _row(step: Step, name: str, channels: Channels | None, axis: int) -> Ids:
    if channels is not None:
        return channels.ids
    size = step.shape(name)[axis]
    if size is None:
        raise NotFollowedError("an open size")
    return np.full(size, FIXED, np.int64)


MOVEMENT: Mapping[str, Callable[[Step], Sequence[Channels | None]]] = {
    "Concat": concat,
    "DepthToSpace": depth_to_space,
    "Flatten": flatten,
    "Gather": gather,
    "Pad": pad,
    "Reshape": reshape,
    "Resize": resize,
    "Slice": slices,
    "SpaceToDepth": space_to_depth,
    "Split": split,
    "Squeeze": squeeze,
    "Transpose": transpose,
    "Unsqueeze": unsqueeze,
}
"""By operator."""
