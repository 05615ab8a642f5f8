"""A packed model tried out in a process of its own, which a hostile or a broken one can hang, fill or crash alone."""

from __future__ import annotations

from pathlib import Path

from edge import apart
from edge.models.packed.read import read
from edge.models.store import Model
from edge.opening import links_of, prove


def prove_apart(model: Model) -> None:
    """As `edge.opening.prove`, within bounds of time and memory; Ctrl-C ends it at any moment.

    Raises:
        ModelError: it took too long or too much memory, or took the process with it.
        EdgeError: as `prove`.
    """
    apart.tried(model.path, lambda: False, _prove, model.path)


def _prove(slow: apart.Slow, path: Path) -> None:
    """Try out a packed file, whose signature the parent has seen."""
    packed = read(path)
    model = Model(path, packed.sha256, packed.manifest, packed)
    if not all(link.quick() for link in links_of(model)):
        slow()
    prove(model)
