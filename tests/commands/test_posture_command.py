"""`edge posture`: a fall judged again from recorded joints; what is wrong in a file is told with row and column."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge.errors import UserError
from edge.judging import FILE
from edge.pose.record import JOINTS, read
from tests.support.command import Edge
from tests.support.stick_figures import STAND, Camera, Move, filmed, lying

WALL = Camera()
FALL = [Move(1.5, STAND), Move(0.9, lying(90), falls=True), Move(3, lying(90))]


@pytest.fixture
def edge(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Edge:
    return Edge(monkeypatch, capsys)


def record(path: Path, moves: list[Move], fps: float = 15, camera: Camera = WALL, extra: bool = False) -> Path:
    w, h = camera.size
    rows = [("t," if extra else "") + ",".join(JOINTS)]
    for time, pose in filmed(moves, camera, fps=fps):
        numbers = (pose.keypoints / np.array([w, h, 1], np.float32)).ravel()
        rows.append((f"{time}," if extra else "") + ",".join(f"{number:.5f}" for number in numbers))
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("fps", "size", "aspect"),
    [(5, (640, 480), "4/3"), (15, (640, 480), "1.333"), (30, (640, 360), "16:9"), (12, (480, 640), "0.75")],
)
def test_a_recorded_fall_is_found_again_at_any_rate_and_aspect(
    edge: Edge, tmp_path: Path, fps: float, size: tuple[int, int], aspect: str
) -> None:
    path = record(tmp_path / "a.csv", FALL, fps, Camera(size=size), extra=True)
    done = edge("posture", path, "--fps", fps, "--aspect", aspect, "--json")
    told = json.loads(done.out)
    assert done.code == 0
    (fall,) = told["activities"]
    assert fall["kind"] == "fall"
    assert 1.4 <= fall["since"] < fall["confirmed_at"] <= 3.5
    assert [one["posture"] for one in told["postures"]][-1] == "lying"
    assert told["postures"][1]["time"] == pytest.approx(1 / fps, abs=1e-3)
    assert all(set(one) == {"time", "posture", "score"} for one in told["postures"])


def test_for_people_it_prints_a_line_a_posture_and_a_line_an_activity(edge: Edge, tmp_path: Path) -> None:
    done = edge("posture", record(tmp_path / "a.csv", FALL), "--fps", 15)
    lines = done.out.splitlines()
    assert "standing" in lines[0]
    assert any("FALL, confirmed at" in line for line in lines)
    assert "lying" in lines[-1]


def test_empty_fields_and_nan_are_joints_that_were_not_found(edge: Edge, tmp_path: Path) -> None:
    path = record(tmp_path / "a.csv", FALL)
    rows = path.read_text().splitlines()
    rows[5] = ",".join([""] * len(JOINTS))
    rows[7] = ",".join(["nan"] * len(JOINTS))
    rows[9] = rows[9].replace(rows[9].split(",")[3], "NaN", 1)
    path.write_text("\n".join(rows), encoding="utf-8")
    told = json.loads(edge("posture", path, "--fps", 15, "--json").out)
    assert [one["kind"] for one in told["activities"]] == ["fall"]
    assert len(told["postures"]) == len(rows) - 1


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda rows: [rows[0].replace("x3", "left"), *rows[1:]], "a.csv:1: no column x3"),
        (lambda rows: [*rows[:3], "oops" + rows[3], *rows[4:]], "a.csv:4: column x0 is `oops"),
        (lambda rows: rows[:1], "holds no row of joints"),
        (lambda rows: [], "a.csv:1: no column x0"),
        (lambda rows: [*rows, "640,480" + rows[1][3:]], "a.csv:17: column x0 is 640: wants 0..1 of the frame"),
        (lambda rows: [*rows, "0" * 20_000], "a.csv:17: is longer than"),
    ],
)
def test_a_mistake_in_a_file_is_one_line_with_its_place(edge: Edge, tmp_path: Path, change: object, said: str) -> None:
    path = record(tmp_path / "a.csv", [Move(1, STAND)])
    assert callable(change)
    path.write_text("\n".join(change(path.read_text().splitlines())), encoding="utf-8")
    done = edge("posture", path, "--fps", 15)
    assert done.code == 2
    assert said in done.err
    assert len(done.err.splitlines()) == 1


@pytest.mark.parametrize(
    "arguments", [("--fps", 0), ("--fps", "nan"), ("--fps", 15, "--aspect", "wide"), ("--fps", 15, "--aspect", "1/0")]
)
def test_a_rate_or_an_aspect_that_is_none_is_the_users_mistake(
    edge: Edge, tmp_path: Path, arguments: tuple[object, ...]
) -> None:
    assert edge("posture", record(tmp_path / "a.csv", [Move(1, STAND)]), *arguments).code == 2


@pytest.mark.parametrize("name", ["none.csv", "folder", "/dev/zero"])
def test_a_file_that_is_none_is_told_in_one_line(edge: Edge, tmp_path: Path, name: str) -> None:
    (tmp_path / "folder").mkdir()
    done = edge("posture", tmp_path / name, "--fps", 15)
    assert done.code == 2
    assert name in done.err
    assert len(done.err.splitlines()) == 1


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=300) | st.text(max_size=200).map(lambda text: (",".join(JOINTS) + "\n" + text).encode()))
def test_any_bytes_are_read_or_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "any.csv"
    path.write_bytes(data)
    with contextlib.suppress(UserError):
        joints = read(path)
        assert joints.shape[1:] == (17, 3)
        assert np.isfinite(joints[:, :, 2]).all()


@pytest.mark.parametrize(("given", "notes"), [((10, "4/3"), 0), ((15, "4/3"), 1), ((10, "16/9"), 1), ((30, "1"), 2)])
def test_where_a_file_says_another_rate_or_aspect_it_is_told(
    edge: Edge, tmp_path: Path, given: tuple[int, str], notes: int
) -> None:
    heading, *rows = record(tmp_path / "a.csv", [Move(1, STAND)]).read_text().splitlines()
    said = [f"time,aspect,{heading}", *(f"{1000 + i / 10:.3f},1.3333,{row}" for i, row in enumerate(rows))]
    (tmp_path / "b.csv").write_text("\n".join(said), encoding="utf-8")
    done = edge("posture", tmp_path / "b.csv", "--fps", given[0], "--aspect", given[1])
    assert done.code == 0
    assert done.err.count("edge: note:") == notes


def test_a_network_of_one_s_own_judges_a_file_and_a_mistake_in_it_is_one_line(edge: Edge, tmp_path: Path) -> None:
    path = record(tmp_path / "a.csv", [Move(1, STAND)])
    steering = FILE.parents[1] / "steer" / "mainsqueeze.epk"
    assert edge("posture", path, "--fps", 15, "--network", FILE).code == 0
    for more, said in (
        (("--network", tmp_path / "none.epk"), "none.epk: no such file"),
        (("--network", steering), "mainsqueeze.epk: does not judge falls"),
        (("--network", FILE, "--judge", "rules"), "with --judge rules no network judges"),
    ):
        done = edge("posture", path, "--fps", 15, *more)
        assert done.code == 2
        assert said in done.err
        assert len(done.err.splitlines()) == 1
