"""What is drawn becomes the fewest changes of the file."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.config.areas import MOST, areas, changes_to, kinds
from edge.config.edit import Change, edited
from edge.config.toml import parse
from edge.errors import UserError

FILE = """\
[[camera]]
name = "porch"
source = "synthetic:"
# the path
[[camera.zone]]
name = "path" # up to the door
points = [[0, 0], [1, 0], [1, 1]]
[[camera.zone]]
name = "lawn"
points = [[0, 0], [1, 0], [0.5, 1]]
[[camera]]
name = "yard"
source = "synthetic:"
"""
TRIANGLE = [[0.1, 0.1], [0.9, 0.1], [0.5, 0.9]]


def drawn(camera: str = "porch", **more: Any) -> dict[str, Any]:
    return {**areas(parse(FILE), camera), **more}


def test_what_was_not_changed_changes_nothing() -> None:
    for camera in ("porch", "yard"):
        assert changes_to(parse(FILE), camera, drawn(camera)) == []


def test_a_shape_is_known_by_its_number_and_changed_in_place() -> None:
    zones = drawn()["zone"]
    zones[1] |= {"name": "grass", "points": TRIANGLE}
    assert changes_to(parse(FILE), "porch", drawn(zone=zones)) == [
        Change(("camera", 0, "zone", 1, "name"), "grass"),
        Change(("camera", 0, "zone", 1, "points"), TRIANGLE),
    ]


def test_shapes_are_added_and_taken_out_without_moving_others() -> None:
    zones = [drawn()["zone"][1], {"name": "gate", "points": TRIANGLE, "was": None}]
    changes = changes_to(parse(FILE), "porch", drawn(zone=zones))
    after = edited(FILE, changes)
    assert [zone["name"] for zone in parse(after)["camera"][0]["zone"]] == ["lawn", "gate"]
    assert "# the path\n" in after
    added = changes_to(parse(FILE), "yard", {"zone": [{"name": "gate", "points": TRIANGLE}]})
    assert parse(edited(FILE, added))["camera"][1]["zone"] == [{"name": "gate", "points": TRIANGLE}]


@pytest.mark.parametrize("mask", [kind for kind in kinds() if kind.endswith("mask")])
def test_masks_are_lists_of_corners(mask: str) -> None:
    text = edited(FILE, changes_to(parse(FILE), "yard", {mask: [{"points": TRIANGLE}, {"points": TRIANGLE}]}))
    assert parse(text)["camera"][1][mask] == [TRIANGLE, TRIANGLE]
    (first, _) = areas(parse(text), "yard")[mask]
    moved = {**first, "points": [[0, 0], *TRIANGLE[1:]]}
    text = edited(text, changes_to(parse(text), "yard", {mask: [moved]}))
    assert parse(text)["camera"][1][mask] == [moved["points"]]


@pytest.mark.parametrize(
    "wrong",
    [
        {"zone": None},
        {"zone": ["x"]},
        {"zone": [{"points": TRIANGLE}]},
        {"zone": [{"name": "a", "points": [[0, 2]]}]},
        {"zone": [{"name": "a", "points": [[0, True]]}]},
        {"zone": [{"name": "a", "points": [[0, float("nan")]]}]},
        {"zone": [{"name": "a", "points": [[0, 0]] * (MOST + 1)}]},
        {"zone": [{"name": "a", "points": TRIANGLE, "was": 7}]},
        {"zone": [{"name": "a", "points": TRIANGLE, "was": True}]},
        {"zone": [{"name": "a", "points": TRIANGLE, "was": 0}] * 2},
        {"zone": [{"name": "a", "points": TRIANGLE, "direction": 1}]},
    ],
)
def test_what_is_no_drawing_is_told(wrong: Any) -> None:
    with pytest.raises(UserError):
        changes_to(parse(FILE), "porch", wrong)
    with pytest.raises(UserError, match="no camera `attic`"):
        areas(parse(FILE), "attic")


SHAPE = st.fixed_dictionaries(
    {"name": st.sampled_from(["a", "b", "c"]), "points": st.just(TRIANGLE) | st.just([[0, 0], *TRIANGLE])}
)


@given(st.lists(SHAPE, max_size=3), st.lists(st.integers(0, 1), max_size=2, unique=True))
def test_the_file_becomes_what_was_drawn(new: list[dict[str, Any]], kept: list[int]) -> None:
    zones = [{**drawn()["zone"][was]} for was in sorted(kept)] + new
    after = edited(FILE, changes_to(parse(FILE), "porch", {"zone": zones}))
    told = [{key: zone[key] for key in ("name", "points")} for zone in parse(after)["camera"][0].get("zone", [])]
    assert told == [{key: zone[key] for key in ("name", "points")} for zone in zones]
