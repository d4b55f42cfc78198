"""The potential network and its field: against the published program written anew, autograd, and its own file."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from explorer.fields.potential import PotentialField, published
from explorer.numerics.potential_network import time_embedding
from explorer.scene.model import Scalar


class Published(nn.Module):
    """One potential of the authors' program, as its description says; the names are those of its files."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layer_x, self.layer_time, self.layer_time2, self.layer_fusion = (nn.Linear(width, width) for _ in range(4))
        self.layer_out = nn.Linear(width, 1)

    def forward(self, z: Tensor, time: Tensor, bounded: bool) -> Tensor:
        half = z.shape[1] // 2
        rates = torch.tensor([10000 ** (-i / (half - 1)) for i in range(half)], dtype=z.dtype)
        angle = time[:, None] * rates[None]
        e = self.layer_time2(nn.functional.gelu(self.layer_time(torch.cat([angle.sin(), angle.cos()], 1))))
        u = self.layer_out(torch.tanh(self.layer_fusion(torch.tanh(self.layer_x(z)) + e)))[:, 0]
        return torch.tanh(u) if bounded else u


def _state(width: int, seed: int = 0, count: int = 3) -> dict[str, Tensor]:
    """What the authors' program saves of ``count`` potentials: speeds and networks."""
    torch.manual_seed(seed)
    bank = nn.ModuleList(Published(width) for _ in range(count)).double()
    return {"c": torch.ones(count, 1), **{f"MLP_SET.{name}": tensor for name, tensor in bank.state_dict().items()}}


def _autonomous(width: int) -> PotentialField:
    state = _state(width, 3)
    tensors = {name.removeprefix("MLP_SET.0."): tensor for name, tensor in state.items() if "SET.0" in name}
    return PotentialField.restore(tensors, {"bounded": False})


def _points(width: int, count: int = 7) -> tuple[Tensor, Tensor]:
    source = torch.Generator().manual_seed(1)
    z = torch.randn(count, width, generator=source, dtype=torch.float64)
    return z, torch.rand(count, generator=source, dtype=torch.float64) * 9


@pytest.mark.parametrize("bounded", [True, False])
@pytest.mark.parametrize("width", [4, 8, 64])
def test_a_released_file_is_the_published_potential(width: int, bounded: bool) -> None:
    state, (z, time) = _state(width), _points(width)
    for index in range(3):
        theirs = Published(width).double()
        theirs.load_state_dict({key.split(".", 2)[2]: one for key, one in state.items() if f"SET.{index}." in key})
        field = published(state, f"MLP_SET.{index}.", bounded, (0.0, 9.0))
        assert (field.width, field.nature, field.times) == (width, "gradient", (0.0, 9.0))
        torch.testing.assert_close(field.potential(z, time), theirs(z, time, bounded), rtol=0, atol=1e-12)
        points = z.clone().requires_grad_()
        gradient = torch.autograd.grad(theirs(points, time, bounded).sum(), points)[0]
        torch.testing.assert_close(field.velocity(z, time), gradient, rtol=0, atol=1e-12)
        assert set(field.tensors()) == set(theirs.state_dict())


@pytest.mark.parametrize("width", [1, 2, 3, 5, 7])
def test_the_gradient_is_that_of_the_value_in_every_width(width: int) -> None:
    z, time = _points(width)
    state = _state(width, count=1)
    tensors = {name.removeprefix("MLP_SET.0."): tensor for name, tensor in state.items()}
    for field in (PotentialField.restore(tensors, {"bounded": True, "first": 0.0, "last": 3.0}), _autonomous(width)):
        points = z.clone().requires_grad_()
        value = field.potential(points, time)
        gradient = torch.autograd.grad(value.sum(), points)[0]
        with torch.inference_mode():
            torch.testing.assert_close(field.velocity(z, time), gradient, rtol=0, atol=1e-12)
        step = 1e-5
        for axis in range(width):
            by = step * torch.eye(width, dtype=torch.float64)[axis]
            quotient = (field.potential(z + by, time) - field.potential(z - by, time)) / (2 * step)
            torch.testing.assert_close(field.velocity(z, time)[:, axis], quotient, rtol=0, atol=1e-8)


def test_the_velocity_can_be_differentiated_and_rows_are_their_own() -> None:
    field, (z, time) = published(_state(8), "MLP_SET.1.", True, (0.0, 9.0)), _points(8)
    assert torch.autograd.gradcheck(field.velocity, (z.requires_grad_(), time.requires_grad_()))
    for row in range(len(z)):
        alone = field.velocity(z[row : row + 1], time[row : row + 1])
        torch.testing.assert_close(alone, field.velocity(z, time)[row : row + 1], rtol=0, atol=1e-14)


def test_an_autonomous_potential_does_not_know_the_time() -> None:
    field, (z, time) = _autonomous(8), _points(8)
    assert field.times is None
    assert torch.equal(field.potential(z, time), field.potential(z, time + 5))
    assert torch.equal(field.velocity(z, time), field.velocity(z, time + 5))
    assert "layer_time.weight" not in field.tensors()


def test_odd_widths_have_an_embedding_of_their_own_width() -> None:
    time = torch.tensor([0.0, 1.5], dtype=torch.float64)
    for width in range(1, 10):
        embedded = time_embedding(time, width)
        assert embedded.shape == (2, width)
        waves = (width + 1) // 2
        assert embedded[1, 0] == math.sin(1.5)
        if width > 1:
            assert embedded[1, waves] == math.cos(1.5)
        if waves > 1:
            assert float(embedded[1, waves - 1]) == pytest.approx(math.sin(1.5e-4))


def test_files_bring_back_the_same_field() -> None:
    z, time = _points(8)
    for field in (published(_state(8), "MLP_SET.1.", False, (1.0, 6.0)), _autonomous(8)):
        again = PotentialField.restore(field.tensors(), field.parameters())
        assert again.times == field.times
        assert torch.equal(again.velocity(z, time), field.velocity(z, time))


@pytest.mark.parametrize("width", [2, 5])
def test_a_released_file_of_a_width_without_an_embedding_is_refused(width: int) -> None:
    with pytest.raises(ValueError, match=f"width {width}, but the published embedding of the time needs an even one"):
        published(_state(width), "MLP_SET.0.", True, (0.0, 9.0))


@pytest.mark.parametrize(
    ("name", "tensor", "reason"),
    [
        ("layer_fusion.weight", torch.zeros(8, 6), "layer_fusion is not of width 8"),
        ("layer_time2.bias", torch.zeros(6), "layer_time2 is not of width 8"),
        ("layer_out.weight", torch.zeros(2, 8), "layer_out is not of width 8"),
        ("layer_x.weight", torch.zeros(8, 8, dtype=torch.int64), "layer_x does not hold floating-point numbers"),
    ],
)
def test_wrong_layers_are_named(name: str, tensor: Tensor, reason: str) -> None:
    field = published(_state(8), "MLP_SET.1.", False, (1.0, 6.0))
    with pytest.raises(ValueError, match=reason):
        PotentialField.restore({**field.tensors(), name: tensor}, field.parameters())
    with pytest.raises(KeyError, match=name):
        PotentialField.restore({key: one for key, one in field.tensors().items() if key != name}, field.parameters())


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"bounded": 1.0}, "bounded 1.0"),
        ({"last": 0.5}, "times from 1.0 to 0.5"),
        ({"last": math.inf}, "times from 1.0 to inf"),
    ],
)
def test_wrong_parameters_are_named(changes: dict[str, Scalar], reason: str) -> None:
    field = published(_state(8), "MLP_SET.1.", False, (1.0, 6.0))
    with pytest.raises(ValueError, match=reason):
        PotentialField.restore(field.tensors(), field.parameters() | changes)
