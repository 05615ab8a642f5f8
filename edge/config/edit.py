"""Changes to the text of a configuration: what is not changed stays as it was, byte for byte.

The places of `places.py` say where a value stands, so a change is a cut in the text. A comment stays where it is; only
one on the line of a key that is taken out, or inside a list that gets another value, goes with it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from edge.config.places import Loc, Place, layout
from edge.config.toml import parse
from edge.errors import UserError

LARGEST = 256 * 1024
"""Characters of a text that is still edited: each change reads all of it anew."""
MOST_COST = 8 * LARGEST
"""Characters times changes of one edit: some seconds of work."""
_BARE = re.compile(r"[A-Za-z0-9_-]+")


@dataclass(frozen=True, slots=True)
class Change:
    """One key set, or taken out.

    loc: the key; a number that is the length of an array adds to it. Tables on the way are made
    value: text, number, boolean, or a list or table of such; None takes the key, table or element out
    """

    loc: Loc
    value: Any


def edited(text: str, changes: Iterable[Change]) -> str:
    """The text after each change in turn.

    Args:
        text: valid TOML
        changes: each sees what those before it did, so elements are taken out from the last to the first

    Raises:
        UserError: a change is about a place that the text cannot have, or a value that TOML cannot; or all of it would
            take too long.
    """
    left = MOST_COST
    for change in changes:
        left -= len(text)
        if len(text) > LARGEST or left < 0:
            raise UserError("the file is too long for that many changes from here: edit the file itself")
        wanted = parse(text)
        if change.value is None and not _has(wanted, change.loc):
            continue
        try:
            _put(wanted, change)
            text = _Text(text).changed(change)
            kept = _full(parse(text)) == _full(wanted)
        except (ValueError, KeyError, IndexError, TypeError, AttributeError):
            kept = False
        if not kept:
            where = ".".join(str(part) for part in change.loc)
            raise UserError(f"{where} cannot be changed from here: edit the file itself")
    return text


class _Text:
    """A text and where everything in it stands."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.places, self.statements = layout(text)

    def changed(self, change: Change) -> str:
        loc, value = change.loc, change.value
        if value is None:
            return self._without(loc)
        if loc in self.places and not self._is_tables(loc):
            place = self.places[loc]
            return self._cut(place.value, place.value_end, written(value))
        if loc in self.places:
            return self._over_tables(loc, value)
        for depth in range(1, len(loc)):
            if isinstance(loc[depth - 1], int) and loc[:depth] not in self.places:  # a new table of an array, whole
                return self._with_element(loc[:depth], _wrapped(loc[depth:], value))
        return self._with_element(loc, value) if isinstance(loc[-1], int) else self._with_key(loc, value)

    def _over_tables(self, loc: Loc, value: Any) -> str:
        """Another value for what headers or dotted keys write: key by key, so that the comments between them stay."""
        old: Any = parse(self.text)
        for part in loc:
            old = old[part]
        text = self.text
        if isinstance(value, dict) and isinstance(old, dict):
            gone: list[Any] = [key for key in old if value.get(key) is None]
            new: list[tuple[Any, Any]] = list(value.items())
        elif isinstance(value, list) and isinstance(old, list) and all(isinstance(each, dict) for each in value):
            gone, new = list(range(len(value), len(old)))[::-1], list(enumerate(value))
        else:
            return _Text(self._without(loc)).changed(Change(loc, value))
        for key in gone:
            text = _Text(text).changed(Change((*loc, key), None))
        for key, each in new:
            text = _Text(text).changed(Change((*loc, key), each)) if each is not None else text
        return text

    def _is_tables(self, loc: Loc) -> bool:
        """Whether headers or dotted keys write it, rather than a value behind an equals sign."""
        place = self.places[loc]
        if isinstance(loc[-1], int):
            return any(each.header and each.loc == loc for each in self.statements)
        return place.key == place.value

    def _with_element(self, loc: Loc, value: Any) -> str:
        above = loc[:-1]
        if above in self.places and not self._is_tables(above):
            *_, last = [self.places[above], *self._beside(loc)]
            if last is self.places[above]:
                return self._cut(last.value, last.value_end, written([value]))
            return self._cut(last.value_end, last.value_end, f", {written(value)}")
        if self._inline(above[:-1]) is not None or not isinstance(value, dict):
            return self._with_key(above, [value])
        region = above if above in self.places else self._nearest(above[:-1])
        return self._block(region, f"[[{_header(above)}]]", value)

    def _with_key(self, loc: Loc, value: Any) -> str:
        table, key = loc[:-1], str(loc[-1])
        if isinstance(value, list) and value and all(isinstance(each, dict) for each in value):
            if self._inline(table) is None:
                text = self.text
                for number, each in enumerate(value):
                    text = _Text(text).changed(Change((*loc, number), each))
                return text
        elif isinstance(value, dict) and self._inline(table) is None:
            return self._block(self._nearest(table), f"[{_header(loc)}]", value)
        if (place := self._inline(table)) is not None:
            inside = self.text[place.value + 1 : place.value_end - 1]
            at = place.value + 1 + len(inside.rstrip())
            comma = ", " if inside.strip() else ""
            return self._cut(at, at, f"{comma}{_key(key)} = {written(value)}")
        return self._with_line(table, key, value)

    def _with_line(self, table: Loc, key: str, value: Any) -> str:
        """A line behind the last one of its table, or the table made for it."""
        own = [each for each in self.statements if each.table == table and not each.header]
        heads = [each for each in self.statements if each.loc == table and each.header]
        dotted = [each for each in self.statements if each.loc[: len(table)] == table and len(each.table) < len(table)]
        after = [*dotted[-1:], *heads[:1], *own[-1:]]
        if not table and not own:
            return self._cut(0, 0, f"{_key(key)} = {written(value)}\n")
        if not after or (after[-1].header and after[-1].loc != table):
            return self._block(self._nearest(table), f"[{_header(table)}]", {key: value})
        last = after[-1]
        path = ".".join(_key(str(part)) for part in (*table[len(last.table) :], key))
        begin = self._line(last.start)
        indent = self.text[begin : last.start] if not last.header else ""
        return self._insert_line(last.end, f"{indent if not indent.strip() else ''}{path} = {written(value)}")

    def _block(self, region: Loc, header: str, table: dict[str, Any]) -> str:
        """A header with its keys behind the last statement of a region; at the end of the text for the whole."""
        lines = [header, *(f"{_key(key)} = {written(value)}" for key, value in table.items() if value is not None)]
        block = "\n".join(lines)
        if region:
            *_, last = [each for each in self.statements if each.loc[: len(region)] == region]
            return self._insert_line(last.end, f"\n{block}")
        body = self.text.rstrip("\n")
        return f"{body}\n\n{block}\n" if body else f"{block}\n"

    def _without(self, loc: Loc) -> str:
        if loc in self.places and self._in_value(loc):
            return self._without_element(loc)
        text = self.text
        for each in reversed([each for each in self.statements if each.loc[: len(loc)] == loc]):
            start, end = self._line(each.start), self._line_end(each.end) + 1
            if text[end : end + 1] == "\n" and text[:start].endswith(("\n\n", "\n\r\n")):
                end += 1  # one empty line is left of the two around it
            text = text[:start] + text[end:]
        return text

    def _without_element(self, loc: Loc) -> str:
        place, beside = self.places[loc], self._beside(loc)
        after = [each for each in beside if each.key > place.key]
        before = [each for each in beside if each.key < place.key]
        if after:
            return self._cut(place.key, after[0].key, "")
        return self._cut(before[-1].value_end if before else place.key, place.value_end, "")

    def _beside(self, loc: Loc) -> list[Place]:
        """The other elements of an array, or keys of an inline table, in their order."""
        known = self.places.items()
        found = [place for at, place in known if at[:-1] == loc[:-1] and len(at) == len(loc) and at != loc]
        return sorted(found, key=lambda place: place.key)

    def _in_value(self, loc: Loc) -> bool:
        """Whether it is a part of a value: of an array or of an inline table."""
        return any(
            not each.header and len(each.loc) < len(loc) and loc[: len(each.loc)] == each.loc
            for each in self.statements
        )

    def _inline(self, table: Loc) -> Place | None:
        """The braces of a table that is written in them."""
        place = self.places.get(table)
        return place if place and not self._is_tables(table) and self.text[place.value] == "{" else None

    def _nearest(self, table: Loc) -> Loc:
        """The table, or the nearest above it, that the text has."""
        while table and table not in self.places:
            table = table[:-1]
        return table

    def _cut(self, start: int, end: int, instead: str) -> str:
        return self.text[:start] + instead + self.text[end:]

    def _line(self, at: int) -> int:
        return self.text.rfind("\n", 0, at) + 1

    def _line_end(self, at: int) -> int:
        end = self.text.find("\n", at)
        return len(self.text) if end < 0 else end

    def _insert_line(self, at: int, line: str) -> str:
        end = self._line_end(at)
        return self._cut(end, end, f"\n{line}")


def written(value: Any) -> str:
    """A value as TOML, on one line. Raises ValueError for one that TOML has not."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        value.encode()  # a lone surrogate is no text
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, int) and -(2**63) <= value < 2**63:
        return str(value)
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, list):
        return f"[{', '.join(written(each) for each in value)}]"
    if isinstance(value, dict):
        pairs = ", ".join(f"{_key(key)} = {written(each)}" for key, each in value.items() if each is not None)
        return f"{{ {pairs} }}" if pairs else "{}"
    raise ValueError(value)


def _wrapped(loc: Loc, value: Any) -> Any:
    """The value in the tables and arrays that lead to it."""
    for part in reversed(loc):
        value = {part: value} if isinstance(part, str) else [value]
    return value


def _key(key: str) -> str:
    return key if _BARE.fullmatch(key) else written(key)


def _header(loc: Loc) -> str:
    return ".".join(_key(part) for part in loc if isinstance(part, str))


def _has(data: Any, loc: Loc) -> bool:
    try:
        for part in loc:
            data = data[part]
    except (KeyError, IndexError, TypeError):
        return False
    return True


def _put(data: Any, change: Change) -> None:
    """The same change on the tables, to compare with."""
    *above, last = change.loc
    for part, following in zip(above, change.loc[1:], strict=True):
        if isinstance(data, list) and part == len(data):
            data.append({})
        elif isinstance(data, dict) and part not in data:
            data[part] = [] if isinstance(following, int) else {}
        data = data[part]
    if isinstance(last, int) != isinstance(data, list):
        raise KeyError(last)
    if change.value is None:
        if isinstance(data, dict):
            data.pop(last, None)
        else:
            del data[last]
    elif isinstance(data, list) and last == len(data):
        data.append(change.value)
    else:
        data[last] = change.value


def _full(data: Any) -> Any:
    """Without empty tables and lists and what is None: one way to write those is not at all."""
    if isinstance(data, dict):
        kept = {key: _full(value) for key, value in data.items()}
        return {key: value for key, value in kept.items() if value not in ({}, [], None)}
    return [_full(each) for each in data] if isinstance(data, list) else data
