"""Who may move the car: one at a time, wherever its socket is."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from edge.config.schema import Node
from edge.errors import UserError
from edge.steer.desk import Desk, alone
from tests.support.driving import ROOT


def test_a_service_and_a_hand_do_not_drive_the_same_car(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    node = Node(data=tmp_path / "data")
    first = Desk(node)
    (tmp_path / "run").mkdir()
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(tmp_path / "run"))
    with pytest.raises(UserError, match="already running"):
        Desk(node)
    first.close()
    Desk(node).close()


def test_a_socket_that_was_left_behind_hinders_nobody(tmp_path: Path) -> None:
    script = "import sys; from edge.config.schema import Node; from edge.steer.desk import Desk; import os\n"
    script += f"Desk(Node(data={str(tmp_path)!r})); os.kill(os.getpid(), {int(signal.SIGKILL)})"
    subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=False)
    assert (tmp_path / "steer.sock").exists()
    os.close(alone(Node(data=tmp_path)))
