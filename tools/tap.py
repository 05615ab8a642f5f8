"""The values of any tensors while a model runs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from edge.engines.base import Feeds, need, one_line
from edge.errors import ModelError
from edge.tools.evaluate import runtime_faults, session
from edge.tools.graph import INSTALL, replace, to_bytes

if TYPE_CHECKING:
    from onnx import ModelProto


def tap(model: ModelProto, names: Iterable[str], feeds: Feeds) -> Iterator[dict[str, NDArray[Any]]]:
    """Run a model on ONNX Runtime and give these tensors, inputs, inner ones or outputs, one mapping a feed.

    What none of them needs is not computed.

    Raises:
        ModelError: ONNX Runtime cannot run the model, or not on these feeds.
    """
    helper = need("onnx", INSTALL).helper
    made = replace(model, {})
    taken = {given.name for given in made.graph.input}
    wanted = list(dict.fromkeys(names))
    inner = [name for name in wanted if name not in taken]
    del made.graph.output[:]
    made.graph.output.extend(helper.make_empty_tensor_value_info(name) for name in inner)
    loaded = session(to_bytes(made)) if inner else None
    for feed in feeds:
        own = {name: value for name, value in feed.items() if name in taken}
        try:
            found = dict(zip(inner, loaded.run(inner, own), strict=True)) if loaded else {}
        except runtime_faults() as fault:
            raise ModelError(f"onnxruntime fails on the model: {one_line(fault)}") from None
        yield {name: found[name] if name in found else own[name] for name in wanted}
