"""The records of joints: which rows, whose, what of them survives, and how they read."""

from __future__ import annotations

import csv
import io
import resource
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.errors import StorageError
from edge.evidence import keypoints
from edge.evidence.keypoints import Records, Written, read_record, record_version
from edge.evidence.recorder import BEFORE_ROWS, Recorder
from edge.evidence.retold import told
from edge.paths import pose_path
from edge.pose.record import HEADER, JOINTS, SAID, Row, line, whole
from edge.posture import Person
from edge.types import I420, Activity, Body, Frame, Pose
from tests.support.figures import body_in, joints

BOX = (20.0, 10.0, 60.0, 90.0)
WALL = 1_700_000_000.0
ID = "1700000000-abcdef"
HALF = np.zeros((60, 80), np.uint8)
PICTURE = I420(np.zeros((120, 160), np.uint8), HALF, HALF)


def frame(time: float, *bodies: tuple[int, Body], ahead: float = WALL) -> Frame:
    return Frame("hall", round(time * 100), time, time + ahead, PICTURE, dict(bodies))


def row(time: float, body: Body | None = None) -> Row:
    return Row(WALL + time, WALL, (160, 120), body or body_in(BOX))


@dataclass
class Kept:
    """A store in memory."""

    rows: dict[str, list[Row]] = field(default_factory=dict)
    ended: list[str] = field(default_factory=list)

    def add(self, event: str, row: Row) -> None:
        self.rows.setdefault(event, []).append(row)

    def end(self, event: str) -> None:
        self.ended.append(event)

    def times(self, event: str = ID) -> list[float]:
        return [round(row.time - WALL, 3) for row in self.rows.get(event, [])]


def walk(recorder: Recorder, times: Mapping[float, bool], number: int = 1) -> None:
    """Somebody is there at these times, told of or not."""
    for time, known in times.items():
        recorder.look(frame(time, (number, body_in(BOX))), {number: ID} if known else {})


class Hands:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now

    def wall(self) -> float:
        return WALL + self.now


def test_a_record_begins_before_its_event_was_told_and_ends_with_it() -> None:
    kept = Kept()
    recorder = Recorder(kept)
    walk(recorder, {0.0: False, 0.1: False, 0.2: True, 0.3: True})
    assert kept.times() == [0.0, 0.1, 0.2, 0.3]
    assert kept.ended == []
    recorder.look(frame(0.4), {})
    assert kept.ended == [ID]


def test_of_somebody_who_is_never_told_of_nothing_is_kept() -> None:
    kept = Kept()
    recorder = Recorder(kept)
    walk(recorder, {0.1 * i: False for i in range(400)})
    recorder.look(frame(100.0), {})
    recorder.close()
    assert (kept.rows, kept.ended) == ({}, [])


@pytest.mark.parametrize(("away", "kept_from"), [(25.0, 0.0), (35.0, 35.0)])
def test_who_comes_back_after_half_a_minute_is_somebody_else(away: float, kept_from: float) -> None:
    kept = Kept()
    recorder = Recorder(kept)
    walk(recorder, {0.0: False})
    recorder.look(frame(away - 0.1), {})
    walk(recorder, {away: True})
    assert kept.times() == sorted({kept_from, away})


def test_no_more_than_ten_seconds_come_before_an_event() -> None:
    kept = Kept()
    walk(Recorder(kept), {**{0.1 * i: False for i in range(300)}, 30.0: True})
    assert len(kept.times()) == BEFORE_ROWS
    assert kept.times()[-1] == 30.0


@pytest.mark.parametrize(("fps", "kept_fps"), [(10, 10), (15, 15), (25, 12.5), (30, 15), (60, 15)])
def test_rows_are_evenly_spaced_and_no_more_than_fifteen_a_second(fps: int, kept_fps: float) -> None:
    kept = Kept()
    walk(Recorder(kept), {round(i / fps, 3): True for i in range(10 * fps)})
    assert len(kept.times()) == pytest.approx(10 * kept_fps, abs=1)
    steps = np.diff(kept.times())
    assert steps.max() - steps.min() < 0.01


def test_a_clock_that_is_set_in_between_does_not_tear_a_record() -> None:
    kept = Kept()
    recorder = Recorder(kept)
    for time, ahead in ((0.0, WALL), (0.1, WALL), (0.2, WALL + 3600), (0.3, WALL + 3600)):
        recorder.look(frame(time, (1, body_in(BOX)), ahead=ahead), {1: ID})
    assert kept.times() == [0.0, 0.1, 0.2, 0.3]


def test_two_people_have_a_record_each_and_the_end_of_the_camera_ends_both() -> None:
    kept = Kept()
    recorder = Recorder(kept)
    recorder.look(frame(0.0, (1, body_in(BOX)), (2, body_in(BOX, "sitting"))), {1: ID, 2: "2-b"})
    recorder.close()
    assert {name: [row.body.posture.name for row in rows] for name, rows in kept.rows.items()} == {
        ID: ["standing"],
        "2-b": ["sitting"],
    }
    assert sorted(kept.ended) == sorted([ID, "2-b"])


def test_nothing_is_kept_of_a_time_of_which_nothing_is_told() -> None:
    kept, wanted = Kept(), [False]
    recorder = Recorder(kept, lambda: wanted[0])
    walk(recorder, {0.0: False, 0.1: True})
    wanted[0] = True
    walk(recorder, {0.2: False, 0.3: True})
    assert kept.times() == [0.2, 0.3]


def test_a_line_has_the_columns_that_edge_posture_reads_and_what_was_judged() -> None:
    fall = replace(body_in(BOX, "lying"), activity=Activity("fall", 0.9, 1.5, 2.5))
    fall.pose.keypoints[3] = np.nan, np.nan, 0
    (read,) = csv.DictReader(io.StringIO(HEADER + line(row(3.0, fall))))
    assert (read["time"], read["posture"], read["activity"]) == ("1700000003.000", "lying", "fall")
    assert (read["since"], read["confirmed"], read["aspect"]) == ("1700000001.500", "1", "1.3333")
    assert (read["x3"], read["y3"], read["score3"]) == ("", "", "0")
    x, y = fall.pose.keypoints[16, :2] / (160, 120)
    assert float(read["x16"]) == pytest.approx(x, abs=1e-4)
    assert float(read["y16"]) == pytest.approx(y, abs=1e-4)
    assert float(read["score16"]) == pytest.approx(0.9)
    assert len(read) == len((*SAID, *JOINTS)) == 6 + 17 * 3


@given(st.integers(0, 3), st.integers(0, 400), st.sampled_from(["", "\0\0\0\n", "nonsense\n", "," * 56 + "\n"]))
def test_of_a_damaged_file_the_whole_lines_are_kept(lines: int, cut: int, tail: str) -> None:
    good = "".join(line(row(i / 10)) for i in range(lines))
    torn = line(row(9.0))[:-1][:cut]
    assert whole(HEADER + good + torn + tail) == (HEADER + good if lines else "")
    assert whole(good + torn) == ""


def test_a_record_is_readable_while_it_is_written_and_complete_with_its_event(tmp_path: Path) -> None:
    records = Records(tmp_path, Hands())
    records.add(ID, row(0.0))
    records.turn()
    assert read_record(tmp_path, ID) == HEADER + line(row(0.0))
    assert not pose_path(tmp_path, ID).exists()
    records.add(ID, row(0.1))
    records.end(ID)
    records.turn()
    assert pose_path(tmp_path, ID).read_text() == HEADER + line(row(0.0)) + line(row(0.1))
    assert [path.name for path in pose_path(tmp_path, ID).parent.iterdir()] == [f"{ID}.csv"]
    assert read_record(tmp_path, "../../etc/passwd") is None


def test_a_record_has_another_version_once_it_has_grown(tmp_path: Path) -> None:
    records = Records(tmp_path, Hands())
    assert record_version(tmp_path, ID) is None
    versions = list[str | None]()
    for i in range(3):
        records.add(ID, row(i / 10))
        records.turn()
        versions.append(record_version(tmp_path, ID))
    records.end(ID)
    records.turn()
    assert None not in versions
    assert len(set(versions)) == 3
    assert record_version(tmp_path, ID) == versions[-1], "the same lines"


def test_a_stop_writes_what_waits(tmp_path: Path) -> None:
    records, stop = Records(tmp_path, Hands()), threading.Event()
    thread = threading.Thread(target=records.run, args=(stop,))
    thread.start()
    records.add(ID, row(0.0))
    stop.set()
    records.wake()
    thread.join(5)
    assert pose_path(tmp_path, ID).read_text() == HEADER + line(row(0.0))


def test_what_a_power_cut_leaves_is_put_in_order(tmp_path: Path) -> None:
    folder = pose_path(tmp_path, ID).parent
    folder.mkdir()
    text = HEADER + line(row(0.0)) + line(row(0.1))
    (folder / "1-a.part").write_text(text[:-40])
    (folder / "2-b.part").write_text(HEADER[:20])
    (folder / "3-c.part").write_bytes(text.encode() + bytes(4096))
    (folder / "4-d.draft").write_text(text)
    Records(tmp_path, Hands()).recover()
    assert {path.name: path.read_text() for path in folder.iterdir()} == {
        "1-a.csv": HEADER + line(row(0.0)),
        "3-c.csv": text,
    }


def test_a_full_disk_at_the_start_costs_nothing_of_a_record_that_was_cut_off(tmp_path: Path) -> None:
    part = pose_path(tmp_path, ID).with_suffix(".part")
    part.parent.mkdir()
    good = HEADER + "".join(line(row(i / 10)) for i in range(100))
    part.write_text(good + line(row(10.0))[:-40])
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        Records(tmp_path, Hands()).recover()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert pose_path(tmp_path, ID).read_text() == good


def test_a_score_that_is_no_number_is_a_joint_that_was_not_found() -> None:
    odd = row(0.0)
    odd.body.pose.keypoints[3, 2] = np.nan
    assert whole(HEADER + line(odd) + line(row(0.1))).count("\n") == 3


def test_a_disk_that_refuses_loses_nothing_that_can_wait(tmp_path: Path) -> None:
    clock = Hands()
    records = Records(tmp_path, clock)
    (tmp_path / "poses").write_text("in the way")
    records.add(ID, row(0.0))
    records.turn()
    (tmp_path / "poses").unlink()
    records.add(ID, row(0.1))
    records.end(ID)
    records.turn()
    assert read_record(tmp_path, ID) is None, "it is left alone for a while"
    clock.now = keypoints.RETRY_S
    records.turn()
    assert pose_path(tmp_path, ID).read_text() == HEADER + line(row(0.0)) + line(row(0.1))


def test_what_was_half_written_is_written_anew(tmp_path: Path) -> None:
    records = Records(tmp_path, Hands())
    records.add(ID, row(0.0))
    records.turn()
    with pose_path(tmp_path, ID).with_suffix(".part").open("a") as file:
        file.write(line(row(0.1))[:30])
    records.add(ID, row(0.1))
    records.turn()
    assert read_record(tmp_path, ID) == HEADER + line(row(0.0)) + line(row(0.1))


def test_a_full_disk_gets_nothing_and_too_much_that_waits_is_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keypoints, "MOST_WAITING", 5)
    full: list[str | None] = ["full"]
    records = Records(tmp_path, Hands(), lambda: full[0])
    for i in range(8):
        records.add(ID, row(i / 10))
    records.turn()
    assert not (tmp_path / "poses").exists()
    assert records.lost == 3
    full[0] = None
    records.turn()
    assert (read_record(tmp_path, ID) or "").count("\n") == 6


@pytest.mark.parametrize(
    ("falls_at", "first", "last"),
    [(None, 30, 59), (5, 0, 19), (15, 0, 24)],
)
def test_a_record_is_bounded_and_what_follows_a_fall_is_not_dropped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, falls_at: int | None, first: int, last: int
) -> None:
    monkeypatch.setattr(keypoints, "MOST_ROWS", 20)
    monkeypatch.setattr(keypoints, "AFTER_ROWS", 10)
    records = Records(tmp_path, Hands())
    for i in range(60):
        fallen = falls_at is not None and i >= falls_at
        records.add(ID, row(float(i), body_in(BOX, "lying", fallen=fallen)))
        if i % 5 == 4:
            records.turn()
    records.end(ID)
    records.turn()
    times = [float(text.partition(",")[0]) - WALL for text in pose_path(tmp_path, ID).read_text().splitlines()[1:]]
    assert times[-1] == last
    assert len(times) <= 30
    assert times == [float(i) for i in range(int(times[0]), last + 1)]
    assert times[0] == first or falls_at is None


def kept_times(tmp_path: Path) -> list[int]:
    texts = pose_path(tmp_path, ID).read_text().splitlines()[1:]
    return [round(float(text.partition(",")[0]) - WALL) for text in texts]


@pytest.mark.parametrize("turn", [1, 7, 1000])
def test_a_further_fall_is_recorded_though_the_record_was_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, turn: int
) -> None:
    for name, value in (("MOST_ROWS", 20), ("AFTER_ROWS", 10), ("MOST_FALLEN", 60), ("BEFORE_ROWS", 4)):
        monkeypatch.setattr(keypoints, name, value)
    records, falls = Records(tmp_path, Hands()), {*range(5, 8), *range(50, 80), *range(90, 92), *range(200, 203)}
    for i in range(300):
        records.add(ID, row(float(i), body_in(BOX, fallen=i in falls)))
        if i % turn == 0:
            records.turn()
    records.end(ID)
    records.turn()
    first, second, third = [*range(20)], [*range(46, 60)], [*range(86, 100)]
    assert kept_times(tmp_path) == [*first, *second, *third, *range(196, 208)], (
        "and no more than a record ever may have"
    )


def test_what_leads_to_a_further_fall_waits_for_a_disk_that_refuses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("MOST_ROWS", 5), ("AFTER_ROWS", 5), ("BEFORE_ROWS", 2)):
        monkeypatch.setattr(keypoints, name, value)
    clock = Hands()
    records = Records(tmp_path, clock)
    for i in range(20):
        records.add(ID, row(float(i), body_in(BOX, fallen=i == 0)))
    records.turn()
    part = pose_path(tmp_path, ID).with_suffix(".part")
    away = part.rename(tmp_path / "away")
    part.mkdir()
    for i in range(20, 22):
        records.add(ID, row(float(i), body_in(BOX, fallen=True)))
    records.turn()
    part.rmdir()
    away.rename(part)
    clock.now = keypoints.RETRY_S
    records.end(ID)
    records.turn()
    assert kept_times(tmp_path) == [*range(5), *range(18, 22)]


def test_what_was_written_waits_no_longer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keypoints, "MOST_WAITING", 5)
    records = Records(tmp_path, Hands())
    for i in range(12):
        records.add(ID, row(i / 10))
        if i % 4 == 3:
            records.turn()
    assert records.lost == 0


def test_a_record_reads_as_postures_activities_and_frames() -> None:
    bodies = [
        *[(i / 10, body_in(BOX)) for i in range(10)],
        *[(1 + i / 10, replace(body_in(BOX, "lying"), activity=Activity("fall", 0.8, 0.9))) for i in range(10)],
        *[(2 + i / 10, replace(body_in(BOX, "lying"), activity=Activity("fall", 0.8, 0.9, 2.0))) for i in range(10)],
        (20.0, body_in(BOX, "sitting")),
    ]
    found = told(HEADER + "".join(line(row(time, body)) for time, body in bodies), most=10)
    stretches = [(each["posture"], each["from"] - WALL, each["to"] - WALL) for each in found["postures"]]
    assert stretches == [
        ("standing", 0.0, 1.0),
        ("lying", 1.0, 2.0),
        ("fallen", 2.0, pytest.approx(2.9)),
        ("sitting", 20.0, 20.0),
    ], "nobody knows of the time in between"
    (fall,) = found["activities"]
    assert fall["kind"] == "fall"
    assert fall["since"] - WALL == pytest.approx(0.9)
    assert fall["confirmed_at"] - WALL == pytest.approx(2.0)
    assert (found["fps"], round(found["aspect"], 2)) == (10.0, 1.33)
    assert len(found["frames"]) <= 10
    assert len(found["frames"][0]["keypoints"]) == 17
    assert told("", 10)["frames"] == []


def test_a_replay_writes_each_record_once_it_is_over(tmp_path: Path) -> None:
    recorder = Recorder(Written(tmp_path / "made" / "here"))
    walk(recorder, {0.0: False, 0.1: True})
    recorder.close()
    assert (tmp_path / "made" / "here" / f"{ID}.csv").read_text() == HEADER + line(row(0.0)) + line(row(0.1))
    (tmp_path / "file").write_text("")
    recorder = Recorder(Written(tmp_path / "file"))
    walk(recorder, {0.0: True})
    with pytest.raises(StorageError, match="file"):
        recorder.close()


def test_a_record_judged_again_says_the_same() -> None:
    size = (640, 480)
    times = [i / 15 for i in range(90)]
    tilts = [0.0 if time < 2 else min(90.0, (time - 2) * 180) for time in times]
    random = np.random.default_rng(3)
    person, rows, judged = Person(size), list[str](), list[tuple[str, bool]]()
    for time, tilt in zip(times, tilts, strict=True):
        given = joints((300, 420), 260, tilt)
        given[:, :2] += random.normal(0, 1.0, (17, 2))
        seen = Pose(given, 0.9)
        body = replace(person.look(seen, time), raw=seen)
        judged.append((body.posture.name, body.activity is not None and body.activity.confirmed))
        rows.append(line(Row(time, 0.0, size, body)))
    assert ("lying", True) in judged, "it is a fall"
    again, said = Person(size), list[tuple[str, bool]]()
    for read in csv.DictReader(io.StringIO(HEADER + "".join(rows))):
        kept = [(float(read[f"x{k}"]) * 640, float(read[f"y{k}"]) * 480, float(read[f"score{k}"])) for k in range(17)]
        body = again.look(Pose(np.array(kept, np.float32), 0.9), float(read["time"]))
        said.append((body.posture.name, body.activity is not None and body.activity.confirmed))
    assert sum(a == b for a, b in zip(judged, said, strict=True)) >= 88
    assert said[-1] == judged[-1]


def test_what_is_shown_is_calmer_than_what_is_kept() -> None:
    random = np.random.default_rng(1)
    rows = list[str]()
    for i in range(60):
        body = body_in(BOX)
        body.pose.keypoints[:, :2] += random.normal(0, 2.0, (17, 2))
        rows.append(line(row(i / 15, body)))
    frames = told(HEADER + "".join(rows), 100)["frames"]
    shown = np.array([frame["keypoints"] for frame in frames], float)[20:, :, :2]
    read = list(csv.DictReader(io.StringIO(HEADER + "".join(rows))))[20:]
    kept = np.array([[(float(each[f"x{k}"]), float(each[f"y{k}"])) for k in range(17)] for each in read])
    assert np.abs(np.diff(shown, axis=0)).mean() < 0.5 * np.abs(np.diff(kept, axis=0)).mean()
    assert np.abs(shown.mean(axis=0) - kept.mean(axis=0)).max() < 0.01
