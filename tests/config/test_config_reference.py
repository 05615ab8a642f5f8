"""The reference of the configuration is what the schema says, and its example works."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge.config.load import load
from edge.config.reference import EXAMPLE, markdown

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "config.md"


def test_the_page_is_current() -> None:
    assert PAGE.read_text() == markdown(), "run `python -m edge.config.reference > docs/reference/config.md`"


def test_the_example_is_valid(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PORCH_PASSWORD", "MQTT_PASSWORD", "MAIL_PASSWORD"):
        monkeypatch.setenv(name, "x")
    (tmp_path / "edge.toml").write_text(EXAMPLE)
    assert load(tmp_path / "edge.toml", files=True).camera[0].zone[0].name == "path"
