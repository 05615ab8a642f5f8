"""Every file that a board gets is one that its reader takes: the reader itself says so, wherever it is here."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import xml.parsers.expat
from pathlib import Path

import pytest

from edge.cli import COMMANDS
from edge.doctor import configuration
from edge.firmware.apply import apply
from edge.firmware.board import COMMON, FILES, board, boards
from tests.support.boards import system

ROOT = Path(__file__).parents[2]
PI = [name for name in boards() if name.startswith("pi-")]
SYSTEMD = Path("/usr/lib/systemd")
CONFIG_LINE = 98
"""Characters of a line of config.txt that the firmware reads. Source: Raspberry Pi documentation, "config.txt"."""
OVERLAYS = {
    *("ov5647", "imx219", "imx477", "imx708", "imx296"),
    *("disable-bt", "disable-wifi", "disable-bt-pi5", "disable-wifi-pi5"),
}
"""Source: arch/arm/boot/dts/overlays/README of the Raspberry Pi's kernel."""
KEYS = {"camera_auto_detect": {"0", "1"}, "usb_max_current_enable": {"1"}, "dtparam": {"watchdog=on"}}
"""Source: Raspberry Pi documentation, "config.txt", and the README of the overlays."""
UDEV = {"SUBSYSTEM": "==", "ATTR{idVendor}": "==", "ATTR{idProduct}": "==", "MODE": "=", "GROUP": "="}
"""Source: udev(7)."""


def common(ending: str) -> list[Path]:
    return sorted(path for path in COMMON.rglob("*") if path.as_posix().endswith(ending))


def test_the_files_are_a_link_so_that_an_installed_package_has_them() -> None:
    link = ROOT / "edge" / "firmware" / "files"
    assert link.is_symlink()
    assert link.readlink() == Path("../../firmware-configs")


def test_every_folder_is_a_board_with_a_profile_and_every_common_one_is_laid_over_some() -> None:
    folders = {path.name for path in FILES.iterdir() if path.is_dir()} - {"common"}
    assert folders == set(boards())
    assert all(one.profile and one.title and one.models for one in boards().values())
    layers = {layer.name for one in boards().values() for layer in one.layers}
    assert layers == {path.name for path in COMMON.iterdir() if path.is_dir()}


@pytest.mark.parametrize("name", boards())
def test_every_profile_is_a_configuration_that_edge_check_accepts(name: str, tmp_path: Path) -> None:
    path = tmp_path / "edge.toml"
    path.write_text(board(name).profile)
    config = configuration(path)
    assert config.camera[0].max_fps is not None
    assert config.model.threads > 0
    assert config.model.engine != ("auto",)


@pytest.mark.parametrize("name", PI)
def test_config_txt_says_only_what_is_documented_its_choices_too(name: str) -> None:
    for line in board(name).config.splitlines():
        assert len(line) <= CONFIG_LINE
        if line.startswith("# ") or line == "[all]":
            continue
        key, _, value = line.removeprefix("#").partition("=")
        assert value in (OVERLAYS if key == "dtoverlay" else KEYS[key]), line
        if value.startswith("disable-"):
            assert line.startswith("#"), "radios are the owner's choice"
            assert value.endswith("-pi5") == (name == "pi-5")


@pytest.mark.parametrize("name", PI)
def test_the_words_for_the_kernel_are_on_one_line(name: str) -> None:
    assert board(name).cmdline.split() == ["panic=10", "cgroup_enable=memory"]
    assert board(name).cmdline.count("\n") == 1


def units(root: Path, *names: str) -> subprocess.CompletedProcess[str]:
    """Have systemd check units in a root that has systemd's own beside them, and the programs that they start."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed")
    shutil.copytree(SYSTEMD / "system", root / "usr/lib/systemd/system", symlinks=True)
    for program in ("usr/sbin/nvpmodel", "usr/bin/jetson_clocks"):
        (root / program).parent.mkdir(exist_ok=True, parents=True)
        (root / program).write_text("#!/bin/sh\n")
        (root / program).chmod(0o755)
    command = ["systemd-analyze", f"--root={root}", "--recursive-errors=yes", "verify", *names]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("name", boards())
def test_systemd_accepts_every_unit_and_finds_those_that_are_switched_on(name: str, tmp_path: Path) -> None:
    root = system(tmp_path / "root")
    apply(board(name), root)
    folder = root / "etc/systemd/system"
    wanted = [link for link in folder.glob("*.wants/*")]
    assert wanted
    assert all((root / str(link.readlink()).lstrip("/")).is_file() for link in wanted)
    names = {link.name for link in wanted} | {
        path.name for path in folder.glob("edge-*.service") if "@" not in path.name
    }
    if "tmp.mount" not in names:
        (folder / "tmp.mount").unlink()
    done = units(root, *sorted(names))
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_the_check_of_units_would_see_a_mistake(tmp_path: Path) -> None:
    root = system(tmp_path / "root")
    apply(board("orin-nx"), root)
    (root / "etc/systemd/system/tmp.mount").unlink()
    unit = root / "etc/systemd/system/edge-jetson-clocks.service"
    unit.write_text(unit.read_text().replace("RemainAfterExit", "RemainsAfterExit"))
    assert "RemainsAfterExit" in units(root, unit.name).stderr


@pytest.mark.parametrize("path", [*common("system.conf.d/edge.conf"), *common("journald.conf.d/edge.conf")], ids=str)
def test_systemd_knows_every_setting_of_its_drop_ins(path: Path) -> None:
    program = SYSTEMD / ("systemd-journald" if "journald" in path.parent.name else "systemd")
    if not program.exists():
        pytest.skip(f"{program} is not installed")
    known = program.read_bytes()
    section, *settings = [line for line in path.read_text().splitlines() if line and not line.startswith("#")]
    assert section == ("[Journal]" if "journald" in path.parent.name else "[Manager]")
    assert settings
    for line in settings:
        key = line.partition("=")[0]
        assert f"\0{key if section == '[Manager]' else f'Journal.{key}'}\0".encode() in known, line


def test_the_watchdog_is_fed_within_what_the_timers_of_the_boards_can_count() -> None:
    text = (COMMON / "base/etc/systemd/system.conf.d/edge.conf").read_text()
    seconds = re.search(r"^RuntimeWatchdogSec=(\d+)s$", text, re.M)
    assert seconds is not None
    assert 5 <= int(seconds[1]) <= 15


@pytest.mark.parametrize("path", [path for path in common(".conf") if path.parent.name == "sysctl.d"], ids=str)
def test_the_kernel_has_every_setting(path: Path) -> None:
    for line in path.read_text().splitlines():
        if not line.startswith("#"):
            key, value = line.split(" = ")
            assert (Path("/proc/sys") / key.replace(".", "/")).exists()
            assert value.isdigit()


def test_rules_are_rules_of_udev() -> None:
    (path,) = common(".rules")
    for line in path.read_text().splitlines():
        if line and not line.startswith("#"):
            terms = [re.fullmatch(r'([\w{}]+)(==|=)"([^"]*)"', term) for term in line.split(", ")]
            assert all(term is not None and UDEV[term[1]] == term[2] for term in terms), line
    program = shutil.which("udevadm", path=f"{os.environ['PATH']}:/bin:/usr/sbin")
    if program is None or "verify" not in subprocess.run([program, "--help"], capture_output=True, text=True).stdout:
        pytest.skip("no udevadm here that can verify (systemd 254 or newer)")
    subprocess.run([program, "verify", "--no-style", path], check=True)


def test_logrotate_reads_its_file_without_a_warning(tmp_path: Path) -> None:
    program = shutil.which("logrotate", path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None:
        pytest.skip("logrotate is not installed")
    (tmp_path / "events.jsonl").write_text("{}\n" * 10)
    text = (COMMON / "base/etc/logrotate.d/edge").read_text()
    config = tmp_path / "edge"
    config.write_text(text.replace("/var/lib/edge/", f"{tmp_path}/").replace("su edge edge", "su root root"))
    config.chmod(0o644)
    command = [program, "-d", "-s", tmp_path / "state", config]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    said = (done.stdout + done.stderr).splitlines()
    assert [line for line in said if "considering log" in line]
    assert not [line for line in said if re.match("error|warning", line) and "debug mode does nothing" not in line]


def test_the_announcement_is_of_the_page() -> None:
    (path,) = common("avahi.service")
    names: list[str] = []
    parser = xml.parsers.expat.ParserCreate()
    parser.StartElementHandler = lambda name, attributes: names.append(name)
    parser.Parse(path.read_bytes(), True)
    assert names == ["service-group", "name", "service", "type", "port"]
    assert "<port>8099</port>" in path.read_text()
    program = shutil.which("xmllint")
    if program is not None:
        subprocess.run([program, "--noout", "--nonet", path], check=True)


def test_what_the_files_say_of_commands_is_so() -> None:
    text = "\n".join(path.read_text() for path in FILES.rglob("*") if path.is_file())
    assert set(re.findall(r"`edge (\w+)", text)) <= set(COMMANDS)
