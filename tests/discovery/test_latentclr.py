"""LatentCLR: its loss against a loop written by hand and closed forms, its directions, and the search."""

from __future__ import annotations

import math
from pathlib import Path

import msgspec
import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional
from toys import ToyDiffusion, ToyGenerator, ToyVae

from explorer.controls.conditional import ConditionalControl
from explorer.controls.linear import LinearControl
from explorer.discovery.base import Watch
from explorer.discovery.contrastive import CONVENTIONS, contrastive_loss, likeness
from explorer.discovery.latentclr import DIRECTIONS, METHOD, Directions
from explorer.errors import Cancelled, ControlError
from explorer.generators.base import Latent
from explorer.scene.cards import ControlCard
from explorer.scene.model import Quality, Scalar

K, POINTS, WIDTH = 3, 4, 10
QUICK: dict[str, Scalar] = {"steps": 4, "batch": 3}


def _effects(seed: int) -> Tensor:
    source = torch.Generator().manual_seed(seed)
    return functional.normalize(torch.randn(K, POINTS, 6, generator=source, dtype=torch.float64), dim=2)


@pytest.mark.parametrize("temperature", [0.1, 0.5, 3.0])
@pytest.mark.parametrize("convention", CONVENTIONS)
def test_the_loss_is_a_loop_written_by_hand(convention: str, temperature: float) -> None:
    effects = _effects(int(10 * temperature))
    scale = {"as in the program": temperature, "as in the paper": 1 / temperature}[convention]
    losses, nearer = [], []
    for k in range(K):
        for i in range(POINTS):
            alike, unlike = [], []
            for other in range(K):
                for j in range(POINTS):
                    cosine = abs(float(np.dot(effects[k, i].numpy(), effects[other, j].numpy())))
                    if other != k:
                        unlike.append(math.exp(scale * cosine))
                    elif j != i:
                        alike.append(math.exp(scale * cosine))
            losses.append(-math.log((sum(alike) / len(alike)) / (sum(unlike) / len(unlike))))
            nearer.append(sum(alike) / len(alike) > sum(unlike) / len(unlike))
    loss, right = contrastive_loss(effects, temperature, convention)
    assert float(loss) == pytest.approx(sum(losses) / len(losses), rel=1e-9, abs=1e-12)
    assert right.flatten().tolist() == nearer


@pytest.mark.parametrize(("convention", "best"), [("as in the program", -0.5), ("as in the paper", -2.0)])
def test_effects_that_are_alike_and_orthogonal_have_the_least_loss(convention: str, best: float) -> None:
    """Similarities are then 1 and 0, so the loss is -τ or -1 / τ; the sign of an effect does not count."""
    signs = torch.tensor([1.0, -1.0, 1.0, -1.0], dtype=torch.float64)
    effects = torch.eye(6, dtype=torch.float64)[:K, None] * signs[:, None]
    loss, right = contrastive_loss(effects, 0.5, convention)
    assert float(loss) == pytest.approx(best)
    assert bool(right.all())
    alike, unlike = likeness(effects)
    assert alike.tolist() == [1.0] * K
    assert unlike == 0.0


def test_likeness_is_the_mean_over_pairs() -> None:
    effects = _effects(1).numpy()
    alike, unlike = likeness(torch.from_numpy(effects))
    for k in range(K):
        pairs = [abs(effects[k, i] @ effects[k, j]) for i in range(POINTS) for j in range(POINTS) if i != j]
        assert float(alike[k]) == pytest.approx(np.mean(pairs))
    others = [
        abs(effects[a, i] @ effects[b, j])
        for a in range(K)
        for b in range(K)
        for i in range(POINTS)
        for j in range(POINTS)
        if a != b
    ]
    assert unlike == pytest.approx(np.mean(others))


@pytest.mark.parametrize("kind", DIRECTIONS)
def test_a_control_moves_as_the_direction_was_trained(kind: str) -> None:
    maps = Directions(kind, K, WIDTH, 0.7, 0)
    source = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in maps.parameters():
            parameter += 0.3 * torch.randn(parameter.shape, generator=source)
    latent, amounts = torch.randn(3, WIDTH, generator=source), torch.tensor([1.0, -2.0, 0.5])
    directions = maps(latent).detach()
    torch.testing.assert_close(directions.norm(dim=2), torch.ones(K, 3))
    for index in range(K):
        control = maps.control(ControlCard(name="c", space="w"), index, frozen=True)
        shift = control.move(latent, amounts) - latent
        sign = 1.0
        if kind == "global":
            assert isinstance(control, LinearControl)
            # The largest number of a constant direction is positive, whatever training made of it.
            sign = float(directions[index, 0, directions[index, 0].abs().argmax()].sign())
            assert float(control.direction[control.direction.abs().argmax()]) > 0
        torch.testing.assert_close(shift, sign * 0.7 * amounts[:, None] * directions[index], atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("kind", DIRECTIONS)
def test_training_makes_effects_alike_and_directions_unlike(kind: str) -> None:
    """ToyVae's pictures are nearly linear in its 4 active latents, so the best is known: 1 and 0."""
    generator = ToyVae()

    def told(steps: int) -> tuple[float, float]:
        note = METHOD.discover(generator, 3, settings={"steps": steps, "directions": kind}).note
        assert "effects of one direction on the pictures" in note
        numbers = [float(word.rstrip(",")) for word in note.split() if word[0] in "01" and "." in word]
        return numbers[0], numbers[1]

    early, late = told(1), told(60)
    assert late[0] > 0.95
    assert late[1] < min(0.1, early[1] / 2)


class Showing(ToyGenerator):
    """A generator that shows the sums of its cosines before they become a picture."""

    def __init__(self) -> None:
        super().__init__()
        self.card = msgspec.structs.replace(self.card, capabilities=(*self.card.capabilities, "features"))
        self.shown, self.sizes = 0, set[int]()

    def features(self, latent: Latent, size: int) -> Tensor:
        self.shown += latent.batch
        self.sizes.add(size)
        return torch.einsum("lfd,bld->blf", self.affine, self.advance(latent, "w_plus").tensors["w_plus"])


def test_features_are_used_where_they_are_shown_and_cost_is_what_was_asked_of_them() -> None:
    generator = Showing()
    found = METHOD.discover(generator, 3, settings={**QUICK, "layer": 8})
    assert generator.rendered == 0
    assert generator.sizes == {8}
    assert found.cost["generator_evaluations"] == generator.shown
    assert "effects of one direction on the features" in found.note
    plain = ToyGenerator()
    assert METHOD.discover(plain, 3, settings=QUICK).cost["generator_evaluations"] == plain.rendered


def test_directions_that_depend_on_the_latent_are_kept_or_followed() -> None:
    for followed in (False, True):
        settings: dict[str, Scalar] = {**QUICK, "directions": "linear", "followed": followed}
        for one in METHOD.discover(ToyGenerator(), 3, settings=settings).controls:
            assert isinstance(one, ConditionalControl)
            assert one.frozen is not followed


@pytest.mark.parametrize("kind", ["global", "nonlinear"])
def test_an_interrupted_search_goes_on_to_the_same_directions(kind: str, tmp_path: Path) -> None:
    settings: dict[str, Scalar] = {"steps": 8, "batch": 3, "directions": kind}

    def stop(share: float) -> None:
        if share >= 0.75:
            raise Cancelled

    with pytest.raises(Cancelled):
        METHOD.discover(ToyGenerator(), K, 3, settings, Watch(stop, checkpoint=tmp_path / "search.pt"))
    shares: list[float] = []
    state = torch.random.get_rng_state()
    watch = Watch(shares.append, checkpoint=tmp_path / "search.pt")
    again = METHOD.discover(ToyGenerator(), K, 3, settings, watch)
    assert torch.equal(torch.random.get_rng_state(), state)
    assert shares[0] == 0.75
    for one, same in zip(again.controls, METHOD.discover(ToyGenerator(), K, 3, settings).controls, strict=True):
        assert one.card == same.card
        for name, tensor in one.tensors().items():
            assert torch.equal(tensor, same.tensors()[name])


class Failing(ToyGenerator):
    """Its pictures of shifted points are no numbers at one step."""

    def __init__(self, step: int) -> None:
        super().__init__()
        self.step, self.calls = step, 0

    def render(self, latent: Latent, quality: Quality) -> Tensor:
        self.calls += 1
        picture = super().render(latent, quality)
        return picture * float("nan") if self.calls == 2 * self.step + 2 else picture


def test_no_number_ends_it_at_the_last_good_step() -> None:
    settings: dict[str, Scalar] = {"steps": 70, "batch": 2}
    broken = METHOD.discover(Failing(55), 3, 0, settings)
    assert broken.note.startswith("Stopped at step 56 of 70")
    whole = METHOD.discover(ToyGenerator(), 3, 0, settings | {"steps": 50})
    for one, same in zip(broken.controls, whole.controls, strict=True):
        assert torch.equal(one.tensors()["direction"], same.tensors()["direction"])
    with pytest.raises(ControlError, match="LatentCLR broke down at step 1 of 70"):
        METHOD.discover(Failing(0), 3, 0, settings)


def test_what_it_cannot_do_it_refuses_in_one_sentence() -> None:
    assert "run of its sampler" in METHOD.refusal(ToyDiffusion().card)
    assert METHOD.refusal(ToyVae().card) == ""
    with pytest.raises(ControlError, match="2 at least"):
        METHOD.discover(ToyVae(), 1)
    with pytest.raises(ControlError, match="one of global, linear, nonlinear"):
        METHOD.discover(ToyVae(), 2, settings={"directions": "curved"})
