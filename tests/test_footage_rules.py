"""Zones and lines on real footage, against counts made by eye.

`vtest_A` is 39.8 seconds of a street, ten pictures a second, 768 by 576. It was gone through in contact sheets, a
picture every half second, the outline and the line drawn in. Times are seconds, the place is that of the feet.

Lower road: the road to the right of the sign, from x = 515 to the right edge, below y = 262, and a strip of the verge.
It was entered 15 times (who is inside when first seen has entered):

     1  0.0  man in black, there from the start        9  18.2  man in a dark jacket and jeans, from the left
     2  1.1  man in red and blue, from the right      10  22.0  man in black, from the right
     3  1.7  blonde woman beside him                  11  22.7  man with a cap, from the right
     4  3.9  man in a dark jacket, from the right     12  31.7  man in red and blue, from the upper road
     5 11.5  woman in a light blue hood, right        13  31.8  blonde woman beside him
     6 12.0  man in a black coat, from the left       14  35.5  man in a dark jacket and jeans, from the left
     7 13.0  man in stripes, from the right           15  37.0  man with a paper, from the left
     8 16.7  man with a paper, from the left

Across: straight down from (540, 252) to (540, 440). Who walks to the left crosses from the left to the right of
somebody who walks down along it, so that is `in`:

    in,  8:  1.2 (1)   4.7 (2)   5.5 (3)   14.0 (5)   15.7 (7)   22.8 (9)   25.3 (10)   26.1 (11)
    out, 5: 12.2 (6)  17.1 (8)  18.5 (9)   35.9 (14)  37.4 (15)

The two of the pair who pass its upper end at 10.5 and the man who passes it at 37.8 do so above it, at y = 210 to 241.

West: straight down from (330, 173) to (330, 346), left of the sign, where people stand together and hide one another:

    in,  8:  6.7  16.5  18.6  22.6  26.3  28.6  30.1  37.3
    out, 6:  1.0   9.6  30.5  32.3  33.6  34.1
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.support.command import Edge
from tests.support.shared_data import DATA, needs_data

CONFIG = """
[[camera]]
name = "street"
source = "synthetic:"

[[camera.zone]]
name = "lower_road"
points = [[0.671, 0.455], [0.97, 0.455], [1.0, 0.503], [1.0, 0.938], [0.833, 0.833], [0.671, 0.729]]

[[camera.line]]
name = "across"
points = [[0.703, 0.4375], [0.703, 0.764]]

[[camera.line]]
name = "west"
points = [[0.43, 0.3], [0.43, 0.6]]
"""
ENTERED = 15
CROSSED = {"across": (8, 5), "west": (8, 6)}
EVERYWHERE = 'camera.0.zone=[{name="street",points=[[0,0],[1,0],[1,1],[0,1]],loiter_s=2}]'


@pytest.fixture
def edge(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Edge:
    return Edge(monkeypatch, capsys)


def replayed(edge: Edge, folder: Path, clip: str, *more: object) -> tuple[dict[str, Any], str]:
    """The summary, and what a person reads."""
    done = edge(
        "replay", DATA / "footage" / clip, "--events", folder / "e", "--trace", folder / "t", "--summary", folder / "s",
        "--engine", "openvino", "--threads", 1, *more,
    )  # fmt: skip
    if done.code == 3:
        pytest.skip(done.err.strip())
    assert done.code == 0, done.err
    return json.loads((folder / "s").read_text()), done.err


@needs_data
def test_entries_and_crossings_are_as_counted_by_eye(edge: Edge, tmp_path: Path) -> None:
    config = tmp_path / "edge.toml"
    config.write_text(CONFIG)
    summary, said = replayed(edge, tmp_path, "vtest_A.mp4", "--config", config)
    entered = summary["zones"]["lower_road"]["entered"]
    assert abs(entered["person"] - ENTERED) <= 1
    assert summary["lines"].keys() == CROSSED.keys()
    for name, (inwards, outwards) in CROSSED.items():
        ways = summary["lines"][name]
        assert abs(ways["in"] - inwards) <= 1
        assert abs(ways["out"] - outwards) <= 1
        assert re.search(rf"line {name} +in {ways['in']}, out {ways['out']}\n", said)
    assert summary["alerts"].keys() == {"person"}
    assert f"zone lower_road, entered  person {entered['person']}\n" in said
    trace = [json.loads(row) for row in (tmp_path / "t").read_text().splitlines()]
    inside = {name for row in trace for track in row["tracks"] for name in track["zones"]}
    assert inside == {"lower_road"}


@needs_data
def test_cars_are_no_people_in_any_zone(edge: Edge, tmp_path: Path) -> None:
    summary, _ = replayed(edge, tmp_path, "car-detection.mp4", "--set", EVERYWHERE)
    assert summary["alerts"] == {}
    assert summary["zones"] == {"street": {"entered": {}}}
