"""What the broker is told of a camera's picture."""

from __future__ import annotations

from edge.board import Board
from edge.pipeline import Look
from edge.states import States
from tests.support.walks import frame, standing, track


def test_only_what_is_believed_and_not_filtered_out_is_counted() -> None:
    """A look names the zones of each object that counts; the other tracks are candidates, or too small."""
    board = Board()
    states = States(board, "porch", ["person"], counting=True)
    tracks = [track(0, standing(100 * n, 300), number=n) for n in (1, 2, 3)]
    states.show(Look(frame(0), [], True, tracks, {1: (), 3: ("yard",)}))
    assert (board.get("porch/person"), board.get("porch/all")) == ("2", "2")
