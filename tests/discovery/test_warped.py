"""WarpedGANSpace: how fields begin and steps are drawn, and that its search is honest and repeatable."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from toys import ToyDiffusion, ToyGenerator

from explorer.controls.control_set import ControlSet, load, save
from explorer.controls.field import FieldControl
from explorer.discovery import shift_predictor
from explorer.discovery.base import Watch
from explorer.discovery.registry import fitting
from explorer.discovery.sampling import Place
from explorer.discovery.warped import METHOD, Bumps, drawn_lengths
from explorer.errors import Cancelled, ControlError
from explorer.fields.rbf import RbfField
from explorer.generators.base import Latent
from explorer.scene.model import Quality, Scalar

QUICK: dict[str, Scalar] = {"steps": 4, "batch": 4, "pairs": 3}
TIME = torch.zeros(1)


@pytest.fixture(autouse=True)
def fewer_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shift_predictor, "HELD_OUT", 64)


def _figures(found: ControlSet) -> list[float]:
    return [float(one.card.figure.removesuffix("%")) / 100 for one in found.controls]


def _w(count: int) -> torch.Tensor:
    toy = ToyGenerator()
    return toy.advance(toy.sample(range(count)), "w").tensors["w"]


def test_fields_begin_as_published() -> None:
    """Pairs s and -s on spheres with radii from 1 to less than 4, weights 1 and -1, γ = 1 / d; in the units of a space
    whose mean is not 0 and whose deviation is not 1."""
    centre = torch.arange(6.0)
    for bumps, sigma, middle in (
        (Bumps(3, 5, Place(torch.zeros(6), 1.0), True, 0), 1.0, torch.zeros(6)),
        (Bumps(3, 5, Place(centre, 0.5), True, 0), 0.5, centre),
    ):
        for index, field in enumerate(bumps.fields()):
            around = (field.supports - middle) / sigma
            torch.testing.assert_close(around[::2], -around[1::2])
            torch.testing.assert_close(around.norm(dim=1), torch.full((10,), 1.0 + index))
            assert field.alphas.tolist() == [1.0, -1.0] * 5
            assert field.gamma == pytest.approx(1 / 6 / sigma**2)
    other = Bumps(3, 5, Place(torch.zeros(6), 1.0), True, 1)
    assert not torch.equal(other.supports, Bumps(3, 5, Place(torch.zeros(6), 1.0), True, 0).supports)


def test_what_is_trained_is_what_is_given() -> None:
    bumps, z = Bumps(4, 3, Place(torch.randn(10), 0.7), True, 2), _w(5)
    made = bumps.fields()
    which = torch.tensor([0, 3, 3, 1, 2])
    step = bumps(z, which).detach()
    torch.testing.assert_close(step.norm(dim=1), torch.ones(5))
    for row, index in enumerate(which.tolist()):
        velocity = made[index].velocity(z[row : row + 1], TIME)[0]
        torch.testing.assert_close(step[row], velocity / velocity.norm(), rtol=1e-4, atol=1e-4)


def test_lengths_are_uniform_and_of_either_sign() -> None:
    drawn = drawn_lengths(40_000, 0.25, 0.35, torch.Generator().manual_seed(0))
    sizes = drawn.abs().sort().values.numpy()
    assert 0.25 <= sizes[0] < 0.2501
    assert 0.3499 < sizes[-1] <= 0.35
    # Kolmogorov-Smirnov distance from the uniform distribution; at 40 000 samples .00815 happens once in a hundred.
    assert np.abs((sizes - 0.25) / 0.1 - (np.arange(40_000) + 0.5) / 40_000).max() < 0.0082
    share = float((drawn > 0).double().mean())
    assert abs(share - 0.5) < 4 * math.sqrt(0.25 / 40_000)
    # The sign says nothing of the size.
    assert float(drawn.abs()[drawn > 0].mean()) == pytest.approx(float(drawn.abs()[drawn < 0].mean()), abs=0.001)


def test_it_gives_paths_at_unit_speed() -> None:
    found = METHOD.discover(ToyGenerator(), 3, settings=QUICK)
    found.check(ToyGenerator().card)
    sigma = float(_w(2000).double().var(0).mean().sqrt())
    for one in found.controls:
        assert isinstance(one, FieldControl)
        assert isinstance(one.field, RbfField)
        card = one.card
        assert card.field is not None
        assert (card.field.nature, card.field.unit_speed, card.field.potential) == ("gradient", True, True)
        assert (card.low, card.high, card.laws.composes, card.laws.negative) == (-3.0, 3.0, True, "reverse")
        assert one.flow.scale == pytest.approx(sigma, rel=0.1)
        assert len(one.field.alphas) == 6
        z = _w(1)
        short = one.move(z, torch.tensor([0.01])) - z
        assert float(short.norm()) == pytest.approx(0.01 * one.flow.scale, rel=1e-2)


def test_training_makes_the_paths_recognisable() -> None:
    early = METHOD.discover(ToyGenerator(), 4, seed=1, settings={"steps": 1})
    late = METHOD.discover(ToyGenerator(), 4, seed=1, settings={"steps": 60})
    assert np.mean(_figures(early)) < 0.5
    assert np.mean(_figures(late)) > 0.75
    assert f"{np.mean(_figures(late)):.0%} of held-out shifts (chance 25%), after 60 steps" in late.note
    assert "not whether each is one factor" in late.note
    assert all("held-out pairs; by chance 25%" in " ".join(one.card.details) for one in late.controls)


class Blind(ToyGenerator):
    """Its pictures are all alike, whatever the latent."""

    def render(self, latent: Latent, quality: Quality) -> torch.Tensor:
        return super().render(latent, quality) * 0


def test_where_nothing_can_be_seen_the_accuracy_is_chance() -> None:
    found = METHOD.discover(Blind(), 4, settings={"steps": 20, "pairs": 3})
    assert np.mean(_figures(found)) == 0.25


def test_widths_are_learned_only_where_they_shall_be() -> None:
    for widths in (True, False):
        found = METHOD.discover(ToyGenerator(), 2, settings={**QUICK, "widths": widths})
        gammas = [one.parameters()["field.gamma"] for one in found.controls]
        start = 1 / 10 / found.controls[0].flow.scale ** 2  # type: ignore[attr-defined]
        assert all((gamma == pytest.approx(start, rel=1e-5)) is not widths for gamma in gammas)


def test_its_cost_is_what_it_drew_and_its_chance_its_own(tmp_path: Path) -> None:
    generator = ToyGenerator()
    state = torch.random.get_rng_state()
    found = METHOD.discover(generator, 3, settings=QUICK)
    assert torch.equal(torch.random.get_rng_state(), state)
    assert found.cost["generator_evaluations"] == generator.rendered
    assert found.cost["labels"] == 0
    again, other = (METHOD.discover(generator, 3, seed=seed, settings=QUICK) for seed in (0, 1))
    save(found, tmp_path / "found.safetensors")
    for one, same, read, unlike in zip(
        found.controls, again.controls, load(tmp_path / "found.safetensors").controls, other.controls, strict=True
    ):
        supports = one.tensors()["supports"]
        assert torch.equal(same.tensors()["supports"], supports)
        assert torch.equal(read.tensors()["supports"], supports)
        assert not torch.equal(unlike.tensors()["supports"], supports)
        z = _w(3)
        assert torch.equal(read.move(z, torch.full((3,), 1.3)), one.move(z, torch.full((3,), 1.3)))


def test_an_interrupted_search_goes_on_to_the_same_paths(tmp_path: Path) -> None:
    settings: dict[str, Scalar] = {**QUICK, "steps": 8}

    def stop(share: float) -> None:
        if share >= 5 / 8:
            raise Cancelled

    kept = tmp_path / "unfinished.pt"
    with pytest.raises(Cancelled):
        METHOD.discover(ToyGenerator(), 3, settings=settings, progress=Watch(stop, checkpoint=kept))
    assert kept.exists()
    shares: list[float] = []
    on = METHOD.discover(ToyGenerator(), 3, settings=settings, progress=Watch(shares.append, checkpoint=kept))
    assert min(shares) >= 4 / 8
    assert not kept.exists()
    whole = METHOD.discover(ToyGenerator(), 3, settings=settings)
    for one, other in zip(on.controls, whole.controls, strict=True):
        assert torch.equal(one.tensors()["supports"], other.tensors()["supports"])
        assert one.parameters() == other.parameters()


def test_what_is_shown_on_the_way_is_no_promise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("explorer.discovery.base.PREVIEW_EVERY", 0.0)
    shown: list[ControlSet] = []
    METHOD.discover(ToyGenerator(), 3, settings=QUICK, progress=Watch(preview=shown.append))
    assert len(shown) == 4
    assert {one.card.figure for one in shown[0].controls} == {""}
    assert shown[0].note == "Still searching."
    first, last = (one.controls[0].tensors()["supports"] for one in (shown[0], shown[-1]))
    assert not torch.equal(first, last)


@pytest.mark.parametrize(
    ("k", "settings", "sentence"),
    [
        (1, {}, "WarpedGANSpace tells directions apart, so it needs 2 at least"),
        (2, {"least": 2.5, "shift": 2.0}, "'least' is 2.5, which is more than 'shift', 2"),
        (11, {}, "has 10 dimensions"),
        (2, {"pairs": 0}, "'pairs' of WarpedGANSpace is 0"),
        (2, {"rate": 1.0, "least": 1e2, "shift": 1e2, "steps": 3}, None),
    ],
)
def test_bad_requests_are_refused_in_a_sentence(k: int, settings: dict[str, Scalar], sentence: str | None) -> None:
    if sentence is None:
        found = METHOD.discover(ToyGenerator(), k, settings=settings)  # it learns nothing, and says so
        assert all(bool(one.tensors()["supports"].isfinite().all()) for one in found.controls)
        return
    with pytest.raises(ControlError, match=sentence):
        METHOD.discover(ToyGenerator(), k, settings=settings)


def test_it_fits_where_pictures_can_be_drawn_by_the_thousand() -> None:
    assert "warped" in fitting(ToyGenerator().card)
    assert "needs a run of its sampler for each" in METHOD.refusal(ToyDiffusion().card)
