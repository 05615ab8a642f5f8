"""From a model and data to a packed file: filters cut, the net trained, the file measured on its own engine."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from edge.engines import registry
from edge.engines.base import Engine, EngineOptions
from edge.errors import ModelError, UserError
from edge.models.manifest import Manifest
from edge.models.packed.read import read
from edge.models.store import find
from edge.paths import is_file
from edge.tools import graph
from edge.tools.filters.prune import prune_filters
from edge.tools.quantize.net import prepared
from edge.tools.train import architectures
from edge.tools.train.data import Data, Samples, feed, split
from edge.tools.train.fit import Epoch, Fitted, fit
from edge.tools.train.interpret import read_net
from edge.tools.train.recipe import Recipe
from edge.tools.train.write import packed, plain_bytes, written

if TYPE_CHECKING:
    from onnx import ModelProto

AT_ONCE = 500
CALIBRATED = 64
"""Training samples that say which filters matter."""


@dataclass(frozen=True, slots=True)
class Source:
    """A network to be trained.

    sha256: of its plain file, lower-case hex
    trained: whether its weights know something; those of a built-in architecture are random
    """

    model: ModelProto
    manifest: Manifest
    sha256: str
    trained: bool

    @property
    def sample(self) -> tuple[int, ...]:
        """The shape of one sample at its input."""
        sides = self.model.graph.input[0].type.tensor_type.shape.dim
        return tuple(side.dim_value for side in sides)[1:]


@dataclass(frozen=True, slots=True)
class Made:
    """A packed file and what it was made of.

    content: the whole file
    plain: bytes of the weights before, uncompressed
    model: the trained model as a plain one
    error: of the packed file on the test samples, run by an engine; None where the data have none
    """

    content: bytes
    plain: int
    model: ModelProto
    fitted: Fitted
    error: float | None

    @property
    def ratio(self) -> float:
        """How many times smaller the file is than the weights were."""
        return self.plain / len(self.content)


def source(name: str, seed: int, manifest: Path | None = None) -> Source:
    """A built-in architecture by name, or a model as every command takes it, its batch norms folded.

    Raises:
        ModelError: no such model, or none that can be trained.
        MissingError: the package onnx is not here, or a known model's file.
    """
    if name in architectures.TABLE:
        model = architectures.build(name, seed)
        digest = hashlib.sha256(graph.to_bytes(model)).hexdigest()
        return Source(model, architectures.manifest(name), digest, trained=False)
    try:
        found = find(name, manifest)
    except ModelError as fault:
        if is_file(Path(name)):
            raise
        raise ModelError(f"{fault}; built in are {', '.join(architectures.TABLE)}") from None
    if found.path.suffix.lower() != ".onnx":
        raise ModelError(f"{found.path}: only ONNX models are trained; {', '.join(architectures.TABLE)} are built in")
    made = Source(prepared(graph.load(found.path)).model(), found.manifest, found.sha256, trained=True)
    if not made.sample or not all(made.sample):
        raise ModelError(f"{found.path}: its input has open sides beside the batch; export it with fixed ones")
    return made


def make(
    given: Source,
    data: Data,
    recipe: Recipe,
    ratio: float = 0.0,
    filters: float = 0.0,
    tell: Callable[[str, Epoch], None] = lambda phase, epoch: None,
    progress: Callable[[float], None] = lambda part: None,
) -> Made:
    """Train a network through filter pruning, pruning and sharing, and pack it.

    A network without weights that is to lose filters or to be distilled is trained as it is first, with the same
    recipe, for half as many epochs. The test samples are looked at once, at the end.

    Args:
        ratio: how many times smaller the file is to be than the weights are; 0: the recipe's density counts.
        filters: the share of multiply-accumulates to save by cutting filters.
        tell: told of each epoch, and in a word what it is for.
        progress: told the part done of the present phase, 0..1.

    Raises:
        UserError: a ratio that cannot be reached.
        ModelError: the model and the data do not fit one another, or it has an operator that cannot be trained.
    """
    net, model = read_net(given.model), given.model
    plain = plain_bytes(model)
    teacher = net if given.trained else None
    if not given.trained and (filters or recipe.distil):
        plainly = replace(recipe, epochs=max(1, recipe.epochs // 2), density=1.0, limit=0, bits=0, distil=0.0)
        known = fit(net, data.train, given.manifest, plainly, None, lambda epoch: tell("first", epoch), progress)
        net = teacher = replace(net, weights=known.weights)
        model = written(model, known.weights)
    if filters:
        model = prune_filters(model, filters, _feeds(data.train, given.manifest, recipe)).model
        net = read_net(model)
    if ratio:
        recipe = replace(recipe, limit=_limit(model, given, plain, ratio))
    fitted = fit(net, data.train, given.manifest, recipe, teacher, lambda epoch: tell("compress", epoch), progress)
    model = written(model, fitted.weights)
    report = {"validation_error": round(fitted.chosen.error, 6), "epochs": recipe.epochs, "seed": recipe.seed}
    content = packed(model, given.manifest, given.sha256, report)
    error = None if data.test is None else error_of(content, data.test, given.manifest, recipe.threads)
    return Made(content, plain, model, fitted, error)


def error_of(content: bytes, samples: Samples, manifest: Manifest, threads: int = 1) -> float:
    """Share of samples that a packed file puts into a wrong class, run by ONNX Runtime from the file itself."""
    wrong = 0
    with _loaded(content, threads) as engine:
        wanted = engine.inputs[0]
        at_once = wanted.shape[0] or AT_ONCE
        for begin in range(0, len(samples), at_once):
            fed = feed(samples.pixels[begin : begin + at_once], manifest)
            scores = engine.run({wanted.name: fed})[engine.outputs[0].name]
            told = scores.reshape(len(fed), -1).argmax(1)
            wrong += int((told != samples.labels[begin : begin + at_once]).sum())
    return wrong / len(samples)


@contextmanager
def _loaded(content: bytes, threads: int) -> Iterator[Engine]:
    with tempfile.TemporaryDirectory(prefix="edge-train-") as folder:
        path = Path(folder) / "model.epk"
        path.write_bytes(content)
        with closing(registry.load("onnxruntime", read(path).unpacked(), EngineOptions(threads=threads))) as engine:
            yield engine


def _feeds(samples: Samples, manifest: Manifest, recipe: Recipe) -> list[dict[str, NDArray[np.float32]]]:
    """Some training samples, none of the validation split, as the model is fed them."""
    train, _ = split(samples, recipe.validation, recipe.seed)
    fed = feed(train.pixels[:CALIBRATED], manifest)
    return [{manifest.input.name: fed[k : k + 1]} for k in range(len(fed))]


def _limit(model: ModelProto, given: Source, plain: int, ratio: float) -> int:
    """Bytes for the weights of a file that is so many times smaller: what is left beside an empty model's."""
    empty = {name: np.zeros_like(array) for name, array in graph.weights(model).items()}
    least = len(packed(graph.replace(model, empty), given.manifest, given.sha256, {}))
    limit = int(plain / ratio) - least
    if limit <= 0:
        raise UserError(f"a file {ratio:g} times smaller has {plain / ratio:.0f} bytes; without weights it is {least}")
    return limit
