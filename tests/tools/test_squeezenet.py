"""The published compressed SqueezeNet."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import numpy as np
import pytest

from edge.errors import ModelError
from edge.models.store import find
from edge.tools import evaluate, graph, squeezenet
from edge.tools.samples import feeds
from tests.support.shared_data import IMAGES, MODELS, needs_data

FILE = MODELS / "compressed_SqueezeNet.net"


@needs_data
def test_it_knows_the_classes_of_photographs() -> None:
    manifest = find(str(FILE)).manifest
    model = graph.to_bytes(squeezenet.load(FILE))
    wanted = {"cat_720p.jpg": {281, 282, 285}, "parrot.jpg": {88}, "hot_dog.jpg": {934}}
    outputs = evaluate.run(model, [feeds(IMAGES / name, manifest)[0] for name in wanted])
    best = evaluate.best_classes(manifest, outputs)
    assert all(found in right for found, right in zip(best, wanted.values(), strict=True))


@needs_data
def test_the_layers_are_those_of_the_published_table() -> None:
    table = json.loads(FILE.with_suffix(".shapes.json").read_text())
    assert {layer.name: [*layer.shape, layer.stride, layer.pad] for layer in squeezenet.layers()} == table


def made_up(gap: int = 2) -> bytes:
    """A file of the format with ten weights in each layer, `gap` zeros before each."""
    random = np.random.default_rng(0)
    table = list(squeezenet.layers())
    parts = [struct.pack(f"<{len(table)}I", *[10] * len(table))]
    for layer in table:
        parts.append(random.standard_normal(256).astype("<f4").tobytes())
        parts.append(np.arange(layer.shape[0], dtype="<f4").tobytes())
        parts += [bytes(range(1, 11)), bytes([gap | gap << 4] * 5)]
    return b"".join(parts)


def test_gaps_count_the_zeros_between() -> None:
    weights = squeezenet.read(made_up())
    dense = weights["fire2/conv1x1_1.weight"].ravel()
    zero = dense[0]
    assert np.flatnonzero(dense != zero).tolist() == list(range(2, 32, 3))
    assert weights["conv_final.bias"].tolist() == list(range(1000))


@pytest.mark.parametrize("change", ["short", "long", "counts", "empty", "none"])
def test_other_content_is_one_line(change: str, tmp_path: Path) -> None:
    good = made_up()
    path = tmp_path / "other.net"
    contents = {
        "short": good[:-1],
        "long": good + b"\0",
        "counts": b"\xff" * 4 + good[4:],
        "empty": b"",
        "none": bytes(4) + good[4:],
    }
    path.write_bytes(contents[change])
    with pytest.raises(ModelError, match=r"other\.net: not the compressed SqueezeNet") as told:
        squeezenet.load(path)
    assert "\n" not in str(told.value)
