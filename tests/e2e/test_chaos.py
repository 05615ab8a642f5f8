"""The chaos run in short; `make chaos` has it in full."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

from tests.chaos.fate import Fate
from tests.chaos.judge import faults
from tests.chaos.world import World


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Session.login_data:DeprecationWarning")
def test_nothing_is_lost_while_everything_fails(tmp_path: Path) -> None:
    with contextlib.closing(World(tmp_path)) as world:
        fate = Fate(world, seconds=30.0, kills=2, seed=2, say=print)
        fate.run()
        assert list(faults(world, fate.clips)) == [], world.daemon.log()[-4000:]
        assert world.lives >= 2  # one that is killed before it is ready is none
