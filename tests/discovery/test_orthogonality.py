"""The objective of orthogonal effects and what it is computed from, against closed forms and numpy."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from plain_maps import PlainMap, normal
from torch import Tensor
from toys import ToyGenerator

from explorer.discovery.base import Watch
from explorer.discovery.local_effects import EffectProducts, LocalEffects, MeasuredEffects, Sampled
from explorer.discovery.orthogonality import EPSILON, Orthogonality, best_start, starts
from explorer.discovery.pictures import PictureMap
from explorer.discovery.request import Request
from explorer.discovery.ridge_bank import RANK, RidgeBank
from explorer.discovery.volume_preserving import METHOD
from explorer.fields.helmholtz import HelmholtzField
from explorer.fields.volume_preserving import VolumePreservingField
from explorer.generators.base import Generator
from explorer.numerics.linalg import random_orthonormal


def _sampled(metrics: Tensor, points: Tensor | None = None) -> Sampled:
    where = torch.zeros(metrics.shape[:2]) if points is None else points
    return Sampled(where, lambda velocities: torch.einsum("kbi,bij,lbj->bkl", velocities, metrics, velocities))


def _metrics(seed: int, count: int, width: int) -> Tensor:
    columns = normal(seed, count, width + 2, width)
    return columns.mT @ columns


def _asked(generator: Generator, k: int = 3, **settings: object) -> Request:
    return METHOD.begin(generator, k, 0, settings, None)  # type: ignore[arg-type]


@given(st.integers(1, 4), st.floats(0, 3), st.floats(0, 1), st.integers(0, 50))
def test_the_objective_is_what_is_written(k: int, effect: float, evenness: float, seed: int) -> None:
    """In numpy, code by code, from the definition."""
    metrics, velocities = _metrics(seed, 5, 6), normal(seed + 1, k, 5, 6)
    found = Orthogonality(2.5, effect, evenness)(velocities, _sampled(metrics))
    brackets, logs, moving = [], [], []
    for code in range(5):
        v = velocities[:, code].double().numpy()
        u = v / np.linalg.norm(v, axis=1, keepdims=True)
        e = u @ metrics[code].double().numpy() @ u.T / 2.5
        brackets.append(np.log(np.diag(e) + EPSILON).sum() - np.linalg.slogdet(e + EPSILON * np.eye(k))[1])
        logs.append(np.log(np.diag(e) + EPSILON))
        moving.append(np.diag(e) * (v**2).sum(1))
    rates = np.log(np.array(moving) / np.mean(moving, 0) + EPSILON)
    expected = np.mean(brackets) - effect * np.mean(logs) + evenness * rates.var(0, ddof=1).mean()
    assert float(found) == pytest.approx(float(expected), rel=1e-4, abs=1e-4)


def test_orthogonal_effects_cost_nothing_and_equal_ones_without_end() -> None:
    metrics = torch.eye(4).expand(7, 4, 4)
    frame = random_orthonormal(3, 4, 0).float()[:, None].expand(3, 7, 4)
    assert float(Orthogonality(1.0, 0.0)(frame, _sampled(metrics))) == pytest.approx(0, abs=1e-6)
    turned = frame.clone()
    turned[1] = math.cos(1.0) * frame[0] + math.sin(1.0) * frame[1]
    equal = frame.clone()
    equal[1] = frame[0]
    tilted, same = (float(Orthogonality(1.0, 0.0)(one, _sampled(metrics))) for one in (turned, equal))
    assert 0.2 < tilted < same
    assert same == pytest.approx(-math.log(1 - (1 / (1 + EPSILON)) ** 2), rel=1e-4)  # 1 - cos², once ε is added
    # One field has no other to be orthogonal to: what is left is its effect.
    alone = Orthogonality(1.0, 0.5)(frame[:1], _sampled(metrics))
    assert float(alone) == pytest.approx(-0.5 * math.log(1 + EPSILON), rel=1e-5)


def test_a_point_that_stands_still_has_a_gradient() -> None:
    velocities = normal(0, 3, 5, 6)
    velocities[1, 2] = 0
    velocities.requires_grad_()
    Orthogonality(1.0, 0.2, 0.05)(velocities, _sampled(_metrics(1, 5, 6))).backward()  # type: ignore[no-untyped-call]
    assert velocities.grad is not None
    assert bool(velocities.grad.isfinite().all())


def test_a_direction_without_effect_is_no_way_round_the_rest() -> None:
    """Its squared effect may even be rounded to less than 0."""
    metrics = torch.diag(torch.tensor([1.0, 1.0, 1.0, -1e-6])).expand(6, 4, 4)
    velocities = torch.eye(4)[[0, 1, 3]][:, None].expand(3, 6, 4).clone().requires_grad_()
    value = Orthogonality(0.75, 2.0, 0.05)(velocities, _sampled(metrics))
    assert bool(value.isfinite())
    others = torch.eye(4)[:3][:, None].expand(3, 6, 4)
    assert float(value.detach()) > float(Orthogonality(0.75, 2.0, 0.05)(others, _sampled(metrics)))


# --- derivatives -----------------------------------------------------------------------------------------------------


def _quadratic(width: int = 5) -> PlainMap:
    curved = normal(1, 64, width, width) / 4
    return PlainMap(normal(0, 64, width), curved + curved.mT)


def _jacobians(generator: PlainMap, points: Tensor) -> Tensor:
    """(B, pixels, d), in closed form."""
    assert generator.curved is not None
    return generator.linear + torch.einsum("pij,bj->bpi", generator.curved, points)


@pytest.mark.parametrize("batch", [3, 64])
@pytest.mark.parametrize("step", [None, 1e-2])
def test_metrics_are_jacobians_squared(batch: int, step: float | None) -> None:
    generator = _quadratic()
    pictures = PictureMap(generator, "z")
    pictures.batch = batch
    points = pictures.points(7, 3)
    jacobians = _jacobians(generator, points.tensors["z"])
    torch.testing.assert_close(pictures.metrics(points, step), jacobians.mT @ jacobians, rtol=1e-3, atol=1e-2)
    assert pictures.calls == 7 * 5 * (1 if step is None else 2)


def _both(generator: PlainMap, step: float | None = None) -> tuple[MeasuredEffects, EffectProducts]:
    pictures = PictureMap(generator, "z")
    pictures.batch = 7  # not a multiple of anything here
    latents = pictures.points(24, 5)
    measured = MeasuredEffects(latents.tensors["z"], pictures.metrics(latents, None), pictures.calls)
    return measured, EffectProducts(pictures, latents, step, _asked(generator))


@pytest.mark.parametrize("step", [None, 1e-2])
def test_products_say_what_measured_metrics_say(step: float | None) -> None:
    """The same inner products, and the same gradients of the velocities."""
    measured, products = _both(_quadratic(), step)
    velocities = normal(9, 3, 4, 5)
    results = []
    for effects in (measured, products):
        sampled = effects.drawn(4, torch.Generator().manual_seed(2))
        own = velocities.clone().requires_grad_()
        value = Orthogonality(effects.typical, 0.2, 0.05)(own, sampled)
        value.backward()  # type: ignore[no-untyped-call]
        results.append((sampled.points, sampled.inner(velocities), own.grad))
    for first, second in zip(*results, strict=True):
        torch.testing.assert_close(first, second, rtol=2e-2, atol=2e-3)
    assert measured.fresh().points.shape == products.fresh().points.shape == (3, 5)


def test_the_leading_directions_are_those_of_the_mean() -> None:
    linear = normal(3, 64, 6) * torch.tensor([3.0, 2.4, 1.8, 1.3, 0.9, 0.5])
    right, values = np.linalg.svd(linear.double().numpy())[2], torch.linalg.svdvals(linear.double())
    every: tuple[LocalEffects, ...] = _both(PlainMap(linear))
    for effects, tolerance in zip(every, (1e-3, 0.05), strict=True):
        cosines = np.abs((effects.leading[:4].double().numpy() * right[:4]).sum(1))
        np.testing.assert_allclose(cosines, 1, atol=tolerance)
        assert effects.typical == pytest.approx(float(values.square().mean()), rel=0.1)


def test_points_are_fresh_that_were_not_learned_from() -> None:
    for effects in _both(_quadratic()):
        fresh = {tuple(row.tolist()) for row in effects.fresh().points}
        drawn = {tuple(row.tolist()) for row in effects.drawn(500, torch.Generator().manual_seed(0)).points}
        assert len(fresh) == 3
        assert len(drawn) == 21
        assert not fresh & drawn


# --- where they begin ------------------------------------------------------------------------------------------------


def test_starts_are_straight_lines_and_planes_of_the_leading_directions() -> None:
    leading, centre = random_orthonormal(8, 8, 1).float(), normal(4, 8)
    made = starts(leading, 3, centre)
    assert str(made[0]) == "straight lines"
    assert [one.plane for one in made[1:]] == [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)]
    points = normal(2, 5, 8)
    torch.testing.assert_close(made[0].ridges.velocity(points), leading[:3, None].expand(-1, 5, -1))
    turning = made[-1].ridges.velocity(points)
    torch.testing.assert_close(turning[1:], leading[:2, None].expand(-1, 5, -1))
    first, second = ((points - centre) @ leading[index] for index in (2, 3))
    expected = first[:, None] * leading[3] - second[:, None] * leading[2]
    torch.testing.assert_close(turning[0], expected, atol=1e-5, rtol=1e-5)
    assert "the leading directions 3 and 4" in str(made[-1])
    assert len(starts(random_orthonormal(12, 12, 1).float(), 9, torch.zeros(12))) == 1 + 15  # planes of six
    assert len(starts(leading, 8, centre)) == 1  # no direction is left over for a plane
    assert len(starts(leading, 1, centre)) == 2


def test_a_rotation_is_begun_where_pictures_change_along_it() -> None:
    """A picture of the angle in one plane, and of two further numbers; or of four numbers."""
    points = normal(3, 400, 5)
    lengths = points[:, :2].square().sum(1, keepdim=True).clamp_min(0.25)
    angular = torch.zeros(400, 5)
    angular[:, :2] = torch.stack([-points[:, 1], points[:, 0]], 1) / lengths * 2
    ring = torch.cat([angular[:, None], torch.eye(5)[2:4].expand(400, 2, 5)], 1)
    leading = torch.eye(5)
    for jacobian, plane in ((ring, (0, 1)), (torch.eye(5)[:4].expand(400, 4, 5), None)):
        metrics = jacobian.mT @ jacobian
        typical = float(metrics.diagonal(dim1=1, dim2=2).sum(1).mean()) / 5
        begun = best_start(starts(leading, 3, torch.zeros(5)), typical, _sampled(metrics, points))
        assert begun.plane == plane


def _bank(width: int, free: bool, sigma: float = 1.0, k: int = 2) -> RidgeBank:
    centre = normal(7, width)
    bank = RidgeBank(starts(random_orthonormal(width, width, 0).float(), k, centre)[1], 8, sigma, free, 0)
    source = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in bank.parameters():
            parameter += torch.randn(parameter.shape, generator=source) / math.sqrt(width)
    return bank


@pytest.mark.parametrize("width", [6, 80])
@pytest.mark.parametrize("free", [True, False])
def test_a_field_of_a_bank_is_the_one_that_was_trained(width: int, free: bool) -> None:
    bank = _bank(width, free, sigma=0.4)
    points = normal(2, 5, width)
    with torch.no_grad():
        every = bank(points)
    for index in range(2):
        one = bank.one(index)
        field = HelmholtzField(one) if free else VolumePreservingField(one)
        torch.testing.assert_close(field.velocity(points, torch.zeros(5)), every[index], atol=1e-5, rtol=1e-5)


def test_a_bank_begins_as_its_start_in_any_space() -> None:
    for width in (6, 80):
        for sigma in (1.0, 0.3):
            start = starts(random_orthonormal(width, width, 0).float(), 2, normal(7, width))[1]
            bank = RidgeBank(start, 8, sigma, False, 0)
            points, expected = normal(2, 5, width), start.ridges.velocity(normal(2, 5, width))
            with torch.no_grad():
                found = bank(points)
            cosines = torch.nn.functional.cosine_similarity(found, expected, dim=2)
            torch.testing.assert_close(cosines, torch.ones(2, 5), atol=1e-5, rtol=0)


def test_the_parameters_of_a_wide_bank_are_bounded() -> None:
    """A whole matrix of a field in 512 dimensions alone would be 262 144."""
    bank = RidgeBank(starts(random_orthonormal(8, 512, 0).float(), 4, torch.zeros(512))[0], 96, 1.0, False, 0)
    each = sum(parameter.numel() for parameter in bank.parameters()) / 4
    assert each <= 512 * (1 + 2 * RANK + 96 * 1.25) + 96


def test_a_bank_begins_by_its_seed_and_not_by_the_worlds() -> None:
    state = torch.random.get_rng_state()
    start = starts(random_orthonormal(6, 6, 0).float(), 2, torch.zeros(6))[0]
    first, again, other = (RidgeBank(start, 8, 1.0, False, seed) for seed in (0, 0, 1))
    assert torch.equal(torch.random.get_rng_state(), state)
    assert torch.equal(first.waves, again.waves)
    assert not torch.equal(first.waves, other.waves)


def test_the_toy_is_measured_as_asked() -> None:
    """What the request asks for is what is drawn: pictures for whole Jacobians, none at each step."""
    generator = ToyGenerator()
    found = METHOD.discover(generator, 3, 0, {"samples": 24, "steps": 3, "batch": 4}, Watch())
    assert found.cost["generator_evaluations"] == 24 * 10 + 1 + 2
