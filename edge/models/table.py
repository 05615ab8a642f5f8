"""A TOML table read key by key: each key is taken once, checked, and what is left over at the end is a mistake."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from edge.config.toml import parse
from edge.errors import ModelError
from edge.paths import read_bounded
from edge.text import printable

Word = TypeVar("Word", bound=str)
MOST_BYTES = 1 << 20
"""Of a manifest, and of a file of labels: tens of thousands of names."""


def read_toml(path: Path) -> dict[str, Any]:
    """The tree of a TOML file; ModelError for one that is missing, unreadable, larger than 1 MB or not TOML."""
    try:
        return parse(read_bounded(path, MOST_BYTES).decode("utf-8"))
    except FileNotFoundError:
        raise ModelError(f"{path}: no such manifest") from None
    except (OSError, ValueError) as fault:
        raise ModelError(printable(f"{path}: not a manifest: {fault}")) from None


class Table:
    """One table of a manifest. Every complaint is a ModelError: file, key, what is wanted."""

    def __init__(self, raw: Mapping[str, Any], where: str, prefix: str = "") -> None:
        self._left = dict(raw)
        self._where = where
        self._prefix = prefix
        self._known: list[str] = []

    def error(self, key: str, wanted: str) -> ModelError:
        """A complaint about a key, in one line: the key may be anything."""
        return ModelError(printable(f"{self._where}: `{self._prefix}{key}` {wanted}"))

    def take(self, key: str) -> Any:
        """The raw value of a key, None where it is absent."""
        self._known.append(key)
        return self._left.pop(key, None)

    def left(self) -> tuple[str, ...]:
        """The keys that nobody has taken yet."""
        return tuple(self._left)

    def flag(self, key: str) -> bool:
        """`true` or `false`; false where absent."""
        given = self.take(key)
        if given is not None and not isinstance(given, bool):
            raise self.error(key, f"must be true or false, not {given!r}")
        return bool(given)

    def table(self, key: str, *, optional: bool = False) -> Table:
        """A sub-table; one that is optional and not there is empty."""
        given = self.take(key)
        if given is None and optional:
            given = {}
        if not isinstance(given, dict):
            raise self.error(key, "is missing: a table" if given is None else "must be a table")
        return Table(given, self._where, f"{self._prefix}{key}.")

    def text(self, key: str, default: str | None = None, wanted: str = "a text") -> str:
        """A string; required and not empty without a default."""
        given = self.take(key)
        if given is None and default is not None:
            return default
        if not isinstance(given, str) or (not given and default is None):
            lacks = {None: f"is missing: {wanted}", "": f"is empty: {wanted}"}
            raise self.error(key, lacks[given] if given in ("", None) else "must be a text")
        return given

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of strings, empty where absent."""
        given = self.take(key)
        if given is None:
            return ()
        if not isinstance(given, list) or not all(isinstance(item, str) for item in given):
            raise self.error(key, "must be a list of texts")
        return tuple(given)

    def one_of(self, key: str, allowed: Sequence[Word], default: Word) -> Word:
        """One of a few words."""
        given = self.take(key)
        if given is None:
            return default
        for word in allowed:
            if given == word:
                return word
        raise self.error(key, f"must be one of {', '.join(allowed)}, not {given!r}")

    def number(self, key: str, default: float, low: float, high: float) -> float:
        """A number within bounds."""
        given = self.take(key)
        if given is None:
            return default
        if not _is_number(given) or not low <= given <= high:
            raise self.error(key, f"must be a number from {low:g} to {high:g}, not {given!r}")
        return float(given)

    def integer(self, key: str, default: int | None, low: int, high: int) -> int:
        """A whole number within bounds; required without a default."""
        given = self.take(key)
        if given is None and default is not None:
            return default
        if not _is_integer(given) or not low <= given <= high:
            said = "is missing" if given is None else f"is {given!r}"
            raise self.error(key, f"{said}: a whole number from {low} to {high}")
        return int(given)

    def numbers(self, key: str, low: float, high: float) -> tuple[float, ...]:
        """A list of numbers within bounds, empty where absent."""
        given = self.take(key)
        if given is None:
            return ()
        if not isinstance(given, list) or not all(_is_number(item) and low <= item <= high for item in given):
            raise self.error(key, f"must be a list of numbers from {low:g} to {high:g}")
        return tuple(float(item) for item in given)

    def integers(self, key: str, low: int, high: int) -> tuple[int, ...]:
        """A list of whole numbers, empty where absent."""
        given = self.take(key)
        if given is None:
            return ()
        if not isinstance(given, list) or not all(_is_integer(item) and low <= item <= high for item in given):
            raise self.error(key, f"must be a list of whole numbers from {low} to {high}")
        return tuple(given)

    def size_lists(self, key: str) -> tuple[tuple[float, ...], ...]:
        """Lists of widths and heights in turn, each above 0; empty where absent."""
        given = self.take(key)
        if given is None:
            return ()
        if not isinstance(given, list) or not all(isinstance(row, list) and row and len(row) % 2 == 0 for row in given):
            raise self.error(key, "must be a list of lists: width, height, width, height...")
        if not all(_is_number(size) and 0 < size <= 8192 for row in given for size in row):
            raise self.error(key, "must hold pixels above 0, 8192 at most")
        return tuple(tuple(float(size) for size in row) for row in given)

    def pair(self, key: str, default: tuple[float, float], low: float, high: float) -> tuple[float, float]:
        """A list of two numbers within bounds."""
        given = self.take(key)
        if given is None:
            return default
        if not isinstance(given, list) or len(given) != 2 or not all(_is_number(v) and low <= v <= high for v in given):
            raise self.error(key, f"must be a list of two numbers from {low:g} to {high:g}, not {given!r}")
        return float(given[0]), float(given[1])

    def triple(self, key: str, default: float) -> tuple[float, float, float]:
        """A number for each of three channels, or one number for all."""
        given = self.take(key)
        if given is None:
            given = default
        values = [given] * 3 if _is_number(given) else given
        if not isinstance(values, list) or len(values) != 3 or not all(_is_number(value) for value in values):
            raise self.error(key, "must be a number, or a list of three")
        return float(values[0]), float(values[1]), float(values[2])

    def names_or_indices(self) -> dict[str, str | int]:
        """The whole table as tensor names or indices by role."""
        taken, self._left = self._left, {}
        for key, value in taken.items():
            if not ((isinstance(value, str) and value) or (_is_integer(value) and value >= 0)):
                raise self.error(key, "must be an output's name or its index")
        return taken

    def finish(self) -> None:
        """Complain about the first key that nobody asked for."""
        for key in self._left:
            import difflib  # here, since a model that loads needs none of it

            near = difflib.get_close_matches(key, self._known, 1)
            raise self.error(key, "is not a key of manifests" + (f"; did you mean `{near[0]}`?" if near else ""))


def _is_number(given: object) -> bool:
    return isinstance(given, (int, float)) and not isinstance(given, bool)


def _is_integer(given: object) -> bool:
    return isinstance(given, int) and not isinstance(given, bool)
