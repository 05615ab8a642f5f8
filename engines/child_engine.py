"""An engine whose back end runs in a child process: tensors in shared memory, a new child when one is lost."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.engines.base import Feed, TensorSpec, check_feed, path_of
from edge.engines.child import refusal
from edge.engines.child_load import Loaded, Plan, Successor, load
from edge.engines.segments import Segment, Segments
from edge.engines.workers import protocol
from edge.engines.workers.protocol import ALIGNED, Message, ProtocolError, Tensor
from edge.errors import EdgeError, EngineError, FeedError

BETWEEN_STARTS_S = 1.0


class ChildEngine:
    """One model in one child. A run that loses the child raises; the next one has another started and loaded.

    So does a run that the back end itself refuses, since a stick that was pulled out answers only a new process. No run
    waits for the new child: until it is there, each raises EngineError at once.
    """

    def __init__(self, plan: Plan) -> None:
        """Start and load. Raises as `Loader` says, EngineError where the child dies of it or takes too long."""
        self.name = plan.program.name
        self._plan = plan
        self._segments = Segments()
        self._own: dict[str, NDArray[Any]] = {}
        self._closed = False
        self._started = time.monotonic()
        self._successor: Successor | None = None
        loaded = load(plan)
        self._child, self._takes, self._gives = loaded.child, loaded.takes, loaded.gives
        self._mapped: set[int] = set()
        self.inputs = tuple(_spec(tensor) for tensor in self._takes)
        self.outputs = tuple(_spec(tensor) for tensor in self._gives)
        room = sum(-(-tensor.bytes // ALIGNED) * ALIGNED for tensor in self._gives)
        self._results = self._segments.array((room,), "uint8")

    @property
    def pid(self) -> int:
        """Of the child that was started last."""
        return self._child.pid

    def run(self, feed: Feed) -> dict[str, NDArray[Any]]:
        """Infer once; arrays made by `buffer` are read where they are, others copied into shared memory first."""
        wrong = check_feed(self.inputs, feed) or self._too_large(feed)
        if wrong:
            raise FeedError(f"{self.name}: {wrong}")
        if not self._child.alive:
            self._replace()
        views = self._ask(self._question(feed))
        return {tensor.name: view.copy() for tensor, view in zip(self._gives, views, strict=True)}

    def buffer(self, name: str, shape: tuple[int, ...]) -> NDArray[Any]:
        """Shared memory: the child reads it where it is."""
        return self._segments.array(shape, next(spec.dtype for spec in self.inputs if spec.name == name))

    def bare(self, feed: Feed) -> Callable[[], object]:
        """The question to the child with inputs in shared memory already, and its results where it left them."""
        shared = {spec.name: self.buffer(spec.name, feed[spec.name].shape) for spec in self.inputs}
        for name, array in shared.items():
            array[...] = feed[name]
        question = self._question(shared)

        def call(_: object = shared) -> object:
            return self._ask(question)

        return call

    def close(self) -> None:
        """End the child; memory that `buffer` gave stays with those who keep it."""
        self._closed = True
        self._child.close()
        if self._successor is not None:
            self._successor.discard()
            self._successor = None
        self._own.clear()

    def _too_large(self, feed: Feed) -> str | None:
        """What is wrong with an input of open size that is larger than the back end takes."""
        for tensor in self._takes:
            given = feed[tensor.name].nbytes
            if given > tensor.bytes:
                return f"input `{tensor.name}` has {given} bytes, and no more than {tensor.bytes} are taken"
        return None

    def _replace(self) -> None:
        """Put a new child in the place of the lost one, at most one a second; EngineError at once until it is there."""
        if self._closed:
            raise EngineError(f"{self.name}: the engine has been closed")
        if self._successor is None:
            wait = self._started + BETWEEN_STARTS_S - time.monotonic()
            if wait > 0:
                raise EngineError(f"{self.name}: its process was lost; a new one is started in {wait:.1f} s")
            self._successor = Successor(self._plan)
        loaded = self._arrived(self._successor)
        if (loaded.takes, loaded.gives) != (self._takes, self._gives):
            loaded.child.close()
            raise EngineError(f"{self.name}: {path_of(self._plan.model)} is another model than before; load it anew")
        self._child, self._mapped = loaded.child, set()

    def _arrived(self, successor: Successor) -> Loaded:
        try:
            loaded = successor.get()
        except EdgeError as fault:
            self._successor, self._started = None, time.monotonic()
            raise EngineError(f"{self.name}: its process was lost and no new one can be had: {fault}") from None
        if loaded is None:
            raise EngineError(f"{self.name}: its process was lost and is being started again")
        self._successor, self._started = None, time.monotonic()
        return loaded

    def _question(self, feed: Feed) -> Message:
        """A run's request; what it names is in shared memory and mapped in the child."""
        places = {}
        for tensor in self._takes:
            segment, offset, shape = self._place(tensor.name, feed[tensor.name])
            self._map(segment)
            places[tensor.name] = [segment.number, offset, list(shape)]
        output, _ = self._found(self._results)
        self._map(output)
        gone = [number for number in self._segments.gone() if number in self._mapped]
        self._mapped.difference_update(gone)
        return {"kind": "run", "inputs": places, "output": output.number, "unmap": gone}

    def _place(self, name: str, given: NDArray[Any]) -> tuple[Segment, int, tuple[int, ...]]:
        found = self._segments.find(given)
        if found is None or found[1] % given.itemsize:
            own = self._own.get(name)
            if own is None or own.shape != given.shape:
                own = self._own[name] = self.buffer(name, given.shape)
            own[...] = given
            found = self._found(own)
        return *found, given.shape

    def _found(self, array: NDArray[Any]) -> tuple[Segment, int]:
        found = self._segments.find(array)
        assert found is not None  # noqa: S101 - it was made there
        return found

    def _map(self, segment: Segment) -> None:
        """Have the child map a segment, unless it has."""
        if segment.number in self._mapped:
            return
        request: Message = {"kind": "map", "segment": segment.number, "bytes": len(segment)}
        reply = self._child.ask(request, self._plan.options.timeout_s, descriptor=segment.descriptor)
        if reply["kind"] != "mapped":
            self._child.close()
            raise refusal(reply, self.name)
        self._mapped.add(segment.number)

    def _ask(self, question: Mapping[str, Any]) -> list[NDArray[Any]]:
        """Run, and views of the results."""
        reply = self._child.ask(dict(question), self._plan.options.timeout_s)
        if reply["kind"] == "refused":
            self._child.close()
            raise refusal(reply, self.name)
        try:
            if reply["kind"] != "done":
                raise ProtocolError(f"{reply['kind'][:50]} answers no run")
            places = protocol.places(reply.get("outputs"), self._gives)
            return [self._view(place, tensor) for place, tensor in zip(places, self._gives, strict=True)]
        except ProtocolError as fault:
            raise self._child.nonsense(fault) from None

    def _view(self, place: protocol.Place, tensor: Tensor) -> NDArray[Any]:
        inside = place.offset + protocol.size(place.shape, tensor.dtype) <= self._results.nbytes
        if place.segment != self._found(self._results)[0].number or not inside or place.offset % ALIGNED:
            raise ProtocolError(f"`{tensor.name}` is said to lie at {place.offset} of segment {place.segment}")
        view: NDArray[Any] = np.ndarray(place.shape, tensor.dtype, self._results.data, place.offset)
        return view


def _spec(tensor: Tensor) -> TensorSpec:
    return TensorSpec(tensor.name, tensor.shape, tensor.dtype)
