"""The mapping network as plain matrices, against the network itself and finite differences."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import torch

from explorer.numerics.perceptron import with_jacobian


def _layers(*widths: int) -> list[tuple[torch.Tensor, torch.Tensor]]:
    source = torch.Generator().manual_seed(3)
    return [
        (
            torch.randn(after, before, generator=source, dtype=torch.float64),
            torch.randn(after, generator=source, dtype=torch.float64),
        )
        for before, after in pairwise(widths)
    ]


def _by_hand(z: np.ndarray, layers: list[tuple[torch.Tensor, torch.Tensor]]) -> np.ndarray:
    x = z / np.sqrt((z**2).mean() + 1e-8)
    for weight, bias in layers:
        x = weight.numpy() @ x + bias.numpy()
        x = np.maximum(x, 0.2 * x)
    return x


def test_the_value_and_the_jacobian_are_those_of_the_network() -> None:
    layers = _layers(5, 7, 6, 4)
    z = np.random.default_rng(0).standard_normal(5)
    value, jacobian = with_jacobian(torch.from_numpy(z), layers)
    np.testing.assert_allclose(value.numpy(), _by_hand(z, layers), rtol=1e-12)
    step = 1e-6
    differences = np.stack(
        [(_by_hand(z + step * axis, layers) - _by_hand(z - step * axis, layers)) / (2 * step) for axis in np.eye(5)], 1
    )
    np.testing.assert_allclose(jacobian.numpy(), differences, rtol=1e-6, atol=1e-7)


def test_a_longer_z_is_the_same_z() -> None:
    z = torch.tensor([0.3, -1.0, 2.0], dtype=torch.float64)
    value, jacobian = with_jacobian(z, _layers(3, 4))
    torch.testing.assert_close(value, with_jacobian(7 * z, _layers(3, 4))[0], rtol=1e-7, atol=1e-7)
    torch.testing.assert_close(jacobian @ z, torch.zeros(4, dtype=torch.float64), atol=1e-7, rtol=0)
