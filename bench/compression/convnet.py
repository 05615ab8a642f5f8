"""Filter pruning and int8 on a network trained here: how much faster, and what it costs.

The convnet of `edge.tools.train.architectures` (32, 64 and 128 filters of 3 x 3) learns the digits, loses filters, is
trained on, and is quantized on training digits. Seed 1 draws all, with two threads, which add up in any order; the test
digits are looked at once, at the end.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from bench.compression.digits import digits
from bench.table import Row, at_least, at_most
from edge.tools.quantize import Plan, latencies, quantize
from edge.tools.train.data import feed, split
from edge.tools.train.job import error_of, make, source
from edge.tools.train.recipe import Recipe
from edge.tools.train.write import packed

SEED = 1
EPOCHS, MORE = 3, 2
"""Before filters go, and after."""
FILTERS = 0.7
"""Share of the multiply-accumulates that go."""
CALIBRATED = 128
ROUNDS = 400


def convnet() -> Iterator[Row]:
    """Float as trained, against fewer filters in int8, one thread of ONNX Runtime, calls in turn, medians."""
    data = digits()
    recipe = Recipe(epochs=EPOCHS, density=1.0, bits=0, seed=SEED, threads=2)
    given = source("convnet", SEED)
    base = make(given, data, recipe)
    thin = make(
        replace(given, model=base.model, trained=True),
        data,
        replace(recipe, epochs=MORE, rate=recipe.rate / 2),
        filters=FILTERS,
    )
    train, _ = split(data.train, recipe.validation, SEED)
    fed = feed(train.pixels[:CALIBRATED], given.manifest)
    small = quantize(thin.model, [{"x": fed[k : k + 1]} for k in range(len(fed))], Plan(target="x86")).model
    content = packed(small, given.manifest, given.sha256, {})
    assert data.test is not None
    assert base.error is not None
    error = error_of(content, data.test, given.manifest)
    models = {"float": base.model, "filters": thin.model, "int8": small}
    found = {one.variant: one for one in latencies(models, {"x": fed[:1]}, ("onnxruntime",), rounds=ROUNDS)}
    yield at_least("convnet, filters pruned and int8, times faster (aim: 4)", found["int8"].ratio, 3)
    yield at_most("convnet, points lost of the test digits", 100 * (error - base.error), 1)
    yield Row("convnet, filters pruned alone, times faster", f"{found['filters'].ratio:.2f}")
    yield Row("convnet, a picture as float, and pruned in int8", f"{found['float'].ms:.3f}, {found['int8'].ms:.3f} ms")
    yield Row(
        "convnet, wrong of the test digits: float, pruned, pruned in int8",
        f"{base.error:.2%}, {thin.error:.2%}, {error:.2%}",
    )
    yield Row("convnet, the packed file, pruned in int8, bytes", f"{len(content):,} of {base.plain:,}")
