"""What all tables share."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict

from edge.config.fields import fault


class Table(BaseModel):
    """What all tables share: strict, frozen, no unknown keys, no NaN."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False, hide_input_in_errors=True)


def together(table: Table, first: str, second: str) -> None:
    """Refuse one of two keys without the other."""
    given = [key for key in (first, second) if getattr(table, key) is not None]
    if len(given) == 1:
        other = second if given == [first] else first
        raise fault(f"`{given[0]}` needs `{other}` beside it", key=given[0])


def hostless(table: Table, keys: Sequence[str], outcome: str) -> None:
    """Refuse a table that lacks the `host` without which nothing of it happens, and has what only a host gives a use.

    Args:
        keys: as they are written in the file; nobody sets one who wants nothing of the table
        outcome: what the want of a host comes to
    """
    if getattr(table, "host", None) is not None:
        return
    set_ = {type(table).model_fields[name].alias or name for name in table.model_fields_set if getattr(table, name)}
    if key := next((key for key in keys if key in set_), None):
        raise fault(f"`host` is missing, so {outcome}", "add `host`, or take this out", key=key)
