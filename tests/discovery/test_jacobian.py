"""Jacobian SVD: against closed forms, and against derivatives taken another way."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from plain_maps import PlainMap, normal
from torch import Tensor
from toys import ToyDiffusion, ToyGenerator, ToyVae

from explorer.controls.control_set import ControlSet
from explorer.controls.linear import LinearControl
from explorer.discovery import registry
from explorer.discovery.jacobian import columns_are_closer
from explorer.discovery.pictures import PictureMap
from explorer.errors import ControlError
from explorer.generators.base import Generator, Latent
from explorer.numerics.linalg import principal_angles
from explorer.scene.model import Quality

METHOD = registry.method("jacobian")


def _units(found: ControlSet) -> Tensor:
    rows = torch.stack([one.direction.double().flatten() for one in found.controls if isinstance(one, LinearControl)])
    return rows / rows.norm(dim=1, keepdim=True)


def _same_axes(found: Tensor, wanted: Tensor, tolerance: float) -> None:
    torch.testing.assert_close(
        (found @ wanted.T).diagonal().abs(), torch.ones(len(found)).double(), atol=tolerance, rtol=0
    )


LINEAR = normal(0, 64, 6) * torch.tensor([3.0, 2.2, 1.6, 1.1, 0.7, 0.4])


@pytest.mark.parametrize("capabilities", [(), ("steps",)])
def test_of_a_linear_map_they_are_the_right_singular_vectors(capabilities: tuple[str, ...]) -> None:
    found = METHOD.discover(
        PlainMap(LINEAR, capabilities=capabilities), 4, settings={"estimate": "columns", "samples": 3}
    )
    _, values, right = np.linalg.svd(LINEAR.double().numpy())
    _same_axes(_units(found), torch.from_numpy(right[:4]), 1e-5)
    shares = values**2 / (values**2).sum()
    assert [one.card.figure for one in found.controls] == [f"{share:.1%}" for share in shares[:4]]
    assert ("central differences" if capabilities else "forward derivatives") in found.note
    for one in found.controls:
        assert isinstance(one, LinearControl)
        assert float(one.direction.norm()) == pytest.approx(1)  # the deviation of a normal prior


def test_random_products_come_to_the_same_directions() -> None:
    generator = PlainMap(LINEAR)
    found = METHOD.discover(generator, 3, settings={"estimate": "probes", "samples": 4000})
    right = np.linalg.svd(LINEAR.double().numpy())[2]
    _same_axes(_units(found), torch.from_numpy(right[:3]), 0.01)
    assert found.cost["generator_evaluations"] == generator.drawn == 4000


def test_by_itself_it_takes_whole_jacobians_where_they_are_the_same_everywhere() -> None:
    """Two eigenvalues that lie close, 35.0 and 31.7: random products turn their directions against each other."""
    linear = torch.linalg.qr(normal(0, 64, 10)).Q * torch.tensor([35.0, 31.7, 20, 15, 12, 9, 7, 5, 3, 2]).sqrt()
    right = torch.linalg.svd(linear.double()).Vh[:3]
    for seed in range(3):
        generator = PlainMap(linear)
        found = METHOD.discover(generator, 3, seed=seed)
        _same_axes(_units(found), right, 1e-4)
        assert "all columns" in found.note
        drawn = generator.drawn
        assert found.cost["generator_evaluations"] == drawn
        by_products = METHOD.discover(generator, 3, seed=seed, settings={"estimate": "probes"})
        assert drawn <= by_products.cost["generator_evaluations"] + 3  # three look whether forward mode passes
        assert float((_units(by_products) @ right.T).diagonal().abs().min()) < 0.99


def test_by_itself_it_takes_random_products_where_points_differ() -> None:
    bent = torch.einsum("p,i,j->pij", normal(1, 64), *(normal(2, 6),) * 2)  # flat in places, steep in others
    generator = PlainMap(0.01 * LINEAR, curved=bent)
    found = METHOD.discover(generator, 3, seed=4)
    assert "one random product" in found.note
    probes = {"estimate": "probes"}
    torch.testing.assert_close(_units(found), _units(METHOD.discover(generator, 3, seed=4, settings=probes)))
    assert found.cost["generator_evaluations"] == 512 + 8 * 6 + 3  # and the points that it looked at


@given(st.integers(0, 1000), st.floats(0.05, 4.0), st.integers(3, 8))
@settings(max_examples=20, deadline=None)
def test_the_closer_estimate_is_closer(seed: int, differ: float, width: int) -> None:
    """Mean squared errors of both by drawing, from populations whose Jacobians differ more or less."""
    source = torch.Generator().manual_seed(seed)
    jacobians = torch.randn(400, 40, width, generator=source).double() * differ
    jacobians = jacobians * torch.rand(400, 1, 1, generator=source) + torch.randn(40, width, generator=source)
    grams = jacobians.transpose(1, 2) @ jacobians
    mean, pictures = grams.mean(0), 8 * width
    signs = (torch.randint(0, 2, (400, 40), generator=source) * 2 - 1).double()
    products = torch.einsum("npd,np->nd", jacobians, signs)
    one = (products[:, :, None] * products[:, None] - mean).square().sum((1, 2)).mean() / pictures
    whole = (grams - mean).square().sum((1, 2)).mean() * width / pictures
    if not 0.8 < float(one / whole) < 1.25:
        assert columns_are_closer(grams, width) == bool(whole < one)


def test_random_products_find_what_they_found_before_there_was_a_choice() -> None:
    found = METHOD.discover(ToyGenerator(), 2, seed=3, settings={"estimate": "probes"})
    before = [
        [0.2182, 0.4469, -0.127, 0.355, -0.0398, -0.0234, 0.0407, 0.0497, 0.0296, -0.0164],
        [0.5493, -0.1954, 0.0505, -0.0733, -0.0216, 0.0255, -0.0501, 0.0338, 0.0196, 0.0333],
    ]
    rows = torch.stack([one.direction for one in found.controls if isinstance(one, LinearControl)])
    torch.testing.assert_close(rows, torch.tensor(before), atol=1e-3, rtol=0)


def _mean_gram(generator: Generator, points: Latent, space: str, mask: Tensor | None = None) -> Tensor:
    """The mean JᵀJ by reverse mode, one point at a time."""
    total = 0
    for place in points.tensors[space]:

        def picture(offset: Tensor, place: Tensor = place) -> Tensor:
            moved = place + (offset if mask is None else mask[:, None] * offset)
            return generator.render(Latent({space: moved[None]}), Quality()).flatten()

        j = torch.autograd.functional.jacobian(picture, torch.zeros(place.shape[-1])).double()
        total = total + j.T @ j
    return total / len(points.tensors[space])


def test_the_layers_that_were_asked_for_are_moved_and_no_other() -> None:
    generator = ToyGenerator()
    settings = {"estimate": "columns", "samples": 6, "first_layer": 1, "last_layer": 2}
    found = METHOD.discover(generator, 4, seed=5, settings=settings)
    found.check(generator.card)
    seeds = [int(one) for one in np.random.default_rng(5).integers(0, 2**32, 6)]
    points = generator.advance(generator.sample(seeds), "w_plus")
    values, vectors = torch.linalg.eigh(_mean_gram(generator, points, "w_plus", torch.tensor([0.0, 1, 1, 0])))
    _same_axes(_units(found), vectors.flip(1).T[:4], 1e-5)
    assert found.space == "w_plus"
    assert {one.card.layers for one in found.controls} == {(1, 2)}
    assert f"singular value {float(values[-1].sqrt()):.3g}" in found.controls[0].card.details[0]


def test_one_unit_is_one_deviation_of_w() -> None:
    generator = ToyGenerator()
    w = generator.advance(generator.sample(range(9_000, 14_000)), "w").tensors["w"].double()
    found = METHOD.discover(generator, 10)
    lengths = torch.stack([one.direction.double().norm() for one in found.controls if isinstance(one, LinearControl)])
    np.testing.assert_allclose((w @ _units(found).T).std(0), lengths, rtol=0.08)


def test_truncated_to_the_mean_all_points_are_one() -> None:
    generator = ToyGenerator()
    found = METHOD.discover(generator, 5, settings={"estimate": "columns", "samples": 2, "truncation": 0.0})
    # At w = 0 the toy's tanh has slope 1, and it is linear.
    j = 2 / 10 * torch.einsum("lfchw,lfd->chwd", generator.waves, generator.affine).reshape(-1, 10).double()
    _same_axes(_units(found), torch.linalg.svd(j).Vh[:5], 1e-5)


def test_the_bottleneck_of_a_diffusion_model_by_products_and_by_columns() -> None:
    generator = ToyDiffusion()
    by = {
        name: METHOD.discover(generator, 3, settings={"estimate": name, "samples": 400})
        for name in ("probes", "columns")
    }
    for found in by.values():
        found.check(generator.card)
        assert found.space == "h"
    seeds = [int(one) for one in np.random.default_rng(0).integers(0, 2**32, 400)]
    total = torch.zeros(18, 18, dtype=torch.float64)
    for x in generator.sample(seeds).tensors["x_T"].flatten(1):
        slope = 1 - torch.tanh(generator.up @ (generator.down @ x)).double() ** 2
        j = slope[:, None] * generator.up.double()
        total += j.T @ j
    exact = torch.linalg.eigh(total)[1].flip(1).T[:3]
    _same_axes(_units(by["columns"]), exact, 1e-3)
    assert float(principal_angles(_units(by["probes"]), exact)[0]) < 0.3


def test_axes_that_a_decoder_ignores_have_no_part() -> None:
    units = _units(METHOD.discover(ToyVae(), 3))
    assert float(units[:, [1, 3]].abs().max()) < 1e-6


def test_pictures_are_averaged_down_and_drawn_around_their_points() -> None:
    generator = PlainMap(LINEAR)
    pictures = PictureMap(generator, "z", size=3)  # 8 pixels a side: windows that share some
    assert pictures.pixels == 9
    points = pictures.points(4, seed=1)
    offsets = normal(2, 4, 6)
    drawn = pictures.around(points)(offsets).reshape(4, 3, 3)
    exact = generator.render(Latent({"z": points.tensors["z"] + offsets}), Quality())[:, 0]
    torch.testing.assert_close(drawn[:, 0, 2], exact[:, :3, 5:].mean((1, 2)))
    torch.testing.assert_close(drawn[:, 1, 1], exact[:, 2:6, 2:6].mean((1, 2)))
    torch.testing.assert_close(pictures.around(points, 2)(offsets)[2].reshape(3, 3), drawn[2])
    assert pictures.calls == 8
    halved = PictureMap(generator, "z", size=7)
    blocks = halved.around(points)(offsets).reshape(4, 4, 4)
    torch.testing.assert_close(blocks, exact.reshape(4, 4, 2, 4, 2).mean((2, 4)))


@pytest.mark.parametrize("settings", [{}, {"estimate": "probes"}, {"estimate": "columns"}], ids=str)
@pytest.mark.parametrize("name", ["jacobian", "lowrankgan"])
def test_pictures_that_are_no_numbers_are_said(name: str, settings: dict[str, str]) -> None:
    linear = normal(6, 64, 5)
    linear[3, 2] = float("nan")
    own = settings if name == "jacobian" else {}
    with pytest.raises(ControlError, match=r"derivatives of the picture of 'plain' are not finite.*another seed"):
        registry.method(name).discover(PlainMap(linear), 3, settings=own)


def test_what_does_not_fit_is_refused_in_one_sentence() -> None:
    axes = PlainMap(LINEAR, capabilities=("axes",))
    assert "Latent axes" in registry.refusals(axes.card)["jacobian"]
    with pytest.raises(ControlError, match="more than 2 samples"):
        METHOD.discover(PlainMap(LINEAR), 3, settings={"samples": 2})
    with pytest.raises(ControlError, match="no layers to choose"):
        METHOD.discover(PlainMap(LINEAR), 3, settings={"first_layer": 1})
