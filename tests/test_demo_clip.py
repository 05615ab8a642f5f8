"""The demo's clip, with the real apt and a small package archive of our own on loopback."""

from __future__ import annotations

import gzip
import hashlib
import http.server
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import av
import numpy as np
import pytest

from edge.demo_clip import fetch_clip
from edge.errors import MissingError

pytestmark = pytest.mark.skipif(
    shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None, reason="no apt on this machine"
)

CONTROL = """Package: opencv-doc
Version: 4.6.0+dfsg-12
Architecture: all
Maintainer: Nobody <nobody@localhost>
Description: a test's own
"""


@dataclass
class Archive:
    """A package archive on loopback; while `go_on` is cleared, what is asked of it does not come."""

    folder: Path
    go_on: threading.Event = field(default_factory=threading.Event)

    def publish(self, **files: bytes) -> None:
        """Offer opencv-doc with these files in its folder of examples."""
        tree = self.folder / "tree"
        data = tree / "usr/share/doc/opencv-doc/examples/data"
        data.mkdir(parents=True)
        (tree / "DEBIAN").mkdir()
        (tree / "DEBIAN/control").write_text(CONTROL)
        for name, content in files.items():
            (data / name.replace("_", ".")).write_bytes(content)
        name = "opencv-doc_4.6.0+dfsg-12_all.deb"
        subprocess.run(
            ["dpkg-deb", "--root-owner-group", "-b", tree, self.folder / name], check=True, capture_output=True
        )
        package = (self.folder / name).read_bytes()
        digest = hashlib.sha256(package).hexdigest()
        listed = f"{CONTROL}Filename: ./{name}\nSize: {len(package)}\nSHA256: {digest}\n"
        (self.folder / "Packages").write_text(listed)


@pytest.fixture
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Archive]:
    """An archive that apt, in this process and its children, knows as its only one; its lists are not fetched yet."""
    folder = tmp_path / "archive"
    folder.mkdir()
    go_on = threading.Event()
    go_on.set()

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args: object) -> None:
            super().__init__(*args, directory=str(folder))  # type: ignore[arg-type]

        def log_message(self, format: str, *args: object) -> None:
            pass

        def copyfile(self, source: object, outputfile: object) -> None:
            go_on.wait(30)
            super().copyfile(source, outputfile)  # type: ignore[arg-type]

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        port = server.server_address[1]
        settings = tmp_path / "apt.conf"
        (tmp_path / "sources.list").write_text(f"deb [trusted=yes] http://127.0.0.1:{port}/ ./\n")
        (tmp_path / "lists/partial").mkdir(parents=True)
        settings.write_text(
            f'Dir::Etc::sourcelist "{tmp_path}/sources.list";\nDir::Etc::sourceparts "-";\n'
            f'Dir::State::lists "{tmp_path}/lists";\nDir::State::status "/dev/null";\n'
            'Acquire::http::Proxy "DIRECT";\nAcquire::Retries "0";\n'
        )
        monkeypatch.setenv("APT_CONFIG", str(settings))
        monkeypatch.setenv("EDGE_CACHE", str(tmp_path / "cache"))
        yield Archive(folder, go_on)
        go_on.set()
        server.shutdown()


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A small real video of ten frames."""
    path = tmp_path_factory.mktemp("clip") / "vtest.avi"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for k in range(10):
            picture = np.full((48, 64, 3), 20 * k, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture)))
        container.mux(stream.encode())
    return path.read_bytes()


def kept(tmp_path: Path) -> list[str]:
    return sorted(path.name for path in (tmp_path / "cache").rglob("*") if path.is_file() or ".fetch" in path.name)


def test_the_clip_is_kept_and_everything_else_goes(archive: Archive, clip: bytes, tmp_path: Path) -> None:
    archive.publish(vtest_avi=clip, other_bin=b"x" * 4096)
    heard: list[tuple[int, int]] = []
    path = fetch_clip(lambda done, total: heard.append((done, total)))
    size = next(archive.folder.glob("*.deb")).stat().st_size
    assert path.read_bytes() == clip
    assert kept(tmp_path) == ["vtest.avi"]
    assert heard[-1] == (size, size)


def test_a_clip_that_the_distribution_compressed_is_unpacked(archive: Archive, clip: bytes) -> None:
    archive.publish(vtest_avi_gz=gzip.compress(clip))
    assert fetch_clip(lambda done, total: None).read_bytes() == clip


def test_a_clip_that_is_here_needs_no_apt(archive: Archive, clip: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    archive.publish(vtest_avi=clip)
    first = fetch_clip(lambda done, total: None)
    monkeypatch.setenv("PATH", "")
    assert fetch_clip() == first


def test_without_apt_it_says_where_the_clip_would_come_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGE_CACHE", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingError, match="no apt here") as caught:
        fetch_clip()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("files", "says"),
    [
        ({"other_bin": b"x"}, "holds no examples/data/vtest.avi"),
        ({"vtest_avi": b"this is no video" * 100}, "is no video"),
    ],
)
def test_a_package_without_the_clip_is_one_line(
    archive: Archive, tmp_path: Path, files: dict[str, bytes], says: str
) -> None:
    archive.publish(**files)
    with pytest.raises(MissingError, match=says):
        fetch_clip(lambda done, total: None)
    assert kept(tmp_path) == []


def test_an_archive_that_does_not_answer_is_one_line(
    archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sources.list").write_text("deb [trusted=yes] http://127.0.0.1:9/ ./\n")
    with pytest.raises(MissingError, match="Failed to fetch") as caught:
        fetch_clip(lambda done, total: None)
    assert "\n" not in str(caught.value)
    assert kept(tmp_path) == []


def test_old_lists_that_name_a_package_that_is_gone_are_fetched_anew(
    archive: Archive, clip: bytes, tmp_path: Path
) -> None:
    archive.publish(vtest_avi=clip)
    subprocess.run(["apt-get", "-qq", "-oAPT::Sandbox::User=root", "update"], check=True, capture_output=True)
    lists = next((tmp_path / "lists").glob("*Packages*"))
    lists.write_bytes(lists.read_bytes().replace(b"Filename: ./opencv-doc_4.6.0", b"Filename: ./opencv-doc_4.5.9"))
    assert fetch_clip(lambda done, total: None).read_bytes() == clip


def test_ctrl_c_leaves_nothing_behind(archive: Archive, clip: bytes, tmp_path: Path) -> None:
    archive.publish(vtest_avi=clip)
    subprocess.run(["apt-get", "-qq", "-oAPT::Sandbox::User=root", "update"], check=True, capture_output=True)
    archive.go_on.clear()
    program = "from edge.demo_clip import fetch_clip; fetch_clip()"
    process = subprocess.Popen(
        [sys.executable, "-c", program], stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    assert process.stderr is not None
    assert "fetching" in process.stderr.readline()
    time.sleep(0.2)  # apt is now waiting for the archive
    os.killpg(process.pid, signal.SIGINT)
    assert "KeyboardInterrupt" in process.stderr.read()
    process.stderr.close()
    assert process.wait(10) != 0
    assert kept(tmp_path) == []
