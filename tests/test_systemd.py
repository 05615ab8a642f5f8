"""The unit is one that systemd accepts, is hardened, and fits what the daemon does; systemd's own tools say so."""

from __future__ import annotations

import configparser
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.steer.assembly import SIGN_S

HERE = Path(__file__).parent.parent / "systemd"
UNIT = HERE / "edge.service"
needs_systemd = pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is not installed")


def verify(root: Path, unit: str) -> subprocess.CompletedProcess[str]:
    """Have systemd check a unit text in a tree of its own, in which the programs of the unit exist."""
    for program in re.findall(r"^Exec\w+=(\S+)", UNIT.read_text(), re.MULTILINE):
        path = root / program.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("#!/bin/sh\n")
        path.chmod(0o755)
    folder = root / "etc" / "systemd" / "system"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "edge.service").write_text(unit)
    targets = root / "usr" / "lib" / "systemd" / "system"
    if not targets.exists():
        shutil.copytree("/usr/lib/systemd/system", targets, symlinks=True)
    command = ["systemd-analyze", f"--root={root}", "--recursive-errors=yes", "verify", "edge.service"]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user may enter; pytest's own are closed to others."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


@needs_systemd
def test_systemd_accepts_the_unit(tmp_path: Path) -> None:
    done = verify(tmp_path, UNIT.read_text())
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


@needs_systemd
def test_the_check_would_see_a_mistake(tmp_path: Path) -> None:
    assert "WatchdogSek" in verify(tmp_path, UNIT.read_text().replace("WatchdogSec", "WatchdogSek")).stderr
    done = verify(tmp_path, UNIT.read_text().replace("bin/edge run", "bin/absent run"))
    assert (done.returncode, "bin/absent" in done.stderr) == (1, True)


@needs_systemd
def test_its_exposure_is_at_most_two() -> None:
    command = ["systemd-analyze", "security", "--offline=true", "--threshold=20", str(UNIT)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    found = re.search(r"Overall exposure level for edge.service: ([\d.]+)", done.stdout)
    assert found, done.stderr
    assert float(found[1]) <= 2.0
    assert done.returncode == 0


def settings() -> configparser.SectionProxy:
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # keep the case of keys
    parser.read(UNIT)
    return parser["Service"]


def test_it_fits_the_daemon() -> None:
    service = settings()
    assert service["Type"] == "notify"
    assert service["ExecStart"].endswith(" run --config /etc/edge/edge.toml")
    assert "-HUP" in service["ExecReload"]
    assert float(service["WatchdogSec"]) >= 10
    assert service["RestartPreventExitStatus"] == "2 3"
    assert service["OOMPolicy"] == "continue"  # else a trial that is killed for its memory takes the daemon with it
    for folder in ("StateDirectory", "RuntimeDirectory", "CacheDirectory"):
        assert service[folder] == "edge"


@pytest.mark.skipif(not shutil.which("systemd-sysusers"), reason="systemd-sysusers is not installed")
def test_the_user_is_made_with_the_groups_of_cameras(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    target = tmp_path / "usr" / "lib" / "sysusers.d"
    target.mkdir(parents=True)
    (target / "edge.conf").write_text((HERE / "edge.sysusers").read_text())
    done = subprocess.run(["systemd-sysusers", f"--root={tmp_path}"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    groups = dict(line.split(":", 1) for line in (tmp_path / "etc" / "group").read_text().splitlines())
    assert "edge" in groups
    for group in settings()["SupplementaryGroups"].split():
        assert groups[group].endswith(":edge")


@pytest.mark.skipif(not shutil.which("systemd-tmpfiles") or os.geteuid() != 0, reason="needs systemd-tmpfiles and root")
def test_a_configuration_with_passwords_is_closed_to_others(tmp_path: Path) -> None:
    folder = tmp_path / "etc" / "edge"
    folder.mkdir(parents=True)
    (folder / "edge.toml").write_text("")
    (tmp_path / "etc" / "passwd").write_text("root:x:0:0::/root:/bin/sh\nedge:x:990:990::/:/bin/false\n")
    (tmp_path / "etc" / "group").write_text("root:x:0:\nedge:x:990:\n")
    command = ["systemd-tmpfiles", f"--root={tmp_path}", "--create", str(HERE / "edge.tmpfiles")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = (folder / "edge.toml").stat()
    assert (found.st_mode & 0o777, found.st_uid, found.st_gid) == (0o640, 990, 990)  # the page changes it


@pytest.mark.skipif(not shutil.which("systemd-tmpfiles") or os.geteuid() != 0, reason="needs systemd-tmpfiles and root")
def test_the_service_changes_its_configuration_and_nothing_of_roots_beside_it(open_folder: Path) -> None:
    tmp_path = open_folder
    folder = tmp_path / "etc" / "edge"
    folder.mkdir(parents=True)
    (folder / "edge.toml").write_text("old")
    (folder / "page.key").write_text("root's")
    (tmp_path / "etc" / "passwd").write_text("root:x:0:0::/root:/bin/sh\nedge:x:990:990::/:/bin/false\n")
    (tmp_path / "etc" / "group").write_text("root:x:0:\nedge:x:990:\n")
    command = ["systemd-tmpfiles", f"--root={tmp_path}", "--create", str(HERE / "edge.tmpfiles")]
    subprocess.run(command, check=True)
    (tmp_path / "etc").chmod(0o755)
    script = (
        "import os, pathlib, sys; folder = pathlib.Path(sys.argv[1])\n"
        "(folder / 'new').write_text('new'); (folder / 'new').replace(folder / 'edge.toml')\n"
        "keys, secrets = folder / 'keys', folder / 'secrets'\n"
        "for way in (lambda: keys.rename(folder / 'k'), lambda: secrets.rename(folder / 's'),\n"
        "            (folder / 'page.key').unlink, (keys / 'mine.pub').touch):\n"
        "    try: way()\n"
        "    except PermissionError: continue\n"
        "    sys.exit('the service may do that')\n"
    )
    done = subprocess.run(
        ["/usr/bin/python3", "-c", script, folder], user=990, group=990, extra_groups=[], capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert (folder / "edge.toml").read_text() == "new"
    service = settings()
    assert service["ReadWritePaths"] == "/etc/edge"
    assert service["ConfigurationDirectoryMode"] == "1775"


STEER = HERE / "edge-steer.service"


@needs_systemd
@pytest.mark.parametrize("actuator", [None, "pca9685", "servo", "serial", "mqtt"])
def test_systemd_accepts_steering_with_the_device_of_each_actuator(tmp_path: Path, actuator: str | None) -> None:
    if actuator is not None:
        folder = tmp_path / "etc" / "systemd" / "system" / "edge.service.d"
        folder.mkdir(parents=True)
        shutil.copy(HERE / f"edge-steer-{actuator}.conf", folder / f"{actuator}.conf")
    text = STEER.read_text()
    done = verify(tmp_path, text)
    heard = [line for line in (done.stdout + done.stderr).splitlines() if "mosquitto.service" not in line]
    assert heard == []
    if actuator is None:
        assert done.returncode == 0


def test_steering_is_made_neutral_whatever_ended_it() -> None:
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # keep the case of keys
    parser.read(STEER)
    service = parser["Service"]
    assert service["ExecStart"].endswith(" steer drive --config /etc/edge/edge.toml")
    assert service["ExecStopPost"].endswith(" steer neutral --config /etc/edge/edge.toml")
    assert service["RuntimeDirectory"] != settings()["RuntimeDirectory"]
    assert service["RestartPreventExitStatus"] == "2 3"
    assert float(service["WatchdogSec"]) > 2 * SIGN_S
