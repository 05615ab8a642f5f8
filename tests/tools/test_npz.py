"""Arrays out of an .npz: as NumPy writes them, and files that are damaged or hostile."""

from __future__ import annotations

import io
from contextlib import suppress
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge.errors import SourceError
from edge.tools import npz

GOOD = {
    "x": np.arange(24, dtype=np.float32).reshape(2, 3, 4),
    "turned": np.asfortranarray(np.arange(6, dtype=np.int64).reshape(2, 3)),
    "scalar": np.float64(3),
    "none": np.zeros((0, 5), np.uint8),
    "big": np.arange(5, dtype=">u2"),
    "yes": np.array([True, False]),
    "names": np.array(["a", "bc"]),
}


def written(**arrays: Any) -> bytes:
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)
    return file.getvalue()


def zipped(header: bytes, content: bytes = b"") -> bytes:
    file = io.BytesIO()
    with ZipFile(file, "w", ZIP_DEFLATED) as made:
        made.writestr("x.npy", npz.MAGIC + b"\1\0" + len(header).to_bytes(2, "little") + header + content)
    return file.getvalue()


def header(shape: str, dtype: str = "<f4") -> bytes:
    return f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}, }}\n".encode()


def changed(content: bytes, local: int, central: int, value: int) -> bytes:
    made, at = bytearray(content), content.find(b"PK\1\2")
    made[local], made[at + central] = value, value
    return bytes(made)


def test_arrays_are_what_numpy_wrote(tmp_path: Path) -> None:
    (tmp_path / "x.npz").write_bytes(written(**GOOD))
    found = npz.arrays(tmp_path / "x.npz")
    assert list(found) == list(GOOD)
    for name, array in GOOD.items():
        assert np.array_equal(found[name], np.atleast_1d(array))
        assert found[name].dtype == np.asarray(array).dtype


ONE = written(x=GOOD["x"])
BEGIN = ONE.find(b"x.npy") + 30
RENAMED = io.BytesIO()
np.save(RENAMED, GOOD["x"])


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (RENAMED.getvalue(), "not an .npz"),
        (b"", "not an .npz"),
        (ONE[:-30], "not an .npz"),
        (changed(ONE, 6, 8, 1), "encrypted"),
        (changed(ONE, 8, 10, 99), "packed in a way"),
        (ONE[:BEGIN] + b"\xff" * 20 + ONE[BEGIN + 20 :], "damaged"),
        (zipped(header("(1099511627776, 3, 8, 8)")), "its shape"),
        (zipped(header("(9223372036854775807, 9223372036854775807)")), "its shape"),
        (zipped(header("(99999999999999999999, 0)")), "not an .npz"),
        (zipped(header("(-1, 3)")), "no array of numbers"),
        (zipped(header("(4,)", "|O")), "no array of numbers"),
        (ONE.replace(b"x.npy", b"\n.npy"), "not an .npz"),
        (zipped(b"{" * 15 + b"\n"), "no array of numbers"),
        (zipped(b"(" * 8999), "no array of numbers"),
        (zipped(header("(2,)"), bytes(7)), "its shape"),
        (zipped(header("(" + "1," * 99 + ")"), bytes(4)), "not an .npz"),
    ],
)
def test_what_is_no_npz_is_one_line(content: bytes, said: str, tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    path.write_bytes(content)
    with pytest.raises(SourceError, match=said) as told:
        npz.arrays(path)
    assert str(told.value).startswith(f"{path}: ")
    assert "\n" not in str(told.value)


def test_more_than_fits_is_refused_before_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(npz, "MOST_BYTES", 1 << 20)
    (tmp_path / "x.npz").write_bytes(written(x=np.zeros(1 << 20, np.uint8)))
    with pytest.raises(SourceError, match="more than 1 MB"):
        npz.arrays(tmp_path / "x.npz")


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(at=st.integers(0, len(ONE) - 1), value=st.binary(min_size=1, max_size=4))
def test_any_damage_gives_arrays_or_one_line(at: int, value: bytes, tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    path.write_bytes(ONE[:at] + value + ONE[at + len(value) :])
    with suppress(SourceError):
        npz.arrays(path)
