"""600 events through a broker that is killed and a daemon that is killed: all of them arrive, in order."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from edge.outbox import read_events
from tests.support.broker import Broker, Subscriber, eventually, retained

ROOT = Path(__file__).parents[2]


def _daemon(folder: Path, broker: Broker, first: int, count: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.support.delivering", *map(str, (folder, broker.port, first, count))]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def _said(daemon: subprocess.Popen[str]) -> str:
    assert daemon.stdout is not None
    return daemon.stdout.readline().strip()


def _kill(daemon: subprocess.Popen[str]) -> None:
    with daemon:
        daemon.kill()


def _uids(subscriber: Subscriber) -> set[str]:
    return {e["uid"] for e in subscriber.events}


def test_600_of_600_arrive_over_two_outages_and_a_killed_daemon(broker: Broker, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    subscriber = Subscriber(broker)
    # stop(), not kill(): a mosquitto that is killed outright may lose what it has acknowledged, and that is not ours.
    daemon = _daemon(folder, broker, 0, 200)
    eventually(lambda: len(subscriber.events) > 50)
    broker.stop()
    assert _said(daemon) == "put 200"
    broker.start()
    eventually(lambda: len(_uids(subscriber)) == 200)
    now = retained(broker)
    assert now["edge/alarm/state"] == b"armed_away"
    assert now["edge/available"] == b"online"
    assert now["edge/porch/person"] == b"199"
    _kill(daemon)

    daemon = _daemon(folder, broker, 200, 200)
    eventually(lambda: len(_uids(subscriber)) > 250)
    broker.stop()
    assert _said(daemon) == "put 200"
    _kill(daemon)
    daemon = _daemon(folder, broker, 400, 200)
    time.sleep(1.0)
    broker.start()
    assert _said(daemon) == "put 200"
    eventually(lambda: len(_uids(subscriber)) == 600, 20)
    with daemon:
        daemon.terminate()
    assert daemon.returncode == 0
    subscriber.close()

    first_arrivals = list({e["uid"]: e["after"]["id"] for e in subscriber.events}.values())
    assert first_arrivals == [f"object{n}" for n in range(600)]
    assert retained(broker)["edge/available"] == b"stopped"
    assert retained(broker)["edge/porch/person"] == b"599"
    assert [e["state"] for e in read_events(folder, 1000)] == ["delivered"] * 600
