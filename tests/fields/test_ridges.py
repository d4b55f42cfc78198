"""Fields made of ridges: no divergence, no curl, and the split of a field into both, by autograd."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from explorer.fields.base import VectorField
from explorer.fields.helmholtz import PARTS, HelmholtzField, Part
from explorer.fields.registry import fields
from explorer.fields.ridges import RidgeField, Ridges, solenoidal
from explorer.fields.volume_preserving import VolumePreservingField


def _drawn(width: int, rank: int, count: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> Ridges:
    """Ridges with numbers as large as those of trained ones: velocities of about 1."""
    source = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> Tensor:
        return torch.randn(shape, generator=source, dtype=torch.float64).to(dtype)

    return Ridges(
        normal(width),
        normal(width) / width**0.5,
        normal(rank, width) / max(rank, 1) ** 0.5,
        normal(rank, width) / width**0.5,
        normal(count, width) / width**0.5,
        normal(count),
        normal(count, width) / max(count, 1) ** 0.5,
    )


def _points(count: int, width: int, dtype: torch.dtype = torch.float64, seed: int = 1) -> Tensor:
    source = torch.Generator().manual_seed(seed)
    return torch.randn(count, width, generator=source, dtype=torch.float64).to(dtype)


def _jacobians(field: VectorField, points: Tensor) -> Tensor:
    """(B, d, d) ∂v_a / ∂z_b, by autograd."""
    time = torch.zeros(1, dtype=points.dtype)
    rows = [torch.autograd.functional.jacobian(lambda z: field.velocity(z[None], time)[0], one) for one in points]
    return torch.stack(rows)


def _cast(field: RidgeField, dtype: torch.dtype) -> VectorField:
    tensors = {name: tensor.to(dtype) for name, tensor in field.tensors().items()}
    restored: VectorField = type(field).restore(tensors, field.parameters())  # type: ignore[attr-defined]
    return restored


@given(st.integers(1, 12), st.integers(0, 6), st.integers(0, 20), st.integers(0, 100))
def test_a_volume_preserving_field_has_no_divergence(width: int, rank: int, count: int, seed: int) -> None:
    field = VolumePreservingField(_drawn(width, rank, count, seed))
    jacobians = _jacobians(field, _points(3, width, seed=seed))
    divergence = jacobians.diagonal(dim1=1, dim2=2).sum(1)
    assert float(divergence.abs().max()) <= 1e-14 * max(1.0, float(jacobians.abs().max()))


@pytest.mark.parametrize(("width", "rank"), [(8, 8), (64, 64), (512, 32)])
def test_nor_has_one_that_was_kept_in_single_precision(width: int, rank: int) -> None:
    field = VolumePreservingField(_drawn(width, rank, 96, dtype=torch.float32))
    found = _jacobians(field, _points(4, width, torch.float32)).diagonal(dim1=1, dim2=2).sum(1)
    assert float(found.abs().max()) <= 1e-6
    wide = _jacobians(_cast(field, torch.float64), _points(4, width)).diagonal(dim1=1, dim2=2).sum(1)
    assert float(wide.abs().max()) <= 1e-14


def test_its_ridges_are_the_row_divergence_of_an_antisymmetric_matrix() -> None:
    """As published: r_a = Σ_b ∂_b A_ab, by autograd, with A = (m Vᵀ - V mᵀ) tanh(V·x + b) / |V|²."""
    ridges = _drawn(6, 0, 9)._replace(constant=torch.zeros(6, dtype=torch.float64))

    def matrix(x: Tensor) -> Tensor:
        waves, heights = ridges.waves, ridges.heights
        x = x - ridges.centre
        outer = heights[:, :, None] * waves[:, None] - waves[:, :, None] * heights[:, None]
        shares = torch.tanh(waves @ x + ridges.phases) / waves.square().sum(1)
        return torch.einsum("w,wab->ab", shares, outer)

    points = _points(5, 6)
    rows = [torch.einsum("abb->a", torch.autograd.functional.jacobian(matrix, one)) for one in points]
    found = VolumePreservingField(ridges).velocity(points, torch.zeros(5))
    torch.testing.assert_close(found, torch.stack(rows), atol=1e-12, rtol=0)


def test_a_field_without_divergence_stays_as_it_is() -> None:
    """What is taken out is the divergence and nothing else."""
    given_ = _drawn(7, 3, 8)
    heights = given_.heights - (given_.heights * given_.waves).sum(1, keepdim=True) * given_.waves / (
        given_.waves.square().sum(1, keepdim=True)
    )
    turning = given_._replace(
        left=torch.cat([given_.left, -given_.right]), right=torch.cat([given_.right, given_.left])
    )
    ridges = turning._replace(heights=heights)
    points = _points(5, 7)
    torch.testing.assert_close(
        VolumePreservingField(ridges).velocity(points, torch.zeros(5)), ridges.velocity(points), atol=1e-13, rtol=0
    )


def test_a_wave_of_nothing_divides_by_nothing() -> None:
    ridges = _drawn(4, 2, 3)
    ridges.waves[1] = 0
    for field in (VolumePreservingField(ridges), *(HelmholtzField(ridges, part) for part in PARTS)):
        jacobians = _jacobians(field, _points(3, 4))
        assert bool(jacobians.isfinite().all())
        assert bool(field.velocity(_points(3, 4), torch.zeros(3)).isfinite().all())


@given(st.integers(1, 10), st.integers(0, 5), st.integers(0, 12), st.integers(0, 100))
def test_the_parts_of_a_helmholtz_field_are_what_they_are_called(width: int, rank: int, count: int, seed: int) -> None:
    whole = HelmholtzField(_drawn(width, rank, count, seed))
    points, time = _points(3, width, seed=seed), torch.zeros(3, dtype=torch.float64)
    gradient, rotation = whole.of("gradient"), whole.of("rotation")
    both = gradient.velocity(points, time) + rotation.velocity(points, time)
    torch.testing.assert_close(both, whole.velocity(points, time), atol=1e-12, rtol=1e-12)
    slopes = _jacobians(gradient, points)
    torch.testing.assert_close(slopes, slopes.mT, atol=1e-13, rtol=1e-12)  # no curl
    turns = _jacobians(rotation, points)
    divergence = turns.diagonal(dim1=1, dim2=2).sum(1)
    assert float(divergence.abs().max()) <= 1e-14 * max(1.0, float(turns.abs().max()))


@pytest.mark.parametrize("part", ["both", "gradient"])
def test_the_gradient_is_that_of_the_potential(part: Part) -> None:
    field = HelmholtzField(_drawn(6, 4, 9), part)
    points, time = _points(4, 6).requires_grad_(), torch.zeros(4, dtype=torch.float64)
    potential = field.potential(points, time)
    assert potential is not None
    slopes = torch.autograd.grad(potential.sum(), points)[0]
    torch.testing.assert_close(slopes, field.of("gradient").velocity(points, time), atol=1e-13, rtol=0)


def test_the_switch_says_what_is_followed() -> None:
    whole = HelmholtzField(_drawn(5, 2, 3))
    assert [whole.of(part).nature for part in PARTS] == ["both", "gradient", "rotation"]
    time = torch.zeros(2, dtype=torch.float64)
    assert whole.of("rotation").potential(_points(2, 5), time) is None
    for part in PARTS:
        again = whole.of(part).of("both")
        assert torch.equal(again.velocity(_points(2, 5), time), whole.velocity(_points(2, 5), time))
    field = VolumePreservingField(whole.ridges)
    assert field.nature == "rotation"
    assert field.potential(_points(2, 5), time) is None
    assert field.times is None


def test_several_fields_are_computed_as_each_alone() -> None:
    several = [_drawn(6, 3, 8, seed) for seed in range(4)]
    common = {name: getattr(several[0], name) for name in ("centre", "waves", "phases")}
    stacked = Ridges(*map(torch.stack, zip(*several, strict=True)))._replace(**common)
    points = _points(5, 6)
    for index, own in enumerate(several):
        alone = own._replace(**common)
        torch.testing.assert_close(stacked.velocity(points)[index], alone.velocity(points), atol=1e-13, rtol=0)
        torch.testing.assert_close(
            solenoidal(stacked).velocity(points)[index], solenoidal(alone).velocity(points), atol=1e-13, rtol=0
        )


@pytest.mark.parametrize(
    "field", [VolumePreservingField(_drawn(5, 2, 3)), HelmholtzField(_drawn(5, 2, 3), "rotation")], ids=lambda f: f.kind
)
def test_a_file_keeps_all_of_it(field: RidgeField) -> None:
    again = fields()[field.kind].restore(field.tensors(), field.parameters())  # type: ignore[attr-defined]
    assert (again.width, again.nature, again.parameters()) == (5, field.nature, field.parameters())  # type: ignore[attr-defined]
    points, time = _points(3, 5), torch.zeros(3, dtype=torch.float64)
    assert torch.equal(again.velocity(points, time), field.velocity(points, time))  # type: ignore[attr-defined]


def test_tensors_that_do_not_belong_together_are_refused() -> None:
    whole = VolumePreservingField(_drawn(5, 2, 3)).tensors()
    with pytest.raises(KeyError):
        VolumePreservingField.restore({name: one for name, one in whole.items() if name != "waves"}, {})
    for name, wrong in (
        ("left", torch.zeros(3, 5)),
        ("heights", torch.zeros(3, 4)),
        ("constant", torch.zeros(1, 5)),
        ("phases", torch.zeros(3, dtype=torch.int64)),
    ):
        with pytest.raises(ValueError, match=rf"{name} |floating"):
            VolumePreservingField.restore(
                {**whole, name: wrong.to(torch.float64) if wrong.is_floating_point() else wrong}, {}
            )
    with pytest.raises(ValueError, match="part"):
        HelmholtzField.restore(whole, {"part": "half"})
    with pytest.raises(KeyError):
        HelmholtzField.restore(whole, {})
