"""From a TOML file, `--set` options and secrets to one frozen `Config`, or to a report of all that is wrong."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias

from pydantic import ValidationError

from edge.config.alarm_checks import misplaced
from edge.config.checks import clashes, leaves, missing_files, path_in, unblurred, unknown_names
from edge.config.diagnose import Document, Finding, explain, refuse
from edge.config.email_checks import strangers
from edge.config.filled import Filled
from edge.config.places import Loc, places
from edge.config.privacy_checks import betrayed
from edge.config.schema import Config, Node
from edge.config.secrets import UnknownSecret, fill_in
from edge.config.toml import parse
from edge.errors import UserError
from edge.paths import is_file

SYSTEM_FILE = Path("/etc/edge/edge.toml")
LOCAL_FILE = Path("edge.toml")

Override: TypeAlias = "str | tuple[str, object]"
"""`KEY=VALUE` as the command line gives it, or a key with a value that has its type already."""
Check: TypeAlias = "Callable[[dict[str, Any]], Sequence[Finding]]"
"""Looks at the tables as they were read, of any quality; paths are absolute and secrets filled in."""
Trim: TypeAlias = "Callable[[dict[str, Any]], None]"
"""Takes out of the tables, as the file has them, what is of no use; in place."""


def default_path() -> Path:
    """The file that is read when none is named.

    Raises:
        UserError: there is none.
    """
    for path in (SYSTEM_FILE, LOCAL_FILE):
        if is_file(path):
            return path
    raise UserError(f"no configuration: there is neither {SYSTEM_FILE} nor ./{LOCAL_FILE}; name one with --config FILE")


def load(
    path: Path | None = None,
    overrides: Sequence[Override] = (),
    *,
    files: bool = False,
    checks: Sequence[Check] = (),
    trim: Trim | None = None,
) -> Config:
    """The configuration, complete and checked.

    Paths in the file are relative to the file's folder, those in overrides to the working folder. A value of an
    override is TOML (`true`, `0.5`, `["a", "b"]`), else text. A number in its key counts tables, a name is that of one:
    `camera.0.loop=true`, `camera.porch.loop=true`.

    Args:
        path: the file; None stands for `default_path()`.
        overrides: settings that go over those of the file.
        files: check as well that the files which the configuration names are there.
        checks: what else to check; their findings go into the same report.
        trim: leaves away what the command does not use, so that neither its secrets are wanted nor its mistakes told.

    Raises:
        UserError: the file cannot be read, or an override is not of the form KEY=VALUE.
        ConfigFindings: what the file says cannot be used; the report has every finding.
    """
    path = path or default_path()
    return load_text(path, file_text(path), overrides, files=files, checks=checks, trim=trim)


def load_text(
    path: Path,
    text: str,
    overrides: Sequence[Override] = (),
    *,
    files: bool = False,
    checks: Sequence[Check] = (),
    trim: Trim | None = None,
) -> Config:
    """As `load`, of a text that is or will be the content of the file `path`; the file itself is not read."""
    text = text.replace("\r\n", "\n")
    checks = [*([missing_files] if files else []), *checks]
    return _build(str(path), text, path.absolute().parent, overrides, checks, trim)


def load_node(path: Path | None = None) -> Node:
    """Only the `[node]` table: for commands that speak with the daemon and need neither secrets nor a valid rest.

    Without a path and without a file at the usual places, everything is at its default.

    Raises:
        UserError, ConfigFindings: as `load`, about this table alone.
    """
    if path is None and not (is_file(SYSTEM_FILE) or is_file(LOCAL_FILE)):
        return Node()
    path = path or default_path()
    text = file_text(path).replace("\r\n", "\n")
    data = {"node": _parsed(str(path), text).get("node", {})}
    filled = Filled()
    findings = list(_settle(data, path.absolute().parent, filled))
    node = None
    try:
        node = Node.model_validate(data["node"])
    except ValidationError as error:
        findings += [replace(finding, loc=("node", *finding.loc)) for finding in explain(error, Node)]
    if findings or node is None:
        raise refuse(Document(str(path), text, places(text)), map(filled.silenced, findings))
    return node


def default_config(
    cameras: Mapping[str, str], overrides: Sequence[Override] = (), *, checks: Sequence[Check] = ()
) -> Config:
    """A configuration without a file, everything at its default.

    Args:
        cameras: the source of each camera by its name; `{"clip": "file:clip.mp4"}`.
        overrides, checks: as for `load`.

    Raises:
        UserError, ConfigFindings: as `load`.
    """
    given: list[Override] = []
    for i, (name, source) in enumerate(cameras.items()):
        given += [(f"camera.{i}.name", name), (f"camera.{i}.source", source)]
    return _build("the command line", "", Path.cwd(), [*given, *overrides], checks)


def _build(
    name: str,
    text: str,
    folder: Path,
    overrides: Sequence[Override],
    checks: Sequence[Check] = (),
    trim: Trim | None = None,
) -> Config:
    data = _parsed(name, text)
    if trim is not None:
        trim(data)
    filled = Filled()
    findings = list(_settle(data, folder, filled))
    given = {}
    for override in overrides:
        keys, value, shown = _parse(override)
        loc = _reach(data, keys, shown)
        box = {"": value}
        findings += _settle(box, Path.cwd(), filled, loc)
        _put(data, loc, box[""])
        given[loc] = shown
    without_secret = {finding.loc for finding in findings}
    for check in (clashes, unknown_names, misplaced, strangers, unblurred, betrayed, *checks):
        findings += check(data)
    config = None
    try:
        config = Config.model_validate(data)
    except ValidationError as error:
        # A value whose secret is missing has been reported for that; what else is wrong with it nobody knows yet.
        findings += [finding for finding in explain(error, Config) if finding.loc not in without_secret]
    if findings or config is None:
        raise refuse(Document(name, text, places(text), given), map(filled.silenced, findings))
    return config


def _parsed(name: str, text: str) -> dict[str, Any]:
    try:
        return parse(text)
    except ValueError as error:
        raise refuse(Document(name, text), [_syntax(str(error), text)]) from None


def file_text(path: Path) -> str:
    """The text of a configuration file, its line ends as they are. Raises UserError if there is none to be read."""
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        raise UserError(f"no configuration file {path}") from None
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from None
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise UserError(f"{path}:{line}: not UTF-8 text; save the file as UTF-8") from None


def _syntax(message: str, text: str) -> Finding:
    """The parser's complaint with its place taken out of the words."""
    said = re.sub(r"\s*\(at [^)]*\)$", "", message)
    if where := re.search(r"\(at line (\d+), column (\d+)\)$", message):
        starts = [0, *(m.end() for m in re.finditer("\n", text))]
        offset = starts[int(where[1]) - 1] + int(where[2]) - 1
    else:
        offset = len(text.rstrip())
    advice = {
        "Invalid value": 'text needs quotes: name = "porch"',
        "Cannot overwrite a value": "this key is there twice",
    }
    return Finding((), f"not valid TOML: {said[:1].lower()}{said[1:]}", advice.get(said), offset=offset)


def _settle(data: dict[str, Any], folder: Path, filled: Filled, above: Loc = ()) -> Iterator[Finding]:
    """Fill in the secrets and make the paths absolute, in place.

    filled: told of each value that has a secret
    above: the key of an override, whose value is all of `data` under the key ""
    """
    for loc, value in list(leaves(data)):
        if not isinstance(value, str):
            continue
        at = above + loc[1:] if above else loc
        try:
            filled.add(at, value)
            value = fill_in(value)
        except UnknownSecret as error:
            name, reason = error.args
            advice = reason or f"set it in the environment, in /run/secrets/{name} or as a systemd credential"
            yield Finding(at, f"no secret `{name}`", advice)
            continue
        if named := path_in(at, value):
            value = named[0] + str(folder / _home(named[1]))
        _put(data, loc, value)


def _home(path: str) -> Path:
    return Path.home() / path[2:] if path.startswith("~/") else Path(path)


def _put(data: Any, loc: Loc, value: object) -> None:
    for part in loc[:-1]:
        data = data[part]
    data[loc[-1]] = value


def _parse(override: Override) -> tuple[list[str], object, str]:
    """An override's key parts, its value, and how to quote it."""
    key, equals, value = override.partition("=") if isinstance(override, str) else (override[0], "=", override[1])
    shown = override if isinstance(override, str) else f"{key}={value}"
    parts = [part.strip() for part in key.split(".")]
    if not equals or not all(parts):
        raise UserError(f"--set wants KEY=VALUE, got `{shown}`")
    if isinstance(override, str):
        value = _value(str(value))
    return parts, value, shown


def _value(text: str) -> object:
    try:
        data = parse(f"value = {text}")
    except ValueError:
        return text
    return data["value"] if data.keys() == {"value"} else text


def _reach(data: Any, keys: list[str], shown: str) -> Loc:
    """The place that dotted keys name, with the tables above it made where they are missing."""
    loc: Loc = ()
    for i, key in enumerate(keys):
        last = i == len(keys) - 1
        fresh: Any = [] if not last and keys[i + 1].isdigit() else {}
        if isinstance(data, list):
            names = [each.get("name") if isinstance(each, dict) else None for each in data]
            part: str | int = int(key) if key.isdigit() else names.index(key) if key in names else -1
            if not 0 <= int(part) <= len(data):
                named = f": {', '.join(str(name) for name in names if name)}" if any(names) else ""
                some = f"`{'.'.join(keys[:i])}` has {len(data)} entries{named}"
                raise UserError(f"--set {shown}: {some}; none is `{key}`")
            if part == len(data):
                data.append(fresh)
        elif isinstance(data, dict):
            part = key
            if not last:
                data.setdefault(part, fresh)
        else:
            raise UserError(f"--set {shown}: `{'.'.join(keys[:i])}` is no table")
        loc = (*loc, part)
        data = data[part] if not last else None
    return loc
