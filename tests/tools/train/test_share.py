"""Weights that share few values."""

from __future__ import annotations

import pytest

from edge.tools.train import share

torch = pytest.importorskip("torch", reason="torch is not here: pip install 'edge-runtime[train]'")


def test_a_codebook_finds_the_values_that_are_there() -> None:
    values = torch.tensor([-1.0, 2.0, 0.5]).repeat(20)
    assert torch.allclose(share.codebook(values, 3), torch.tensor([-1.0, 0.5, 2.0]))
    assert torch.allclose(share.codebook(values, 16), torch.tensor([-1.0, 0.5, 2.0]))


def test_a_codebook_of_one_value_or_of_none_is_one_entry() -> None:
    assert share.codebook(torch.full((9,), 3.0), 4).tolist() == [3.0]
    assert share.codebook(torch.zeros(0), 4).tolist() == [0.0]


def test_weights_take_their_nearest_entry_and_0_where_they_were_pruned() -> None:
    weight = torch.tensor([[0.9, 5.0], [-1.2, 0.4]])
    made = share.shared(weight, torch.tensor([0, 2, 3]), torch.tensor([-1.0, 1.0]))
    assert made.tolist() == [[1.0, 0.0], [-1.0, 1.0]]


def test_an_entrys_gradient_is_the_sum_over_the_weights_that_take_it() -> None:
    weight = torch.tensor([0.9, 5.0, -1.2, 1.4], requires_grad=True)
    book = torch.tensor([-1.0, 1.0], requires_grad=True)
    made = share.shared(weight, torch.tensor([0, 2, 3]), book)
    (made * torch.tensor([1.0, 10.0, 100.0, 1000.0])).sum().backward()
    assert book.grad.tolist() == [100.0, 1001.0]
    assert weight.grad.tolist() == [1.0, 0.0, 100.0, 1000.0], "as if they had not been replaced"
