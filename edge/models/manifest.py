"""A model's manifest: what it takes, what it gives and what its numbers mean, in TOML beside the model file.

name = "yolox-nano"
task = "detect"
decoder = "yolox"
engines = ["onnxruntime", "openvino"]   # the order in which `auto` tries them
labels = "coco-80.txt"                  # a file beside the manifest, or a list
min_score = 0.3
licence = "Apache-2.0"
sha256 = "e8af..."                      # of the model file; checked where given

[input]
name = "images"
width = 416
height = 416
layout = "NCHW"
colour = "BGR"
dtype = "float32"
fit = "letterbox"
pad = 114

[outputs]                               # what the decoder calls it = the tensor's name or index
predictions = "output"
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from edge.errors import ModelError
from edge.models.table import MOST_BYTES, Table, read_toml
from edge.paths import read_bounded
from edge.preprocess.input import ANCHORS, CHANNELS, FITTINGS, LAYOUTS, RESIZES, ROUNDINGS, Input

TASKS = ("detect", "pose", "classify", "values")
DTYPES = ("uint8", "int8", "float32", "float16")
BOX_UNITS = ("pixels", "unit")
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
"""What a model may be called."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What the runtime must know of a model that the file itself does not say.

    task: what it is for
    decoder: the head family, a name of `edge.decode`'s table
    input: how pictures are fed
    outputs: the decoder's name of an output to the tensor's name or index
    labels: display names by class index
    min_score: detections, classes and poses below it are dropped unless the user says otherwise
    nms_iou: boxes of one class that overlap more are one object
    first_class: number of the first label in what the model gives (1 where 0 stands for background)
    strides: of a grid head, pixels of the input a cell
    anchors: of an anchor head, a list a stride: width, height, width, height... in pixels of the input
    variances: of an SSD with anchors, what its offsets of centre and of size are multiplied by
    box_units: whether boxes come in `pixels` of the input or in 0..1 of it, `unit`
    reg_max: of a NanoDet, the largest distance of its distributions, in cells
    cell_offset: of a NanoDet, where in its cell a point lies, in cells
    scale_xy: of a raw YOLOv4, for each stride what its centres are spread by (Darknet's `scale_x_y`); empty: 1
    softmax: of a classifier, whether its scores are logits yet to become probabilities
    top: of a classifier, how many classes it tells at most
    quantized: scale and zero point of integer outputs by role, and of the picture under `input`, where the engine
        does not tell them: real = scale * (integer - zero point)
    batch: how many pictures one run may take at most; more than 1 wants a file whose first axis is open
    size_step: any size of input that is a multiple of this is taken, by a file whose sides are open; 0: only `input`'s
    engines: back ends in the order to try them; empty: any that reads the file
    sha256: of the model file, lower-case hex; empty where unknown
    labels_file: where the labels are from; empty where the manifest lists them
    """

    name: str
    task: str
    decoder: str
    input: Input
    outputs: Mapping[str, str | int]
    labels: tuple[str, ...] = ()
    min_score: float = 0.4
    nms_iou: float = 0.45
    first_class: int = 0
    strides: tuple[int, ...] = ()
    anchors: tuple[tuple[float, ...], ...] = ()
    variances: tuple[float, float] = (0.1, 0.2)
    box_units: str = "pixels"
    reg_max: int = 7
    cell_offset: float = 0.0
    scale_xy: tuple[float, ...] = ()
    softmax: bool = False
    top: int = 5
    quantized: Mapping[str, tuple[float, int]] = field(default_factory=dict)
    batch: int = 1
    size_step: int = 0
    engines: tuple[str, ...] = ()
    licence: str = ""
    source: str = ""
    sha256: str = ""
    notes: str = field(default="", repr=False)
    labels_file: str = field(default="", repr=False, compare=False)


def read_manifest(path: Path) -> Manifest:
    """Read a manifest file. Every mistake is a ModelError of one line: file, key, what to do."""
    return parse_manifest(read_toml(path), path)


def parse_manifest(raw: Mapping[str, Any], path: Path) -> Manifest:
    """Check a manifest's TOML tree; `path` is named in messages, and label files are looked for beside it."""
    top = Table(raw, str(path))
    task = top.one_of("task", TASKS, "detect")
    made = Manifest(
        name=top.text("name"),
        task=task,
        decoder=top.text("decoder", wanted="the family of the model's head; `edge models inspect --help` names them"),
        input=_input(top.table("input")),
        outputs=top.table("outputs").names_or_indices(),
        labels=_labels(top, path.parent),
        min_score=top.number("min_score", 0.0 if task == "classify" else 0.4, 0.0, 1.0),
        nms_iou=top.number("nms_iou", 0.45, 0.0, 1.0),
        first_class=top.integer("first_class", 0, 0, 1000),
        strides=top.integers("strides", 1, 1024),
        anchors=top.size_lists("anchors"),
        variances=top.pair("variances", (0.1, 0.2), 1e-6, 100.0),
        box_units=top.one_of("box_units", BOX_UNITS, "pixels"),
        reg_max=top.integer("reg_max", 7, 1, 64),
        cell_offset=top.number("cell_offset", 0.0, 0.0, 1.0),
        scale_xy=top.numbers("scale_xy", 1.0, 4.0),
        softmax=top.flag("softmax"),
        top=top.integer("top", 5, 1, 1000),
        quantized=_quantized(top),
        batch=top.integer("batch", 1, 1, 64),
        size_step=top.integer("size_step", 0, 0, 1024),
        engines=top.texts("engines"),
        licence=top.text("licence", ""),
        source=top.text("source", ""),
        sha256=_sha256(top),
        notes=top.text("notes", ""),
        labels_file=str(path.parent / raw["labels"]) if isinstance(raw.get("labels"), str) else "",
    )
    top.finish()
    if not NAME.fullmatch(made.name):
        raise top.error("name", f"must be letters, digits, `.`, `_` and `-`, not {made.name!r}")
    if made.size_step and any(made.size_step % stride for stride in made.strides):
        raise top.error("size_step", f"must be a multiple of each of its strides, {list(made.strides)}")
    if task == "detect" and not made.labels:
        raise top.error("labels", "is missing: a list of names, or a file with one name a line")
    return made


def to_toml(manifest: Manifest) -> str:
    """The manifest as TOML text that `read_manifest` reads back to an equal value; labels are written out."""
    lines: list[str] = []
    tables: list[str] = []
    for field_ in (field_ for field_ in fields(manifest) if field_.compare):
        value = getattr(manifest, field_.name)
        if isinstance(value, Input):
            tables += ["", "[input]", *(f"{f.name} = {_toml(getattr(value, f.name))}" for f in fields(value))]
        elif isinstance(value, Mapping):
            if field_.name == "quantized" and not value:
                continue
            tables += ["", f"[{field_.name}]", *(f"{json.dumps(key)} = {_toml(item)}" for key, item in value.items())]
        elif value != ():
            lines.append(f"{field_.name} = {_toml(value)}")
    return "\n".join([*lines, *tables]) + "\n"


def _toml(value: str | float | bool | tuple[object, ...]) -> str:
    # JSON's texts, numbers and lists are TOML's too, but for DEL, which TOML wants escaped.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _input(table: Table) -> Input:
    made = Input(
        name=table.text("name"),
        width=table.integer("width", None, 8, 8192),
        height=table.integer("height", None, 8, 8192),
        layout=table.one_of("layout", LAYOUTS, "NHWC"),
        colour=table.one_of("colour", tuple(CHANNELS), "RGB"),
        dtype=table.one_of("dtype", DTYPES, "uint8"),
        scale=table.number("scale", 1.0, 1e-6, 1e6),
        mean=table.triple("mean", 0.0),
        std=table.triple("std", 1.0),
        fit=table.one_of("fit", FITTINGS, "stretch"),
        pad=table.integer("pad", 0, 0, 255),
        anchor=table.one_of("anchor", ANCHORS, "top-left"),
        rounding=table.one_of("rounding", ROUNDINGS, "nearest"),
        resize=table.one_of("resize", RESIZES, "bilinear"),
        rows=table.pair("rows", (0.0, 1.0), 0.0, 1.0),
    )
    if made.rows[0] >= made.rows[1]:
        raise table.error("rows", "must begin above where they end, as [0.4, 0.9] does")
    if 0.0 in made.std:
        raise table.error("std", "must not be 0: it divides")
    for key in ("mean", "std"):
        if made.channels == 1 and len(set(getattr(made, key))) > 1:
            raise table.error(key, f"must be one number: {made.colour} is one channel")
    table.finish()
    return made


def _quantized(top: Table) -> dict[str, tuple[float, int]]:
    table = top.table("quantized", optional=True)
    made = {}
    for role in table.left():
        scale, zero = table.pair(role, (1.0, 0.0), -1e6, 1e6)
        if scale <= 0 or zero != int(zero):
            raise table.error(role, "must be a scale above 0 and a whole zero point")
        made[role] = (scale, int(zero))
    return made


def _labels(top: Table, folder: Path) -> tuple[str, ...]:
    given = top.take("labels")
    if given is None:
        return ()
    if isinstance(given, list) and given and all(isinstance(label, str) and label.strip() for label in given):
        return tuple(label.strip() for label in given)
    if not isinstance(given, str) or not given:
        raise top.error("labels", "must be a list of names, or a file with one name a line")
    path = folder / given
    # A manifest may come from anybody: it must not make us read, and `install` copy, what is elsewhere on the machine.
    if Path(given).name != given or given == ".." or _leads_out(path):
        raise top.error("labels", f"must be the plain name of a file beside the manifest, not {given!r}")
    try:
        lines = read_bounded(path, MOST_BYTES).decode("utf-8").splitlines()
    except FileNotFoundError:
        raise top.error("labels", f"names a file that does not exist: {path}") from None
    except (OSError, ValueError) as fault:
        raise top.error("labels", f"names a file that cannot be read: {path} ({fault})") from None
    labels = tuple(line.strip() for line in lines if line.strip())
    if not labels:
        raise top.error("labels", f"names a file without labels: {path}")
    return labels


def _leads_out(path: Path) -> bool:
    """Whether a name is a link to another folder. One that cannot be followed is told of when it is read."""
    try:
        return Path(os.path.realpath(path)).parent != Path(os.path.realpath(path.parent))
    except ValueError:  # a NUL in the name
        return False


def _sha256(top: Table) -> str:
    given = top.text("sha256", "").lower()
    if given and (len(given) != 64 or set(given) - set("0123456789abcdef")):
        raise top.error("sha256", "must be 64 hexadecimal digits")
    return given


def labels_fault(manifest: Manifest, classes: int) -> ModelError | None:
    """The fault of a manifest whose labels are not as many as the head's classes; None if they fit."""
    if len(manifest.labels) == classes:
        return None
    return ModelError(
        f"model {manifest.name}: its head has {classes} classes, but {labels_of(manifest)}; "
        f"give it the label list that it was trained with"
    )


def labels_of(manifest: Manifest) -> str:
    """Where a manifest's labels are from, and how many they are."""
    return f"{manifest.labels_file or 'the manifest'} has {len(manifest.labels)} labels"
