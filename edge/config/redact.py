"""A configuration text without its secrets, for reports that leave the machine or land in a log."""

from __future__ import annotations

import re
from collections.abc import Mapping

from edge.config.places import Loc, Place, places
from edge.config.secrets import REFERENCE, mask_url
from edge.config.toml import parse

_SECRET_KEY = re.compile(r"pas+|secret|token|pwd|psw", re.IGNORECASE)
# Nobody knows where the value of an unreadable text ends, so all of its line goes; what is masked already stays.
_SECRET_PAIR = re.compile(
    r"""((?:pas+|secret|token|pwd|psw|\bpw|\bcode(?=\s*=\s*["']))\w*["']?\s*[=:](?!\s*(?:["']\$\{[\w.-]*\}["']|\*\*\*\s*(?:[,}\]&#\n]|\Z)))[^\S\n]*)"""
    r"""(?:\"{3}.*?(?:\"{3}|\Z)|'{3}.*?(?:'{3}|\Z)|[^\n]+)""",
    re.IGNORECASE | re.DOTALL,
)


def redact(text: str) -> str:
    """A configuration text that may be given away: passwords, secrets and logins in URLs replaced by `***`.

    Comments are treated by their looks, as is a text that is no TOML.
    """
    shown, at = "", 0
    for start, stop, instead in secret_spans(text, _places_or_none(text)):
        if start >= at:
            shown += text[at:start] + instead
            at = stop
    return mask_by_looks(shown + text[at:])


def _places_or_none(text: str) -> Mapping[Loc, Place]:
    try:
        parse(text)
    except ValueError:
        return {}
    return places(text)


def secret_spans(text: str, at: Mapping[Loc, Place]) -> list[tuple[int, int, str]]:
    """Which parts of the text to replace by what before it is shown, in order."""
    spans = []
    for loc, place in at.items():
        value = text[place.value : place.value_end]
        table = place.value == place.key and isinstance(loc[-1], str)
        if table or value.startswith(("{", "[")):
            continue
        if loc[-1] == "code" or any(isinstance(part, str) and _SECRET_KEY.search(part) for part in loc):
            masked = value if REFERENCE.fullmatch(value[1:-1]) else "***"
        else:
            masked = mask_url(value)
        if masked != value:
            spans.append((place.value, place.value_end, masked))
    return sorted(spans)


def mask_by_looks(text: str) -> str:
    """What looks like `password = VALUE`, `password: VALUE` or a login in a URL masked, in a text of any kind."""
    return _SECRET_PAIR.sub(r"\1***", mask_url(text))


def is_secret_key(key: str) -> bool:
    """Whether a key's name says that its value is a secret."""
    return _SECRET_KEY.search(key) is not None
