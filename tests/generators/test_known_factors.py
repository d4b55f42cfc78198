"""Generators whose factors are known: what they draw, what is read back, and which way their factors lie."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from plain_fields import trajectory
from scipy.integrate import quad
from torch import Tensor

from explorer.attributes.known_factors import KnownFactorsReader
from explorer.attributes.registry import default_reader, open_reader
from explorer.discovery.registry import method
from explorer.errors import ExplorerError, ModelError
from explorer.generators.base import Latent
from explorer.generators.known_factors import (
    FACTORS,
    STRENGTHS,
    VARIANTS,
    KnownFactorsGenerator,
    Variant,
    change_rates,
    write_known_factors,
)
from explorer.generators.known_factors_drawing import draw, factors_of, measure
from explorer.generators.registry import load
from explorer.metrics.direction_evidence import difference
from explorer.numerics.bending import Bend
from explorer.numerics.linalg import random_orthonormal
from explorer.numerics.winding import turns
from explorer.scene.model import Quality

CPU = torch.device("cpu")


def shipped(variant: str) -> KnownFactorsGenerator:
    generator = load(f"known-{variant}", CPU)
    assert isinstance(generator, KnownFactorsGenerator)
    return generator


def numbers_of(generator: KnownFactorsGenerator, z: Tensor) -> Tensor:
    """The five numbers of codes, in float64."""
    return generator.network.codes.numbers(z)


@pytest.mark.parametrize("variant", VARIANTS)
def test_what_ships_is_what_is_written(variant: Variant, tmp_path: Path) -> None:
    write_known_factors(tmp_path / "new", variant)
    again = load(str(tmp_path / "new"), CPU)
    latent = again.sample([3, 4])
    drawn = again.render(latent, Quality())
    assert drawn.shape == (2, 3, 32, 32)
    torch.testing.assert_close(drawn, shipped(variant).render(latent, Quality()), rtol=0, atol=1e-6)


@pytest.mark.parametrize("variant", VARIANTS)
def test_factors_are_read_back_from_the_pixels(variant: Variant) -> None:
    generator = shipped(variant)
    latent = generator.sample(range(200))
    numbers = numbers_of(generator, latent.tensors["z"].double())
    truth = factors_of(numbers * generator.network.gains.double()).numpy()
    reader = default_reader(generator)
    read = reader.read(generator.render(latent, Quality()))
    for index, attribute in enumerate(reader.attributes):
        error = np.abs(difference(read[:, index], truth[:, index], attribute))
        assert error.max() < (1e-5 if attribute.name in ("hue", "background") else 4e-3), attribute.name
    assert truth[:, 2].min() > 0
    assert np.ptp(truth[:, 3]) > 0.3, "hues lie on both sides of the seam, which only circular differences survive"


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_small_step_along_a_true_direction_changes_one_number(variant: Variant) -> None:
    """By finite differences, not by the pseudoinverse that gave the directions."""
    generator = shipped(variant)
    latent = generator.sample(range(20))
    z = latent.tensors["z"].double()
    ways = generator.true_directions(latent).double()
    torch.testing.assert_close(ways.norm(dim=2), torch.ones(20, 5).double())
    for index in range(len(FACTORS)):
        gap = numbers_of(generator, z + 1e-4 * ways[:, index]) - numbers_of(generator, z - 1e-4 * ways[:, index])
        others = torch.cat([gap[:, :index], gap[:, index + 1 :]], 1)
        assert float(others.abs().max()) < 1e-4 * float(gap[:, index].min())
    middle = generator.true_directions()
    torch.testing.assert_close(middle, generator.true_directions(Latent({"z": torch.zeros(1, 8)}))[0])


def test_true_directions_by_variant() -> None:
    for variant in ("distinct", "equal"):
        rows = shipped(variant).true_directions().double()
        torch.testing.assert_close(rows @ rows.T, torch.eye(5).double(), rtol=0, atol=1e-5)
    rows = shipped("correlated").true_directions().double()
    assert float((rows @ rows.T - torch.eye(5)).abs().max()) > 0.3
    curved = shipped("curved")
    ways = curved.true_directions(curved.sample(range(50))).double()
    assert float((ways[:1] * ways[1:]).sum(2).abs().mean()) < 0.8, "they differ from point to point"


def test_equal_and_distinct_strengths() -> None:
    """On points that the balance was not made with."""
    numbers = torch.randn(400, 5, generator=torch.Generator().manual_seed(9)).double()
    equal = change_rates(numbers, shipped("equal").network.gains.double(), 32)
    assert float((equal / equal.mean() - 1).abs().max()) < 0.04
    distinct = change_rates(numbers, shipped("distinct").network.gains.double(), 32)
    strengths = torch.tensor(STRENGTHS).double()
    assert float((distinct / distinct.mean() / (strengths / strengths.mean()) - 1).abs().max()) < 0.05


def test_correlated_factors_are_correlated() -> None:
    generator = shipped("correlated")
    numbers = numbers_of(generator, generator.sample(range(3000)).tensors["z"].double())
    found = torch.corrcoef(numbers.T)
    assert float(found[0, 1]) == pytest.approx(0.6, abs=0.05)
    assert float(found[0, 2]) == pytest.approx(0.36, abs=0.06)
    torch.testing.assert_close(numbers.std(0), torch.ones(5).double(), rtol=0.05, atol=0)


@pytest.mark.parametrize("variant", VARIANTS)
def test_chance_never_draws_the_truth(variant: Variant) -> None:
    """The mixture must not come from the numbers that a random method of the same seed draws."""
    generator = shipped(variant)
    truth = generator.true_directions().double()
    for seed in range(12):
        alike = (random_orthonormal(8, 8, seed) @ truth.T).abs()
        assert float(alike.max()) < 0.98


def test_the_seams_of_the_reader() -> None:
    numbers = torch.zeros(3, 5).double()
    pictures = draw(factors_of(numbers), 32)
    pictures[1] = 0.2  # grey: a ground without a disc
    pictures[2] = pictures[2] * 0 + torch.tensor([0.9, -0.5, -0.5])[:, None, None]  # a disc without a ground
    read = measure(pictures)
    assert read[0].isfinite().all()
    assert read[1, :4].isnan().all()
    assert float(read[1, 4]) == pytest.approx(0.6)
    assert read[2, 4].isnan()
    with pytest.raises(ExplorerError, match="grey"):
        KnownFactorsReader().read(torch.zeros(1, 1, 8, 8))
    assert open_reader("known_factors").digest == KnownFactorsReader().digest


def test_methods_that_fit() -> None:
    assert not method("sefa").refusal(shipped("distinct").card)
    assert method("sefa").refusal(shipped("curved").card)
    for variant in VARIANTS:
        assert not method("true_directions").refusal(shipped(variant).card)


def test_gradients_flow_through() -> None:
    generator = shipped("curved")
    z = generator.sample([1]).tensors["z"].requires_grad_()
    generator.render(Latent({"z": z}), Quality()).square().sum().backward()
    assert z.grad is not None
    assert float(z.grad.abs().max()) > 0


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ('"distinct"', '"linear"', "describes no known factors"),
        ('"format": 1', '"format": 2', "newer program"),
        ('"size": 32', '"size": 4', "8..1024"),
    ],
)
def test_a_broken_description(old: str, new: str, sentence: str, tmp_path: Path) -> None:
    write_known_factors(tmp_path, "distinct")
    config = tmp_path / "config.json"
    assert old in config.read_text()
    config.write_text(config.read_text().replace(old, new))
    with pytest.raises(ModelError, match=sentence):
        load(str(tmp_path), CPU)


def test_a_broken_file(tmp_path: Path) -> None:
    write_known_factors(tmp_path, "distinct")
    (tmp_path / "config.json").write_text((tmp_path / "config.json").read_text().replace("distinct", "curved"))
    with pytest.raises(ModelError, match="lacks the tensor 'waves'"):
        load(str(tmp_path), CPU)


def test_a_bend_is_undone_and_keeps_volumes() -> None:
    source = torch.Generator().manual_seed(0)
    bend = Bend(torch.randn(2, 3, 3, generator=source).double(), torch.randn(2, 3, 3, generator=source).double())
    points = torch.randn(7, 6, generator=source).double()
    torch.testing.assert_close(bend.inverse(bend.forward(points)), points)
    jacobian = bend.jacobian(points)
    torch.testing.assert_close(torch.linalg.det(jacobian), torch.ones(7).double())
    for index in range(6):
        nudge = torch.zeros(6).double()
        nudge[index] = 1e-5
        by_differences = (bend.forward(points + nudge) - bend.forward(points - nudge)) / 2e-5
        torch.testing.assert_close(jacobian[:, :, index], by_differences, rtol=0, atol=1e-8)
    with pytest.raises(ValueError, match="waves"):
        Bend(torch.zeros(2, 3, 4), torch.zeros(2, 3, 4))


# --- the ring and the arc ---


def angle_between(a: Tensor, b: Tensor) -> Tensor:
    return torch.atan2(a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0], (a * b).sum(-1))


def test_on_the_ring_the_way_of_the_hue_goes_round_and_closes() -> None:
    ring = shipped("ring")
    rows = ring.network.mixing.double()
    torch.testing.assert_close(rows @ rows.T, torch.eye(6).double(), rtol=0, atol=1e-6)
    around = ring.true_controls()[FACTORS.index("hue")]
    z = ring.sample(range(5)).tensors["z"].double()
    pair = rows[3:5]
    for amount in (0.4, -1.3, math.pi, 2 * math.pi):
        moved = around.move(z, torch.full((5,), amount).double())
        turned = angle_between(z @ pair.T, moved @ pair.T)
        torch.testing.assert_close(turned.cos(), torch.full((5,), math.cos(amount)).double(), atol=1e-6, rtol=0)
        torch.testing.assert_close(moved.norm(dim=1), z.norm(dim=1), atol=1e-6, rtol=0)
        hue = ring.network.codes.numbers(moved)[:, 3] - ring.network.codes.numbers(z)[:, 3]
        assert float((hue * 2 * math.pi - amount).sin().abs().max()) < 1e-6
    path = trajectory(around, z[:1], torch.linspace(0, 4 * math.pi, 100).tolist())  # type: ignore[attr-defined]
    assert turns(path, *pair) == pytest.approx(2.0, abs=1e-4)


def test_no_straight_direction_follows_the_ring_better_than_chance() -> None:
    """|cos| of any direction of the plane with one that goes round evenly: 2 / π."""
    ring = shipped("ring")
    ways = ring.true_directions(ring.sample(range(4000)))[:, 3].double()
    for angle in (0.0, 0.7, 1.9):
        best = math.cos(angle) * ring.network.mixing[3].double() + math.sin(angle) * ring.network.mixing[4].double()
        assert float((ways @ best).abs().mean()) == pytest.approx(2 / math.pi, abs=0.02)


@pytest.mark.parametrize(("degrees", "cosine"), [(30.0, 0.9549), (60.0, 0.8270), (90.0, 0.6366)])
def test_the_best_straight_cosine_with_an_arc_is_sin_a_over_a(degrees: float, cosine: float, tmp_path: Path) -> None:
    write_known_factors(tmp_path / "arc", "arc", half_angle=degrees)
    arc = load(str(tmp_path / "arc"), CPU)
    assert isinstance(arc, KnownFactorsGenerator)
    a = math.radians(degrees)
    assert math.sin(a) / a == pytest.approx(cosine, abs=1e-4)
    # Points whose coordinate along the arc are quantiles of the prior: the mean is then an integral.
    plane = arc.network.mixing.double()
    quantiles = torch.special.ndtri((torch.arange(2000).double() + 0.5) / 2000)
    z = arc.sample([1]).tensors["z"].double() * 0 + quantiles[:, None] * plane[3]
    ways = arc.true_directions(Latent({"z": z}))[:, 3].double()
    means = [
        float((ways @ (math.cos(turn) * plane[3] + math.sin(turn) * plane[4])).mean())
        for turn in torch.linspace(-1.5, 1.5, 61).tolist()
    ]
    assert max(means) == pytest.approx(cosine, abs=2e-3)
    assert means.index(max(means)) == 30  # the direction in the middle


def test_an_arc_is_the_integral_of_its_slope_and_leaves_the_ground_as_it_is() -> None:
    arc = shipped("arc")
    field = arc.network.codes._field  # type: ignore[attr-defined]
    for end in (-2.5, -0.3, 1.0, 3.0):
        exact = quad(lambda w: math.tan(math.radians(60) * math.erf(w / math.sqrt(2))), 0, end, epsabs=1e-12)[0]
        height = float(field.height(torch.tensor([end], dtype=torch.float64)))
        assert height == pytest.approx(exact, abs=1e-9)
    z = arc.sample(range(6)).tensors["z"].double()
    moved = arc.true_controls()[3].move(z, torch.full((6,), 1.5).double())
    before, after = arc.network.codes.numbers(z), arc.network.codes.numbers(moved)
    torch.testing.assert_close(after[:, [0, 1, 2, 4]], before[:, [0, 1, 2, 4]], atol=1e-5, rtol=0)
    assert float((after - before)[:, 3].min()) > 0.2
    assert float((after - before)[:, 3].max()) <= 1.5 + 1e-6  # it is 1.5 long, and not straight
