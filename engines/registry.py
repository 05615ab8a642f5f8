"""The table of back ends: names to import strings, so that nothing of a vendor is imported before it is chosen."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from edge.engines.base import (
    BUGS,
    Backend,
    Engine,
    EngineOptions,
    Loader,
    ModelFile,
    Unsupported,
    path_of,
    suffix_of,
)
from edge.engines.links import PassedOver, log_passed_over
from edge.errors import EdgeError, MissingError, ModelError, UserError
from edge.paths import is_file


@dataclass(frozen=True, slots=True)
class Row:
    """One back end of the table.

    module: where its `load` is (see `base.Loader`)
    packages: import name and distribution of what it needs, any one of them; empty where nothing is to be installed
        into this interpreter
    opens: what it leaves open where a model does: the number of pictures in a run (`batch`), their `sides`
    local: whether it reads the model's file; where not, the file need not be there and gives but its name
    """

    module: str
    packages: tuple[tuple[str, str], ...]
    suffixes: tuple[str, ...]
    install: str
    opens: tuple[str, ...] = ()
    local: bool = True


TABLE = {
    "onnxruntime": Row(
        "edge.engines.onnxruntime",
        (("onnxruntime", "onnxruntime"), ("onnxruntime", "onnxruntime-gpu"), ("onnxruntime", "onnxruntime-openvino")),
        (".onnx", ".ort"),
        "pip install 'edge-runtime[onnx]'",
        ("batch", "sides"),
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
        ("batch", "sides"),
    ),
    "tensorrt": Row(
        "edge.engines.tensorrt",
        tuple(("tensorrt", name) for name in ("tensorrt", "tensorrt-cu13", "tensorrt-cu12", "tensorrt-cu11")),
        (".onnx", ".engine"),
        "with JetPack: apt install python3-libnvinfer; elsewhere: pip install tensorrt",
        ("batch",),
    ),
    "movidius": Row(
        "edge.engines.movidius",
        (),
        (".xml", ".onnx"),
        "make a Python 3.6 to 3.9 with openvino==2021.4.2 and set engine.movidius.python to it",
    ),
    "kserve": Row(
        "edge.engines.kserve",
        (),
        (".onnx", ".ort", ".tflite", ".xml", ".pb", ".engine", ".toml"),
        "a server of the Open Inference Protocol v2, e.g. Triton",
        ("batch", "sides"),
        local=False,
    ),
    "reference": Row(
        "edge.engines.reference",
        (("onnx", "onnx"),),
        (".onnx",),
        "pip install 'edge-runtime[tools]'",
        ("batch", "sides"),
    ),
}
AUTO = ("tflite", "onnxruntime", "openvino")
"""Back ends that `auto` may take, those with the cheapest start first; the reference is for tests alone."""
PACKED, COMPRESSED = ".epk", ".net"
"""A packed model, which any back end loads that reads what is in it; and what can be made one, and is read by none."""
REMOTE, MANIFEST = "kserve", ".toml"
"""A manifest without a model file beside it describes a model that only a server has."""


def probe(name: str, options: EngineOptions | None = None, *, devices: bool = False) -> Backend:
    """Whether a back end is here. Cheap unless `devices` are asked for: those need the package itself imported, or the
    server or child asked.

    Args:
        options: what the user set, for back ends that want something set.
    """
    row, options = _row(name), options or EngineOptions()
    version, reason = _installed(row, options)
    if reason is not None or not devices:
        return Backend(name, reason is None, version, (), reason, row.install, row.suffixes)
    module = importlib.import_module(row.module)
    found: tuple[str, ...] = ()
    try:
        if row.packages:
            found = module.devices(options)
        else:
            version, found = module.look(options)
    except MissingError as fault:
        reason = str(fault)
    return Backend(name, reason is None, version, found, reason, row.install, row.suffixes)


def _installed(row: Row, options: EngineOptions) -> tuple[str | None, str | None]:
    """The version of a back end's package, and what is missing; neither imports a vendor."""
    import importlib.metadata  # 40 ms, which who only loads a model does not wait for

    if not row.packages:
        unset: Callable[[EngineOptions], str | None] = importlib.import_module(row.module).unset
        return None, unset(options)
    for module, distribution in row.packages:
        if importlib.util.find_spec(module) is None:
            continue
        try:
            return importlib.metadata.version(distribution), None
        except importlib.metadata.PackageNotFoundError:
            continue
    return None, f"{row.packages[0][1]} is not installed"


def _lacking(row: Row, options: EngineOptions) -> str | None:
    """What is missing, without asking for versions where a package has a file here."""
    specs = [importlib.util.find_spec(module) for module, _ in row.packages]
    if any(spec is not None and spec.origin is not None for spec in specs):
        return None
    return _installed(row, options)[1]


def usable(
    wanted: str | Sequence[str],
    suffix: str,
    preferred: Sequence[str] = (),
    options: EngineOptions | None = None,
    passed_over: PassedOver = log_passed_over,
) -> tuple[str, ...]:
    """The back ends that can load a file of this suffix, in the order in which they were asked for; at least one.

    Args:
        wanted: `auto`, a name, or names in order.
        suffix: of the model file, e.g. `.onnx`.
        preferred: what the manifest prefers; `auto` takes the first of these that is here, or of all that read the
            suffix where it says nothing.
        options: what the user set, for back ends that want something set.
        passed_over: told of those that were asked for and cannot, where others can.

    Raises:
        MissingError: none of them is here; says how each is installed.
        ModelError: what was asked for does not read such files; says which do.
        UserError: no back end has this name.
    """
    auto = wanted == "auto" or list(wanted) == ["auto"]
    if auto:
        names: Sequence[str] = tuple(preferred) or tuple(_reading(suffix))
        if not names:
            raise _unread(suffix)
    else:
        names = (wanted,) if isinstance(wanted, str) else tuple(dict.fromkeys(wanted))
    here: list[str] = []
    reasons: list[str] = []
    unread: list[str] = []
    for name in names:
        row = _row(name)
        lacking = _lacking(row, options or EngineOptions())
        if lacking is not None:
            reasons.append(f"{name}: {lacking} ({row.install})")
        elif suffix not in row.suffixes:
            unread.append(f"{name} does not read {suffix} files{_others(suffix, name)}")
        else:
            here.append(name)
    if here:
        for reason in [] if auto else [*reasons, *unread]:
            passed_over(reason)
        return tuple(here[:1] if auto else here)
    if unread:
        raise ModelError("; ".join(unread))
    raise MissingError("no engine for this model: " + "; ".join(reasons))


def choose(
    wanted: str | Sequence[str], suffix: str, preferred: Sequence[str] = (), options: EngineOptions | None = None
) -> str:
    """The first of the back ends that `usable` finds; raises as it does."""
    return usable(wanted, suffix, preferred, options)[0]


def load(name: str, model: ModelFile, options: EngineOptions | None = None) -> Engine:
    """Load a model, a plain file or one that is unpacked, on a back end.

    Raises:
        MissingError: the back end, or the device asked for, is not on this machine.
        ModelError: the file is missing, is no model, or is one that this back end cannot run.
    """
    suffix, path = suffix_of(model), path_of(model)
    options = options or EngineOptions()
    row = TABLE[choose(name, suffix, options=options)]
    if row.local and model is path and not is_file(path):
        raise ModelError(f"{path}: no such file")
    loader: Loader = importlib.import_module(row.module).load
    try:
        return loader(model, options)
    except Unsupported as fault:
        raise ModelError(f"{path}: {fault}{_others(suffix, name)}") from None


def quick(name: str, model: ModelFile, options: EngineOptions) -> bool:
    """Whether a back end that is here loads this model in seconds; one that has to build it first takes minutes."""
    module = importlib.import_module(_row(name).module)
    said: Callable[[ModelFile, EngineOptions], bool] = getattr(module, "quick", lambda model, options: True)
    try:
        return said(model, options)
    except (EdgeError, *BUGS):
        return True  # what is wrong, loading tells


def _row(name: str) -> Row:
    row = TABLE.get(name)
    if row is None:
        raise UserError(f"no engine is called `{name}`; there are: {', '.join(TABLE)}")
    return row


def _reading(suffix: str) -> list[str]:
    """What `auto` may take for a file: of the usual ones, else what reads it, a server for a manifest alone."""
    usual = [name for name in AUTO if suffix in TABLE[name].suffixes]
    here = [name for name, row in TABLE.items() if row.local and suffix in row.suffixes]
    return usual or here or ([REMOTE] if suffix == MANIFEST else [])


def _others(suffix: str, name: str) -> str:
    others = [n for n, row in TABLE.items() if n in AUTO and n != name and suffix in row.suffixes]
    return f"; try {' or '.join(others)}" if others else ""


def check_suffix(suffix: str) -> None:
    """ModelError for a file type that no back end reads, here or elsewhere."""
    if not any(suffix in row.suffixes for row in TABLE.values()):
        raise _unread(suffix)


def _unread(suffix: str) -> ModelError:
    known = ", ".join(sorted({PACKED, *(suffix for row in TABLE.values() for suffix in row.suffixes)}))
    how = f"; `edge compress` makes an {PACKED} of it" if suffix == COMPRESSED else ""
    return ModelError(f"no engine reads {suffix or 'files without a suffix'}; known: {known}{how}")
