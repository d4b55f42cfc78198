"""Voynov & Babenko: each deformator against scipy and numpy, the reconstructor's honesty, and the search."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest
import scipy.linalg
import torch
from torch import Tensor, nn
from toys import ToyDiffusion, ToyGenerator

from explorer.controls.control_set import ControlSet
from explorer.controls.deformation import DeformationControl
from explorer.controls.linear import LinearControl
from explorer.discovery import shift_predictor
from explorer.discovery.base import Watch
from explorer.discovery.deformators import KINDS, Bent, Columns, deformator
from explorer.discovery.initial import initialised
from explorer.discovery.shift_predictor import ShiftPredictor
from explorer.discovery.voynov import METHOD, bent_control, drawn_amounts
from explorer.errors import Cancelled, ControlError
from explorer.generators.base import Latent
from explorer.outputs.image import OUTPUT as IMAGE
from explorer.scene.cards import ControlCard
from explorer.scene.model import Quality, Scalar

CPU = torch.device("cpu")
QUICK: dict[str, Scalar] = {"steps": 4, "batch": 4}
K, WIDTH = 4, 10


@pytest.fixture(autouse=True)
def fewer_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    """The examination at the end would take longer than the rest of a test."""
    monkeypatch.setattr(shift_predictor, "HELD_OUT", 64)


def _unlike(kind: str, seed: int = 0) -> Columns | Bent:
    """A deformator some way from where it begins."""
    maps = deformator(kind, K, WIDTH, 8, seed, CPU)
    source = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in maps.parameters():
            parameter += 0.5 * torch.randn(parameter.shape, generator=source)
    return maps


def _figures(found: ControlSet) -> list[float]:
    return [float(one.card.figure.removesuffix("%")) / 100 for one in found.controls]


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_ortho_is_the_exponential_of_a_skew_matrix(seed: int) -> None:
    maps = _unlike("ortho", seed)
    assert isinstance(maps, Columns)
    matrix = maps.matrix.detach().double().numpy()
    columns = maps.columns().detach().double().numpy()
    np.testing.assert_allclose(columns, scipy.linalg.expm(matrix - matrix.T)[:, :K], atol=1e-5)
    np.testing.assert_allclose(columns.T @ columns, np.eye(K), atol=1e-5)
    # A second way: the eigenvectors of the Hermitian matrix i (L - Lᵀ).
    values, vectors = np.linalg.eigh(1j * (matrix - matrix.T))
    turned = (vectors * np.exp(-1j * values)) @ vectors.conj().T
    np.testing.assert_allclose(columns, turned.real[:, :K], atol=1e-5)


def _numpy_shift(maps: Columns | Bent, which: int, amount: float) -> np.ndarray:
    """A(ε e_k) - A(0), from the parameters alone, as the publication writes it."""
    t = {name: tensor.detach().double().numpy() for name, tensor in maps.named_parameters()}
    if isinstance(maps, Bent):

        def elu(x: np.ndarray) -> np.ndarray:
            return np.where(x > 0, x, np.expm1(np.minimum(x, 0)))

        def mapped(e: np.ndarray) -> np.ndarray:
            x1 = t["first.weight"] @ e + t["first.bias"]
            x2 = t["second.weight"] @ elu(x1) + t["second.bias"]
            x3 = t["third.weight"] @ elu(x2 + x1) + t["third.bias"]
            out: np.ndarray = t["last.weight"] @ elu(x3 + x2 + x1) + np.pad(e, (0, WIDTH - K))
            return out

        one_hot = np.eye(K)[which]
        return mapped(amount * one_hot) - mapped(0 * one_hot)
    if maps.kind == "ortho":
        return np.asarray(scipy.linalg.expm(t["matrix"] - t["matrix"].T)[:, which] * amount)
    column: np.ndarray = t["matrix"][:, which] * amount
    if maps.kind == "proj" and amount:
        column *= abs(amount) / np.linalg.norm(column)
    return column


@pytest.mark.parametrize("kind", KINDS)
def test_every_deformator_shifts_as_published(kind: str) -> None:
    maps = _unlike(kind)
    which, amounts = torch.tensor([0, 3, 1, 3, 2]), torch.tensor([1.0, -2.5, 0.25, 4.0, 0.0])
    expected = np.stack([_numpy_shift(maps, int(k), float(e)) for k, e in zip(which, amounts, strict=True)])
    shifts = maps(which, amounts).detach().numpy()
    np.testing.assert_allclose(shifts, expected, atol=1e-5 * max(1.0, float(np.abs(expected).max())))


def test_a_bent_direction_is_kept_as_it_was_trained() -> None:
    maps = _unlike("fc")
    assert isinstance(maps, Bent)
    amounts, latent = torch.tensor([-3.0, 0.5, 2.0]), torch.randn(3, WIDTH)
    for index in range(K):
        control = bent_control(ControlCard(name="c", space="w"), maps, index, 0.7)
        expected = latent + 0.7 * maps(torch.full((3,), index), amounts).detach()
        torch.testing.assert_close(control.move(latent, amounts), expected, atol=1e-5, rtol=1e-5)


def test_amounts_fill_their_range_and_shun_zero() -> None:
    drawn = drawn_amounts(20_000, 6.0, 0.5, torch.Generator().manual_seed(0))
    assert float(drawn.abs().min()) == 0.5
    assert 5.9 < float(drawn.abs().max()) <= 6.0
    assert abs(float((drawn > 0).float().mean()) - 0.5) < 0.02
    assert abs(float((drawn.abs() == 0.5).float().mean()) - 1 / 12) < 0.01
    assert abs(float((drawn.abs() > 3).float().mean()) - 0.5) < 0.02
    assert bool((drawn_amounts(9, 0.2, 0.5, torch.Generator()).abs() == torch.tensor(0.2)).all())


def test_the_reconstructor_cannot_read_the_label_from_its_neighbours() -> None:
    """What it says of a pair is the same alone, beside others, and in training mode: no statistics of the batch."""
    network = initialised(lambda: ShiftPredictor(IMAGE, (3, 16, 16), 5), 0, 0, CPU)
    assert not any(isinstance(layer, nn.modules.batchnorm._NormBase) for layer in network.modules())
    source = torch.Generator().manual_seed(0)
    before, after = (torch.rand(6, 3, 16, 16, generator=source) * 2 - 1 for _ in range(2))
    logits, amounts = network(before, after)
    network.eval()
    for row in range(6):
        one = slice(row, row + 1)
        alone, amount = network(before[one], after[one])
        torch.testing.assert_close(alone, logits[one], atol=1e-5, rtol=1e-4)
        torch.testing.assert_close(amount, amounts[one], atol=1e-5, rtol=1e-4)


def test_large_pictures_are_averaged_before_they_are_looked_at() -> None:
    network = initialised(lambda: ShiftPredictor(IMAGE, (1, 256, 128), 2), 0, 0, CPU)
    small = torch.rand(2, 1, 64, 32, generator=torch.Generator().manual_seed(0))
    large = small.repeat_interleave(4, 2).repeat_interleave(4, 3)
    for ours, same in zip(network(large, -large), network(small, -small), strict=True):
        torch.testing.assert_close(ours, same, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_it_gives_controls_of_the_kind_that_was_asked_for(kind: str) -> None:
    found = METHOD.discover(ToyGenerator(), K, settings={**QUICK, "deformator": kind, "shift": 2.0, "hidden": 8})
    assert {(one.card.low, one.card.high) for one in found.controls} == {(-2.0, 2.0)}
    if kind == "fc":
        assert all(isinstance(one, DeformationControl) for one in found.controls)
        return
    directions = torch.stack([one.direction for one in found.controls if isinstance(one, LinearControl)]).double()
    w = ToyGenerator().advance(ToyGenerator().sample(range(5000)), "w").tensors["w"].double()
    directions /= w.var(0).mean().sqrt()  # in the unit that the card tells
    grams = directions @ directions.T
    if kind == "ortho":
        torch.testing.assert_close(grams, torch.eye(K).double(), atol=0.05, rtol=0)
    elif kind == "proj":
        torch.testing.assert_close(grams.diagonal(), torch.ones(K).double(), atol=0.05, rtol=0)


def test_training_makes_the_directions_recognisable() -> None:
    generator = ToyGenerator()
    early = METHOD.discover(generator, K, seed=1, settings={"steps": 1})
    late = METHOD.discover(generator, K, seed=1, settings={"steps": 60})
    assert np.mean(_figures(early)) < 0.6
    assert np.mean(_figures(late)) > 0.9
    assert f"{np.mean(_figures(late)):.0%} of held-out shifts (chance 25%), after 60 steps" in late.note


class Blind(ToyGenerator):
    """Its pictures are all alike, whatever the latent."""

    def render(self, latent: Latent, quality: Quality) -> Tensor:
        return super().render(latent, quality) * 0


def test_where_nothing_can_be_seen_the_accuracy_is_chance() -> None:
    found = METHOD.discover(Blind(), K, settings={"steps": 20})
    assert np.mean(_figures(found)) == 1 / K
    assert "25% of held-out shifts (chance 25%)" in found.note


def test_its_cost_is_what_it_drew_and_its_chance_its_own() -> None:
    generator = ToyGenerator()
    state = torch.random.get_rng_state()
    found = METHOD.discover(generator, 3, settings=QUICK)
    assert torch.equal(torch.random.get_rng_state(), state)
    assert found.cost["generator_evaluations"] == generator.rendered
    assert found.cost["labels"] == 0
    other = METHOD.discover(generator, 3, seed=1, settings=QUICK)
    assert not torch.equal(other.controls[0].tensors()["direction"], found.controls[0].tensors()["direction"])


@pytest.mark.parametrize("kind", ["ortho", "fc"])
def test_an_interrupted_search_goes_on_to_the_same_directions(kind: str, tmp_path: Path) -> None:
    settings: dict[str, Scalar] = {"steps": 8, "batch": 4, "deformator": kind}

    def stop(share: float) -> None:
        if share >= 0.5:
            raise Cancelled

    with pytest.raises(Cancelled):
        METHOD.discover(ToyGenerator(), K, 3, settings, Watch(stop, checkpoint=tmp_path / "search.pt"))
    shares: list[float] = []
    watch = Watch(shares.append, checkpoint=tmp_path / "search.pt")
    again = METHOD.discover(ToyGenerator(), K, 3, settings, watch)
    assert shares[0] == 0.5
    for one, same in zip(again.controls, METHOD.discover(ToyGenerator(), K, 3, settings).controls, strict=True):
        assert one.card == same.card
        for name, tensor in one.tensors().items():
            assert torch.equal(tensor, same.tensors()[name])


class Failing(ToyGenerator):
    """Its pictures are no numbers from one step on, until one step later."""

    def __init__(self, step: int) -> None:
        super().__init__()
        self.step, self.calls = step, 0

    def render(self, latent: Latent, quality: Quality) -> Tensor:
        self.calls += 1
        picture = super().render(latent, quality)
        return picture * float("nan") if (self.calls - 1) // 2 == self.step else picture


def test_no_number_ends_it_at_the_last_good_step() -> None:
    settings: dict[str, Scalar] = {"steps": 80, "batch": 2}
    broken = METHOD.discover(Failing(60), 3, 0, settings)
    assert broken.note.startswith("Stopped at step 61 of 80")
    assert "after 50 steps" in broken.note
    whole = METHOD.discover(ToyGenerator(), 3, 0, settings | {"steps": 50})
    for one, same in zip(broken.controls, whole.controls, strict=True):
        assert torch.equal(one.tensors()["direction"], same.tensors()["direction"])
    with pytest.raises(ControlError, match=r"Voynov-Babenko broke down at step 1 of 80"):
        METHOD.discover(Failing(0), 3, 0, settings)


def test_what_it_cannot_do_it_refuses_in_one_sentence() -> None:
    assert "run of its sampler" in METHOD.refusal(ToyDiffusion().card)
    card = ToyGenerator().card
    assert "Latent axes" in METHOD.refusal(msgspec.structs.replace(card, capabilities=("axes",)))
    assert METHOD.refusal(card) == ""
    with pytest.raises(ControlError, match="2 at least"):
        METHOD.discover(ToyGenerator(), 1)
