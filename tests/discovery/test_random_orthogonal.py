"""Random directions: exactly orthogonal, equally long, seeded, in any space."""

from __future__ import annotations

import math

import msgspec
import numpy as np
import pytest
import torch
from toys import ToyDiffusion, ToyGenerator, ToyVae

from explorer.controls.control_set import ControlSet
from explorer.controls.linear import LinearControl
from explorer.discovery.random_orthogonal import METHOD
from explorer.errors import ControlError
from explorer.scene.cards import SpaceCard


def _directions(found: ControlSet) -> torch.Tensor:
    return torch.stack([one.direction.flatten() for one in found.controls if isinstance(one, LinearControl)])


@pytest.mark.parametrize("space", ["", "z", "w", "w_plus"])
def test_directions_are_orthogonal_in_every_space(space: str) -> None:
    generator = ToyGenerator()
    found = METHOD.discover(generator, 10, seed=2, settings={"space": space})
    found.check(generator.card)
    assert found.space == (space or "w")
    gram = _directions(found) @ _directions(found).T
    torch.testing.assert_close(gram / gram[0, 0], torch.eye(10), atol=1e-6, rtol=0)


def test_the_seed_decides() -> None:
    generator = ToyGenerator()
    first, again, other = (_directions(METHOD.discover(generator, 4, seed)) for seed in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_one_unit_is_one_typical_deviation() -> None:
    generator = ToyGenerator()
    in_z = METHOD.discover(generator, 3, settings={"space": "z"})
    np.testing.assert_allclose(_directions(in_z).norm(dim=1), 1, atol=1e-6)
    w = generator.advance(generator.sample(range(5000)), "w").tensors["w"]
    typical = math.sqrt(float(w.var(0).mean()))
    in_w = METHOD.discover(generator, 3)
    np.testing.assert_allclose(_directions(in_w).norm(dim=1), typical, rtol=0.05)


def test_noise_of_pictures_has_sliders_that_reach_far_enough_to_be_seen() -> None:
    generator = ToyGenerator()
    generator.card = msgspec.structs.replace(
        generator.card, spaces={"x_T": SpaceCard(shape=(3, 16, 16), prior="normal")}
    )
    found = METHOD.discover(generator, 2)
    found.check(generator.card)
    assert found.controls[0].card.high == 14.0  # half of √768 = 27.7
    direction = found.controls[0]
    assert isinstance(direction, LinearControl)
    assert direction.direction.shape == (3, 16, 16)


def test_in_a_bottleneck_one_unit_is_measured_on_what_it_holds() -> None:
    generator = ToyDiffusion()
    found = METHOD.discover(generator, 3)
    found.check(generator.card)
    assert found.space == "h"
    # x_T is N(0, I), so the variance of axis i is the squared length of row i of the linear map.
    typical = math.sqrt(float((generator.down**2).sum(1).mean()))
    np.testing.assert_allclose(_directions(found).norm(dim=1), typical, rtol=0.25)
    generator.card = msgspec.structs.replace(generator.card, capabilities=("steps",))
    assert METHOD.discover(generator, 3).space == "x_T"
    with pytest.raises(ControlError, match="does not show what its h holds"):
        METHOD.discover(generator, 3, settings={"space": "h"})


def test_it_fits_everything_but_not_more_than_the_space() -> None:
    assert METHOD.refusal(ToyVae().card) == ""
    with pytest.raises(ControlError, match=r"7 controls .*'z' of 'toy-vae' has 6 dimensions"):
        METHOD.discover(ToyVae(), 7)
    with pytest.raises(ControlError, match="has no space 'h'; it has z, w, w_plus"):
        METHOD.discover(ToyGenerator(), 2, settings={"space": "h"})
