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
    start = np.array([[100.0, 80.0, 40.0, 90.0]])
    boxes = kalman.none()
    kalman.add(boxes, start)
    size = float(np.sqrt(40.0 * 90.0))
    books = [Textbook(value, size) for value in start[0]]
    for dt, move in steps:
        now = np.array([[100 + move, 80 - move / 2, 40 + move / 10, 90 - move / 10]])
        before = float(np.sqrt(boxes.place[0, 2] * boxes.place[0, 3]))
        kalman.predict(boxes, dt)
        for book in books:
            book.predict(dt, before)
        measured = float(np.sqrt(now[0, 2] * now[0, 3]))
        kalman.correct(boxes, np.array([0]), now)
        for i, book in enumerate(books):
            book.correct(now[0, i], measured)
            np.testing.assert_allclose(boxes.place[0, i], book.x[0], rtol=1e-6)
            np.testing.assert_allclose(boxes.speed[0, i], book.x[1], rtol=1e-5, atol=1e-6)
            np.testing.assert_allclose(boxes.pp[0, i], book.p[0, 0], rtol=1e-6)
            np.testing.assert_allclose(boxes.vv[0, i], book.p[1, 1], rtol=1e-5)


def test_a_steady_walker_is_predicted_ahead() -> None:
    boxes = kalman.none()
    kalman.add(boxes, np.array([[0.0, 0, 40, 100]]))
    for step in range(1, 20):
        kalman.predict(boxes, 0.1)
        kalman.correct(boxes, np.array([0]), np.array([[step * 6.0, 0, 40, 100]]))
    kalman.predict(boxes, 0.5)
    assert abs(boxes.place[0, 0] - (19 * 6 + 30)) < 3
