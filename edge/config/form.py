"""The schema as a form to fill in, and the values that it begins with: JSON-ready, without any secret.

What a form may not change is `SEALED`: a mistake there locks its owner out, lets whoever has the page run a program, or
moves a car.
"""

from __future__ import annotations

import functools
import typing
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from edge.config.diagnose import dotted, model_in
from edge.config.edit import Change
from edge.config.places import Loc
from edge.config.redact import is_secret_key
from edge.config.reference import default_in_words
from edge.config.schema import Config
from edge.config.secrets import REFERENCE, mask_url
from edge.errors import UserError

SEALED: tuple[tuple[str, ...], ...] = (("web",), ("node", "data"), ("jsonl",), ("engine", "movidius"), ("steer",))
"""Tables and keys that are changed in the file alone."""
VOUCHED: tuple[tuple[str, ...], ...] = (("alarm", "code"), ("alarm", "schedule"))
"""What lets somebody disarm, or lets the alarm disarm itself: who changes it by a form has to know one of the codes."""
DRAWN = frozenset({"points", "motion_mask", "object_mask"})
"""Keys that are drawn on the picture."""
SWITCHED = frozenset({("mqtt", "tls")})
"""Tables that `true` stands for as well."""
UNITS = {
    "s": "seconds",
    "ms": "milliseconds",
    "min": "minutes",
    "mb": "MB",
    "gb": "GB",
    "px": "pixels",
    "fps": "a second",
}
UNITS |= {"m": "metres", "days": "days", "hours": "hours", "kbps": "kbit/s"}
HIDDEN = "***"


@functools.cache
def form() -> list[dict[str, Any]]:
    """The tables of a file: `key`, `doc`, `many` (an array of tables), `fields` and the tables within.

    A field has `key`, `kind` (text, texts, integer, number, boolean, choice, choices, secret, or file: to be
    written in the file), `doc`, `default` in words, `needed`, and where they are known `unit`,
    `choices`, `min` and `max`.
    """
    return list(_tables(Config, ()))


def values(data: Mapping[str, Any]) -> dict[str, Any]:
    """The tables of a file for that form, as they are written there.

    A secret is `{"$secret": "${NAME}"}`, or `{"$secret": ""}` for one that stands in the file itself; a text with a
    login in it is `{"$masked": text}`, the login replaced by `***`.
    """
    shown = {key: _shown(value, (key,)) for key, value in data.items()}
    return {key: value for key, value in shown.items() if (key,) not in SEALED}


def check_changes(before: Mapping[str, Any], after: Mapping[str, Any], changes: Iterable[Change]) -> None:
    """Raises UserError, one line, for a change that a form may not make.

    Args:
        before, after: the tables of the file without and with it
        changes: for masked texts that would be written as they were shown
    """
    for path in SEALED:
        if _at(before, path) != _at(after, path):
            raise UserError(f"{'.'.join(path)} is changed in the file alone, on the device")
    for change in changes:
        if any(HIDDEN in text for text in _texts(change.value)):
            where = dotted(change.loc)
            raise UserError(f"{where}: {HIDDEN} stands for what this page does not show; write all of it anew")


def wants_code(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """Whether a change of a file's tables is one for which a code of the alarm is to be asked, where there is one."""
    return any(_at(before, path) != _at(after, path) for path in VOUCHED)


def _tables(schema: type[BaseModel], above: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    shapes = schema.model_json_schema()["properties"]
    for name, info in schema.model_fields.items():
        key = info.alias or name
        path, inner = (*above, key), _table_of(info)
        if inner is None or path in SWITCHED or path in SEALED:
            continue
        parts = inner.model_json_schema()["properties"]
        many = shapes[key].get("type") == "array"
        fields = [_field(each, info, parts[each.key]) for each, info in _plain(inner, path)]
        yield {
            "key": key,
            "doc": info.description or inner.__doc__,
            "many": many,
            "fields": fields,
            "tables": list(_tables(inner, path)),
        }


def _by_name(info: FieldInfo) -> bool:
    """Whether a field holds tables under names of the user's choice: those are written in the file."""
    return typing.get_origin(info.annotation) is dict


def _table_of(info: FieldInfo) -> type[BaseModel] | None:
    """The table that a field holds, alone or in a list."""
    return None if _by_name(info) else model_in(info.annotation)


class _Key:
    """A key and the tables above it."""

    def __init__(self, path: tuple[str, ...]) -> None:
        self.path, self.key = path, path[-1]


def _plain(schema: type[BaseModel], above: tuple[str, ...]) -> Iterator[tuple[_Key, FieldInfo]]:
    for name, info in schema.model_fields.items():
        path = (*above, info.alias or name)
        if path in SEALED or path[-1] in DRAWN or (_table_of(info) and path not in SWITCHED):
            continue
        yield _Key(path), info


def _field(at: _Key, info: FieldInfo, shape: Mapping[str, Any]) -> dict[str, Any]:
    choices = [choice for choice in shape.get("anyOf", [shape]) if choice.get("type") != "null"]
    lists = [choice for choice in choices if choice.get("type") == "array"]
    if len(lists) == 1 and {"type": lists[0]["items"]["type"]} in choices:  # one value stands for a list of one
        choices = lists
    one = choices[0] if len(choices) == 1 else {}
    field: dict[str, Any] = {
        "key": at.key,
        "kind": _kind(at.path, one),
        "doc": info.description,
        "default": "none" if _by_name(info) else default_in_words(info, shape),
        "needed": info.is_required(),
    }
    for name, keys in (("min", ("minimum", "exclusiveMinimum")), ("max", ("maximum", "exclusiveMaximum"))):
        if (bound := next((one[key] for key in keys if key in one), None)) is not None:
            field[name] = bound
    if choices_of := one.get("enum") or one.get("items", {}).get("enum"):
        field["choices"] = choices_of
    unit = UNITS.get(at.key.rpartition("_")[2]) if "_" in at.key else None
    return {**field, "unit": unit} if unit and field["kind"] in ("number", "integer") else field


def _kind(path: tuple[str, ...], shape: Mapping[str, Any]) -> str:
    if path in SWITCHED:
        return "boolean"
    if "enum" in shape:
        return "choice"
    kind = shape.get("type")
    if shape.get("format") == "password" or (kind == "string" and is_secret_key(path[-1])):
        return "secret"
    if kind == "array" and "enum" in shape.get("items", {}):
        return "choices"
    if kind == "array" and shape.get("items", {}).get("type") == "string" and not is_secret_key(path[-1]):
        return "texts"
    return {"string": "text", "boolean": "boolean", "integer": "integer", "number": "number"}.get(str(kind), "file")


@functools.cache
def secret_paths() -> frozenset[tuple[str, ...]]:
    """Keys that the schema calls secret."""

    def walk(schema: type[BaseModel], above: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
        shapes = schema.model_json_schema()["properties"]
        for name, info in schema.model_fields.items():
            path = (*above, info.alias or name)
            inner = _table_of(info)
            if inner is not None:
                yield from walk(inner, path)
            elif "'format': 'password'" in str(shapes[path[-1]]):
                yield path

    return frozenset(walk(Config, ()))


def _shown(value: Any, loc: Loc) -> Any:
    if isinstance(value, dict):
        return {key: _shown(each, (*loc, key)) for key, each in value.items()}
    if isinstance(value, list):
        return [_shown(each, (*loc, i)) for i, each in enumerate(value)]
    keys = tuple(part for part in loc if isinstance(part, str))
    if keys in secret_paths() or any(map(is_secret_key, keys)):
        return {"$secret": value if isinstance(value, str) and REFERENCE.fullmatch(value) else ""}
    if not isinstance(value, (str, bool, int, float)):
        return str(value)  # a date: JSON has none
    masked = mask_url(value) if isinstance(value, str) else value
    return value if masked == value else {"$masked": masked}


def _at(data: Any, path: tuple[str, ...]) -> Any:
    for key in path:
        data = data.get(key) if isinstance(data, dict) else None
    return data or None


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, (list, dict)):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _texts(each)
