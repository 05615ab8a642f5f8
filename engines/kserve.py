"""A server of the Open Inference Protocol, version 2 (Triton, KServe, OpenVINO Model Server, MLServer), over HTTP.

Tensors travel as bytes where the server takes them so, else as JSON. The model is the server's: the local file gives
its name and its manifest, and need not be there.
Source: https://github.com/kserve/open-inference-protocol/blob/main/specification/protocol/inference_rest.md
"""

from __future__ import annotations

import http.client
import logging
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from numpy.typing import NDArray

from edge.backoff import BackOff
from edge.engines.base import EngineOptions, Feed, ModelFile, TensorSpec, check_feed, one_line, path_of, plain_buffer
from edge.engines.kserve_http import Channel, Deadline, Odd, Place, place
from edge.engines.kserve_json import parse
from edge.engines.kserve_tensors import MESSAGE_LIMIT, answer, limit, read_to_end, request, specs
from edge.errors import EngineError, FeedError, MissingError, ModelError

BINARY = "binary_tensor_data"
"""The extension's name in a server's own list; some that have it do not list it."""
NOT_UNDERSTOOD = (
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    HTTPStatus.UNPROCESSABLE_ENTITY,
    HTTPStatus.INTERNAL_SERVER_ERROR,
)
"""What a server that has no binary tensors may say of them; the last is MLServer's word, and any fault's."""
BINARY_AGAIN_S = (1.0, 600.0)
"""How long tensors travel as JSON before the server is offered binary ones again: at first, and at the most."""
DEVICE = "REMOTE"
UNSET = "no server is named: set `engine.kserve.url`"
log = logging.getLogger(__name__)


class _Refused(EngineError):
    """The server answered, and its answer is no: this status."""

    def __init__(self, text: str, status: int) -> None:
        super().__init__(text)
        self.status = status


class KServe:
    """One model on a server and the connection to it. A server that went away is asked again by the next run."""

    name = "kserve"

    def __init__(
        self, channel: Channel, path: str, specs: tuple[tuple[TensorSpec, ...], tuple[TensorSpec, ...]], binary: bool
    ) -> None:
        self._channel = channel
        self._path = f"{path}/infer"
        self.inputs, self.outputs = specs
        self._limit = limit(self.outputs)
        self._binary = binary  # it said or has shown that it takes them
        self._pause = BackOff(*BINARY_AGAIN_S)
        self._json_until = 0.0
        self._warned = False

    def run(self, feed: Feed) -> dict[str, NDArray[Any]]:
        """Infer once on the server, in `timeout_s` at most; contiguous inputs are sent without a copy."""
        wrong = check_feed(self.inputs, feed)
        if wrong:
            raise FeedError(f"kserve: {wrong}")
        try:
            return self._ask(*request(feed, self.outputs, binary=False)) if self._as_json() else self._offer(feed)
        except MemoryError:
            raise EngineError(f"kserve: {self._channel.place}: no memory is left for the exchange") from None

    def buffer(self, name: str, shape: tuple[int, ...]) -> NDArray[Any]:
        """Plain memory: `run` sends it from where it is."""
        return plain_buffer(self.inputs, name, shape)

    def bare(self, feed: Feed) -> Callable[[], object]:
        """The exchange with the server, its request made beforehand."""
        body, headers = request(feed, self.outputs, binary=not self._as_json())
        return lambda: list(self._ask(body, headers).values())

    def close(self) -> None:
        """End the connection."""
        self._channel.close()

    def _as_json(self) -> bool:
        return time.monotonic() < self._json_until

    def _offer(self, feed: Feed) -> dict[str, NDArray[Any]]:
        """Send binary tensors; to a server that is not known to take them and does not, JSON."""
        try:
            made = self._ask(*request(feed, self.outputs, binary=True))
        except _Refused as fault:
            known, self._binary = self._binary, False  # who answers now may be another than who took them
            if known or fault.status not in NOT_UNDERSTOOD:
                raise
        else:
            self._binary = True
            return made
        made = self._ask(*request(feed, self.outputs, binary=False))
        if not self._warned:
            self._warned = True
            log.warning("kserve: %s took no binary tensors; they travel as JSON, which is slower", self._channel.place)
        self._json_until = time.monotonic() + self._pause.next()
        return made

    def _ask(self, body: list[bytes | memoryview], headers: Mapping[str, str]) -> dict[str, NDArray[Any]]:
        with self._channel.ask("POST", self._path, body, headers, limit=self._limit) as response:
            if response.status == HTTPStatus.OK:
                return answer(response, self.outputs)
            said = _said(response)
        raise _Refused(f"kserve: {self._channel.place} refused to run the model: {said}", response.status)


def unset(options: EngineOptions) -> str | None:
    """What has to be set before a server can be asked; None where all is."""
    if not options.server:
        return UNSET
    try:
        place(options.server)
    except ValueError as fault:
        return f"`engine.kserve.url` is no server's address: {fault}"
    return None


def look(options: EngineOptions) -> tuple[str | None, tuple[str, ...]]:
    """Ask the server for its name and version; MissingError where it does not answer."""
    server = _place(options)
    channel = Channel(server, options.timeout_s)
    try:
        about = _about(channel, Deadline(options.timeout_s))
    except EngineError as fault:
        raise MissingError(str(fault)) from None
    finally:
        channel.close()
    told = [str(about[key]) for key in ("name", "version") if isinstance(about.get(key), str)]
    return one_line(" ".join(told), 60) or None, (DEVICE,)


def load(model: ModelFile, options: EngineOptions) -> KServe:
    """Ask the server what the model takes and gives, and whether it is ready.

    Raises:
        MissingError: no server, or a device or precision is asked for, which are the server's to choose.
        ModelError: the server does not know the model, or it has tensors that the runtime does not handle.
        EngineError: the server does not answer, or not as the protocol says.
    """
    if (options.device or DEVICE).upper() != DEVICE:
        raise MissingError(
            f"kserve has no device {options.device} here; it has {DEVICE}, no CPU or GPU of this machine: "
            "the server computes where it was told to"
        )
    if options.precision != "f32":
        raise MissingError(
            f"kserve cannot be told to compute in {options.precision}: the server decides; leave the precision at f32"
        )
    channel = Channel(_place(options), options.timeout_s)
    name, _, version = (options.served or path_of(model).stem).partition("/")
    path = f"/v2/models/{quote(name, safe='')}" + (f"/versions/{quote(version, safe='')}" if version else "")
    deadline = Deadline(options.timeout_s)
    with ExitStack() as undo:
        undo.callback(channel.close)
        extensions = _about(channel, deadline).get("extensions")
        described = _describe(channel, path, deadline, options)
        _check_ready(channel, path, deadline)
        undo.pop_all()
    return KServe(channel, path, described, isinstance(extensions, list) and BINARY in extensions)


def _place(options: EngineOptions) -> Place:
    missing = unset(options)
    if missing:
        raise MissingError(f"kserve: {missing}")
    return place(options.server)


def _about(channel: Channel, deadline: Deadline) -> dict[str, Any]:
    """What the server says of itself."""
    with channel.ask("GET", "/v2", deadline=deadline) as response:
        if response.status == HTTPStatus.OK:
            return parse(read_to_end(response, MESSAGE_LIMIT))
        said = _said(response)
    raise EngineError(f"kserve: {channel.place} is no server of the Open Inference Protocol v2: {said}")


def _describe(
    channel: Channel, path: str, deadline: Deadline, options: EngineOptions
) -> tuple[tuple[TensorSpec, ...], tuple[TensorSpec, ...]]:
    with channel.ask("GET", path, deadline=deadline) as response:
        if response.status == HTTPStatus.OK:
            about = parse(read_to_end(response, MESSAGE_LIMIT))
            return specs(about, "inputs", options), specs(about, "outputs", options)
        said = _said(response)
    # Triton says 400 of a model that it does not have, others 404.
    if response.status in (HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND):
        raise ModelError(f"kserve: {channel.place} has no model at {path}: {said}; name one by `engine.kserve.model`")
    raise EngineError(f"kserve: {channel.place} does not describe {path}: {said}")


def _check_ready(channel: Channel, path: str, deadline: Deadline) -> None:
    with channel.ask("GET", f"{path}/ready", deadline=deadline) as response:
        if response.status == HTTPStatus.OK:
            # Triton's answer is its status alone, others' is an object as well.
            body = read_to_end(response, MESSAGE_LIMIT)
            if not body or parse(body).get("ready") is not False:
                return
            said = "it is still loading"
        else:
            said = _said(response)
    raise EngineError(f"kserve: {channel.place} has {path}, but it is not ready: {said}")


def _said(response: http.client.HTTPResponse) -> str:
    """What a server says beside a status, on one line."""
    body = read_to_end(response, MESSAGE_LIMIT)
    if 300 <= response.status < 400:
        return f"{response.status}, a redirect: name the server itself"
    try:
        told = parse(body)
        text = str(told.get("error") or told.get("detail") or told)
    except Odd:
        text = body.decode(errors="replace")
    return one_line(f"{response.status} {response.reason} {text}", 160)
