"""How a page says where in the configuration something is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.config.spoken import spoken

DATA = {
    "camera": [{"name": "door"}, {"name": "hall", "zone": [{"points": []}, {"name": "path"}]}, "broken"],
    "alarm": {"labels": ["person", "car"], "siren": [{"topic": "a/b"}]},
}


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("camera[1].zone[1].name", "Camera hall, zone path, name"),
        ("camera[1].zone[0].points", "Camera hall, zone 1, points"),
        ("camera[2].min_score", "Camera 3, min score"),
        ("camera[7]", "Camera 8"),
        ("alarm.labels[1]", "Alarm, labels 2"),
        ("alarm.entry_delay_s", "Alarm, entry delay"),
        ("alarm.siren[0]", "Alarm, siren 1"),
        ("camera", "Camera"),
        ("", ""),
    ],
)
def test_a_place_is_said_by_the_names_that_its_owner_gave(key: str, said: str) -> None:
    assert spoken(key, DATA) == said


@given(st.text(alphabet="camer.[]0123456789_s", max_size=24))
def test_any_key_has_words(key: str) -> None:
    assert isinstance(spoken(key, DATA), str)
