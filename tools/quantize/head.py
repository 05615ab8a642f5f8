"""The last layers of a graph, from its structure alone.

A detector's boxes and scores have spans that differ by orders of magnitude, and nothing after its last layers evens out
what rounding does to them; so those layers are the first to be given back to floats. What lies behind them (sigmoids,
concatenations, decoding) never becomes integer: see `place`.
"""

from __future__ import annotations

from edge.tools.quantize.net import Net


def last_layers(net: Net) -> frozenset[str]:
    """Names of the last layer of every branch: those that an output reaches going backwards without passing another."""
    layers = {layer.name for layer in net.layers()}
    found: set[str] = set()
    seen: set[str] = set()
    left = list(net.outputs)
    while left:
        node = net.made_by.get(left.pop())
        if node is None or node.output[0] in seen:
            continue
        seen.add(node.output[0])
        if node.output[0] in layers:
            found.add(node.output[0])
        else:
            left.extend(node.input)
    return frozenset(found)
