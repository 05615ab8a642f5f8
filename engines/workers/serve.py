"""The child's side: answers what our process asks, by way of one worker file.

A worker file offers `look() -> (version, devices)`, `load(request, progress) -> net` where a net has `inputs` and
`outputs` (tuples of `Tensor`) and `run(arrays by name) -> arrays by name`, and `layers(request) -> names`. It raises
`Refused` for what it cannot do. See `protocol` for the requests.
"""

import array
import ctypes
import importlib.util
import mmap
import os
import signal
import socket
from pathlib import Path
from typing import Any, Dict, List, Tuple

import numpy as np

from .protocol import (
    ALIGNED,
    LARGEST,
    TENSORS,
    VERSION,
    Closed,
    Message,
    Place,
    ProtocolError,
    Refused,
    Tensor,
    count,
    field,
    is_name,
    pack,
    places,
    receive,
    size,
)

DIE_WITH_PARENT = 1
"""PR_SET_PDEATHSIG of prctl(2)."""
FAULTS = (ArithmeticError, AttributeError, LookupError, MemoryError, OSError, RuntimeError, TypeError, ValueError)
"""What a vendor raises; what else there is ends this process, and its last words are told."""


def main(worker: Path) -> None:
    """Serve until our process hangs up. Nothing here writes to its stdout: that is stderr's pipe, too."""
    ctypes.CDLL(None).prctl(DIE_WITH_PARENT, signal.SIGKILL)
    channel = socket.socket(fileno=os.dup(0))
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    Server(channel, worker).serve()


class Server:
    """One connection: the worker's module, the segments that are mapped, the model that is loaded."""

    def __init__(self, channel: socket.socket, worker: Path) -> None:
        self._channel = channel
        self._worker = worker
        self._module: Any = None
        self._net: Any = None
        self._segments: Dict[int, mmap.mmap] = {}
        self._descriptors: List[int] = []

    def serve(self) -> None:
        """Answer until the other side hangs up; frames that are none raise ProtocolError."""
        while True:
            try:
                message = receive(self._read)
            except Closed:
                return
            self._channel.sendall(pack(self.answer(message)))

    def answer(self, message: Message) -> Message:
        """The reply to a request."""
        kind = field(message, "kind", str)
        answers = {"hello": self._hello, "load": self._load, "map": self._map, "run": self._run, "layers": self._layers}
        if kind not in answers:
            raise ProtocolError(f"nothing is called {kind[:50]}")
        if self._module is None and kind != "hello":
            raise ProtocolError(f"{kind} came before hello")
        try:
            return answers[kind](message)
        except Refused as fault:
            return _refusal(fault.fault, str(fault))
        except FAULTS as fault:
            return _refusal("failed", f"{type(fault).__name__}: {fault}")

    def _read(self, length: int) -> bytes:
        # Descriptors arrive beside the first byte that was sent with them.
        room = socket.CMSG_LEN(array.array("i").itemsize)
        data, beside, flags, _ = self._channel.recvmsg(length, room, socket.MSG_CMSG_CLOEXEC)
        for level, kind, content in beside:
            if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                self._descriptors.extend(array.array("i", content))
        if flags & socket.MSG_CTRUNC or len(self._descriptors) > 1:
            raise ProtocolError("more than one descriptor came with a frame")
        return data

    def _hello(self, message: Message) -> Message:
        if count(message.get("version")) != VERSION:
            raise ProtocolError("it speaks version {}, this process {}".format(message["version"], VERSION))
        spec = importlib.util.spec_from_file_location("edge_workers." + self._worker.stem, str(self._worker))
        if spec is None or spec.loader is None:
            raise ProtocolError(f"{self._worker} is no worker file")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        self._module = module
        backend, devices = self._module.look()
        return {"kind": "hello", "version": VERSION, "backend": backend, "devices": list(devices)}

    def _load(self, message: Message) -> Message:
        self._net = self._module.load(message, self._progress)
        return {"kind": "loaded", "inputs": _told(self._net.inputs), "outputs": _told(self._net.outputs)}

    def _progress(self, part: float, doing: str) -> None:
        self._channel.sendall(pack({"kind": "progress", "part": float(part), "doing": doing}))

    def _layers(self, message: Message) -> Message:
        return {"kind": "layers", "unsupported": list(self._module.layers(message))}

    def _map(self, message: Message) -> Message:
        if not self._descriptors:
            raise ProtocolError("a segment came without a descriptor")
        descriptor = self._descriptors.pop()
        try:
            number, length = count(message.get("segment")), count(message.get("bytes"))
            if not 0 < length <= os.fstat(descriptor).st_size:
                raise ProtocolError(f"a segment says that it has {length} bytes")
            self._segments[number] = mmap.mmap(descriptor, length)
        finally:
            os.close(descriptor)
        return {"kind": "mapped"}

    def _run(self, message: Message) -> Message:
        for number in field(message, "unmap", list):
            self._segments.pop(count(number), None)
        if self._net is None:
            raise ProtocolError("run came before load")
        given = places(message.get("inputs"), self._net.inputs)
        names = [tensor.name for tensor in self._net.inputs]
        views = [self._view(place, tensor.dtype) for place, tensor in zip(given, self._net.inputs)]
        results = self._net.run(dict(zip(names, views)))
        number, offset = count(message.get("output")), 0
        told = {}
        for tensor in self._net.outputs:
            result = results[tensor.name]
            self._view(Place(number, offset, result.shape), tensor.dtype)[...] = result
            told[tensor.name] = [number, offset, list(result.shape)]
            offset += -(-result.nbytes // ALIGNED) * ALIGNED
        return {"kind": "done", "outputs": told}

    def _view(self, place: Place, dtype: str) -> Any:
        memory = self._segments.get(place.segment)
        if memory is None:
            raise ProtocolError(f"no segment {place.segment} is mapped")
        length = size(place.shape, dtype)
        if place.offset % np.dtype(dtype).itemsize or place.offset + length > len(memory):
            raise ProtocolError(f"a tensor of {length} bytes at {place.offset} is not within its segment")
        return np.ndarray(place.shape, dtype, memory, place.offset)


def _told(tensors: Tuple[Tensor, ...]) -> List[Message]:
    if len(tensors) > TENSORS or sum(tensor.bytes for tensor in tensors) > LARGEST:
        raise Refused("unsupported", "its inputs or outputs are too many or too large to share")
    odd = [tensor.name for tensor in tensors if not is_name(tensor.name)]
    if odd:
        raise Refused(
            "unsupported", f"an input or output is called {odd[0][:50]!r}, which is too long or not printable"
        )
    return [dict(tensor._asdict()) for tensor in tensors]


def _refusal(fault: str, text: str) -> Message:
    return {"kind": "refused", "fault": fault, "text": text[:2000]}
