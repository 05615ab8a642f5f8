"""Cold loads: a fresh process that unpacks a model into ONNX Runtime, against one that gives it the plain file."""

from __future__ import annotations

import hashlib
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.places import DATA, YOLOX
from bench.table import Missing, Row, at_most
from edge.models.catalogue import by_sha256
from edge.models.manifest import Manifest, parse_manifest
from edge.models.packed.coded import Origin
from edge.models.packed.pack import pack
from edge.models.packed.weight import Weight
from edge.tools import graph, squeezenet

ROUNDS = 15
SQUEEZENET = DATA / "models" / "compressed_SqueezeNet.net"
SQUEEZENET_MANIFEST = {
    "name": "squeezenet",
    "decoder": "classes",
    "labels": [str(number) for number in range(1000)],
    "input": {"name": "data", "width": 227, "height": 227, "layout": "NCHW", "dtype": "float32"},
    "outputs": {"scores": "prob"},
}
SAYS = """
print(time.perf_counter() - begun, open("/proc/self/status").read().split("VmHWM:")[1].split()[0], flush=True)
os._exit(0)
"""
BARE = """
import os, sys, time
import onnxruntime
begun = time.perf_counter()
settings = onnxruntime.SessionOptions()
settings.intra_op_num_threads = settings.inter_op_num_threads = 1
session = onnxruntime.InferenceSession(sys.argv[1], settings, providers=["CPUExecutionProvider"])
"""
OURS = """
import os, sys, time
from pathlib import Path
from edge.engines import registry
from edge.engines.base import EngineOptions
import edge.engines.onnxruntime, onnxruntime
begun = time.perf_counter()
engine = registry.load("onnxruntime", Path(sys.argv[1]), EngineOptions(threads=1))
"""
PACKED = """
import os, sys, time
from pathlib import Path
from edge.engines import registry
from edge.engines.base import EngineOptions
from edge.models.packed.read import read
import edge.engines.onnxruntime, onnxruntime
begun = time.perf_counter()
engine = registry.load("onnxruntime", read(Path(sys.argv[1])).unpacked(), EngineOptions(threads=1))
"""


@dataclass(frozen=True, slots=True)
class Cold:
    """One fresh process.

    ready_s: from its start until the session is there
    load_s: from the imports' end until then
    peak_mb: resident, at most
    """

    ready_s: float
    load_s: float
    peak_mb: float


def load() -> Iterator[Row]:
    """YOLOX-nano and SqueezeNet, packed without loss, in turn with their plain files; medians of the ratios."""
    if not YOLOX.is_file():
        raise Missing(f"{YOLOX.name} beside the checkout, in ../shared/data")
    with tempfile.TemporaryDirectory(prefix="edge-bench-") as name:
        folder = Path(name)
        yield from _rows("YOLOX-nano", YOLOX, _yolox(folder), folder)
        if not SQUEEZENET.is_file():
            raise Missing(f"{SQUEEZENET.name} beside the checkout, in ../shared/data")
        plain = folder / "squeezenet.onnx"
        model = squeezenet.load(SQUEEZENET)
        plain.write_bytes(graph.to_bytes(model))
        manifest = parse_manifest(SQUEEZENET_MANIFEST, SQUEEZENET)
        yield from _rows("SqueezeNet", plain, _packed(model, manifest, plain, folder), folder)


def _yolox(folder: Path) -> Path:
    known = by_sha256(hashlib.sha256(YOLOX.read_bytes()).hexdigest())
    if known is None:
        raise Missing("the YOLOX-nano that the catalogue knows")
    return _packed(graph.load(YOLOX), known.manifest, YOLOX, folder)


def _packed(model: Any, manifest: Manifest, plain: Path, folder: Path) -> Path:
    """A packed file of the same weights."""
    found = graph.weights(model)
    source = hashlib.sha256(plain.read_bytes()).hexdigest()
    weights = [Weight(name, array) for name, array in found.items()]
    file = folder / f"{plain.stem}.epk"
    file.write_bytes(pack("onnx", graph.skeleton(model, found), weights, manifest, Origin(source)))
    return file


def _rows(name: str, plain: Path, packed: Path, folder: Path) -> Iterator[Row]:
    ways = {"bare": (BARE, plain), "ours": (OURS, plain), "packed": (PACKED, packed)}
    found: dict[str, list[Cold]] = {way: [] for way in ways}
    for turn in range(ROUNDS + 1):
        for way, (code, model) in ways.items():
            cold = _cold(code, model, folder)
            if turn:  # the first one compiles Python's modules
                found[way].append(cold)
    pairs = list(zip(found["packed"], found["bare"], strict=True))
    what = f"cold load, {name}.epk over onnxruntime on the plain file"
    yield at_most(f"{what}, process to session", statistics.median(a.ready_s / b.ready_s for a, b in pairs), 1.5, " x")
    yield at_most(f"{what}, peak memory", statistics.median(a.peak_mb / b.peak_mb for a, b in pairs), 1.3, " x")
    own = statistics.median(a.ready_s / b.ready_s for a, b in zip(found["packed"], found["ours"], strict=True))
    yield Row(f"{name}.epk over the same engine on the plain file, process to session", f"{own:.3g} x")
    times = {way: statistics.median(cold.load_s for cold in colds) * 1e3 for way, colds in found.items()}
    yield Row(f"{name}, the load alone: packed, plain", f"{times['packed']:.0f} ms, {times['bare']:.0f} ms")


def _cold(code: str, model: Path, folder: Path) -> Cold:
    """Run a process up to the line that it prints; modules are compiled into a folder of the measurement's own."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment |= {"PYTHONPYCACHEPREFIX": str(folder / "compiled"), "PYTHONPATH": str(Path(__file__).parents[2])}
    begun = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, "-c", code + SAYS, model], stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert process.stdout is not None
        said = process.stdout.readline().split()
        ready = time.perf_counter() - begun
    if process.returncode or len(said) != 2:
        raise SystemExit(f"a process that loads {model.name} failed")
    return Cold(ready, float(said[0]), int(said[1]) / 1024)
