"""Biases after the weights were rounded."""

from __future__ import annotations

import numpy as np

from edge.tools import biases, graph, layers
from edge.tools.tap import tap
from edge.types import F32
from tests.support.small_cnn import small_cnn, small_feeds


def rough(model: object, of: dict[str, layers.Layer]) -> dict[str, F32]:
    held = graph.weights(model)  # type: ignore[arg-type]
    return {name: (np.rint(held[name] / 0.2) * 0.2).astype(np.float32) for name in of}


def test_corrected_biases_keep_the_mean_of_what_a_layer_gives() -> None:
    model, feeds = small_cnn(), small_feeds(6)
    of = {name: layer for name, layer in layers.layers(model).items() if layer.bias}
    fed, held = layers.look(model, feeds, of), graph.vectors(model)
    name, layer = next(iter(of.items()))
    made = rough(model, {name: layer})
    rest = {name: graph.weights(model)[name] - made[name]}
    moved = biases.corrected(held, of, fed, rest)

    def means(arrays: dict[str, F32]) -> F32:
        output = layer.node.output[0]
        given = [one[output] for one in tap(graph.replace(model, arrays), [output], feeds)]
        return np.asarray(np.mean(given, axis=(0, 1, 3, 4)), np.float32)

    wanted = means({})
    assert np.abs(means({**made, **moved}) - wanted).max() < 1e-4 < np.abs(means(made) - wanted).max()


def test_biases_lie_on_a_grid_that_is_finer_than_the_error_of_the_weights() -> None:
    model, feeds = small_cnn(), small_feeds(4)
    of = {name: layer for name, layer in layers.layers(model).items() if layer.bias}
    fed, held = layers.look(model, feeds, of), graph.vectors(model)
    rests = {name: graph.weights(model)[name] - array for name, array in rough(model, of).items()}
    seen = {name: one.centred(0.0) for name, one in fed.items()}
    made = biases.on_grid(held, of, seen, rests)
    assert made
    for name, layer in of.items():
        if layer.bias not in made:
            continue
        rows = layer.rows(rests[name])
        error = np.einsum("gfi,gij,gfj->gf", rows, seen[name], rows).mean()
        off = made[layer.bias].values() - held[layer.bias]
        assert np.abs(off).max() <= made[layer.bias].scales[0] / 2 + 1e-6
        assert made[layer.bias].scales[0] ** 2 / 12 <= biases.ROUGH * error * 1.01


def test_weights_that_were_not_rounded_leave_biases_as_they_are() -> None:
    model, feeds = small_cnn(), small_feeds(2)
    of = layers.layers(model)
    fed, held = layers.look(model, feeds, of), graph.vectors(model)
    rests = {name: np.zeros_like(array) for name, array in graph.weights(model).items() if name in of}
    moved = biases.corrected(held, of, fed, rests)
    assert all(np.array_equal(held[name], array) for name, array in moved.items())
    assert biases.on_grid(moved, of, {name: one.moment for name, one in fed.items()}, rests) == {}
