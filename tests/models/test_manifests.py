"""Manifests: read strictly, every mistake one line that says file, key and what to do."""

from __future__ import annotations

import contextlib
import os
import string
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge.errors import ModelError
from edge.models import catalogue
from edge.models.manifest import parse_manifest, read_manifest, to_toml
from tests.support.shared_data import MODELS, needs_data

WHOLE = """
name = "mine"
decoder = "yolox"
labels = ["person", "traffic light"]
strides = [8, 16, 32]
min_score = 0.3
engines = ["onnxruntime"]

[input]
name = "images"
width = 416
height = 320
layout = "NCHW"
mean = 127.5
std = [1, 2, 3]

[outputs]
predictions = "output"
"""


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str], Path]:
    def to(text: str) -> Path:
        path = tmp_path / "mine.toml"
        path.write_text(text)
        return path

    return to


def test_a_manifest_says_what_it_says_and_the_rest_is_default(write: Callable[[str], Path]) -> None:
    made = read_manifest(write(WHOLE))
    assert (made.name, made.task, made.decoder, made.strides) == ("mine", "detect", "yolox", (8, 16, 32))
    assert made.labels == ("person", "traffic light")
    assert made.input.shape == (1, 3, 320, 416)
    assert (made.input.colour, made.input.dtype, made.input.fit) == ("RGB", "uint8", "stretch")
    assert (made.input.mean, made.input.std) == ((127.5,) * 3, (1.0, 2.0, 3.0))
    assert made.outputs == {"predictions": "output"}


@pytest.mark.parametrize(
    "name", ["/etc/hostname", "../labels.txt", "sub/labels.txt", "..", ".", "link.txt", "a\\u0000b"]
)
def test_labels_come_from_beside_the_manifest_alone(write: Callable[[str], Path], tmp_path: Path, name: str) -> None:
    text = WHOLE.replace('["person", "traffic light"]', f'"{name}"')
    path = write(text)
    folder = tmp_path / "below"
    (folder / "sub").mkdir(parents=True)
    for place in (tmp_path / "labels.txt", folder / "sub" / "labels.txt"):
        place.write_text("person\n")
    (folder / "link.txt").symlink_to("../labels.txt")
    with pytest.raises(ModelError, match="`labels` ") as fault:
        read_manifest(path.rename(folder / "mine.toml"))
    assert "\n" not in str(fault.value)
    assert "plain name" in str(fault.value) or "u0000" in name


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ('name = "mine"', "", r"`name` is missing: a text"),
        ('name = "mine"', 'name = "../mine"', r"`name` must be letters, digits"),
        ('decoder = "yolox"', "decoder = 5", r"`decoder` must be a text"),
        ("min_score = 0.3", "min_score = 3", r"`min_score` must be a number from 0 to 1, not 3"),
        ("min_score = 0.3", "min_scor = 0.3", r"`min_scor` is not a key of manifests; did you mean `min_score`\?"),
        ("min_score = 0.3", 'sha256 = "abc"', r"`sha256` must be 64 hexadecimal digits"),
        ('labels = ["person", "traffic light"]', "", r"`labels` is missing"),
        ('labels = ["person", "traffic light"]', "labels = [1]", r"`labels` must be a list of names"),
        ('labels = ["person", "traffic light"]', 'labels = "no.txt"', r"`labels` names a file that does not exist"),
        ("width = 416", "", r"`input\.width` is missing: a whole number from 8 to 8192"),
        ("width = 416", "width = 4", r"`input\.width` is 4: a whole number from 8 to 8192"),
        ("width = 416", "width = true", r"`input\.width` is True: a whole number"),
        ('layout = "NCHW"', 'layout = "CHWN"', r"`input\.layout` must be one of NHWC, NCHW, not 'CHWN'"),
        ("mean = 127.5", "mean = [1, 2]", r"`input\.mean` must be a number, or a list of three"),
        ("std = [1, 2, 3]", "std = 0", r"`input\.std` must not be 0"),
        ('layout = "NCHW"', 'layuot = "NCHW"', r"`input\.layuot` is not a key of manifests; did you mean `layout`\?"),
        ('predictions = "output"', "predictions = -1", r"`outputs\.predictions` must be an output's name or its index"),
        ("[outputs]", "[outputz]", r"`outputs` is missing: a table"),
        ("strides = [8, 16, 32]", "strides = 8", r"`strides` must be a list of whole numbers"),
        ("min_score = 0.3", "anchors = [10, 10]", r"`anchors` must be a list of lists: width, height"),
        ("min_score = 0.3", "anchors = [[10, 10, 16]]", r"`anchors` must be a list of lists: width, height"),
        ("min_score = 0.3", "anchors = [[]]", r"`anchors` must be a list of lists: width, height"),
        ("min_score = 0.3", "anchors = [[10, 0]]", r"`anchors` must hold pixels above 0, 8192 at most"),
        ("min_score = 0.3", "anchors = [[10, nan]]", r"`anchors` must hold pixels above 0, 8192 at most"),
        ("min_score = 0.3", "anchors = [[10, true]]", r"`anchors` must hold pixels above 0, 8192 at most"),
        ("min_score = 0.3", "variances = 0.1", r"`variances` must be a list of two numbers from 1e-06 to 100"),
        ("min_score = 0.3", "variances = [0.1, 0]", r"`variances` must be a list of two numbers from 1e-06 to 100"),
        ("min_score = 0.3", 'box_units = "cells"', r"`box_units` must be one of pixels, unit, not 'cells'"),
        ("min_score = 0.3", "reg_max = 0", r"`reg_max` is 0: a whole number from 1 to 64"),
        ("min_score = 0.3", "scale_xy = [0.5]", r"`scale_xy` must be a list of numbers from 1 to 4"),
        ("min_score = 0.3", "softmax = 1", r"`softmax` must be true or false, not 1"),
        ("min_score = 0.3", "top = 0", r"`top` is 0: a whole number from 1 to 1000"),
        ("min_score = 0.3", "quantized = 3", r"`quantized` must be a table"),
        ("[outputs]", "[quantized]\nx = [0, 3]\n[outputs]", r"`quantized\.x` must be a scale above 0 and a whole zero"),
        ("[outputs]", "[quantized]\nx = [1, 0.5]\n[outputs]", r"`quantized\.x` must be a scale above 0 and a whole"),
        ("[outputs]", "[quantized]\nx = 1\n[outputs]", r"`quantized\.x` must be a list of two numbers"),
        ("min_score = 0.3", "cell_offset = 8", r"`cell_offset` must be a number from 0 to 1, not 8"),
        ('engines = ["onnxruntime"]', 'engines = "onnxruntime"', r"`engines` must be a list of texts"),
        ("[input]", "[input", r"not a manifest: .*line 9"),
    ],
)
def test_a_mistake_is_one_line_with_file_and_key(
    old: str, new: str, complaint: str, write: Callable[[str], Path]
) -> None:
    assert old in WHOLE
    with pytest.raises(ModelError, match=rf"mine\.toml: {complaint}") as fault:
        read_manifest(write(WHOLE.replace(old, new)))
    assert "\n" not in str(fault.value)


def a_pipe(path: Path) -> None:
    os.mkfifo(path)


def a_hole(path: Path) -> None:
    """A file of four gigabytes that takes no room."""
    with path.open("wb") as file:
        file.truncate(1 << 32)


@pytest.mark.parametrize(("make", "why"), [(a_pipe, "it is no plain file"), (a_hole, "it has more than 1 MB")])
def test_what_is_no_file_of_a_sane_size_is_neither_waited_for_nor_read(
    make: Callable[[Path], None], why: str, write: Callable[[str], Path], tmp_path: Path
) -> None:
    make(tmp_path / "names.txt")
    path = write(WHOLE.replace('["person", "traffic light"]', '"names.txt"'))
    with pytest.raises(ModelError, match=rf"`labels` names a file that cannot be read: .*names\.txt \({why}\)"):
        read_manifest(path)
    make(tmp_path / "odd.toml")
    with pytest.raises(ModelError, match=rf"odd\.toml: not a manifest: {why}"):
        read_manifest(tmp_path / "odd.toml")


def test_label_files_lie_beside_the_manifest(write: Callable[[str], Path], tmp_path: Path) -> None:
    (tmp_path / "names.txt").write_text("person\n\n dog \r\n")
    text = WHOLE.replace('["person", "traffic light"]', '"names.txt"')
    assert read_manifest(write(text)).labels == ("person", "dog")
    for content, complaint in ((b"\n\n", "a file without labels"), (b"\xff\xfe\xff", "cannot be read")):
        (tmp_path / "names.txt").write_bytes(content)
        with pytest.raises(ModelError, match=complaint):
            read_manifest(write(text))


def test_what_an_anchor_head_needs_is_read_and_written_back(write: Callable[[str], Path]) -> None:
    keys = 'anchors = [[10, 10, 16.5, 16], [32, 32]]\nvariances = [0.2, 1]\nbox_units = "unit"\nreg_max = 10\n'
    made = read_manifest(write(WHOLE.replace("min_score = 0.3", keys + "cell_offset = 0.5")))
    assert made.anchors == ((10.0, 10.0, 16.5, 16.0), (32.0, 32.0))
    assert (made.variances, made.box_units, made.reg_max, made.cell_offset) == ((0.2, 1.0), "unit", 10, 0.5)
    assert read_manifest(write(to_toml(made))) == made


def test_an_input_of_one_channel_is_read_and_written_back(write: Callable[[str], Path]) -> None:
    text = WHOLE.replace('layout = "NCHW"', 'colour = "HSV-S"\nfit = "crop"\nrounding = "down"')
    with pytest.raises(ModelError, match=r"`input\.std` must be one number: HSV-S is one channel"):
        read_manifest(write(text))
    made = read_manifest(write(text.replace("std = [1, 2, 3]", "std = 60")))
    assert (made.input.shape, made.input.fit, made.input.rounding) == ((1, 320, 416, 1), "crop", "down")
    assert (made.input.mean, made.input.std) == ((127.5,) * 3, (60.0,) * 3)
    assert read_manifest(write(to_toml(made))) == made


def test_the_rows_that_are_seen_are_read_and_written_back(write: Callable[[str], Path]) -> None:
    text = WHOLE.replace('layout = "NCHW"', 'layout = "NCHW"\nrows = [0.4375, 0.875]')
    made = read_manifest(write(text))
    assert made.input.rows == (0.4375, 0.875)
    assert read_manifest(write(to_toml(made))) == made
    with pytest.raises(ModelError, match=r"`input\.rows` must begin above where they end"):
        read_manifest(write(text.replace("[0.4375, 0.875]", "[0.5, 0.5]")))


def test_what_a_classifier_needs_is_read_and_written_back(write: Callable[[str], Path]) -> None:
    keys = 'task = "classify"\nsoftmax = true\ntop = 3\nscale_xy = [1.2, 1]\n'
    text = WHOLE.replace("min_score = 0.3", keys) + "\n[quantized]\npredictions = [0.5, -128]\ninput = [1, 3]\n"
    made = read_manifest(write(text.replace('labels = ["person", "traffic light"]', "")))
    assert (made.task, made.softmax, made.top, made.scale_xy, made.labels) == ("classify", True, 3, (1.2, 1.0), ())
    assert made.quantized == {"predictions": (0.5, -128), "input": (1.0, 3)}
    assert made.min_score == 0, "the best classes are told, however unsure"
    assert read_manifest(write(to_toml(made))) == made


def test_labels_in_any_script_are_read_and_written_back(write: Callable[[str], Path]) -> None:
    made = read_manifest(write(WHOLE.replace("traffic light", "赤信号 \N{SLEEPING FACE} \\u007f")))
    assert made.labels[1] == "赤信号 \N{SLEEPING FACE} \x7f"
    assert read_manifest(write(to_toml(made))) == made


def test_missing_and_binary_manifests_are_told(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no such manifest"):
        read_manifest(tmp_path / "none.toml")
    (tmp_path / "bin.toml").write_bytes(b"\x00\xff\xfe")
    with pytest.raises(ModelError, match="not a manifest"):
        read_manifest(tmp_path / "bin.toml")


@pytest.mark.parametrize("entry", catalogue.entries(), ids=lambda entry: entry.manifest.name)
def test_written_out_a_manifest_reads_back_the_same(entry: catalogue.Entry, write: Callable[[str], Path]) -> None:
    assert read_manifest(write(to_toml(entry.manifest))) == entry.manifest


json_like = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(string.printable, max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
keys = [
    "name",
    "task",
    "decoder",
    "labels",
    "min_score",
    "strides",
    "engines",
    "input",
    "outputs",
    "sha256",
    "first_class",
    "anchors",
    "variances",
    "box_units",
    "reg_max",
    "cell_offset",
    "scale_xy",
    "softmax",
    "top",
    "quantized",
]


@settings(suppress_health_check=[HealthCheck.too_slow])  # the first text of a fresh checkout takes seconds to draw
@given(raw=st.dictionaries(st.sampled_from(keys), json_like))
def test_whatever_the_tree_it_is_a_manifest_or_a_model_error(raw: dict[str, object]) -> None:
    with contextlib.suppress(ModelError):  # any other exception fails the test
        parse_manifest(raw, Path("any.toml"))


@needs_data
def test_the_catalogue_knows_every_model_file_beside_the_checkout() -> None:
    from edge.models.store import sha256_of

    files = [path for path in MODELS.iterdir() if path.suffix in (".tflite", ".onnx", ".net")]
    assert files
    unknown = [path.name for path in files if catalogue.by_sha256(sha256_of(path)) is None]
    assert unknown == []


def test_names_and_hashes_of_the_catalogue_are_its_own() -> None:
    known = [entry.manifest for entry in catalogue.entries()]
    assert all(manifest.sha256 and manifest.licence and manifest.source for manifest in known)
    assert len({manifest.sha256 for manifest in known}) == len(known)
    assert all((catalogue.FOLDER / f"{manifest.name}.toml").is_file() for manifest in known)
    default = catalogue.by_name(catalogue.DEFAULTS[0])
    assert default is not None
    assert default.wheel is not None, "the default is one that every machine can pull"
