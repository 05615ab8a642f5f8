"""Where in a TOML text each key and value stands: what `tomllib` knows while it parses and then forgets.

`places` reads only text that `tomllib` has accepted, so it may trust the grammar and stays small. Source: TOML 1.0.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TypeAlias

from edge.config.toml import parse

Loc: TypeAlias = tuple[str | int, ...]
"""The way to a value: table and key names, numbers for elements of arrays. `("camera", 0, "name")`."""

_SPACE = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_SCALAR = re.compile(r"[^,\]}\n#]*[^,\]}\s#]")
_STRING = re.compile(
    r"'''.*?'{3,5}(?!')|\"\"\"(?:[^\\]|\\.)*?\"{3,5}(?!\")|'[^'\n]*'|\"(?:[^\"\\\n]|\\.)*\"", re.DOTALL
)


@dataclass(frozen=True, slots=True)
class Place:
    """Where one key stands, as offsets into the text; an element of an array has its own start for a key.

    key: the first character of the key, or of a table's name in its header
    key_end: one past the key's last character
    value, value_end: the value's span; equal to the key's for a table that a header opens
    """

    key: int
    key_end: int
    value: int
    value_end: int


@dataclass(frozen=True, slots=True)
class Statement:
    """One header or one `key = value` as it stands in the text.

    table: the table that it stands in; a header's own
    loc: what it opens or sets
    header: whether it is a header
    start, end: from its first character to one past its last; a comment behind it is not part of it
    """

    table: Loc
    loc: Loc
    header: bool
    start: int
    end: int


def places(text: str) -> dict[Loc, Place]:
    """The place of every table, key, value and array element of a valid TOML text."""
    return layout(text)[0]


def layout(text: str) -> tuple[dict[Loc, Place], list[Statement]]:
    """The same, and the text's statements in their order."""
    reader = _Reader(text)
    return reader.read(), reader.statements


class _Reader:
    """One pass over a text: `self.at` is the offset of the next character."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.found: dict[Loc, Place] = {}
        self.statements: list[Statement] = []
        self.sizes: dict[Loc, int] = {}  # how many elements each array of tables has so far

    def read(self) -> dict[Loc, Place]:
        table: Loc = ()
        while first := self.peek():
            start = self.at
            if first == "[":
                loc = table = self.header()
            else:
                loc = self.pair(table)
            self.statements.append(Statement(table, loc, first == "[", start, self.at))
        return self.found

    def peek(self) -> str:
        """The next character that is neither space nor comment, "" at the end."""
        match = _SPACE.match(self.text, self.at)
        self.at = match.end() if match else self.at
        return self.text[self.at : self.at + 1]

    def skip(self, character: str) -> None:
        """Step over the next character if it is this one."""
        if self.peek() == character:
            self.at += 1

    def header(self) -> Loc:
        """`[a.b]` or `[[a.b]]`: where the keys that follow belong."""
        array = self.text.startswith("[[", self.at)
        self.at += 2 if array else 1
        keys = self.keys()
        self.peek()
        self.at += 2 if array else 1
        loc: Loc = ()
        for i, (name, start, end) in enumerate(keys):
            loc = (*loc, name)
            place = Place(start, end, start, end)
            self.found.setdefault(loc, place)
            if array and i == len(keys) - 1:
                self.sizes[loc] = self.sizes.get(loc, 0) + 1
            if loc in self.sizes:
                loc = (*loc, self.sizes[loc] - 1)
                self.found.setdefault(loc, place)
        return loc

    def keys(self) -> list[tuple[str, int, int]]:
        """A dotted key: each part with its start and end."""
        parts = []
        while True:
            self.peek()
            start = self.at
            pattern = _STRING if self.text[start] in "\"'" else _BARE
            self.at = _end(pattern, self.text, start)
            raw = self.text[start : self.at]
            parts.append((_plain(raw) if raw[0] in "\"'" else raw, start, self.at))
            if self.peek() != ".":
                return parts
            self.at += 1

    def pair(self, table: Loc) -> Loc:
        """`key = value`: the key that it sets."""
        keys = self.keys()
        self.at += 1  # the equals sign, where `keys` stopped
        self.peek()
        value = self.at
        loc = table
        for name, start, end in keys:
            loc = (*loc, name)
            self.found.setdefault(loc, Place(start, end, start, end))
        self.value(loc)
        _, start, end = keys[-1]
        self.found[loc] = Place(start, end, value, self.at)
        return loc

    def value(self, loc: Loc) -> None:
        """Any value; leaves `self.at` behind it."""
        first = self.peek()
        if first == "[":
            self.array(loc)
        elif first == "{":
            self.at += 1
            while self.peek() not in ("}", ""):
                self.pair(loc)
                self.skip(",")
            self.at += 1
        else:
            self.at = _end(_STRING if first in "\"'" else _SCALAR, self.text, self.at)

    def array(self, loc: Loc) -> None:
        """`[value, ...]`, over as many lines as it likes."""
        self.at += 1
        n = 0
        while self.peek() not in ("]", ""):
            start = self.at
            element = (*loc, n)
            self.value(element)
            self.found[element] = Place(start, self.at, start, self.at)
            self.skip(",")
            n += 1
        self.at += 1


def _end(pattern: re.Pattern[str], text: str, at: int) -> int:
    match = pattern.match(text, at)
    if match is None:  # only if the text is no TOML after all: go on behind it rather than round in circles
        return at + 1
    return match.end()


def _plain(quoted: str) -> str:
    return str(parse(f"k = {quoted}")["k"])
