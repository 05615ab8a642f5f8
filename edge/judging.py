"""Opens the network that judges falls beside the rules: the one that is part of the package, or a file."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from edge.engines.base import EngineOptions, Runner
from edge.engines.links import first
from edge.errors import EdgeError, EngineError, ModelError
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
    """Load a network that `edge train-posture` made, and try it on joints that nobody sees.

    Raises:
        MissingError: no engine that runs it is on this machine.
        ModelError: the file is no packed model, one of something else, or what it gives is no chance.
    """
    packed = read(path)
    runner = first(links_of(Model(path, packed.sha256, packed.manifest, packed), engine, options))
    try:
        return _tried(path, runner)
    except EdgeError:
        runner.close()
        raise


def _tried(path: Path, runner: Runner) -> Network:
    fed, given = runner.inputs, runner.outputs
    if len(fed) != 1 or len(given) != 1 or fed[0].shape != (1, 3, JOINTS, STEPS) or given[0].shape[-1:] != (2,):
        wanted = f"{JOINTS} joints at {STEPS} times"
        raise ModelError(f"{path}: does not judge falls: it takes other tensors than {wanted}, or gives no 2 chances")
    network = Network(runner)
    try:
        network(np.zeros((1, 3, JOINTS, STEPS), np.float32))
    except EngineError as fault:
        raise ModelError(f"{path}: does not judge falls: {fault}") from None
    return network


def network_or_none(engine: str = "", path: Path | None = None) -> Network | None:
    """The network that judges falls; None where nothing on this machine runs it, which is said once: then rules judge
    alone.

    Args:
        engine: that is in memory already, and is taken where it can run it
        path: of a file of the user's own; None takes the package's

    Raises:
        ModelError: the user's own file is no such network.
    """
    try:
        return open_network(path or FILE, engine if engine in READERS else "auto", EngineOptions(threads=1))
    except EdgeError as fault:
        if path is not None and isinstance(fault, ModelError):
            raise
        if str(fault) not in _told:
            _told.add(str(fault))
            log.warning("falls are judged by rules alone: %s", fault)
        return None
