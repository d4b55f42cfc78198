"""LowRankGAN: a picture of two halves that know nothing of each other, and the conditions of the projection."""

from __future__ import annotations

import pytest
import torch
from plain_maps import PlainMap, normal
from torch import Tensor
from toys import ToyDiffusion, ToyGenerator

from explorer.controls.control_set import ControlSet
from explorer.controls.linear import LinearControl
from explorer.discovery import registry
from explorer.discovery.pictures import PictureMap
from explorer.errors import ControlError
from explorer.generators.base import Latent
from explorer.numerics.linalg import fix_signs
from explorer.scene.model import Quality

METHOD = registry.method("lowrankgan")
LEFT = {"region": "0,0,0.5,1"}


def _halves(own: int, shared: int = 0, scale: Tensor | None = None) -> PlainMap:
    """The left half of the picture is driven by the first ``own`` axes, the right one by the next, both by the last
    ``shared``; bent a little, so that the Jacobian differs from point to point."""
    width = 2 * own + shared
    weights = normal(1, 64, width) * (scale if scale is not None else torch.ones(width))
    bends = normal(2, 64, width, width) * 0.05
    left = (torch.arange(64) % 8 < 4)[:, None]
    axis = torch.arange(width)
    felt = torch.where(left, (axis < own) | (axis >= 2 * own), axis >= own)
    return PlainMap(weights * felt, bends * felt[:, :, None] * felt[:, None])


def _units(found: ControlSet) -> Tensor:
    rows = torch.stack([one.direction.double().flatten() for one in found.controls if isinstance(one, LinearControl)])
    return rows / rows.norm(dim=1, keepdim=True)


def test_the_left_half_moves_and_the_right_half_stays() -> None:
    generator = _halves(3)
    found = METHOD.discover(generator, 3, settings=LEFT)
    found.check(generator.card)
    assert len(found.controls) == 3
    units = _units(found)
    assert float(units[:, 3:].abs().max()) < 1e-6  # within the span of z0 to z2
    assert int(torch.linalg.matrix_rank(units)) == 3
    torch.testing.assert_close(units, fix_signs(units))
    latent = Latent({"z": normal(9, 5, 6)})
    before = generator.render(latent, Quality())
    for control in found.controls:
        moved = Latent({"z": control.move(latent.tensors["z"], torch.full((5,), 2.0))})
        change = (generator.render(moved, Quality()) - before).abs()
        assert float(change[..., 4:].max()) < 1e-3
        assert float(change[..., :4].mean()) > 0.5
        assert control.card.figure == "100%"
    other = _units(METHOD.discover(generator, 3, settings={"region": "0.5,0,1,1"}))
    assert float((units @ other.T).abs().max()) < 1e-6


def test_directions_are_orthogonal_to_what_the_rest_feels() -> None:
    generator = _halves(4, shared=2)
    found = METHOD.discover(generator, 4, settings={**LEFT, "sparsity": 1.0})  # all of its rank 6 is principal
    assert found.note.startswith("The region's principal space has 6 dimensions; the rest of the picture")
    pictures = PictureMap(generator, "z")
    by_pixel = torch.cat([one.double() for one in pictures.jacobians(4, 0, 1.0, None, lambda share: None)], 1)
    right = by_pixel.reshape(10, 4, 8, 8)[..., 4:].flatten(1).T
    assert float((right @ _units(found).T).abs().max()) < 1e-5
    ranked = [float(one.card.details[1].rpartition("about ")[2].split()[0]) for one in found.controls]
    assert ranked == sorted(ranked, reverse=True)


def test_no_more_directions_than_the_rest_leaves_room_for() -> None:
    generator = _halves(4, shared=2)
    shares = []
    for relaxed, most in ((0, 4), (2, 6)):
        found = METHOD.discover(generator, 10, settings={**LEFT, "sparsity": 1.0, "relaxed": relaxed})
        assert len(found.controls) == most
        assert found.note.startswith(f"{most} of 10 directions, there are no more. ")
        assert f"takes up {6 - relaxed} of 10." in found.note
        shares.append([one.card.figure for one in found.controls])
    assert set(shares[0]) == {"100%"}
    assert set(shares[1]) != {"100%"}


def test_without_a_region_nothing_is_kept_still_and_that_is_said() -> None:
    generator = PlainMap(normal(1, 64, 5) * torch.tensor([3.0, 2.2, 1.6, 1.1, 0.7]))
    found = METHOD.discover(generator, 3, settings={"sparsity": 1.0, "samples": 20_000})
    assert found.note == ("No region: the 5 principal directions of the whole picture first; nothing is kept still.")
    _, values, right = torch.linalg.svd(generator.linear.double())
    torch.testing.assert_close((_units(found) @ right[:3].T).abs(), torch.eye(3).double(), atol=0.03, rtol=0)
    shares = [float(one.card.figure.removesuffix("%")) / 100 for one in found.controls]
    assert shares == pytest.approx((values**2 / (values**2).sum())[:3].tolist(), abs=0.02)


def test_the_frame_of_the_whole_picture_is_filled_up_by_what_changes_it_less() -> None:
    generator = PlainMap(normal(1, 64, 8) * torch.linspace(3, 0.2, 8))
    found = METHOD.discover(generator, 8, settings={"samples": 20_000})
    count = int(found.note.partition("the ")[2].split()[0])
    assert 0 < count < 8
    units = _units(found)
    torch.testing.assert_close(units @ units.T, torch.eye(8).double(), atol=1e-5, rtol=0)
    changes = (units @ generator.linear.double().T).norm(dim=1)[count:]
    assert bool((changes.diff() <= 0.02 * changes[:-1]).all())


def test_one_unit_is_one_deviation_and_layers_are_kept() -> None:
    generator = ToyGenerator()
    w = generator.advance(generator.sample(range(9_000, 14_000)), "w").tensors["w"].double()
    settings = {"region": "0.2,0.2,0.6,0.6", "first_layer": 1, "last_layer": 2, "relaxed": 3}
    found = METHOD.discover(generator, 2, settings=settings)
    found.check(generator.card)
    assert found.space == "w_plus"
    assert {one.card.layers for one in found.controls} == {(1, 2)}
    lengths = torch.stack([one.direction.double().norm() for one in found.controls if isinstance(one, LinearControl)])
    torch.testing.assert_close((w @ _units(found).T).std(0), lengths, rtol=0.1, atol=0)
    assert found.cost["generator_evaluations"] == generator.rendered


def test_what_cannot_be_is_refused_in_one_sentence() -> None:
    generator = _halves(3)
    for region in ("here", "0.5,0,0.2,1", "0,0,1,1", "0,0,2,1", "0.5,0.5,0.51,0.51"):
        with pytest.raises(ControlError, match=f"region '{region}'"):
            METHOD.discover(generator, 2, settings={"region": region})
    with pytest.raises(ControlError, match="principal space in how the region changes; raise 'sparsity'"):
        METHOD.discover(PlainMap(normal(1, 64, 24)), 2, settings={**LEFT, "sparsity": 0.02})
    with pytest.raises(ControlError, match="changes the rest of the picture too, which takes up 5 of 5"):
        METHOD.discover(PlainMap(normal(1, 64, 5)), 2, settings={**LEFT, "sparsity": 1.0})
    assert "thousands of runs of its sampler" in METHOD.refusal(ToyDiffusion().card)
    axes = PlainMap(normal(1, 64, 5), capabilities=("axes",))
    assert "Latent axes" in METHOD.refusal(axes.card)
