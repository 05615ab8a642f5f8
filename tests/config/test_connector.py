"""The grammar of `picamera:`, `jetson:` and `gst:`, and what people see of the last."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.config.connector import Connector, Mistake, parse_connector
from edge.config.secrets import mask_url
from edge.config.source import flaw


def test_everything_that_can_be_set_is_read() -> None:
    text = "1?size=640x480&fps=12.5&rotate=180&exposure=10000&gain=2&focus=0.5&hdr=single&tuning=imx219_noir.json"
    assert parse_connector("picamera", text) == Connector(
        1, (640, 480), 12.5, 180, 10000, 2.0, 0.5, "single", "imx219_noir.json"
    )
    assert parse_connector("picamera", "0?focus=auto").focus == "auto"
    assert parse_connector("picamera", "0") == Connector(0)


@pytest.mark.parametrize(
    ("source", "says", "help"),
    [
        ("picamera:", "needs the number of a camera", "the first is `picamera:0`"),
        ("jetson:csi", "needs the number of a camera", "the first is `jetson:0`"),
        ("picamera:0?sise=640x480", "no such setting", "did you mean `size`?"),
        ("picamera:0?x=1", "no such setting", "there are: size, fps, rotate, exposure, gain, focus, hdr, tuning"),
        ("jetson:0?hdr=sensor", "no such setting", "there are: size, fps, rotate"),
        ("picamera:0?size=641x480", "`size` is not one", "even pixels"),
        ("picamera:0?size=640", "`size` is not one", "even pixels"),
        ("picamera:0?size=99999x480", "`size` is not one", "even pixels"),
        ("picamera:0?fps=nan", "`fps` is not one", "`fps=15`"),
        ("picamera:0?fps", "`fps` is not one", "`fps=15`"),
        ("picamera:0?fps=0.1", "`fps` is not one", "at least 0.5"),
        ("picamera:0?exposure=2000000", "`exposure` is not one", "at most a second"),
        ("picamera:0?rotate=90", "`rotate` is not one", "`rotate=180`"),
        ("picamera:0?exposure=1.5", "`exposure` is not one", "microseconds"),
        ("picamera:0?focus=near", "`focus` is not one", "`focus=auto`"),
        ("picamera:0?hdr=on", "`hdr` is not one", "`hdr=sensor`"),
        ("picamera:0?tuning=", "`tuning` is not one", "imx219_noir.json"),
        ("picamera:0?fps=5&fps=6", "`fps` is given twice", None),
        ("gst:", "needs a pipeline", "v4l2src"),
        ("gst:videotestsrc !", "ends with a `!`", "leave the last one out"),
        ("gst:videotestsrc ! appsink", "has an `appsink`", "end it before"),
    ],
)
def test_a_mistake_says_what_to_write(source: str, says: str, help: str | None) -> None:
    found = flaw(source)
    assert found is not None
    assert says in found.message
    assert found.help == help or (help and found.help and help in found.help)


@pytest.mark.parametrize("source", ["picamera:0", "picamera:1?size=640x480&fps=5", "jetson:0", "gst:videotestsrc"])
def test_what_can_be_opened_is_let_through(source: str) -> None:
    assert flaw(source) is None


@given(st.text(alphabet=string.ascii_lowercase + string.digits + "?&=x.-", max_size=40))
def test_any_text_is_a_connector_or_a_mistake_in_words(text: str) -> None:
    try:
        found = parse_connector("picamera", text)
    except Mistake as mistake:
        message, help = mistake.args
        assert message
        assert help is None or help
    else:
        assert all(side % 2 == 0 for side in found.size)


@pytest.mark.parametrize(
    "pipeline",
    [
        "rtspsrc location=rtsp://me:S3cr3t@cam/1 ! decodebin",
        "rtspsrc location=rtsp://cam/1 user-id=me user-pw=S3cr3t ! decodebin",
        'rtspsrc location=rtsp://cam/1 user-pw = "a S3cr3t" ! decodebin',
        r"rtspsrc user-pw=\"a S3cr3t\" location=rtsp://cam/1 ! decodebin",
        "srtsrc uri=srt://cam:7001 passphrase='a S3cr3t' ! decodebin",
        "souphttpsrc location=http://cam/1 proxy-pw=S3cr3t cookies=S3cr3t ! jpegdec",
    ],
)
def test_a_pipeline_is_shown_without_its_passwords(pipeline: str) -> None:
    shown = mask_url(f"gst:{pipeline}")
    assert "S3cr3t" not in shown
    assert shown.startswith("gst:")
    assert shown.endswith((" ! decodebin", " ! jpegdec"))
