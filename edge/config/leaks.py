"""How a form that never shows a secret could still be used to have one, and what keeps it in.

Reports and the status show most values, and whoever is connected to is told a password: so a form may neither have a
secret filled in where values are shown, nor send a stored one elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from edge.config.checks import leaves
from edge.config.diagnose import Document, Finding, refuse
from edge.config.edit import Change
from edge.config.form import secret_paths
from edge.config.places import Loc, places
from edge.config.secrets import REFERENCE
from edge.config.toml import parse

CONNECTED = (("mqtt", "host"), ("email", "host"), ("camera", "source"))
"""Keys that say who is told the `password` beside them."""


def check_secrets(name: str, before: Mapping[str, Any], text: str, changes: Iterable[Change]) -> None:
    """Refuse a change by a form that would have a secret shown or sent elsewhere.

    Args:
        name: of the file
        before: its tables
        text: the file with the changes

    Raises:
        ConfigFindings: it would.
    """
    after = parse(text.replace("\r\n", "\n"))
    findings = [*_shown(before, after), *_sent(before, after, changes)]
    if findings:
        text = text.replace("\r\n", "\n")
        raise refuse(Document(name, text, places(text)), findings)


def _shown(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Finding]:
    stood = {(_keys(loc), value) for loc, value in leaves(before) if isinstance(value, str)}
    for loc, value in leaves(after):
        if not isinstance(value, str) or not _refers(value) or _keys(loc) in secret_paths():
            continue
        if (_keys(loc), value) not in stood:
            advice = "write it in the file, on the device"
            yield Finding(loc, "from this page a `${NAME}` is filled in for passwords and codes alone", advice)


def _sent(before: Mapping[str, Any], after: Mapping[str, Any], changes: Iterable[Change]) -> Iterator[Finding]:
    known = {(keys, host, password) for keys, host, _, password in _logins(before)}
    hosts = {(keys, host) for keys, host, _, _ in _logins(before)}
    given = {text for change in changes for _, text in leaves({"": change.value}) if isinstance(text, str)}
    for keys, host, loc, password in _logins(after):
        if (keys, host, password) in known or (password in given and (not _refers(password) or (keys, host) in hosts)):
            continue
        advice = "write it out, or take it out; one that is a `${NAME}` goes to another host by a change of the file"
        yield Finding(loc, "the host is another one: the password is wanted anew", advice)


def _logins(data: Mapping[str, Any]) -> Iterator[tuple[tuple[str, ...], str, Loc, str]]:
    """Who is told which password: the key of the host, the host, the place of the password, the password."""
    for keys in CONNECTED:
        tables = data.get(keys[0])
        listed = enumerate(tables) if isinstance(tables, list) else [(None, tables)]
        for number, table in listed:
            if not isinstance(table, dict) or not isinstance(table.get("password"), str):
                continue
            loc: Loc = (keys[0], "password") if number is None else (keys[0], number, "password")
            yield keys, _host(str(table.get(keys[1]))), loc, table["password"]


def _host(text: str) -> str:
    try:
        return urlsplit(text).hostname or text
    except ValueError:
        return text


def _keys(loc: Loc) -> tuple[str, ...]:
    return tuple(part for part in loc if isinstance(part, str))


def _refers(text: str) -> bool:
    return any(not match[1] for match in REFERENCE.finditer(text))
