"""The table of back ends: names to import strings, so that nothing of a vendor is imported before it is chosen."""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from edge.engines.base import Backend, Engine, EngineOptions, Loader, Unsupported
from edge.errors import MissingError, ModelError, UserError
from edge.paths import is_file


@dataclass(frozen=True, slots=True)
class Row:
    """One back end of the table.

    module: where its `load` and `devices` are; None while it is yet to come
    packages: import name and distribution of what it needs, any one of them
    """

    module: str | None
    packages: tuple[tuple[str, str], ...]
    suffixes: tuple[str, ...]
    install: str


LATER = "comes with a later release of edge-runtime"
TABLE = {
    "onnxruntime": Row(
        "edge.engines.onnxruntime",
        (("onnxruntime", "onnxruntime"), ("onnxruntime", "onnxruntime-gpu"), ("onnxruntime", "onnxruntime-openvino")),
        (".onnx", ".ort"),
        "pip install 'edge-runtime[onnx]'",
    ),
    "tflite": Row(
        "edge.engines.tflite",
        (("ai_edge_litert", "ai-edge-litert"), ("tflite_runtime", "tflite-runtime")),
        (".tflite",),
        "pip install 'edge-runtime[tflite]'",
    ),
    "openvino": Row(
        "edge.engines.openvino",
        (("openvino", "openvino"),),
        (".xml", ".onnx", ".tflite", ".pb"),
        "pip install 'edge-runtime[openvino]'",
    ),
    "tensorrt": Row(None, (), (".engine", ".onnx"), LATER),
    "movidius": Row(None, (), (".xml",), LATER),
    "kserve": Row(None, (), (), LATER),
    "reference": Row("edge.engines.reference", (("onnx", "onnx"),), (".onnx",), "pip install 'edge-runtime[tools]'"),
}
AUTO = ("tflite", "onnxruntime", "openvino")
"""Back ends that `auto` may take, those with the cheapest start first; the reference is for tests alone."""


def probe(name: str, *, devices: bool = False) -> Backend:
    """Whether a back end is here. Cheap unless `devices` are asked for: those need the package itself imported."""
    row = _row(name)
    if row.module is None:
        return Backend(name, False, None, (), LATER, row.install, row.suffixes)
    for module, distribution in row.packages:
        if importlib.util.find_spec(module) is None:
            continue
        try:
            version = importlib.metadata.version(distribution)
        except importlib.metadata.PackageNotFoundError:
            continue
        if not devices:
            return Backend(name, True, version, (), None, row.install, row.suffixes)
        found: Callable[[], tuple[str, ...]] = importlib.import_module(row.module).devices
        try:
            return Backend(name, True, version, found(), None, row.install, row.suffixes)
        except MissingError as fault:
            return Backend(name, False, version, (), str(fault), row.install, row.suffixes)
    wanted = " or ".join(dict.fromkeys(distribution for _, distribution in row.packages))
    return Backend(name, False, None, (), f"{wanted} is not installed", row.install, row.suffixes)


def choose(wanted: str | Sequence[str], suffix: str, preferred: Sequence[str] = ()) -> str:
    """The back end to load a file of this suffix with.

    Args:
        wanted: `auto`, a name, or names tried in order.
        suffix: of the model file, e.g. `.onnx`.
        preferred: what the manifest prefers; `auto` tries these, or all that read the suffix where it says nothing.

    Raises:
        MissingError: none of them is here; says how each is installed.
        ModelError: what was asked for does not read such files; says which do.
        UserError: no back end has this name.
    """
    if wanted == "auto" or list(wanted) == ["auto"]:
        names: Sequence[str] = tuple(preferred) or tuple(n for n in AUTO if suffix in TABLE[n].suffixes)
        if not names:
            raise ModelError(f"no engine reads {suffix or 'files without a suffix'}; known: {_known_suffixes()}")
    else:
        names = (wanted,) if isinstance(wanted, str) else tuple(wanted)
    reasons: list[str] = []
    unread: list[str] = []
    for name in names:
        here = probe(name)
        if not here.available:
            reasons.append(f"{name} {here.reason}" + ("" if here.reason == LATER else f" ({here.install})"))
        elif suffix not in here.suffixes:
            unread.append(f"{name} does not read {suffix} files{_others(suffix, name)}")
        else:
            return name
    if unread:
        raise ModelError("; ".join(unread))
    raise MissingError("no engine for this model: " + "; ".join(reasons))


def load(name: str, model: Path, options: EngineOptions | None = None) -> Engine:
    """Load a model file on a back end.

    Raises:
        MissingError: the back end, or the device asked for, is not on this machine.
        ModelError: the file is missing, is no model, or is one that this back end cannot run.
    """
    suffix = model.suffix.lower()
    module = TABLE[choose(name, suffix)].module
    if not is_file(model):
        raise ModelError(f"{model}: no such file")
    loader: Loader = importlib.import_module(str(module)).load
    try:
        return loader(model, options or EngineOptions())
    except Unsupported as fault:
        raise ModelError(f"{model}: {fault}{_others(suffix, name)}") from None


def _row(name: str) -> Row:
    row = TABLE.get(name)
    if row is None:
        raise UserError(f"no engine is called `{name}`; there are: {', '.join(TABLE)}")
    return row


def _others(suffix: str, name: str) -> str:
    others = [n for n, row in TABLE.items() if n in AUTO and n != name and suffix in row.suffixes]
    return f"; try --engine {' or '.join(others)}" if others else ""


def _known_suffixes() -> str:
    return ", ".join(sorted({suffix for row in TABLE.values() if row.module for suffix in row.suffixes}))
