"""What must last before it is told."""

from __future__ import annotations

import pytest

from edge.posture.gestures import Lasting


@pytest.mark.parametrize(("gap", "confirmed"), [(1.0, True), (1.6, False), (60.0, False)])
def test_what_holds_on_both_sides_of_a_long_gap_begins_anew(gap: float, confirmed: bool) -> None:
    lasting = Lasting(2.0)
    lasting.look(True, 0.0)
    lasting.look(True, 1.0)
    assert lasting.look(True, 1.0 + gap) == ((0.0, 1.0 + gap) if confirmed else (1.0 + gap, None))
