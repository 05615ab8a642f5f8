"""What all tables share."""

from __future__ import annotations

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
