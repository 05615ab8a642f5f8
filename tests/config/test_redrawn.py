"""Which changes of a configuration leave all but single cameras' rules as it was."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge.config.load import load_text
from edge.config.redrawn import redrawn
from edge.config.schema import Config

BEFORE = """
[[camera]]
name = "porch"
source = "synthetic:"
[[camera.zone]]
name = "path"
points = [[0, 0], [1, 0], [1, 1]]
[[camera]]
name = "yard"
source = "synthetic:"
[mqtt]
host = "broker"
"""
PATH = "points = [[0, 0], [1, 0], [1, 1]]\n"


def config(text: str) -> Config:
    return load_text(Path("edge.toml"), text)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (PATH, "points = [[0, 0], [1, 0], [0, 1]]\n"),
        (PATH, f"{PATH}inertia = 5\nloiter_s = 10\nlabels = ['person']\n"),
        (PATH, f"{PATH}filter = {{person = {{min_area = 0.1}}}}\n"),
        (PATH, f"{PATH}[[camera.line]]\nname = 'gate'\npoints = [[0, 0], [1, 1]]\n"),
        ("[[camera.zone]]", f"motion_mask = [{PATH.removeprefix('points = ').strip()}]\n[[camera.zone]]"),
        ("[[camera.zone]]", "required_zones = ['path']\nfilter = {person = {min_score = 0.7}}\n[[camera.zone]]"),
    ],
)
def test_what_is_drawn_and_filtered_is_of_one_camera(old: str, new: str) -> None:
    wanted = config(BEFORE.replace(old, new))
    assert redrawn(config(BEFORE), wanted) == [wanted.camera[0]]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('name = "path"', 'name = "road"'),
        (PATH, f"{PATH}alarm_modes = []\n"),
        (PATH, f"{PATH}[[camera.zone]]\nname = 'road'\n{PATH}"),
        ('source = "synthetic:"', 'source = "synthetic:"\nlabels = ["car"]'),
        ('source = "synthetic:"', 'source = "synthetic:"\nmin_score = 0.5'),
        ('[[camera]]\nname = "yard"\nsource = "synthetic:"\n', ""),
        ('host = "broker"', 'host = "other"'),
    ],
)
def test_what_others_are_made_of_takes_a_new_start(old: str, new: str) -> None:
    assert redrawn(config(BEFORE), config(BEFORE.replace(old, new))) is None


def test_a_comment_changes_nothing() -> None:
    assert redrawn(config(BEFORE), config(f"# mine\n{BEFORE}")) == []
