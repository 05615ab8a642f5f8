"""Sizes of whole files as the runtime loads them, without labels; brotli and zstd on the same weights beside them.

Nothing here is random but the choice of pictures (seed 0 of `edge.tools.samples`, and of `bench.compression.pictures`)
and of the places that layers are looked at (seed 0 of `edge.tools.layers`); two runs on one machine write the same
bytes, unless the timing of integer variants comes out differently.
"""

from __future__ import annotations

import importlib
import importlib.util
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.compression import pictures
from bench.places import DATA, YOLOX
from bench.table import Missing, Row
from edge.models.packed.read import read
from edge.models.store import find
from edge.tools import evaluate, graph, squeezenet
from edge.tools.compress import compress, packed
from edge.tools.samples import feeds
from edge.tools.settings import Settings

NET = DATA / "models" / "compressed_SqueezeNet.net"
IMAGES = DATA / "images"
LOSSLESS, LOSSY = 548_000, 470_000
EACH = 256
"""Pictures of the footage, of the falls and drawn ones each, to fit the lossy SqueezeNet on and to judge it by."""
PASSES = 4
"""Over the pictures, while its codes are tuned."""


def identical() -> Iterator[Row]:
    """The published compressed SqueezeNet, re-coded without changing a weight, and read back."""
    found = _found(NET)
    made = compress(found, Settings())
    content = packed(made)
    with tempfile.TemporaryDirectory(prefix="edge-bench-") as name:
        path = Path(name) / "s.epk"
        path.write_bytes(content)
        back = graph.load(read(path).plain(), 0)
    held = {tensor.name: _array(tensor) for tensor in back.graph.initializer}
    original = squeezenet.read(NET.read_bytes())
    same = all(np.array_equal(held[key].view(np.uint32), array.view(np.uint32)) for key, array in original.items())
    size = len(content)
    yield Row(
        "SqueezeNet, identical weights, published 675,763 B",
        f"{size:,} B{'' if same else ', weights differ'}",
        f"<= {LOSSLESS:,} B",
        same and size <= LOSSLESS,
    )
    yield from _general("SqueezeNet's weights as float32", list(original.values()))
    yield from _codecs("the published file itself", NET.read_bytes())


def lossy() -> Iterator[Row]:
    """The same on 6-bit grids, fitted to the size, then tuned without labels (`edge.tools.train.tune`).

    On pictures of the clips in ../shared/data and drawn ones (seed 0); every setting was chosen on others of these. The
    nine photographs that the figure is of are not calibrated on. They were looked at three times: before there was
    tuning, with it, and since files have become 2 KB smaller, so that grids are finer.
    """
    if importlib.util.find_spec("torch") is None:
        raise Missing("torch: pip install 'edge-runtime[train]'")
    found = _found(NET)
    groups = [sorted((DATA / name).glob("*.mp4")) for name in ("footage", "falls")]
    if not all(groups):
        raise Missing("clips in footage and falls beside the checkout, in ../shared/data")
    with tempfile.TemporaryDirectory(prefix="edge-bench-") as name:
        folder = Path(name) / "pictures"
        folder.mkdir()
        pictures.write(folder, groups, EACH)
        wanted = Settings(
            quantize="int6", calibrate=folder, max_bytes=LOSSY, metric="cosine", pictures=3 * EACH, tune=PASSES
        )
        made = compress(found, wanted)
        path = Path(name) / "s.epk"
        path.write_bytes(packed(made))
        size, plain = path.stat().st_size, read(path).plain()
    assert made.source.model is not None
    shown = feeds(IMAGES, found.manifest)
    truth = evaluate.run(graph.to_bytes(made.source.model), shown)
    given = evaluate.run(plain, shown)
    each = [evaluate.cosine(a["prob"], b["prob"]) for a, b in zip(truth, given, strict=True)]
    mean = float(np.mean(each))
    agree = evaluate.quality(found.manifest, truth, given, metric="top1").value
    what = f"{size:,} B, cosine {mean:.5f} (worst picture {min(each):.4f}), top-1 as before {agree:.0%}"
    wanted_text = f"<= {LOSSY:,} B at a cosine >= 0.999"
    yield Row("SqueezeNet, lossy, published 0.47 MB", what, wanted_text, size <= LOSSY and mean >= 0.999)
    errors = [f"{1 - step.quality.value:.5f}" for step in made.steps if step.quality is not None]
    yield Row("the same on other pictures of the clips, 1 - cosine, step by step", ", ".join(errors))


def detector() -> Iterator[Row]:
    """YOLOX-nano, int8 without training, as the acceptance check makes it."""
    found = _found(YOLOX)
    clip = DATA / "footage" / "vtest_A.mp4"
    if not clip.is_file():
        raise Missing(f"footage {clip.name} beside the checkout, in ../shared/data")
    made = compress(found, Settings(quantize="int8", calibrate=clip))
    size, before = len(packed(made)), YOLOX.stat().st_size
    quality = made.steps[-1].quality
    assert quality is not None
    what = f"{before / size:.2f} x ({size:,} B), mAP {quality.value:.3f} of the original's own on unseen frames"
    yield Row("YOLOX-nano, int8, no training, under fp32", what, ">= 4.5 x", before / size >= 4.5)
    if made.choice is not None:
        name, engine = made.choice.fastest
        yield Row("YOLOX-nano, fastest here", f"{name} on {engine}")
    yield from _general("YOLOX-nano's weights as float32", [_array(one) for one in graph.load(YOLOX).graph.initializer])
    codes = [weight.grid.codes.astype(np.int8) for weight in made.weights if weight.grid is not None]
    yield from _general("YOLOX-nano's codes as int8", codes)


def _found(path: Path) -> Any:
    if not path.is_file():
        raise Missing(f"model {path.name} beside the checkout, in ../shared/data")
    return find(str(path))


def _general(what: str, arrays: list[NDArray[Any]]) -> Iterator[Row]:
    yield from _codecs(what, b"".join(array.tobytes() for array in arrays))


def _codecs(what: str, content: bytes) -> Iterator[Row]:
    """General coders on the same bytes, where their packages are here."""
    for package, name, level in (("brotli", "brotli-11", 11), ("zstandard", "zstd-19", 19)):
        try:
            coder = importlib.import_module(package)
        except ImportError:
            yield Row(f"{what}, {name}", f"left out: pip install {package}")
            continue
        if package == "brotli":
            size = len(coder.compress(content, quality=level))
        else:
            size = len(coder.ZstdCompressor(level=level).compress(content))
        yield Row(f"{what}, {name}", f"{size:,} B")


def _array(tensor: Any) -> NDArray[Any]:
    array: NDArray[Any] = importlib.import_module("onnx").numpy_helper.to_array(tensor)
    return array
