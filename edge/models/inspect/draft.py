"""A draft of a manifest: what the file says, and guesses marked as guesses, each with its reason."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge.engines.registry import MANIFEST
from edge.models.inspect.facts import Facts
from edge.models.inspect.guess import Guess
from edge.models.inspect.habits import Habit, habit_of
from edge.preprocess import Input
from edge.text import printable

COLUMN = 36
FED = ("uint8", "int8", "float32", "float16")
PLAIN = Input("", 8, 8)
TOGETHER = 4
"""Pictures in one run that a draft proposes where a file takes any number."""
UNKNOWN_HEAD = (
    "No head is recognised: fill in `decoder` and the roles in [outputs]. `edge models inspect --help` names the "
    'decoders, "Bring your own model" in the documentation shows a manifest of each.'
)


@dataclass(frozen=True, slots=True)
class Line:
    """A key of the draft. A guess says why; what the file says has no mark; one that is idle is a comment."""

    key: str
    value: Any
    why: str = ""
    sure: bool = False
    idle: bool = False

    def __str__(self) -> str:
        # JSON's texts, numbers and lists are TOML's too, but for DEL, which TOML wants escaped.
        value = "".join(map(_escaped, json.dumps(self.value, ensure_ascii=False)))
        text = f"{'# ' if self.idle else ''}{self.key} = {value}"
        if not self.why:
            return text
        return f"{text:<{COLUMN}}  {_comment(self.why if self.sure else f'guess: {self.why}')}"


def draft(path: Path, sha256: str, facts: Facts, guess: Guess | None) -> str:
    """A manifest in TOML for a file that nobody described, to be corrected and kept beside it."""
    keep = "put it there" if path.suffix.lower() == MANIFEST else f"keep it beside the file as {path.stem}.toml"
    notes = [f"A draft for {path.name}: check what is marked as a guess, then {keep}."]
    if guess is None:
        notes.append(UNKNOWN_HEAD)
    elif guess.rivals:
        notes.append(f"Perhaps another head: {guess.rivals}.")
    for spec in facts.others:
        notes.append(f"It has a further input, {spec.name}, which the runtime does not feed: export it without.")
    lines = [_comment(note) for note in notes]
    lines += [str(line) for line in _head(path, sha256, facts, guess)]
    lines += [str(line) for line in _may_be_set(facts, guess)]
    lines += ["", "[input]", *(str(line) for line in _input(facts, guess))]
    lines += ["", "[outputs]", *(str(line) for line in _outputs(facts, guess))]
    return ("\n".join(lines) + "\n").encode("utf-8", "replace").decode("utf-8")


def described(facts: Facts, guess: Guess | None) -> dict[str, Any] | None:
    """The same guess for programs; None where no head is recognised."""
    if guess is None:
        return None
    return {
        "decoder": guess.decoder,
        "task": guess.task,
        "why": guess.why,
        "rivals": guess.rivals,
        "labels": guess.labels,
        "names": list(facts.names),
        "keys": {key: value for key, (value, _) in guess.keys.items()},
        "input": {line.key: line.value for line in _input(facts, guess)},
        "outputs": dict(guess.outputs),
    }


def _head(path: Path, sha256: str, facts: Facts, guess: Guess | None) -> Iterator[Line]:
    yield Line("name", re.sub(r"[^A-Za-z0-9._-]", "-", path.stem).lstrip("._-") or "model")
    yield Line("task", guess.task if guess else "detect", "" if guess else "detect, pose, classify or values")
    if guess is None:
        yield Line("decoder", "", "fill in: the family of its head, yolov8, yolox...", sure=True)
    else:
        yield Line("decoder", guess.decoder, guess.why)
    if guess is None or guess.task in ("detect", "classify"):
        yield _labels(path, facts, guess)
    keys = guess.keys if guess else {}
    if (guess is None or guess.task != "values") and "min_score" not in keys:
        yield Line(
            "min_score", 0.0 if guess and guess.task == "classify" else 0.4, "what is below is dropped", sure=True
        )
    for key, (value, why) in keys.items():
        yield Line(key, value, why)
    if path.suffix.lower() != MANIFEST:  # of a model that only a server has
        yield Line("sha256", sha256)


def _may_be_set(facts: Facts, guess: Guess | None) -> Iterator[Line]:
    """What a detector gains where its file leaves sizes open."""
    if facts.picture is None or (guess and guess.task != "detect"):
        return
    shape = facts.picture.shape
    if shape[0] is None:
        yield Line("batch", TOGETHER, "may be set: the file takes several pictures in one run", sure=True, idle=True)
    if set(shape[2:4] if facts.layout == "NCHW" else shape[1:3]) == {None}:
        yield Line(
            "size_step", facts.stride, "may be set: the file takes pictures of other sizes, crops", sure=True, idle=True
        )


def _labels(path: Path, facts: Facts, guess: Guess | None) -> Line:
    wanted = guess.labels if guess else None
    if facts.names and wanted in (None, len(facts.names)):
        return Line("labels", list(facts.names), "by the file's own notes", sure=True)
    many = "its classes" if wanted is None else "1 name" if wanted == 1 else f"{wanted} names"
    return Line(
        "labels", f"{path.stem}.labels.txt", f"{many}, one a line, in a file beside this one; or a list", sure=True
    )


def _input(facts: Facts, guess: Guess | None) -> Iterator[Line]:
    picture = facts.picture or facts.others[0]
    habit = habit_of(guess.decoder if guess else None, facts.layout)
    theirs = habit.why
    if facts.picture is None:
        yield Line(
            "name", picture.name, f"{list(picture.shape)} is no picture of 1 or 3 channels, which the runtime feeds"
        )
    else:
        yield Line("name", picture.name)
    size = "the file leaves its size open; any that its strides divide" if facts.open else ""
    yield Line("width", facts.width, size)
    yield Line("height", facts.height, size)
    yield Line("layout", facts.layout)
    if facts.channels == 1:
        yield Line("colour", "GRAY", "one channel; or HSV-S")
    else:
        other = "BGR" if habit.colour == "RGB" else "RGB"
        yield Line("colour", habit.colour, f"{theirs}; try {other} where scores are low")
    yield Line("dtype", picture.dtype, "" if picture.dtype in FED else f"the runtime feeds {', '.join(FED)}", sure=True)
    yield from _numbers(facts, habit, theirs)
    yield Line("fit", habit.fit, theirs)
    if habit.fit == "letterbox":
        yield Line("pad", habit.pad, theirs)
        yield Line("anchor", habit.anchor, theirs)
        if habit.rounding != PLAIN.rounding:
            yield Line("rounding", habit.rounding, theirs)


def _numbers(facts: Facts, habit: Habit, theirs: str) -> Iterator[Line]:
    """Scale, mean and std: floats by the family's habit, integers by their quantization."""
    picture = facts.picture
    if picture is None:
        return
    if picture.dtype == "int8":
        yield Line("mean", 128, "pixels 0..255 become -128..127")
    elif picture.dtype.startswith("float"):
        flat = facts.channels == 1
        scale = 1 / 255 if flat else habit.scale
        shifted = not flat and habit.mean != PLAIN.mean
        numbers = ("0..255" if scale == 1 else "0..1") + (", before mean and std" if shifted else "")
        divided = "; 1.0 if the graph divides by 255 itself" if scale != 1 else ""
        others = f"; {habit.others}" if habit.others else ""
        yield Line("scale", scale, f"pixels go in as {numbers}; {theirs}{divided}{others}")
        if shifted:
            yield Line("mean", habit.mean, theirs)
        if not flat and habit.std != PLAIN.std:
            yield Line("std", habit.std, theirs)


def _outputs(facts: Facts, guess: Guess | None) -> Iterator[Line]:
    """Roles of the head, or every output with a role to be named."""
    shapes = {spec.name: f"{list(spec.shape)} {spec.dtype}" for spec in facts.outputs}
    if guess is None:
        for number, (name, shape) in enumerate(shapes.items()):
            yield Line(f"role{number}", name, f"{shape}; fill in its role in the place of role{number}", sure=True)
        return
    for role, name in guess.outputs.items():
        yield Line(role, name, shapes[name], sure=True)


def _escaped(letter: str) -> str:
    """A letter of a TOML text; what terminals might obey is told by its number. A lone surrogate has none in TOML."""
    if letter.isprintable() or "\ud800" <= letter <= "\udfff":
        return letter
    return f"\\U{ord(letter):08x}" if letter > "\uffff" else f"\\u{ord(letter):04x}"


def _comment(text: str) -> str:
    """A comment of one line, whatever a file's or a tensor's name holds."""
    return "# " + printable(text)
