"""The gradient of bumps: against differentiation, against many digits far away, and as published."""

from __future__ import annotations

import mpmath
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from plain_fields import ended, trajectory
from torch import Tensor

from explorer.controls.field import FieldControl
from explorer.controls.following import Flow
from explorer.fields.rbf import RbfField, rbf_fields, rbf_gradient
from explorer.fields.registry import fields
from explorer.scene.cards import ControlCard, SpaceCard

D, DIPOLES = 5, 4
TIME = torch.zeros(1, dtype=torch.float64)


def normal(seed: int, *shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def dipoles(seed: int, gamma: float = 0.2) -> RbfField:
    """Pairs s, -s of the weights +1, -1, as the published ones begin."""
    half = 2 * normal(seed, DIPOLES, D)
    supports = torch.stack([half, -half], 1).reshape(-1, D)
    return RbfField(supports, torch.tensor([1.0, -1.0] * DIPOLES, dtype=torch.float64), gamma)


def any_field(seed: int, gamma: float = 0.2) -> RbfField:
    return RbfField(2 * normal(seed, 7, D), normal(seed + 1, 7), gamma)


def exact(field: RbfField, z: Tensor) -> tuple[Tensor, float]:
    """(d,) the direction of the gradient at ``z`` (d,), and the log10 of its length, in 200 digits."""
    with mpmath.workdps(200):
        total = [mpmath.mpf(0)] * len(z)
        for s, alpha in zip(field.supports.tolist(), field.alphas.tolist(), strict=True):
            away = [mpmath.mpf(a) - mpmath.mpf(b) for a, b in zip(z.tolist(), s, strict=True)]
            bump = mpmath.mpf(alpha) * mpmath.exp(-mpmath.mpf(field.gamma) * sum(a * a for a in away))
            total = [t - 2 * mpmath.mpf(field.gamma) * bump * a for t, a in zip(total, away, strict=True)]
        length = mpmath.sqrt(sum(t * t for t in total))
        return torch.tensor([float(t / length) for t in total], dtype=torch.float64), float(mpmath.log10(length))


def test_it_is_among_the_kinds_and_is_kept() -> None:
    field = any_field(0)
    assert fields()["rbf"] is RbfField
    again = RbfField.restore(field.tensors(), field.parameters())
    z = normal(3, 4, D)
    assert torch.equal(again.velocity(z, TIME), field.velocity(z, TIME))
    assert (again.width, again.nature, again.times) == (D, "gradient", None)


@given(st.integers(0, 2**16), st.sampled_from([0.02, 0.2, 3.0]))
@settings(max_examples=30, deadline=None)
def test_it_is_the_gradient_of_its_potential(seed: int, gamma: float) -> None:
    field, z = any_field(seed, gamma), normal(seed + 2, 3, D).requires_grad_()
    potential = field.potential(z, TIME)
    (gradient,) = torch.autograd.grad(potential.sum(), z)
    torch.testing.assert_close(field.velocity(z, TIME), gradient, rtol=1e-10, atol=1e-10)
    # And it can be differentiated on: its Jacobian is the Hessian of the potential.
    row = z.detach()[0]
    hessian = torch.autograd.functional.hessian(lambda x: field.potential(x[None], TIME).sum(), row)
    jacobian = torch.autograd.functional.jacobian(lambda x: field.velocity(x[None], TIME)[0], row)
    torch.testing.assert_close(jacobian, hessian, rtol=1e-8, atol=1e-10)


def test_the_field_of_dipoles_is_even_and_its_potential_odd() -> None:
    field, z = dipoles(5), normal(6, 8, D)
    torch.testing.assert_close(field.velocity(-z, TIME), field.velocity(z, TIME), rtol=1e-12, atol=1e-15)
    torch.testing.assert_close(field.potential(-z, TIME), -field.potential(z, TIME), rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("distance", [10.0, 100.0, 1000.0])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_far_away_it_still_points_where_it_should(distance: float, dtype: torch.dtype) -> None:
    """Where every bump is 0 in the precision, to 1e-1700000, the released program divides 0 by 0."""
    for seed in range(4):
        field = dipoles(seed)
        field = RbfField(field.supports.to(dtype), field.alphas.to(dtype), field.gamma)
        z = (distance * torch.nn.functional.normalize(normal(seed + 50, D), dim=0)).to(dtype)
        velocity = field.velocity(z[None], TIME)[0]
        direction, digits = exact(field, z)
        # A rounding of z is one of the exponents 2γ z·s, so of the direction where bumps are weighed.
        bound = 20 * torch.finfo(dtype).eps * max(1.0, 2 * field.gamma * distance * 10)
        assert float((velocity.double() / velocity.double().norm() - direction).abs().max()) < bound
        if digits > -15:
            assert float(velocity.norm().log10()) == pytest.approx(digits, abs=1e-4)
        else:
            assert 0 < float(velocity.norm()) < 1e-12


def control(field: RbfField, **flow: object) -> FieldControl:
    return FieldControl(ControlCard(name="c", space="s"), field, Flow(**{"scale": 1.0, "unit_speed": True, **flow}))  # type: ignore[arg-type]


def by(amount: float, rows: int = 1) -> Tensor:
    return torch.full((rows,), amount, dtype=torch.float64)


def test_at_unit_speed_a_path_from_far_away_is_as_long_as_any() -> None:
    one = control(RbfField(dipoles(1).supports.float(), dipoles(1).alphas.float(), 0.2))
    z = 40 * torch.nn.functional.normalize(normal(9, 1, D), dim=1).float()
    assert float((one.move(z, by(2.0)) - z).norm()) == pytest.approx(2.0, rel=1e-3)
    assert ended(one, z, 2.0) == ""


def test_a_path_ends_where_there_is_no_direction() -> None:
    """Two equal bumps: half-way between them the gradient is 0. A bump at the point itself: the same."""
    pair = RbfField(torch.tensor([[1.0, 0.0], [-1.0, 0.0]]), torch.ones(2), 0.5)
    lone = RbfField(torch.tensor([[0.3, 0.1]]), torch.ones(1), 0.5)
    for field, point in ((pair, torch.zeros(1, 2)), (lone, torch.tensor([[0.3, 0.1]]))):
        assert torch.equal(field.velocity(point, TIME), torch.zeros(1, 2))
        assert "has no direction" in ended(control(field), point, 1.0)
        assert torch.equal(control(field).move(point, by(1.0)), point)
    beyond = torch.full((1, 2), float("inf"))
    assert not bool(pair.velocity(beyond, TIME).isfinite().all())


@given(st.integers(0, 2**16), st.floats(-2, 2), st.floats(-2, 2))
@settings(max_examples=25, deadline=None)
def test_its_control_keeps_the_laws(seed: int, a: float, b: float) -> None:
    one, space = control(dipoles(seed % 50, gamma=0.1), step=0.05), SpaceCard(shape=(D,))
    z = normal(seed, 3, D)
    assert one.misfit(space) == ""
    assert one.card.laws.composes
    assert one.card.laws.negative == "reverse"
    assert torch.equal(one.move(z, by(0.0, 3)), z)
    moved = one.move(z, by(a, 3))
    for row in range(3):
        assert torch.equal(one.move(z[row : row + 1], by(a))[0], moved[row])
    if any(ended(one, z[row : row + 1], end) for row in range(3) for end in (a, a + b)):
        return
    # Near a point without a direction the path turns within a step: there the order of the integrator means nothing.
    if _least_speed(one, z, (a, a + b)) < 0.05:
        return
    torch.testing.assert_close(one.move(moved, by(b, 3)), one.move(z, by(a + b, 3)), rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(one.move(moved, by(-a, 3)), z, rtol=1e-4, atol=1e-4)


def _least_speed(one: FieldControl, z: Tensor, ends: tuple[float, ...]) -> float:
    """Of the way there and on, as a share of the greatest."""
    speeds = [
        one.field.velocity(one.move(z, by(end * share, len(z))), TIME).norm(dim=1)
        for end in ends
        for share in torch.linspace(0, 1, 12).tolist()
    ]
    return float(torch.stack(speeds).min() / torch.stack(speeds).max())


def test_unit_speed_is_the_length_of_the_path() -> None:
    one, z = control(dipoles(2), step=0.01), normal(1, 1, D)
    way = trajectory(one, z, torch.linspace(0, 2, 201).tolist())
    assert float((way[1:] - way[:-1]).norm(dim=1).sum()) == pytest.approx(2.0, rel=1e-4)


def released(support_sets: Tensor, alphas: Tensor, gammas: Tensor, which: int, z: Tensor) -> Tensor:
    """(B, d) the unit field of one row of the released tables, the formula of the publication written out in loops."""
    n = alphas.shape[1]
    supports = support_sets[which].reshape(n, -1)
    rows = []
    for point in z:
        total = torch.zeros_like(point)
        for s, alpha in zip(supports, alphas[which], strict=True):
            total = total - 2 * alpha * gammas[which] * torch.exp(-gammas[which] * (point - s) @ (point - s)) * (
                point - s
            )
        rows.append(total / total.norm())
    return torch.stack(rows)


def test_released_tables_become_fields() -> None:
    tables = normal(0, 3, 2 * DIPOLES * D)
    alphas, gammas = torch.tensor([[1.0, -1.0] * DIPOLES] * 3).double(), normal(1, 3, 1).exp()
    made, z = rbf_fields(tables, alphas, gammas), normal(2, 6, D)
    for index, field in enumerate(made):
        expected = released(tables, alphas, gammas, index, z)
        velocity = field.velocity(z, TIME)
        torch.testing.assert_close(velocity / velocity.norm(dim=1, keepdim=True), expected, rtol=1e-9, atol=1e-9)
    # A step of the control is the released step z ± ε v.
    one, start = control(made[1], integrator="euler", step=0.25), normal(3, 1, D)
    moved = start
    for _ in range(4):
        moved = moved + 0.25 * released(tables, alphas, gammas, 1, moved)
    torch.testing.assert_close(one.move(start, by(1.0)), moved, rtol=1e-9, atol=1e-9)


def test_many_fields_at_once_are_each_by_itself() -> None:
    tables, alphas, gammas = normal(0, 3, 8, D), normal(4, 3, 8), normal(1, 3, 1).exp()
    which, z = torch.tensor([2, 0, 0, 1]), normal(5, 4, D)
    together = rbf_gradient(z, tables[which], alphas[which], gammas[which])
    made = rbf_fields(tables, alphas, gammas)
    for row, index in enumerate(which.tolist()):
        torch.testing.assert_close(together[row], made[index].velocity(z[row : row + 1], TIME)[0])


@pytest.mark.parametrize(
    ("supports", "alphas", "gamma"),
    [((4, 3), (3,), 1.0), ((4,), (4,), 1.0), ((4, 3), (4,), 0.0), ((4, 3), (4,), float("nan")), ((0, 3), (0,), 1.0)],
)
def test_what_does_not_fit_is_refused(supports: tuple[int, ...], alphas: tuple[int, ...], gamma: float) -> None:
    with pytest.raises(ValueError, match=r"supports|gamma|weights"):
        RbfField(torch.ones(supports), torch.ones(alphas), gamma)


def test_tables_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="23 numbers for 4 supports"):
        rbf_fields(torch.ones(2, 23), torch.ones(2, 4), torch.ones(2))
    with pytest.raises(ValueError, match="with weights"):
        rbf_fields(torch.ones(3, 24), torch.ones(2, 4), torch.ones(2))
