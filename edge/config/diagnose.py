"""What is wrong with a configuration, shown at its line with a caret and, where one can guess, what was meant.

    error: camera[0].sorce: unknown key `sorce`
      --> edge.toml:3:1
       |
     3 | sorce = "file:x.mp4"
       | ^^^^^
       = help: did you mean `source`?

Every finding is shown, in the order of the file. Passwords and credentials in URLs are masked in the lines quoted.
"""

from __future__ import annotations

import difflib
import re
import typing
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from edge.config.places import Loc, Place
from edge.config.redact import mask_by_looks, secret_spans
from edge.errors import ConfigError, MissingError

_PLAIN = {
    "string_type": "must be text in quotes",
    "int_type": "must be a whole number, without quotes",
    "float_type": "must be a number, without quotes",
    "bool_type": "must be true or false, without quotes",
    "path_type": "must be a path in quotes",
    "is_instance_of": "must be a path in quotes",
    "tuple_type": "must be a list",
    "model_type": "must be a table",
    "finite_number": "must be a finite number",
}
_LIMITS = {
    "greater_than": "must be more than {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than": "must be less than {lt}",
    "less_than_equal": "must be at most {le}",
    "string_too_short": "cannot be empty",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to mend.

    loc: the key it is about; a key that the file does not have is shown at the table that lacks it
    on_key: point at the key rather than at its value
    offset: where in the text, for a text that is no TOML and has no keys
    missing: nothing is written wrongly, but a part that is asked for is not there
    """

    loc: Loc
    message: str
    help: str | None = None
    on_key: bool = False
    offset: int | None = None
    missing: bool = False


@dataclass(frozen=True, slots=True)
class Document:
    """A configuration as it was written.

    name: what the user calls the file
    given: the `--set KEY=VALUE` texts by the key they set; findings there have no line
    """

    name: str
    text: str
    places: Mapping[Loc, Place] = field(default_factory=dict)
    given: Mapping[Loc, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Located:
    """A finding with its place: line and column from 1, both None for one on the command line."""

    file: str
    line: int | None
    column: int | None
    key: str
    message: str
    help: str | None


class ConfigFindings(ConfigError):
    """The configuration cannot be used; `str()` is the whole report, `findings` its parts for a program.

    The exit code is that of a missing part where nothing else is the matter.
    """

    def __init__(self, report: str, findings: Sequence[Located], *, missing: bool = False) -> None:
        super().__init__(report)
        self.findings = tuple(findings)
        if missing:
            self.exit_code = MissingError.exit_code


def refuse(document: Document, findings: Iterable[Finding]) -> ConfigFindings:
    """The error that reports these findings, sorted by their place in the file."""
    ordered = sorted(((_span(document, f), f) for f in findings), key=lambda pair: pair[0] or (-1, -1))
    blocks, located = [], []
    for span, finding in ordered:
        block, where = _show(document, span, finding)
        blocks.append(block)
        located.append(where)
    missing = bool(ordered) and all(finding.missing for _, finding in ordered)
    if located and all(one.line is None for one in located):  # nothing to quote: a line each
        lines = [f"{one.file}: {one.message}" + (f"; {one.help}" if one.help else "") for one in located]
        return ConfigFindings("\n".join(lines), located, missing=missing)
    n = len(blocks)
    total = f"{n} error{'' if n == 1 else 's'} in {document.name}. Nothing was started."
    return ConfigFindings("\n\n".join([f"{document.name} cannot be used", *blocks, total]), located, missing=missing)


def explain(error: ValidationError, schema: type[BaseModel]) -> list[Finding]:
    """Pydantic's errors in the words of the one who wrote the file."""
    return [_finding(details, schema) for details in error.errors(include_url=False)]


def dotted(loc: Loc) -> str:
    """`camera[0].name`: a key as people write it."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in loc)
    return text.removeprefix(".")


def _finding(e: ErrorDetails, schema: type[BaseModel]) -> Finding:
    loc: Loc = tuple(e["loc"])
    named = loc[-1:] == ("[key]",)  # the user chose this key, and it is the key that is wrong
    loc = loc[:-1] if named else loc
    kind, context = e["type"], e.get("ctx", {})
    if kind == "edge":
        at = (*loc, context["key"]) if context["key"] else loc
        return Finding(at, context["message"], context["help"] or None, on_key=named)
    if kind == "extra_forbidden":
        return Finding(loc, f"unknown key `{loc[-1]}`", _nearest_key(loc, schema), on_key=True)
    if kind == "missing":
        return _missing(loc)
    if kind == "literal_error":
        choices = re.findall(r"'([^']+)'", context["expected"])
        return Finding(loc, "must be one of: " + ", ".join(choices), _meant(str(e["input"]).lower(), choices))
    if kind == "too_long":
        return Finding(loc, f"has more than {context['max_length']} values")
    if kind == "tuple_type" and isinstance(e["input"], dict):
        return Finding(loc, _PLAIN[kind], f"write `[[{'.'.join(p for p in loc if isinstance(p, str))}]]`", on_key=True)
    if kind in _LIMITS:
        return Finding(loc, _LIMITS[kind].format(**{k: _number(v) for k, v in context.items()}))
    return Finding(loc, _PLAIN.get(kind, e["msg"]))


def _meant(given: str, choices: Sequence[str]) -> str | None:
    """The choices that a value may stand for. One that begins as some of them do is none of the others: who writes
    `arm` means no `disarm`, near as it is."""
    kin = [
        choice for choice in choices if given and (given.startswith(choice.split("_")[0]) or choice.startswith(given))
    ]
    near = difflib.get_close_matches(given, kin, 1, 0.8) or kin or difflib.get_close_matches(given, choices, 1, 0.3)
    return f"did you mean {' or '.join(f'`{choice}`' for choice in near)}?" if near else None


def _missing(loc: Loc) -> Finding:
    if isinstance(loc[-1], int):
        return Finding(loc[:-1], "has too few values")
    help = "add a `[[camera]]` table with `name` and `source`" if loc == ("camera",) else None
    return Finding(loc, f"`{loc[-1]}` is missing", help, on_key=True)


def _number(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _nearest_key(loc: Loc, schema: type[BaseModel]) -> str | None:
    table = _table_at(loc[:-1], schema)
    if table is None:
        return None
    keys = [info.alias or name for name, info in table.model_fields.items()]
    near = difflib.get_close_matches(str(loc[-1]).lower(), keys, 1)
    return f"did you mean `{near[0]}`?" if near else "keys here: " + ", ".join(keys)


def _table_at(loc: Loc, schema: type[BaseModel]) -> type[BaseModel] | None:
    """The model of the table at a place, None where the schema has none."""
    table: type[BaseModel] | None = schema
    chosen = False
    for part in loc:
        if chosen:
            chosen = False
        elif isinstance(part, str) and table is not None:
            info = table.model_fields.get(part)
            table = None if info is None else model_in(info.annotation)
            chosen = info is not None and by_name(info)
    return table


def by_name(info: FieldInfo) -> bool:
    """Whether a field holds tables under names that the user chooses."""
    return typing.get_origin(info.annotation) is dict


def model_in(annotation: Any) -> type[BaseModel] | None:
    """The table that a field holds, alone or in a list; None for a plain value."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    found = (model_in(inner) for inner in typing.get_args(annotation))
    return next((model for model in found if model is not None), None)


def _span(document: Document, finding: Finding) -> tuple[int, int] | None:
    """First and last offset to underline; None for what the command line gave."""
    if finding.offset is not None:
        return finding.offset, finding.offset + 1
    if _option(document, finding.loc):
        return None
    loc = finding.loc
    while loc and loc not in document.places:
        loc = loc[:-1]
    if not loc:
        return 0, 1
    place = document.places[loc]
    beyond = finding.loc[len(loc) :]
    if finding.on_key or (beyond and isinstance(beyond[0], str)):
        return place.key, place.key_end
    return place.value, place.value_end


def _option(document: Document, loc: Loc) -> str | None:
    """The `--set` text behind a key, the nearest one above it, None if the file set it."""
    lengths = range(len(loc), 0, -1)
    return next((document.given[loc[:n]] for n in lengths if loc[:n] in document.given), None)


def _show(document: Document, span: tuple[int, int] | None, finding: Finding) -> tuple[str, Located]:
    key = dotted(finding.loc)
    head = f"error: {key}: {finding.message}" if key else f"error: {finding.message}"
    tail = [f"   = help: {finding.help}"] if finding.help else []
    if span is None:
        option = mask_by_looks(_option(document, finding.loc) or "")
        located = Located(f"--set {option}", None, None, key, finding.message, finding.help)
        return "\n".join([head, f"  --> --set {option}", *tail]), located
    text, start = document.text, min(span[0], len(document.text))
    line = text.count("\n", 0, start) + 1
    begin = text.rfind("\n", 0, start) + 1
    end = text.find("\n", start)
    end = len(text) if end < 0 else end
    located = Located(document.name, line, start - begin + 1, key, finding.message, finding.help)
    shown, left, right = _masked_line(document, begin, end, (start, min(span[1], end)))
    pad = re.sub(r"[^\t]", " ", shown[:left])
    gutter = " " * len(str(line))
    quote = [
        f"{gutter} --> {located.file}:{line}:{located.column}",
        f"{gutter}  |",
        f" {line} | {shown}",
        f"{gutter}  | {pad}{'^' * max(1, right - left)}",
    ]
    tail = [f"{gutter}  = help: {finding.help}"] if finding.help else []
    return "\n".join([head, *quote, *tail]), located


def _masked_line(document: Document, begin: int, end: int, span: tuple[int, int]) -> tuple[str, int, int]:
    """One line without its secrets, and the columns (from 0) that a span of the text has in it."""
    if not document.places:  # no TOML: nobody knows what is a value, so mask by looks
        line = document.text[begin:end]
        left = len(mask_by_looks(line[: span[0] - begin]))
        shown = mask_by_looks(line)
        return shown, min(left, len(shown)), min(left + 1, len(shown))
    shown, at = "", begin
    edges = list(span)
    columns = [span[0] - begin, span[1] - begin]
    for start, stop, instead in secret_spans(document.text, document.places):
        start, stop = max(start, begin), min(stop, end)
        if start >= stop or start < at:
            continue
        shown += document.text[at:start] + instead
        for i, edge in enumerate(edges):
            if edge >= stop:
                columns[i] += len(instead) - (stop - start)
            elif edge > start:
                columns[i] = len(shown)
        at = stop
    return shown + document.text[at:end], columns[0], columns[1]
