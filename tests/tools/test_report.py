"""The report's page, with names as they come."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from edge.tools import report

pytest.importorskip("matplotlib", reason="matplotlib is not here: pip install 'edge-runtime[tools]'")


def told(name: str) -> dict[str, Any]:
    tensor = {"name": name, "codec": "grid", "bytes_before": 4096, "bytes": 512, "bits_per_weight": 4.0}
    step = {"name": name, "metric": "map", "value": 1.0, "matched": 0.5, "cosine": {name: 1.0}, "sqnr_db": {name: 20.0}}
    time = {"variant": name, "engine": "onnxruntime", "ms": 2.0, "ratio": 1.0}
    rest = {"model": name, "ratio": 8.0, "plain_bytes": 4096, "bytes": 512, "notes": [name]}
    return {**rest, "steps": [step], "latency": [time], "tensors": [{**tensor, "nonzero": 9, "harm": None}]}


@pytest.mark.parametrize("name", ["a$b^$", "$\\frac{", "<b>&"])
def test_names_are_no_formulas_and_no_markup(name: str, tmp_path: Path) -> None:
    report.write(tmp_path, told(name), [])
    page = (tmp_path / "report.html").read_text()
    assert page.count("<svg") == 3
    assert "<b>" not in page
