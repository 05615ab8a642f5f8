"""What a user gets who installs the package instead of a clone: everything, and under `edge` alone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
pytestmark = pytest.mark.xdist_group("packaging")  # one wheel for all of them


def run(*command: str | Path, cwd: Path) -> str:
    env = {key: value for key, value in os.environ.items() if key not in {"PYTHONPATH", "PYTHONSAFEPATH"}}
    done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def build(kind: str, source: Path, out: Path) -> Path:
    """A wheel or an sdist by the project's own build back end, from the environment that runs the tests: no network."""
    pytest.importorskip("hatchling", reason="hatchling is not installed: run make setup")
    run(sys.executable, "-m", "hatchling", "build", "-t", kind, "-d", out, cwd=source)
    (made,) = out.iterdir()
    return made


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build("wheel", ROOT, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel in an environment of its own, which borrows the dependencies of the one that runs the tests."""
    folder = tmp_path_factory.mktemp("installed") / "venv"
    venv.create(folder, with_pip=False)
    python = folder / "bin" / "python"
    packages = Path(run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=folder).strip())
    (packages / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    # --ignore-installed: the tests' own editable install is in sight here and must not be touched
    flags = ["--quiet", "--no-index", "--no-deps", "--ignore-installed", "--no-warn-script-location"]
    run(python, "-m", "pip", "install", *flags, wheel, cwd=folder)
    return folder


def sources() -> set[str]:
    """Every file under edge/, through the links, that is not a by-product."""
    out = set()
    for folder, below, names in os.walk(ROOT / "edge", followlinks=True):
        below[:] = [name for name in below if name != "__pycache__"]
        out |= {(Path(folder) / name).relative_to(ROOT).as_posix() for name in names if not name.endswith(".pyc")}
    return out


def test_the_wheel_holds_every_file_of_the_package_and_nothing_beside_it(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if not name.endswith("/")}
    assert {name.partition("/")[0] for name in names} == {"edge", f"{wheel.name.partition('-py3')[0]}.dist-info"}
    assert {name for name in names if name.startswith("edge/")} == sources()
    for needed in (
        "engines/registry.py",
        "tools/__init__.py",
        "web/templates/index.html",
        "web/static/app.js",
        "py.typed",
        "firmware/files/pi-5/config.txt",
    ):
        assert f"edge/{needed}" in names
    assert any(name.endswith("licenses/LICENSE") for name in names)


def test_an_installed_wheel_runs_outside_the_clone(installed: Path, tmp_path: Path) -> None:
    edge = installed / "bin" / "edge"
    where = run(installed / "bin" / "python", "-c", "import edge; print(edge.__file__)", cwd=tmp_path)
    assert where.startswith(str(installed))
    assert run(edge, "--version", cwd=tmp_path).startswith("edge, version ")
    models = json.loads(run(edge, "models", "list", "--json", cwd=tmp_path))
    assert any(model["default"] for model in models)
    assert "[model]" in run(edge, "board", "profile", "pi-5", cwd=tmp_path)
    engines = json.loads(run(edge, "engines", "--json", cwd=tmp_path))
    assert next(engine for engine in engines if engine["name"] == "reference")["available"]


def test_every_module_of_an_installed_wheel_imports(installed: Path, tmp_path: Path) -> None:
    walk = "import pkgutil, edge; print(*(m.name for m in pkgutil.walk_packages(edge.__path__, 'edge.')))"
    names = run(installed / "bin" / "python", "-c", walk, cwd=tmp_path).split()
    names.remove("edge.__main__")
    assert len(names) > 50
    run(installed / "bin" / "python", "-W", "error", "-c", "import " + ", ".join(names), cwd=tmp_path)


def test_an_sdist_builds_the_same_wheel(wheel: Path, tmp_path: Path) -> None:
    sdist = build("sdist", ROOT, tmp_path / "sdist")
    run(sys.executable, "-m", "tarfile", "-e", sdist, tmp_path / "unpacked", cwd=tmp_path)
    (source,) = (tmp_path / "unpacked").iterdir()
    assert (source / "systemd" / "edge.service").is_file()
    again = build("wheel", source, tmp_path / "again")
    with zipfile.ZipFile(wheel) as first, zipfile.ZipFile(again) as second:
        assert {(i.filename, i.CRC) for i in first.infolist()} == {(i.filename, i.CRC) for i in second.infolist()}
