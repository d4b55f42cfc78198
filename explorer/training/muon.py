"""Muon: momentum whose every matrix is made orthogonal before the step is taken."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn


def orthogonalise(matrix: Tensor, steps: int = 5) -> Tensor:
    """Roughly U Vᵀ of ``matrix`` = U S Vᵀ (m, n): its singular values brought to about 1 (0.7 to 1.2).

    Newton-Schulz iteration with the quintic of Jordan et al., "Muon: An optimizer for hidden layers in neural
    networks",
    2024, whose coefficients are the fastest from small singular values.
    """
    tall = matrix.shape[0] > matrix.shape[1]
    x = matrix.T if tall else matrix
    x = x / (x.norm() + 1e-8)
    for _ in range(steps):
        gram = x @ x.T
        x = 3.4445 * x + (-4.7750 * gram + 2.0315 * gram @ gram) @ x
    result: Tensor = x.T if tall else x
    return result


class Muon(torch.optim.Optimizer):
    """Nesterov momentum of 0.9, orthogonalised over (outputs, everything else).

    Steps have a root mean square of about ``lr`` an entry, so that for weights of unit variance (equalised learning
    rate)
    ``lr`` is the relative change.
    """

    def __init__(self, parameters: Iterable[nn.Parameter], lr: float, momentum: float = 0.9) -> None:
        super().__init__(parameters, {"lr": lr, "momentum": momentum})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """One step along the gradients. ``closure`` is not used."""
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                state: dict[str, Any] = self.state[parameter]
                average = state.setdefault("average", torch.zeros_like(parameter))
                average.lerp_(parameter.grad, 1 - group["momentum"])
                ahead = parameter.grad.lerp(average, group["momentum"]).flatten(1)
                direction = orthogonalise(ahead) * max(ahead.shape) ** 0.5
                parameter.add_(direction.view_as(parameter), alpha=-group["lr"])
