"""What the daemon keeps, put together: settings, the outbox's rows beside it, what is asked for by id."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.capture.file import open_file
from edge.capture.ring import attach
from edge.clock import SystemClock
from edge.config.diagnose import ConfigFindings
from edge.config.load import load
from edge.config.schema import Config
from edge.keeping import Keeping, outbox_limits
from edge.outbox import Outbox, read_events, snapshot_path
from edge.paths import clip_path
from edge.types import I420, Box, Frame
from tests.support.events import event
from tests.support.film import film, play
from tests.support.stand_ins import Hands

CAMERA = '[[camera]]\nname = "porch"\nsource = "rtsp://cam/1"\n'


@pytest.fixture
def loaded(tmp_path: Path) -> Callable[[str], Config]:
    def make(text: str = "") -> Config:
        path = tmp_path / "edge.toml"
        path.write_text(f'{CAMERA}{text}\n[node]\ndata = "{tmp_path / "data"}"\n')
        return load(path)

    return make


def keeping(config: Config) -> Keeping:
    return Keeping(config, SystemClock(), lambda: True, lambda: "armed_away")


@pytest.mark.parametrize(
    ("text", "days"), [('"36h"', 1.5), ('"14d"', 14), ("14", 14), ("0.5", 0.5), ('" 7 d "', 7), ('"1.5d"', 1.5)]
)
def test_times_are_days_or_hours(loaded: Callable[[str], Config], text: str, days: float) -> None:
    config = loaded(f"[storage]\nclips_days = {text}\nsnapshots_days = {text}\nevents_days = {text}")
    assert config.storage.clips_days == days
    limits = outbox_limits(config)
    assert limits.history_s == limits.picture_s == days * 86_400


@pytest.mark.parametrize("text", ['"36"', '"soon"', "0", "-1", "true", '"0h"', "[1]", "99999999", '"9999999999999d"'])
def test_what_is_no_time_is_said_where_it_stands(loaded: Callable[[str], Config], text: str) -> None:
    with pytest.raises(ConfigFindings) as caught:
        loaded(f"[storage]\nclips_days = {text}")
    (finding,) = caught.value.findings
    assert (finding.key, finding.line) == ("storage.clips_days", 5)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("", True),
        ("[clips]\nenabled = false", False),
        ('[privacy]\nblur = "faces"', False),
        ('[privacy]\nblur = "people"\nclips = true', True),
        ('[privacy]\nblur = "skeleton"', False),
    ],
)
def test_a_blurred_house_has_no_clips_unless_asked_for(
    loaded: Callable[[str], Config], text: str, wanted: bool
) -> None:
    assert (keeping(loaded(text)).ring("porch") is not None) is wanted


def test_people_can_only_be_hidden_where_they_are_looked_for(loaded: Callable[[str], Config]) -> None:
    with pytest.raises(ConfigFindings, match="are not looked for") as caught:
        loaded('labels = ["dog"]\n[privacy]\nblur = "people"')
    assert caught.value.findings[0].line == 4
    loaded('labels = ["motion"]\n[privacy]\nblur = "people"')
    loaded('labels = ["dog"]')


def test_where_skeletons_alone_are_seen_nothing_may_keep_or_send_more(loaded: Callable[[str], Config]) -> None:
    with pytest.raises(ConfigFindings, match="clips show what the camera sees") as caught:
        loaded('[privacy]\nblur = "skeleton"\nclips = true')
    (finding,) = caught.value.findings
    assert (finding.key, finding.line, finding.column) == ("privacy.clips", 6, 9)
    server = '[model]\nengine = ["kserve", "auto"]\n[engine.kserve]\nurl = "http://{}:8000"\n'
    hidden = '[privacy]\nblur = "skeleton"\n'
    with pytest.raises(ConfigFindings, match="would go to another machine") as caught:
        loaded(server.format("192.168.1.9") + hidden)
    assert [finding.key for finding in caught.value.findings] == ["engine.kserve.url"]
    for here in ("127.0.0.1", "localhost", "[::1]"):
        loaded(server.format(here) + hidden)
    loaded(server.format("192.168.1.9"))
    loaded('labels = ["dog"]\n' + hidden)


def test_a_view_that_was_kept_is_deleted_once_none_may_be(loaded: Callable[[str], Config]) -> None:
    config = loaded('[privacy]\nblur = "skeleton"')
    box = Outbox(config.node.data, "node", [], SystemClock(), outbox_limits(config))
    box.note("view/porch", "a picture")
    box.flush(5)
    assert keeping(config).views(box, "porch") is None
    box.flush(5)
    assert not box.recall("view/porch")
    assert keeping(loaded("")).views(box, "porch") is box
    box.close()


@pytest.mark.parametrize("blur", ["none", "people", "skeleton"])
def test_the_picture_of_a_view_shows_nothing_of_it_where_nothing_may_be_seen(
    loaded: Callable[[str], Config], blur: str
) -> None:
    drawn: list[Frame] = []

    def draw(frame: Frame, box: Box, label: str, score: float) -> bytes:
        drawn.append(frame)
        return b"jpeg"

    y = np.random.default_rng(0).integers(0, 255, (120, 160), dtype=np.uint8)
    frame = Frame("porch", 0, 0.0, 0.0, I420(y, y[::2, ::2], y[::2, ::2]))
    assert keeping(loaded(f'[privacy]\nblur = "{blur}"')).of_view(draw)(frame, (0, 0, 1, 1), "tamper", 1.0) == b"jpeg"
    assert (np.unique(drawn[0].picture.y).size == 1) is (blur == "skeleton")


def test_rows_and_pages_have_what_is_there_now(loaded: Callable[[str], Config]) -> None:
    config = loaded("")
    folder = config.node.data
    image = np.random.default_rng(0).integers(0, 255, (480, 640, 3)).astype(np.uint8)
    jpeg = cv2.imencode(".jpg", image)[1].tobytes()
    box = Outbox(folder, "node", [], SystemClock(), outbox_limits(config))
    box.put(event("new", "1-a", jpeg=jpeg))
    box.flush(5)
    kept = keeping(config)
    assert read_events(folder)[0]["clip"] is None
    assert kept.clip("1-a") == "There is no clip of this event (any more)."
    clip = clip_path(folder, "1-a")
    clip.parent.mkdir()
    clip.write_bytes(b"clip")
    assert read_events(folder)[0]["clip"] == str(clip)
    assert kept.clip("1-a") == clip
    small = kept.thumbnail("1-a")
    assert small is not None
    assert len(small) <= 12_000
    assert kept.thumbnail("1-a") is small, "made once"
    assert kept.thumbnail("../../etc/passwd") is None
    snapshot_path(folder, "1-a").unlink()
    assert read_events(folder)[0]["snapshot"] is None
    assert kept.thumbnail("1-a") is None
    box.close()


@pytest.mark.parametrize(
    ("text", "state", "recorded"),
    [
        ("", "disarmed", True),
        ('[clips]\nwhen = "armed"', "armed_home", True),
        ('[clips]\nwhen = "armed"', "disarmed", False),
        ("[privacy]\nwhen_disarmed = true", "disarmed", False),
        ("[privacy]\nwhen_disarmed = true", "armed_away", True),
    ],
)
def test_what_is_recorded_goes_by_the_alarm_where_the_owner_wants_it_so(
    loaded: Callable[[str], Config], tmp_path: Path, text: str, state: str, recorded: bool
) -> None:
    clock, now = Hands(), [state]
    house = Keeping(loaded(text), clock, lambda: True, lambda: now[0])
    ring = house.ring("porch")
    assert ring is not None
    source = open_file(film(tmp_path / "a.mp4", b=0))
    attach(source, ring)
    play(source)
    told = house.noted(event("new", "1-a", at=clock.wall()))
    assert (told is not None and told.after.has_clip) is recorded
    now[0] = "armed_away"
    clock.now += 1
    told = house.noted(event("new", "2-b", at=clock.wall()))
    assert told is not None
    assert told.after.has_clip


def test_pictures_that_must_not_leave_reach_no_sink(tmp_path: Path) -> None:
    for leave in (True, False):
        box = Outbox(tmp_path / str(leave), "node", ["mail"], SystemClock(), pictures_leave=leave)
        box.put(event("new", "1-a", jpeg=b"jpeg"))
        box.flush(5)
        assert (box.pending("mail", 9)[0].snapshot is not None) is leave
        assert bool(box.pictures("1-a")) is leave
        assert read_events(tmp_path / str(leave))[0]["snapshot"] is not None, "the page has it"
        box.close()
