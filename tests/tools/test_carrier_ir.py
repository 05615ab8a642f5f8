"""Weights cut out of an OpenVINO IR and put back; an .xml that is none, or hostile, is refused."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import openvino
import pytest

from edge.errors import ModelError
from edge.models.packed.carriers import fill_holes, split_ir
from edge.tools.carrier_ir import cut_ir, read_ir
from tests.support.nets import ir_adding
from tests.support.packing import pieces, same
from tests.support.shared_data import YOLOX, needs_data

NUMBERS = np.random.default_rng(2).normal(size=(1, 100)).astype(np.float32)


def test_constants_have_their_names_shapes_and_values(tmp_path: Path) -> None:
    xml, blob = read_ir(ir_adding(tmp_path / "add.xml", NUMBERS))
    skeleton, weights = cut_ir(xml, blob)
    assert [(weight.name, weight.at) for weight in weights] == [("numbers", 8)]
    assert same(weights[0].array, NUMBERS)
    assert split_ir(skeleton) == (xml, b"\x07" * 8)
    assert fill_holes(split_ir(skeleton)[1], len(blob), pieces(weights)) == blob


@needs_data
@pytest.mark.parametrize("half", [False, True])
def test_a_real_model_comes_back_byte_by_byte(half: bool, tmp_path: Path) -> None:
    openvino.save_model(openvino.Core().read_model(str(YOLOX)), str(tmp_path / "net.xml"), compress_to_fp16=half)
    xml, blob = read_ir(tmp_path / "net.xml")
    skeleton, weights = cut_ir(xml, blob)
    assert len(weights) > 100
    assert {weight.array.dtype.name for weight in weights} == {"float16" if half else "float32"}
    kept, rest = split_ir(skeleton)
    assert kept == xml
    assert len(rest) < 5000
    assert fill_holes(rest, len(blob), pieces(weights)) == blob


def constant(**attributes: object) -> bytes:
    """An IR of one constant."""
    given = {"element_type": "f32", "shape": "100", "offset": 0, "size": 400} | attributes
    data = " ".join(f'{name}="{value}"' for name, value in given.items())
    return f'<net><layer name="w" type="Const"><data {data}/></layer></net>'.encode()


def test_what_does_not_lie_in_the_file_stays() -> None:
    for attributes in ({"offset": -4}, {"offset": 4}, {"offset": 1 << 70}, {"shape": "-100"}, {"element_type": "u4"}):
        assert cut_ir(constant(**attributes), bytes(400)) == (constant(**attributes) + b"\0" + bytes(400), [])
    truths = np.arange(100, dtype=np.uint8).tobytes()
    assert cut_ir(constant(element_type="boolean", size=100), truths)[1] == []


HOSTILE = {
    "nothing": b"",
    "a text": b"this is no model",
    "entities": b'<!DOCTYPE net [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]><net>&b;</net>',
    "another file": b'<!DOCTYPE net SYSTEM "/etc/passwd"><net/>',
    "cut off": constant()[:-10],
    "no number": constant(offset="here"),
    "no shape": constant(shape="1,many"),
}


@pytest.mark.parametrize("xml", HOSTILE.values(), ids=HOSTILE)
def test_what_is_no_ir_is_one_line(xml: bytes) -> None:
    with pytest.raises(ModelError, match="OpenVINO IR") as fault:
        cut_ir(xml, bytes(400))
    assert "\n" not in str(fault.value)


def test_an_xml_without_its_bin_says_what_an_ir_is(tmp_path: Path) -> None:
    (tmp_path / "lone.xml").write_bytes(constant())
    with pytest.raises(ModelError, match=r"lone\.xml: an OpenVINO IR is an \.xml and the \.bin beside it"):
        read_ir(tmp_path / "lone.xml")


def test_a_pipe_beside_the_model_is_refused_without_waiting(tmp_path: Path) -> None:
    path = ir_adding(tmp_path / "add.xml", NUMBERS)
    path.with_suffix(".bin").unlink()
    os.mkfifo(path.with_suffix(".bin"))
    with pytest.raises(ModelError, match=r"no plain file"):
        read_ir(path)
