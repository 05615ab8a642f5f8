"""Opens the network that judges falls beside the rules: the one that is part of the package, or a file."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

from edge.engines.base import EngineOptions
from edge.engines.links import first
from edge.errors import EdgeError, ModelError
from edge.models.packed.read import read
from edge.models.store import Model
from edge.opening import links_of
from edge.posture.temporal import JOINTS, STEPS, Network

log = logging.getLogger(__name__)

FILE = Path(__file__).parent / "posture" / "temporal.epk"
"""Made by `edge train-posture`; part of the package, and so as trusted as its code."""
READERS = frozenset({"onnxruntime", "openvino", "reference"})
"""Back ends that need nothing but the file."""
_told: set[str] = set()


def open_network(
    path: Path = FILE, engine: str | Sequence[str] = "auto", options: EngineOptions | None = None
) -> Network:
    """Load a network that `edge train-posture` made.

    Raises:
        MissingError: no engine that runs it is on this machine.
        ModelError: the file is no packed model, or one of something else.
    """
    packed = read(path)
    runner = first(links_of(Model(path, packed.sha256, packed.manifest, packed), engine, options))
    fed, given = runner.inputs, runner.outputs
    if len(fed) != 1 or len(given) != 1 or fed[0].shape != (1, 3, JOINTS, STEPS) or given[0].shape[-1:] != (2,):
        runner.close()
        wanted = f"{JOINTS} joints at {STEPS} times"
        raise ModelError(f"{path}: does not judge falls: it takes other tensors than {wanted}, or gives no 2 chances")
    return Network(runner)


def network_or_none(engine: str = "") -> Network | None:
    """The package's own network; None where nothing runs it, which is said once: then rules judge alone.

    engine: that is in memory already, and is taken where it can run it
    """
    try:
        return open_network(engine=engine if engine in READERS else "auto", options=EngineOptions(threads=1))
    except EdgeError as fault:
        if str(fault) not in _told:
            _told.add(str(fault))
            log.warning("falls are judged by rules alone: %s", fault)
        return None
