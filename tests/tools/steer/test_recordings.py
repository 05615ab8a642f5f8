"""Recordings are read whatever machine wrote them, and what is wrong with a row is said in a line."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge.errors import UserError
from edge.tools.steer.recordings import CORRECTION, read
from tests.support.recordings import picture, road, tub, udacity, wheel
from tests.support.shared_data import DATA, needs_data

SLOW_DISK = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.mark.parametrize("there", [r"C:\Users\me\IMG", "/home/me/sim/IMG", "IMG"])
def test_a_simulators_log_is_read_whatever_machine_wrote_it(there: str, tmp_path: Path) -> None:
    found = read(udacity(tmp_path, [0.0, 0.9, -0.5], there))
    assert found.kind == "udacity"
    assert not found.faults
    assert [sample.moment for sample in found.samples] == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    by_place = {sample.place: sample.steering for sample in found.samples if sample.moment == 0}
    assert by_place == {"centre": 0.0, "left": CORRECTION, "right": -CORRECTION}
    assert max(sample.steering for sample in found.samples) == 1.0, "0.9 and the correction"
    assert all(sample.picture.is_file() for sample in found.samples)


def test_a_log_without_a_header_and_without_side_cameras_is_read(tmp_path: Path) -> None:
    picture(tmp_path / "IMG" / "a.jpg", road(0.2))
    (tmp_path / "driving_log.csv").write_text("﻿IMG/a.jpg,,,0.2,1,0,9\r\n\r\nIMG/a.jpg,,,-2e-1\r\n", encoding="utf-8")
    found = read(tmp_path)
    assert [sample.steering for sample in found.samples] == [0.2, -0.2]
    assert not found.faults


def test_bad_rows_of_a_log_are_told_by_line_and_the_rest_is_read(tmp_path: Path) -> None:
    udacity(tmp_path, [0.1, 0.2])
    log = tmp_path / "driving_log.csv"
    lost = "C:\\IMG\\center_lost.jpg"
    log.write_text(
        log.read_text() + f'only,three,cells\n"open,a,b,0.1\n{lost},,,0.1,0,0,0\nx.jpg,,,fast,0,0,0\nx.jpg,,,7\n'
    )
    found = read(tmp_path)
    assert len(found.samples) == 6
    assert [line.split(":")[1] for line in found.faults] == ["4", "5", "6", "7", "8"]
    assert "center_lost.jpg is not in" in found.faults[2]
    assert "steering 'fast' is no number from -1 to 1" in found.faults[3]


def test_a_tubs_deleted_records_are_left_out(tmp_path: Path) -> None:
    found = read(tub(tmp_path, wheel(12), deleted=(0, 7, 11), catalog=5))
    assert found.kind == "tub"
    assert [sample.moment for sample in found.samples] == [1, 2, 3, 4, 5, 6, 8, 9, 10]
    assert [sample.steering for sample in found.samples] == [wheel(12)[k] for k in (1, 2, 3, 4, 5, 6, 8, 9, 10)]
    assert not found.faults


def test_bad_records_of_a_tub_are_told_by_line_and_the_rest_is_read(tmp_path: Path) -> None:
    tub(tmp_path, [0.1, 0.2])
    catalog = tmp_path / "catalog_0.catalog"
    good = json.loads(catalog.read_text().splitlines()[0])
    odd = [
        {**good, "user/angle": None},
        {**good, "user/angle": True},
        {**good, "user/mode": "pilot"},
        {**good, "cam/image_array": "../../etc/passwd"},
    ]
    catalog.write_text(catalog.read_text() + "{half\n[]\n" + "".join(json.dumps(one) + "\n" for one in odd))
    found = read(tmp_path)
    assert len(found.samples) == 2
    assert [line.split(":")[1] for line in found.faults] == ["3", "4", "5", "6", "7", "8"]
    assert "nobody steered" in found.faults[4]
    assert "picture passwd is not in" in found.faults[5]


def test_a_tub_without_its_manifest_is_read_and_says_so(tmp_path: Path) -> None:
    tub(tmp_path, wheel(25), deleted=(3,), catalog=2)
    (tmp_path / "manifest.json").unlink()
    found = read(tmp_path)
    assert [sample.moment for sample in found.samples] == list(range(25)), "catalog_10 behind catalog_9"
    assert "manifest.json: is not there" in found.faults[0]


def test_a_tub_of_the_first_kind_is_read(tmp_path: Path) -> None:
    for k in (0, 2, 10):
        picture(tmp_path / f"{k}_cam.jpg", road(0))
        record = {"cam/image_array": f"{k}_cam.jpg", "user/angle": k / 10, "user/mode": "user"}
        (tmp_path / f"record_{k}.json").write_text(json.dumps(record))
    assert [sample.steering for sample in read(tmp_path).samples] == [0.0, 0.2, 1.0]


def test_a_catalog_that_is_named_twice_counts_once(tmp_path: Path) -> None:
    tub(tmp_path, wheel(4))
    last = json.dumps({"paths": ["catalog_0.catalog", "./catalog_0.catalog"], "deleted_indexes": []})
    (tmp_path / "manifest.json").write_text(last)
    assert [sample.moment for sample in read(tmp_path).samples] == [0, 1, 2, 3], "else twins are on both sides"


@pytest.mark.parametrize("what", ["absent", "file", "empty", "headers alone"])
def test_what_is_no_recording_is_refused_in_one_line(what: str, tmp_path: Path) -> None:
    folder = tmp_path / "drive"
    if what == "file":
        folder.write_text("")
    elif what != "absent":
        folder.mkdir()
    if what == "headers alone":
        (folder / "driving_log.csv").write_text("center,left,right,steering,throttle,brake,speed\n")
    with pytest.raises(UserError, match=str(folder)) as refused:
        read(folder)
    assert "\n" not in str(refused.value)


@SLOW_DISK
@given(log=st.text(st.sampled_from("a,;\"'\\/.0123456789-en \t\r\n\0\x85é"), max_size=200))
def test_no_log_makes_a_traceback(log: str, tmp_path: Path) -> None:
    (tmp_path / "driving_log.csv").write_text(log, encoding="utf-8", newline="")
    with pytest.raises(UserError, match="holds no picture"):
        read(tmp_path)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["user/angle", "cam/image_array", "user/mode", "_index", "paths"]), inner)
    ),
    max_leaves=8,
)


@SLOW_DISK
@given(records=st.lists(JSON | st.text(max_size=9), min_size=1, max_size=5), manifest=JSON)
def test_no_tub_makes_a_traceback(records: list[object], manifest: object, tmp_path: Path) -> None:
    texts = [one if isinstance(one, str) else json.dumps(one) for one in records]
    (tmp_path / "catalog_0.catalog").write_text("\n".join(texts), encoding="utf-8", errors="surrogatepass")
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(UserError, match="holds no picture"):
        read(tmp_path)


@needs_data
def test_the_real_tub_has_700_pictures_with_their_steering(tmp_path: Path) -> None:
    with tarfile.open(DATA / "steering" / "donkey_tub_0-699.tar.gz") as archive:
        archive.extractall(tmp_path, filter="data")
    found = read(tmp_path / "tub")
    assert len(found.samples) == 700
    assert min(sample.steering for sample in found.samples) < -0.7
