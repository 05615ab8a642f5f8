"""What another back end calls the tensors of a model."""

from __future__ import annotations

from collections.abc import Sequence

from edge.engines.base import TensorSpec


def names_of(wanted: Sequence[TensorSpec], have: Sequence[TensorSpec]) -> dict[str, str] | None:
    """What another back end calls the wanted tensors, those left out that it calls the same; None if it lacks one.

    Names differ between converters: an alias will do, and where no name fits, being the only one left of its type and
    shape. Two that could be taken for one another are never guessed.
    """
    left = list(have)
    called: dict[str, str] = {}
    for spec in sorted(wanted, key=lambda spec: not _named(spec, left)):
        fitting = [one for one in left if one.dtype == spec.dtype and _alike(spec.shape, one.shape)]
        named = _named(spec, left)
        found = named if named in fitting else fitting[0] if not named and len(fitting) == 1 else None
        if found is None:
            return None
        left.remove(found)
        if found.name != spec.name:
            called[spec.name] = found.name
    return called


def _named(spec: TensorSpec, among: Sequence[TensorSpec]) -> TensorSpec | None:
    """The tensor of this name, else the one that shares a further name."""
    same = next((one for one in among if one.name == spec.name), None)
    return same or next((one for one in among if {spec.name, *spec.aliases} & {one.name, *one.aliases}), None)


def _alike(first: tuple[int | None, ...], second: tuple[int | None, ...]) -> bool:
    """Whether two back ends may mean the same shape; one that knows it only after a run says an empty one."""
    if not first or not second:
        return True
    pairs = zip(first, second, strict=False)
    return len(first) == len(second) and all(None in pair or pair[0] == pair[1] for pair in pairs)
