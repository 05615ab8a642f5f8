"""A packed file gives back every tensor bit for bit, is small, and is refused as soon as a bit of it differs."""

from __future__ import annotations

import hashlib
import tracemalloc
from collections.abc import Sequence
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from bench.compression.hostile import samples, tried
from edge.errors import ModelError, UserError
from edge.models.manifest import Manifest, parse_manifest
from edge.models.packed import cells, codecs, tables, values
from edge.models.packed.bits import Cursor
from edge.models.packed.coded import Origin
from edge.models.packed.container import resign
from edge.models.packed.dictionary import DICTIONARY
from edge.models.packed.pack import pack
from edge.models.packed.read import Packed, parse, read
from edge.models.packed.signing import signer
from edge.models.packed.values import keys, mini
from edge.models.packed.weight import Grid, Weight

MANIFEST = parse_manifest(
    {
        "name": "net",
        "task": "classify",
        "decoder": "classes",
        "labels": ["a", "b"],
        "input": {"name": "x", "width": 28, "height": 32, "layout": "NCHW", "colour": "GRAY", "dtype": "float32"},
        "outputs": {"scores": "y"},
        "quantized": {"scores": [0.25, 3]},
        "batch": 4,
    },
    Path("net.toml"),
)
ORIGIN = Origin("0" * 64, 3, {"accuracy": 0.99})
DTYPES = ("float32", "float16", "int8", "uint8", "int16", "int32", "int64", "bool")
SHAPES = arrays.array_shapes(min_dims=1, max_dims=4, max_side=9)


def packed(weights: Sequence[Weight], manifest: Manifest = MANIFEST) -> Packed:
    """In a carrier that leaves nothing out but its weights."""
    placed, at = [], 0
    for weight in weights:
        placed.append(replace(weight, at=at))
        at += weight.array.nbytes
    return parse(pack("tflite", b"", placed, manifest, ORIGIN, size=at), Path("net.epk"))


def same(got: NDArray[Any], wanted: NDArray[Any]) -> bool:
    return got.dtype == wanted.dtype and got.shape == wanted.shape and got.tobytes() == wanted.tobytes()


@settings(deadline=None)
@given(
    st.sampled_from(DTYPES).flatmap(
        lambda dtype: st.lists(arrays.arrays(dtype, SHAPES, fill=st.nothing()), min_size=1, max_size=3)
    )
)
def test_any_tensors_come_back_bit_for_bit(given_: list[NDArray[Any]]) -> None:
    made = packed([Weight(f"w{k}", array) for k, array in enumerate(given_)])
    for (_, got), wanted in zip(made.weights(), given_, strict=True):
        assert same(got, wanted)
    made.check()
    assert made.plain() == b"".join(array.tobytes() for array in given_)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 999), st.sampled_from([(40, 50), (16, 8, 3, 3), (6, 3, 5, 5), (2000,), (3, 1, 1, 7, 7)]),
       st.floats(0, 1), st.integers(1, 300), st.booleans())  # fmt: skip
def test_pruned_and_shared_tensors_come_back(
    seed: int, shape: tuple[int, ...], density: float, centroids: int, by_channel: bool
) -> None:
    draw = np.random.default_rng(seed)
    book = draw.normal(size=centroids).astype(np.float32)
    wide = draw.random((shape[0], *[1] * (len(shape) - 1))) if by_channel else 1.0
    array = np.where(draw.random(shape) < density * wide, draw.choice(book, shape), np.float32(0))
    made = packed([Weight("w", array)])
    assert same(dict(made.weights())["w"], array)
    made.check()


@settings(deadline=None)
@given(
    st.integers(0, 999),
    st.sampled_from(["float32", "float16"]),
    st.integers(1, 127),
    st.sampled_from(["one", "mini", "half", "single"]),
    st.integers(0, 1),
)
def test_values_on_a_grid_come_back(seed: int, dtype: str, most: int, kind: str, axis: int) -> None:
    draw = np.random.default_rng(seed)
    codes = draw.integers(-most, most + 1, (12, 20)).astype(np.int16)
    scales = np.exp(draw.normal(size=1 if kind == "one" else (12, 20)[axis])).astype(np.float32)
    scales = {"mini": mini(scales), "half": scales.astype(np.float16).astype(np.float32)}.get(kind, scales)
    grid = Grid(codes, scales, axis)
    array = grid.values().astype(dtype)
    made = packed([Weight("w", array, grid)])
    assert same(dict(made.weights())["w"], array)


@given(arrays.arrays(np.float32, 8, elements=st.floats(2.0**-20, 2.0**20, width=32)))
def test_a_byte_for_a_scale_rounds_it_up_and_by_a_sixteenth_at_most(scales: NDArray[np.float32]) -> None:
    rounded = mini(scales)
    assert (rounded >= scales).all()
    near = scales >= scales.max() * 2.0**-13
    assert (rounded[near] <= scales[near] * 1.0626).all()


@given(arrays.arrays(np.float32, 20, elements=st.floats(width=32, allow_nan=False, allow_infinity=False)))
def test_keys_are_in_the_order_of_the_values(values: NDArray[np.float32]) -> None:
    ordered = values[np.argsort(keys(values), kind="stable")]
    assert (np.diff(ordered.astype(np.float64)) >= 0).all()


def test_tensors_are_as_small_as_their_information() -> None:
    draw = np.random.default_rng(0)
    pruned = np.where(
        draw.random((500, 800)) < 0.02, draw.choice(np.float32([-2, -1, 1, 2]), (500, 800)), np.float32(0)
    )
    codes = np.round(draw.normal(0, 8, (64, 64, 3, 3))).astype(np.int16)
    grid = Grid(codes, mini(draw.uniform(0.01, 0.1, 64).astype(np.float32)))
    made = packed([Weight("pruned", pruned), Weight("grid", grid.values(), grid)])
    sparse, dense = made.tensors
    share = np.bincount((codes - codes.min()).ravel()) / codes.size
    entropy = -(share[share > 0] * np.log2(share[share > 0])).sum()
    assert sparse.codec == "sparse"
    assert sparse.bytes * 8 < pruned.size * (0.1415 + 0.02 * 2) * 1.03
    assert dense.codec == "grid"
    assert dense.bits_per_weight < 1.02 * entropy + 8 * 64 / codes.size


def test_channels_of_unlike_distributions_have_tables_of_their_own() -> None:
    draw = np.random.default_rng(0)
    wide = draw.integers(-60, 61, (32, 400))
    narrow = draw.integers(-2, 3, (32, 400))
    mixed = np.where(np.arange(32)[:, None] % 3 == 0, wide, narrow).astype(np.int8)
    size = packed([Weight("w", mixed)]).tensors[0].bytes
    assert size * 8 < 1.05 * 400 * (11 * np.log2(121) + 21 * np.log2(5)) + 2000


def test_the_manifest_and_the_origin_come_back() -> None:
    made = packed([Weight("w", np.zeros((9, 9), np.float32))])
    assert made.manifest == MANIFEST
    assert (made.origin, made.carrier, made.suffix) == (ORIGIN, "tflite", ".tflite")
    assert made.key is None


def test_a_file_says_how_much_memory_it_takes_and_takes_no_more() -> None:
    draw = np.random.default_rng(0)
    weights = [Weight(f"w{k}", np.round(draw.normal(0, 9, (400, 900))).astype(np.float32)) for k in range(8)]
    made = packed(weights)
    tracemalloc.start()
    for name, array in made.weights():
        assert name
        del array
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < made.peak_bytes < 40 << 20


def test_a_file_of_very_many_streams_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    made = max((parse(content, Path("x.epk")) for content in samples()), key=lambda one: len(one.tensors))
    monkeypatch.setattr(import_module("edge.models.packed.read"), "STREAMS", 2)
    with pytest.raises(ModelError, match=r"^x\.epk: its tensor '.*' has the entropy coder's stream number \d+: 2 are"):
        made.check()


def test_a_file_that_this_machine_cannot_hold_is_refused_before_it_is_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    made = parse(samples()[0], Path("x.epk"))
    monkeypatch.setattr(import_module("edge.models.packed.read"), "memory_mb", lambda: (1, 1))
    with pytest.raises(ModelError, match=r"^x\.epk: takes up to \d+ MB to decode, and this machine has 1$"):
        made.check()


@pytest.mark.parametrize(
    ("weights", "said"),
    [
        ([Weight("w", np.zeros(70, np.complex64))], "complex64"),
        ([Weight("w", np.zeros((0, 3), np.float32))], r"\[0, 3\]"),
        ([Weight("w", np.zeros(70, np.float32))] * 2, "one name"),
        ([Weight("w", np.zeros(1 << 26, np.float32))], "larger than the format allows"),
    ],
)
def test_what_the_format_cannot_hold_is_refused_by_the_packer(weights: list[Weight], said: str) -> None:
    with pytest.raises(ModelError, match=said):
        packed(weights)


def test_every_flipped_bit_cut_and_extension_is_found() -> None:
    content = samples()[0]
    for at in range(len(content)):
        flipped = bytearray(content)
        flipped[at] ^= 1 << at % 8
        with pytest.raises(ModelError):
            parse(bytes(flipped), Path("x.epk"))
        with pytest.raises(ModelError):
            parse(content[:at], Path("x.epk"))
    with pytest.raises(ModelError):
        parse(content + b"\0", Path("x.epk"))


def test_the_files_that_are_mutated_have_all_that_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: set[object] = set()
    ladders: set[int] = set()

    def first_byte(module: object, name: str) -> None:
        given = getattr(module, name)

        def noted(cursor: Cursor, *arguments: object) -> object:
            kind = cursor.peek(1)[0]
            if name == "read_table":
                ladders.add(kind >> tables.KIND_BITS)
            seen.add((name, kind & (1 << tables.KIND_BITS) - 1 if name == "read_table" else kind))
            return given(cursor, *arguments)

        monkeypatch.setattr(module, name, noted)

    first_byte(codecs, "read_cell")
    first_byte(cells, "read_stream")
    first_byte(tables, "read_table")
    first_byte(codecs, "read_values")
    first_byte(values, "_read_scales")
    for content in samples():
        made = parse(content, Path("x.epk"))
        seen |= {made.carrier, made.key is not None, *(one.codec for one in made.tensors)}
        made.check()
        assert made.plain()
    assert {"onnx", "tflite", "openvino", True, False, *codecs.CODECS} <= seen
    assert len(ladders) > 2
    kinds = {"read_cell": 3, "read_stream": 3, "read_table": 3, "read_values": 3, "_read_scales": 3}
    assert {(name, kind) for name, count in kinds.items() for kind in range(count)} <= seen


def test_mutated_files_are_refused_or_sound() -> None:
    outcome = tried(2000, seed=11)
    assert outcome.misses == ()
    assert outcome.refused > 1500
    assert outcome.read > 10


def test_the_dictionary_is_the_one_that_the_format_has() -> None:
    page = (Path(__file__).parents[2] / "docs" / "reference" / "epk.md").read_text()
    assert hashlib.sha256(DICTIONARY).hexdigest() in page
    assert f"has {len(DICTIONARY):,} bytes" in page


def test_a_file_that_is_none_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "text.epk").write_text("hello")
    for name, said in (("text.epk", "is no packed model"), ("none.epk", "no such file"), (".", "cannot be read")):
        with pytest.raises(ModelError, match=said) as caught:
            read(tmp_path / name)
        assert "\n" not in str(caught.value)


# ---------------------------------------------------------------- signatures


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    key = Ed25519PrivateKey.generate()
    form = serialization
    pem = key.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, form.NoEncryption())
    path = tmp_path / "key.pem"
    path.write_bytes(pem)
    return path


def test_a_signed_file_is_taken_by_who_trusts_its_key_alone(key_file: Path) -> None:
    sign = signer(key_file)
    public, _ = sign(b"")
    signed = resign(samples()[0], sign)
    assert parse(signed, Path("x.epk")).key == public
    assert parse(signed, Path("x.epk"), [bytes(32), public]).key == public
    with pytest.raises(ModelError, match="does not trust"):
        parse(signed, Path("x.epk"), [bytes(32)])
    with pytest.raises(ModelError, match="not signed"):
        parse(samples()[0], Path("x.epk"), [public])
    assert resign(signed, None) == samples()[0]


def test_a_signature_of_another_file_does_not_hold(key_file: Path) -> None:
    sign = signer(key_file)
    one, other = (resign(content, sign) for content in samples()[:2])
    forged = other[:48] + one[48:144] + other[144:]
    with pytest.raises(ModelError, match="signature that does not hold"):
        parse(forged, Path("x.epk"))


def test_a_key_that_is_none_is_said(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no private key"):
        signer(tmp_path / "nothing.pem")
    (tmp_path / "text.pem").write_text("hello")
    with pytest.raises(UserError, match="no private key"):
        signer(tmp_path / "text.pem")
