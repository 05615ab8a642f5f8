"""`[pose]`: mistakes are told with their place and a hint, and a name is enough."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge.config.diagnose import ConfigFindings
from edge.config.load import load
from edge.config.redrawn import redrawn
from edge.config.schema import Config
from edge.doctor.pose import check_pose

HALL = '[[camera]]\nname = "hall"\nsource = "synthetic:"\n'


def loaded(folder: Path, text: str) -> Config:
    path = folder / "edge.toml"
    path.write_text(text)
    return load(path, checks=[check_pose])


@pytest.mark.parametrize(
    ("wrong", "line", "said", "hint"),
    [
        ('model = "pose-landmark-ful"', 6, "no model", "did you mean `pose-landmark-full`?"),
        ('model = "ssdlite-pedestrian"', 6, "finds no joints", "pose models: "),
        ('model = "pose-detection"', 6, "finds no joints", "pose models: "),
        ('engine = "openvno"', 6, "no engine", "did you mean `openvino`?"),
        ("hz = 0", 6, "more than 0", ""),
        ("crowd = 1", 6, "at least 2", ""),
        ('alert = "sometimes"', 6, "must be one of", "always"),
        ('alert_for = ["fall", "lyin"]', 6, "must be one of", "did you mean `lying`?"),
        ("lying = 5", 6, "lying", "lying_s"),
    ],
)
def test_mistakes_have_their_place(tmp_path: Path, wrong: str, line: int, said: str, hint: str) -> None:
    with pytest.raises(ConfigFindings) as caught:
        loaded(tmp_path, f"{HALL}[pose]\nenabled = true\n{wrong}\n")
    told = str(caught.value)
    assert f"edge.toml:{line}:" in told
    assert said in told
    assert hint in told


def test_what_is_not_switched_on_is_not_looked_at(tmp_path: Path) -> None:
    config = loaded(tmp_path, f'{HALL}[pose]\nmodel = "nonesuch"\n')
    assert not config.poses(config.camera[0])


def test_joints_are_looked_for_where_people_are(tmp_path: Path) -> None:
    more = 'name = "yard"\nsource = "synthetic:"\nlabels = ["dog"]\n[[camera]]\nname = "bath"\nsource = "synthetic:"\n'
    config = loaded(tmp_path, f"{HALL}[[camera]]\n{more}pose = false\n[pose]\nenabled = true\n")
    assert [config.poses(camera) for camera in config.camera] == [True, False, False]


def test_a_bed_is_drawn_while_the_daemon_runs(tmp_path: Path) -> None:
    zone = '[[camera.zone]]\nname = "bed"\npoints = [[0, 0], [1, 0], [1, 1]]\n'
    before, after = loaded(tmp_path, HALL + zone), loaded(tmp_path, f"{HALL}{zone}rest = true\n")
    (camera,) = redrawn(before, after) or []
    assert camera.zone[0].rest
