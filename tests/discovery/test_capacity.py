"""What classes of paths can express: the best of each, fitted to the truth, and where these rows stand."""

from __future__ import annotations

import math
from functools import cache
from typing import cast

import msgspec
import pytest
import torch
from plain_fields import trajectory
from toys import ToyGenerator

from explorer.comparison.request import checked, rows
from explorer.comparison.table import Subject, compare
from explorer.controls.control_set import ControlSet
from explorer.controls.field import FieldControl
from explorer.discovery import registry
from explorer.discovery.capacity import Truth, best_straight
from explorer.errors import ControlError
from explorer.generators.base import Generator, KnownTruth
from explorer.generators.known_factors import KnownFactorsGenerator
from explorer.generators.known_factors_codes import CIRCLE
from explorer.generators.known_factors_drawing import FACTORS
from explorer.generators.registry import load
from explorer.numerics.linalg import random_orthonormal
from explorer.numerics.winding import turns
from explorer.scene.comparison import CompareOptions
from explorer.scene.model import ModelRef, Scalar

CLASSES = ("straight", "potential", "divergence_free", "free")


@cache
def model(name: str) -> Generator:
    return load(name, torch.device("cpu"))


@cache
def fitted(name: str, capacity: str, seed: int, steps: int = 0) -> ControlSet:
    settings: dict[str, Scalar] = {"steps": steps} if steps else {}
    return registry.method(f"capacity_{capacity}").discover(model(name), 5, seed, settings)


def agreement(name: str, found: ControlSet) -> list[float]:
    """Mean |cos| of each control with its factor's way, at prior points that no fit has seen."""
    generator = model(name)
    latent = generator.sample(range(50_000, 51_000))
    truth, z = cast("KnownTruth", generator).true_directions(latent).double(), latent.tensors["z"].double()
    ways = torch.stack([one.velocity(z) for one in found.controls], 1)
    cosines = (ways * truth).sum(2) / ways.norm(dim=2).clamp_min(1e-12)
    return [float(one) for one in cosines.abs().mean(0)]


def test_the_best_straight_direction_is_found_where_it_is_known() -> None:
    """For ways spread evenly over ± a in a plane it is the middle, with sin(a) / a; no other is better."""
    plane, angles = random_orthonormal(2, 6, 3), torch.linspace(-1.2, 1.2, 4001).double()
    ways = angles.cos()[:, None] * plane[0] + angles.sin()[:, None] * plane[1]
    (best,) = best_straight(Truth(torch.zeros(4001, 6).double(), ways[:, None]))
    assert abs(float(best @ plane[0])) == pytest.approx(1, abs=1e-9)
    assert float((ways @ best).abs().mean()) == pytest.approx(math.sin(1.2) / 1.2, abs=1e-3)
    others = torch.cat([random_orthonormal(6, 6, seed) for seed in range(40)])
    assert float((ways @ others.T).abs().mean(0).max()) < float((ways @ best).abs().mean())


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_classes_stand_apart_on_the_curved_generator(seed: int) -> None:
    values = {one: sum(agreement("known-curved", fitted("known-curved", one, seed))) / 5 for one in CLASSES}
    assert 0.85 < values["straight"] <= 0.875
    assert 0.90 <= values["potential"] < 0.95
    assert values["divergence_free"] >= 0.97
    assert values["free"] >= 0.975


def test_on_the_ring_a_straight_line_has_two_over_pi_and_a_rotation_all() -> None:
    hue = FACTORS.index("hue")
    straight = agreement("known-ring", fitted("known-ring", "straight", 0))
    assert straight[hue] == pytest.approx(2 / math.pi, abs=0.02)
    around = agreement("known-ring", fitted("known-ring", "divergence_free", 0))
    assert around[hue] > 0.99
    for others in (straight, around):
        assert min(others[:hue] + others[hue + 1 :]) > 0.99


@pytest.mark.parametrize(("capacity", "least", "most"), [("potential", 0.0, 0.95), ("divergence_free", 1.9, 2.1)])
def test_a_fitted_potential_completes_no_turn_where_a_rotation_completes_both(
    capacity: str, least: float, most: float
) -> None:
    """Followed at unit speed for twice the circle through the start, whatever its cosine is."""
    ring = model("known-ring")
    assert isinstance(ring, KnownFactorsGenerator)
    pair = ring.network.mixing.double()[list(CIRCLE)]
    control = fitted("known-ring", capacity, 0).controls[FACTORS.index("hue")]
    assert isinstance(control, FieldControl)
    assert control.card.field is not None
    assert control.card.field.unit_speed
    for start in ring.sample(range(60_000, 60_004)).tensors["z"].double().split(1):
        length = 2 * 2 * math.pi * float((start @ pair.T).norm()) / control.flow.scale
        path = trajectory(control, start, torch.linspace(0, length, 200).tolist())
        assert least <= abs(turns(path, *pair)) <= most


def test_fields_are_of_the_class_that_they_say() -> None:
    """By autograd: a gradient's Jacobian is symmetric, one without divergence has no trace."""
    z = torch.randn(5, 8, generator=torch.Generator().manual_seed(0))

    def jacobians(capacity: str) -> torch.Tensor:
        control = fitted("known-curved", capacity, 0, 20).controls[0]
        assert isinstance(control, FieldControl)
        field, time = control.field, torch.zeros(1)
        return torch.stack(
            [torch.autograd.functional.jacobian(lambda x: field.velocity(x[None], time)[0], one) for one in z]
        )

    gradient, rotation, free = (jacobians(one) for one in CLASSES[1:])
    torch.testing.assert_close(gradient, gradient.mT, rtol=0, atol=1e-5)
    assert float(rotation.diagonal(dim1=1, dim2=2).sum(1).abs().max()) < 1e-5
    assert float((free - free.mT).abs().max()) > 1e-2
    assert float(free.diagonal(dim1=1, dim2=2).sum(1).abs().max()) > 1e-2


def test_more_than_there_are_factors_are_filled_up_and_fewer_are_the_first() -> None:
    method = registry.method("capacity_straight")
    found = method.discover(model("known-distinct"), 7, 0)
    assert [one.card.name for one in found.controls] == [*FACTORS, "no factor 1", "no factor 2"]
    assert [one.card.name for one in method.discover(model("known-distinct"), 2, 0).controls] == list(FACTORS[:2])
    truth = model("known-distinct").true_directions()  # type: ignore[attr-defined]
    for control, row in zip(found.controls, truth, strict=False):
        way = control.velocity(torch.zeros(1, 8))[0]
        assert abs(float(way @ row.double()) / float(way.norm())) == pytest.approx(1, abs=1e-5)


def test_the_same_seed_finds_the_same() -> None:
    method = registry.method("capacity_potential")
    first, again = (method.discover(model("known-curved"), 2, 4, {"steps": 3}) for _ in range(2))
    z = torch.randn(3, 8)
    for one, other in zip(first.controls, again.controls, strict=True):
        assert torch.equal(one.velocity(z), other.velocity(z))


def test_they_stand_in_tables_where_the_truth_is_known_and_nowhere_else() -> None:
    options = checked(CompareOptions(methods=("random", "capacity_free"), k=3))
    names = [f"capacity_{one}" for one in CLASSES]
    known = rows(options, model("known-arc").card)
    assert [(row.method, row.role) for row in known] == [
        ("random_orthogonal", "chance"),
        *((name, "capacity") for name in names),
        ("true_directions", "ceiling"),
    ]
    toy = ToyGenerator()
    assert not {row.role for row in rows(checked(CompareOptions(methods=("pca",), k=3)), toy.card)} & {"capacity"}
    assert not set(names) & set(registry.fitting(toy.card))
    for name in names:
        assert "are not known" in registry.method(name).refusal(toy.card)
        with pytest.raises(ControlError, match="are not known"):
            registry.method(name).discover(toy, 2)
    assert [card.name for card in registry.cards() if card.role == "capacity"] == sorted(names)


def test_a_hurried_table_hurries_them_and_the_contract_says_what_they_are() -> None:
    options = CompareOptions(
        methods=("random",), k=5, quick=True, observed=200, bases=4, settings={"capacity_free": {"steps": 2}}
    )
    steps = {name: one["steps"] for name, one in checked(options).settings.items()}
    assert steps["capacity_free"] == 2
    assert steps["capacity_potential"] == steps["capacity_divergence_free"] == 60
    short = {f"capacity_{one}": {"steps": 40} for one in CLASSES[1:]}
    subject = Subject(
        ModelRef(path="known-curved"),
        model("known-curved"),
        lambda _, one, progress: registry.method(one.method).discover(
            model("known-curved"), one.k, one.seed, dict(one.settings), progress
        ),
    )
    (report,) = compare([subject], msgspec.structs.replace(options, settings=dict(short)))
    assert [one.role for one in report.methods] == ["chance", *["capacity"] * 4, "ceiling"]
    assert not any(one.problem for one in report.methods)
    assert any(line.startswith("Capacity (Fitted straight lines, Fitted potentials") for line in report.contract)
    values = [one.columns["mcc"].value for one in report.methods]
    assert all(value is not None for value in values)
    chance, straight, potential, rotation, free, ceiling = (value or 0.0 for value in values)
    assert chance < straight < min(potential, rotation, free)
    assert max(potential, rotation, free) < ceiling == pytest.approx(1.0, abs=1e-3)
