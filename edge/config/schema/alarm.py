"""Whether events alert anybody: `[alarm]`."""

from __future__ import annotations

from pydantic import Field

from edge.config.schema.base import Table


class AlarmTable(Table):
    """Whether events alert anybody."""

    armed_at_first_start: bool = Field(
        default=False, description="State of the very first start; afterwards the last state is kept."
    )
