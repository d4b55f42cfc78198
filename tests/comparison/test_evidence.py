"""Evidence from pictures, against closed forms, and on every family."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.stats import chi
from test_calibration import Linear, axis
from toys import ToyDiffusion, ToyGenerator, ToyVae

from explorer.comparison.evidence import AMOUNTS, evidence, stage
from explorer.comparison.observing import observe, percentiles
from explorer.comparison.recognition import FEWEST_BASES, recognised
from explorer.controls.base import Control
from explorer.controls.control_set import ControlSet
from explorer.controls.linear import LinearControl
from explorer.discovery.registry import method
from explorer.metrics.directions import figures
from explorer.scene.cards import ControlCard


def set_of(*controls: Control) -> ControlSet:
    return ControlSet("mine", "Mine", "1" * 64, "z", controls)


def test_a_linear_generator_in_closed_form() -> None:
    generator = Linear()
    slanted = LinearControl(ControlCard(name="slanted", space="z"), torch.tensor([1.0, 1.0, 0, 0, 0, 0]))
    on = stage(generator, None, 6, 300, 0.05)
    found = evidence(on, set_of(axis(0), axis(1, 3.0), slanted, axis(5)))
    assert found.alive.tolist() == [True, True, True, False]
    columns = generator.matrix @ torch.stack([one.direction for one in (axis(0), axis(1), slanted)], 1)
    units = columns / columns.norm(dim=0)
    for row in found.cosines:
        np.testing.assert_allclose(row[:3, :3], (units.T @ units).abs().numpy(), atol=1e-4)
        assert np.isnan(row[3]).all()
    # Both together change the picture by the sum of what they do alone.
    assert found.pairs.tolist() == [[0, 1], [0, 2], [1, 2]]
    assert np.nanmax(found.interactions[..., 0]) < 1e-5
    both = columns[:, 0] * found.alphas[0] + columns[:, 1] * found.alphas[1] * 3
    np.testing.assert_allclose(found.interactions[:, 0, 1], float(both.norm()) / 4 / 2, rtol=1e-4)
    # The coordinate of a code along one direction does not move when another one of the set does.
    codes = on.observed.codes("z").double()
    offset = codes - codes.mean(0)
    assert found.coordinates is not None
    np.testing.assert_allclose(found.coordinates[:, 3], offset[:, 5], atol=1e-5)
    again = found.coordinates @ np.array([[1.0, 0], [0, 3], [1, 1], [0, 0]])
    np.testing.assert_allclose(again, offset[:, :2], atol=1e-5)
    # A normal prior: the percentile of the norm.
    start = on.points.tensors["z"].double()
    moved = [start.clone(), start.clone()]
    for sign, point in zip((1, -1), moved, strict=True):
        point[:, 0] += sign * found.alphas[0]
    shift = [np.abs(chi.cdf(one.norm(dim=1), 6) - chi.cdf(start.norm(dim=1), 6)) for one in moved]
    np.testing.assert_allclose(found.typicality[:, 0], np.mean(shift, 0), atol=1e-5)


@pytest.mark.parametrize("toy", [ToyGenerator(), ToyVae(), ToyDiffusion()], ids=["gan", "vae", "diffusion"])
def test_every_family_without_attributes(toy: ToyGenerator | ToyVae | ToyDiffusion) -> None:
    on = stage(toy, None, 6, 64, 0.03)
    one = evidence(on, method("random").discover(toy, 3, 0))
    assert one.alive.any()
    found = figures([one], [one], 20)
    for name in ("additivity", "orthogonality", "consistency", "recognition", "smoothness", "typicality"):
        assert found[name].value is not None, name
    assert found["modularity"].note == "there are no attributes"


def test_directions_in_several_spaces_have_no_coordinates() -> None:
    toy = ToyGenerator()
    z, w = (LinearControl(ControlCard(name=space, space=space), torch.eye(10)[0]) for space in ("z", "w"))
    found = evidence(stage(toy, None, 4, 64, 0.03), set_of(z, w))
    assert found.coordinates is None
    assert found.unobserved == "its directions lie in several spaces (w, z)"
    assert np.isfinite(found.interactions).all()
    assert np.isfinite(found.typicality).all()


def test_base_codes_are_those_of_the_stage() -> None:
    toy = ToyGenerator()
    one, again, other = stage(toy, None, 5, 8, 0.05), stage(toy, None, 5, 8, 0.05), stage(toy, None, 5, 8, 0.05, seed=1)
    assert torch.equal(one.points.tensors["z"], again.points.tensors["z"])
    assert not torch.equal(one.points.tensors["z"], other.points.tensors["z"])
    assert AMOUNTS.tolist() == [-1, -0.75, -0.5, -0.25, 0, 0.25, 0.5, 0.75, 1]


def test_percentiles_among_observed_codes() -> None:
    toy = ToyGenerator()
    observed = observe(toy, None, 400, 3)
    codes = observed.codes("w")
    places = percentiles(codes, observed, "w")
    assert np.sort(places).tolist() == pytest.approx((np.arange(400) / 400).tolist())
    assert percentiles(codes.mean(0, keepdim=True), observed, "w").tolist() == [0.0]
    assert percentiles(codes.mean(0, keepdim=True) + 100, observed, "w").tolist() == [1.0]


def test_a_number_that_never_varies_does_not_change_the_distances_of_the_others() -> None:
    toy = ToyGenerator()
    observed = observe(toy, None, 400, 3)
    codes = observed.codes("w")
    still = codes.clone()
    still[:, 0] = 2.0
    observed._codes["w"] = still
    # The same order of distances as among the other numbers alone, each in its own deviation.
    rest = still[:, 1:].double()
    distances = ((rest - rest.mean(0)) / rest.std(0)).norm(dim=1)
    expected = torch.searchsorted(distances.sort().values, distances).double() / 400
    assert percentiles(still, observed, "w").tolist() == pytest.approx(expected.tolist())


def test_recognition_needs_four_base_codes_and_no_scale() -> None:
    source = torch.Generator().manual_seed(0)
    patterns = torch.randn(2, 1, 1, 8, 8, generator=source)
    changes = patterns + 4 * torch.randn(FEWEST_BASES, 2, 8, 1, 8, 8, generator=source)
    alive = np.array([True, True])
    shares = recognised(changes, alive, 0)
    assert np.isfinite(shares).all()
    assert np.isnan(recognised(changes[1:], alive, 0)).all()
    # What is small in the picture is told apart as well as what is large.
    np.testing.assert_array_equal(recognised(changes / 1024, alive, 0), shares)


def test_directions_are_recognised_by_what_they_do() -> None:
    source = torch.Generator().manual_seed(0)
    patterns = torch.randn(3, 1, 1, 8, 8, generator=source)
    changes = patterns + 0.3 * torch.randn(16, 3, 2, 1, 8, 8, generator=source)
    alive = np.array([True, True, True])
    told: list[float] = []
    found = recognised(changes, alive, 0, told.append)
    assert found.shape == (16, 3)
    assert found.mean() > 0.9
    np.testing.assert_array_equal(found, recognised(changes, alive, 0))
    assert told == sorted(told)
    blind = recognised(torch.randn(40, 3, 2, 1, 8, 8, generator=source), alive, 0)
    assert blind.mean() == pytest.approx(1 / 3, abs=0.12), "at base codes it never saw there is nothing to know"
    part = recognised(changes, np.array([True, False, True]), 0)
    assert np.isnan(part[:, 1]).all()
    assert np.isfinite(part[:, [0, 2]]).all()
    assert np.isnan(recognised(changes, np.array([True, False, False]), 0)).all()
    assert np.isnan(recognised(changes[:3], alive, 0)).all()
