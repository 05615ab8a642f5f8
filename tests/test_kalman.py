"""The filter against the textbook's matrices."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from edge import kalman

Matrix = np.typing.NDArray[np.float64]


class Textbook:
    """One coordinate, state (place, velocity), as full matrices."""

    def __init__(self, place: float, size: float) -> None:
        self.x = np.array([place, 0.0])
        self.p: Matrix = np.diag([(kalman.MEASUREMENT * size) ** 2, (kalman.FIRST_SPEED * size) ** 2])

    def predict(self, dt: float, size: float) -> None:
        f = np.array([[1, dt], [0, 1]])
        g = np.array([dt * dt / 2, dt])
        self.x = f @ self.x
        self.p = f @ self.p @ f.T + np.outer(g, g) * (kalman.ACCELERATION * size) ** 2

    def correct(self, measured: float, size: float) -> None:
        h = np.array([[1.0, 0.0]])
        s = h @ self.p @ h.T + (kalman.MEASUREMENT * size) ** 2
        k = self.p @ h.T / s
        self.x = self.x + (k * (measured - self.x[0])).ravel()
        self.p = (np.eye(2) - k @ h) @ self.p


@settings(max_examples=50)
@given(st.lists(st.tuples(st.floats(0.01, 1.0), st.floats(-40, 40)), min_size=1, max_size=20))
def test_every_coordinate_follows_the_matrix_form(steps: list[tuple[float, float]]) -> None:
    ours = kalman.BoxFilter((80.0, 35.0, 120.0, 125.0))
    size = float(np.sqrt(40.0 * 90.0))
    books = [Textbook(value, size) for value in (100.0, 80.0, 40.0, 90.0)]
    for dt, move in steps:
        x, y, w, h = 100 + move, 80 - move / 2, 40 + move / 10, 90 - move / 10
        before = float(np.sqrt(ours.axes[2].place * ours.axes[3].place))
        ours.predict(dt)
        for book in books:
            book.predict(dt, before)
        ours.correct((x - w / 2, y - h / 2, x + w / 2, y + h / 2))
        for axis, book, value in zip(ours.axes, books, (x, y, w, h), strict=True):
            book.correct(value, float(np.sqrt(w * h)))
            np.testing.assert_allclose(axis.place, book.x[0], rtol=1e-6)
            np.testing.assert_allclose(axis.speed, book.x[1], rtol=1e-5, atol=1e-6)
            np.testing.assert_allclose(axis.pp, book.p[0, 0], rtol=1e-6)
            np.testing.assert_allclose(axis.vv, book.p[1, 1], rtol=1e-5)


def test_a_steady_walker_is_predicted_ahead() -> None:
    walker = kalman.BoxFilter((-20.0, -50.0, 20.0, 50.0))
    for step in range(1, 20):
        walker.predict(0.1)
        walker.correct((step * 6.0 - 20, -50.0, step * 6.0 + 20, 50.0))
    walker.predict(0.5)
    assert abs(walker.axes[0].place - (19 * 6 + 30)) < 3
