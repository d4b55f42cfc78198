"""Mixed precision: steps agree with a plain optimiser's, and the scale of float16 lives through a checkpoint."""

from __future__ import annotations

import pytest
import torch

from explorer.training.precision import Precision

CPU = torch.device("cpu")


def fitted(precision: Precision, clip: float | None = None, steps: int = 5) -> tuple[torch.nn.Linear, float]:
    """A line fitted to numbers, and the last loss."""
    torch.manual_seed(0)
    line, x = torch.nn.Linear(4, 1), torch.randn(64, 4)
    y = x.sum(1, keepdim=True)
    optimiser = torch.optim.SGD(line.parameters(), 0.1)
    loss = torch.zeros(())
    if state := precision.state():  # it begins so high that the first steps overflow and are left out
        precision.restore({**state, "scale": 256.0})
    for _ in range(steps):
        with precision.autocast():
            loss = (line(x).float() - y).square().mean()
        precision.update(loss, [optimiser], clip)
    return line, float(loss.detach())


def test_float32_is_plain_training() -> None:
    line, _ = fitted(Precision("float32", CPU))
    torch.manual_seed(0)
    plain, x = torch.nn.Linear(4, 1), torch.randn(64, 4)
    optimiser = torch.optim.SGD(plain.parameters(), 0.1)
    for _ in range(5):
        optimiser.zero_grad()
        (plain(x) - x.sum(1, keepdim=True)).square().mean().backward()
        optimiser.step()
    assert torch.equal(line.weight, plain.weight)


@pytest.mark.parametrize("name", ["bfloat16", "float16"])
def test_half_precision_agrees_and_keeps_float32_weights(name: str) -> None:
    full, half = fitted(Precision("float32", CPU))[0], fitted(Precision(name, CPU))[0]
    assert half.weight.dtype == torch.float32
    assert not torch.equal(full.weight, half.weight)
    torch.testing.assert_close(full.weight, half.weight, atol=0.02, rtol=0.02)


@pytest.mark.parametrize("name", ["float32", "float16"])
def test_clipping_bounds_the_step_in_true_units(name: str) -> None:
    """Also in float16, whose gradients come scaled by thousands."""
    torch.manual_seed(0)
    start = torch.nn.Linear(4, 1)
    line, _ = fitted(Precision(name, CPU), clip=0.01, steps=1)
    step = torch.cat([(a - b).detach().flatten() for a, b in zip(line.parameters(), start.parameters(), strict=True)])
    assert float(step.norm()) == pytest.approx(0.1 * 0.01, rel=0.02)


def test_a_gradient_that_is_not_finite_costs_one_step_and_halves_the_scale() -> None:
    precision = Precision("float16", CPU)
    weight = torch.nn.Parameter(torch.ones(()))
    optimiser = torch.optim.SGD([weight], 0.1)
    before = precision.state()["scale"]
    precision.update(weight * float("inf"), [optimiser])
    assert weight.item() == 1.0
    assert precision.state()["scale"] == before / 2
    precision.update(weight * 1.0, [optimiser])
    assert weight.item() == pytest.approx(0.9)

    resumed = Precision("float16", CPU)
    resumed.restore(precision.state())
    assert resumed.state() == precision.state()


def test_other_precisions_are_refused() -> None:
    with pytest.raises(ValueError, match="precision is 'int8'"):
        Precision("int8", CPU)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")
@pytest.mark.parametrize("name", ["float32", "bfloat16", "float16"])
def test_on_a_gpu(name: str) -> None:
    device = torch.device("cuda")
    precision = Precision(name, device)
    line, x = torch.nn.Linear(4, 1, device=device), torch.randn(64, 4, device=device)
    optimiser = torch.optim.SGD(line.parameters(), 0.1)
    losses = []
    for _ in range(20):
        with precision.autocast():
            loss = (line(x).float() - x.sum(1, keepdim=True)).square().mean()
        precision.update(loss, [optimiser], clip=1.0)
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.2 * losses[0]
