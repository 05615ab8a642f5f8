"""Real inference servers of the Open Inference Protocol, from PyPI: NVIDIA's Triton, and MLServer of Seldon.

Triton comes in the wheel of nvidia-pytriton, without PyTriton's own dependencies: the server and its Python back end
need none. It computes on the CPU, by NumPy here. MLServer takes no binary tensors.
"""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
import time
from pathlib import Path
from typing import Any

import pytest
from typing_extensions import Self

from edge.engines import registry
from edge.engines.base import TensorSpec
from edge.engines.kserve_tensors import DATATYPES
from tests.support.venvs import environment, packages

ROOT = Path(__file__).resolve().parents[2]
TRITON = (
    ("--no-deps", "nvidia-pytriton==0.7.0"),
    ("numpy<2", "onnx>=1.16"),
)  # its Python back end gives empty tensors with NumPy 2
MLSERVER = (("mlserver==1.7.1",),)

TRITON_MODEL = f"""
import sys
sys.path.insert(0, {str(ROOT)!r})
from pathlib import Path
import triton_python_backend_utils as triton
from edge.engines import reference
from edge.engines.base import EngineOptions
from edge.errors import EdgeError


class TritonPythonModel:
    def initialize(self, args):
        folder = Path(args["model_repository"]) / args["model_version"]
        self.engine = reference.load(folder / "model.onnx", EngineOptions())

    def execute(self, requests):
        return [self.one(request) for request in requests]

    def one(self, request):
        feed = {{s.name: triton.get_input_tensor_by_name(request, s.name).as_numpy() for s in self.engine.inputs}}
        try:
            made = self.engine.run(feed)
        except EdgeError as fault:
            return triton.InferenceResponse(error=triton.TritonError(str(fault)))
        return triton.InferenceResponse([triton.Tensor(name, array) for name, array in made.items()])
"""

MLSERVER_MODEL = """
from mlserver import MLModel
from mlserver.codecs import NumpyCodec
from mlserver.types import InferenceResponse


class AddOne(MLModel):
    async def predict(self, payload):
        x = NumpyCodec.decode_input(payload.inputs[0])
        made = NumpyCodec.encode_output("y", x + x.dtype.type(1))
        return InferenceResponse(model_name=self.name, outputs=[made])
"""


class Server:
    """A server in a process group of its own on loopback."""

    def __init__(self, command: list[str], port: int, log: Path, env: dict[str, str]) -> None:
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self._command = command
        self._log = log
        self._env = env
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def start(self, timeout: float = 30.0) -> None:
        """Start and wait until it is ready; fails with its log if it is not."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, **self._env},
                start_new_session=True,
            )
        end = time.monotonic() + timeout
        while time.monotonic() < end and self._process.poll() is None:
            with contextlib.suppress(OSError, http.client.HTTPException):
                if self.ask("GET", "/v2/health/ready")[0] == 200:
                    return
            time.sleep(0.05)
        self.kill()
        raise AssertionError(f"the server did not start:\n{self._log.read_text(errors='replace')[-2000:]}")

    def ask(self, method: str, path: str, timeout: float = 20.0) -> tuple[int, bytes]:
        """One plain request."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            connection.request(method, path)
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    def freeze(self) -> None:
        """Stop it in its tracks: its socket still takes connections, nobody answers. Triton does not survive it."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        self._signal(signal.SIGCONT)

    def kill(self) -> None:
        """End it and its children at once."""
        if self._process is not None:
            self._signal(signal.SIGKILL)
            self._process.wait(10)
            self._process = None

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)


class Triton(Server):
    """Triton, computing ONNX files by our reference engine in its Python back end."""

    def __init__(self, folder: Path) -> None:
        made = environment("triton", *TRITON)
        installed = packages(made)
        own = installed / "pytriton" / "tritonserver"
        libraries = f"{installed / 'nvidia_pytriton.libs'}:{sysconfig.get_config_var('LIBDIR')}"
        self._models = folder / "models"
        self._models.mkdir(parents=True)
        backends = _backends(folder, own, libraries)
        port = free_port()
        command = [
            str(own / "bin" / "tritonserver"),
            f"--model-repository={self._models}",
            f"--backend-directory={backends}",
            "--model-control-mode=explicit",
            "--http-address=127.0.0.1",
            f"--http-port={port}",
            "--allow-grpc=false",
            "--allow-metrics=false",
        ]
        env = {"LD_LIBRARY_PATH": libraries, "PATH": f"{made / 'bin'}:{os.environ.get('PATH', '')}"}
        super().__init__(command, port, folder / "log", env)

    def serve(self, model: Path) -> str:
        """Load an ONNX file and return its name on the server."""
        name = "m" + hashlib.sha256(model.read_bytes()).hexdigest()[:16]
        folder = self._models / name
        if not folder.exists():
            graph = registry.load("reference", model)
            (folder / "1").mkdir(parents=True)
            (folder / "1" / "model.py").write_text(TRITON_MODEL)
            shutil.copy(model, folder / "1" / "model.onnx")
            (folder / "config.pbtxt").write_text(
                f'name: "{name}"\nbackend: "python"\nmax_batch_size: 0\ninstance_group [{{ kind: KIND_CPU }}]\n'
                + "".join(_tensor("input", spec) for spec in graph.inputs)
                + "".join(_tensor("output", spec) for spec in graph.outputs)
            )
        status, said = self.ask("POST", f"/v2/repository/models/{name}/load")
        assert status == 200, said.decode()
        return name


def ml_server(folder: Path) -> Server:
    """MLServer with one model, `add`: y = x + 1, float32 (1, 4)."""
    made = environment("mlserver", *MLSERVER)
    tensor = {"datatype": "FP32", "shape": [1, 4]}
    model: dict[str, Any] = {"name": "add", "implementation": "adding.AddOne"}
    model |= {"inputs": [{"name": "x", **tensor}], "outputs": [{"name": "y", **tensor}]}
    port, grpc, metrics = free_port(), free_port(), free_port()
    settings = {"host": "127.0.0.1", "http_port": port, "grpc_port": grpc, "metrics_port": metrics}
    (folder / "add").mkdir(parents=True)
    (folder / "add" / "adding.py").write_text(MLSERVER_MODEL)
    (folder / "add" / "model-settings.json").write_text(json.dumps(model))
    (folder / "settings.json").write_text(json.dumps({**settings, "parallel_workers": 0, "debug": False}))
    return Server([str(made / "bin" / "mlserver"), "start", str(folder)], port, folder / "log", {"NO_COLOR": "1"})


def free_port() -> int:
    """A port of loopback that nobody has at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _backends(folder: Path, own: Path, libraries: str) -> Path:
    """A folder with the Python back end and its stub for this interpreter; skips where the stub cannot run."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    stub = own / "python_backend_stubs" / version / "triton_python_backend_stub"
    if not stub.is_file():
        pytest.skip(f"Triton's Python back end has no stub for Python {version}")
    needs = subprocess.run(["ldd", stub], capture_output=True, text=True, env={"LD_LIBRARY_PATH": libraries})
    if "not found" in needs.stdout:
        pytest.skip(
            f"Triton's Python back end lacks a library: {needs.stdout.partition('=> not found')[0].split()[-1]}"
        )
    python = folder / "backends" / "python"
    shutil.copytree(own / "backends" / "python", python)
    shutil.copy(stub, python)
    return folder / "backends"


def _tensor(kind: str, spec: TensorSpec) -> str:
    sizes = ", ".join(str(-1 if size is None else size) for size in spec.shape)
    return f'{kind} [{{ name: "{spec.name}" data_type: TYPE_{DATATYPES[spec.dtype]} dims: [{sizes}] }}]\n'
