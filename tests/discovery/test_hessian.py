"""Hessian penalty and OroJaR: the published objectives, and frames that are known."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import numpy as np
import pytest
import torch
from plain_maps import PlainMap, normal
from torch import Tensor
from toys import ToyDiffusion, ToyGenerator, ToyVae

from explorer.controls.control_set import ControlSet
from explorer.controls.linear import LinearControl
from explorer.discovery import base, registry
from explorer.discovery.base import Watch
from explorer.discovery.hessian import Curvature, Turn
from explorer.errors import Cancelled, ControlError
from explorer.numerics.linalg import random_orthonormal

METHOD = registry.method("hessian")


def _units(found: ControlSet) -> Tensor:
    rows = torch.stack([one.direction.double().flatten() for one in found.controls if isinstance(one, LinearControl)])
    return rows / rows.norm(dim=1, keepdim=True)


def test_the_share_is_the_published_penalty_over_what_no_turn_changes() -> None:
    # Peebles et al. 2020: the variance, over probes v of ±1, of the second derivative along A v.
    matrices = normal(0, 2, 3, 5, 5).double()
    matrices = matrices + matrices.transpose(-1, -2)
    frame = random_orthonormal(5, 5, 1)
    probes = torch.tensor(list(product([-1.0, 1.0], repeat=5)), dtype=torch.float64) @ frame.T
    along = torch.einsum("vi,npij,vj->npv", probes, matrices, probes)
    penalty = float(along.var(-1, correction=0).sum()) / 2
    found = Curvature(torch.zeros(2, 5, 5), matrices)
    assert float(found.off_diagonal(frame)) == pytest.approx(penalty / float(matrices.square().sum()))


def test_orojar_of_a_linear_map_is_the_off_diagonal_of_its_gram() -> None:
    linear = normal(1, 64, 5).double()
    gram = linear.T @ linear
    frame = random_orthonormal(5, 5, 2)
    # Wei et al. 2021, equation 3: (J a_i) · (J a_j) for every pair i ≠ j.
    effects = (linear @ frame).numpy()
    pairs = sum(float(effects[:, i] @ effects[:, j]) ** 2 for i in range(5) for j in range(5) if i != j)
    found = Curvature(gram[None], gram[None, None])
    assert float(found.off_diagonal(frame)) == pytest.approx(pairs / float(gram.square().sum()))


def test_a_turn_is_orthogonal_and_follows_its_parameter() -> None:
    turn = Turn(random_orthonormal(6, 6, 3))
    torch.testing.assert_close(turn(), turn.free)  # what is orthogonal already stays
    with torch.no_grad():
        turn.free += 0.3 * normal(2, 6, 6)
    frame = turn()
    torch.testing.assert_close(frame.T @ frame, torch.eye(6).double())
    assert bool(((frame * turn.free).sum(0) > 0).all())


def test_orojar_finds_the_singular_vectors_of_a_linear_map() -> None:
    linear = normal(3, 64, 6) * torch.tensor([3.0, 2.4, 1.8, 1.3, 0.9, 0.5])
    found = METHOD.discover(PlainMap(linear), 4, settings={"penalty": "jacobian", "points": 3, "steps": 300})
    right = np.linalg.svd(linear.double().numpy())[2]
    np.testing.assert_allclose(np.abs((_units(found).numpy() * right[:4]).sum(1)), 1, atol=1e-3)
    assert [one.card.name for one in found.controls] == ["OroJaR 1", "OroJaR 2", "OroJaR 3", "OroJaR 4"]
    assert "to 0% at 1 fresh points" in found.note


def test_the_hessian_penalty_finds_the_frame_in_which_no_two_axes_interact() -> None:
    frame = random_orthonormal(5, 5, 4).float()  # rows
    curvatures = normal(5, 64, 5)
    curved = torch.einsum("pa,ai,aj->pij", curvatures, frame, frame)
    # All axes are equally strong in first order, where the Jacobian alone cannot tell them apart.
    generator = PlainMap(torch.zeros(64, 5), curved)
    found = METHOD.discover(generator, 5, settings={"points": 3, "epsilon": 0.5, "steps": 250, "learning_rate": 0.05})
    agreement = (_units(found) @ frame.double().T).abs()
    np.testing.assert_allclose(agreement.max(1).values, 1, atol=1e-3)
    assert sorted(agreement.argmax(1).tolist()) == [0, 1, 2, 3, 4]
    assert found.cost["generator_evaluations"] == generator.drawn == 3 * (1 + 5 + 25)


def test_directions_come_by_falling_effect_and_are_orthonormal_in_a_leading_part() -> None:
    linear = normal(6, 64, 20) * torch.linspace(2, 0.1, 20)
    found = METHOD.discover(
        PlainMap(linear), 4, settings={"penalty": "jacobian", "points": 2, "dimensions": 8, "steps": 150}
    )
    units = _units(found)
    torch.testing.assert_close(units @ units.T, torch.eye(4).double(), atol=1e-6, rtol=0)
    effects = (units @ linear.T.double()).norm(dim=1)
    assert bool((effects.diff() <= 1e-6).all())
    assert "in 8 dimensions" in found.note
    # Without that part, directions that change nothing would win.
    assert float(effects.min()) > float(torch.linalg.svdvals(linear.double())[10])


@pytest.mark.parametrize("penalty", ["hessian", "jacobian"])
@pytest.mark.parametrize("generator", [ToyGenerator(), ToyVae(), ToyDiffusion()], ids=lambda one: one.card.name)
def test_both_work_on_every_family(penalty: str, generator: ToyGenerator | ToyVae | ToyDiffusion) -> None:
    settings = {"penalty": penalty, "points": 4, "steps": 60}
    shares: list[float] = []
    found = METHOD.discover(generator, 3, seed=2, settings=settings, progress=shares.append)
    found.check(generator.card)
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    before, after = _told(found.note)
    assert after < before


def _told(note: str) -> tuple[float, float]:
    """The percentages after "from" and "to"."""
    words = note.replace("%", "").split()
    place = words.index("from")
    return float(words[place + 1]), float(words[place + 3])


@pytest.mark.parametrize("at", [0.3, 0.6, 0.79, 0.9])
@pytest.mark.parametrize("penalty", ["hessian", "jacobian"])
def test_an_interrupted_search_goes_on_to_the_same_bits(penalty: str, at: float, tmp_path: Path) -> None:
    """Whether it measures or learns; what it has measured is not drawn again, and was paid for once."""
    linear, curved = normal(6, 64, 7), normal(7, 64, 7, 7)
    settings = {"penalty": penalty, "points": 4, "steps": 40, "dimensions": 5}
    kept = tmp_path / "search.pt"

    def stop(share: float) -> None:
        if share > at:
            raise Cancelled

    whole_one, first, second = (PlainMap(linear, curved) for _ in range(3))
    with pytest.raises(Cancelled):
        METHOD.discover(first, 3, settings=settings, progress=Watch(stop, checkpoint=kept))
    assert kept.is_file()
    shares: list[float] = []
    resumed = METHOD.discover(second, 3, settings=settings, progress=Watch(shares.append, checkpoint=kept))
    assert not kept.exists()
    whole = METHOD.discover(whole_one, 3, settings=settings)
    assert torch.equal(_units(resumed), _units(whole))
    assert resumed.note == whole.note
    assert [one.card for one in resumed.controls] == [one.card for one in whole.controls]
    assert resumed.cost["generator_evaluations"] == whole.cost["generator_evaluations"]
    probe = whole_one.drawn - first.drawn - second.drawn  # the trial of forward mode, which is made anew
    assert -3 <= probe <= 0
    assert shares == sorted(shares)
    if at > 0.8:
        assert sum(share > 0.8 for share in shares) < 30  # it did not learn anew


def test_a_search_that_is_interrupted_again_and_again_ends_all_the_same(tmp_path: Path) -> None:
    """One point more each time: every stop keeps what the one before had."""
    linear, kept = normal(6, 64, 5), tmp_path / "search.pt"
    settings = {"points": 4, "steps": 20}
    for at in (0.15, 0.4, 0.5, 0.7, 0.85, 0.9):

        def stop(share: float, at: float = at) -> None:
            if share > at:
                raise Cancelled

        with pytest.raises(Cancelled):
            METHOD.discover(PlainMap(linear), 3, settings=settings, progress=Watch(stop, checkpoint=kept))
    last = PlainMap(linear)
    found = METHOD.discover(last, 3, settings=settings, progress=Watch(checkpoint=kept))
    assert last.drawn == 0
    assert torch.equal(_units(found), _units(METHOD.discover(PlainMap(linear), 3, settings=settings)))


def test_the_first_estimate_is_the_frame_where_there_is_one() -> None:
    """From some of the points already; and from JᵀJ it is the singular vectors."""
    frame = random_orthonormal(5, 5, 4)
    strengths = normal(5, 4, 64, 5).double()
    found = Curvature(torch.zeros(4, 5, 5), torch.einsum("npa,ai,aj->npij", strengths, frame, frame))
    for some in (found, Curvature(found.gram[:1], found.matrices[:1])):
        estimate = some.first_estimate()
        assert float(some.off_diagonal(estimate)) < 1e-20
        agreement = (frame @ estimate).abs()
        np.testing.assert_allclose(agreement.max(1).values, 1, atol=1e-9)
    linear = normal(1, 64, 5).double()
    gram = linear.T @ linear
    right = torch.linalg.svd(linear)[2].flip(0)
    torch.testing.assert_close(
        (right @ Curvature(gram[None], gram[None, None]).first_estimate()).abs(), torch.eye(5).double()
    )


def test_previews_begin_with_the_first_point_and_never_get_worse(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base, "PREVIEW_EVERY", 0.0)
    frame = random_orthonormal(5, 5, 4).float()
    curved = torch.einsum("pa,ai,aj->pij", normal(5, 64, 5), frame, frame)
    seen: list[ControlSet] = []
    settings = {"points": 3, "epsilon": 0.5, "steps": 20}
    generator = PlainMap(torch.zeros(64, 5), curved)
    found = METHOD.discover(generator, 5, settings=settings, progress=Watch(preview=seen.append))
    assert [one.note for one in seen[:3]] == [
        f"Still searching: a first estimate from {count} of 3 points." for count in (1, 2, 3)
    ]
    assert {one.note for one in seen[3:]} == {"Still searching."}
    assert len(seen) == 23
    # A frame exists here, so the estimate has it from the first point on; 20 steps of learning do not reach it.
    for one in seen:
        one.check(generator.card)
        agreement = (_units(one) @ frame.double().T).abs()
        np.testing.assert_allclose(agreement.max(1).values, 1, atol=1e-3)
    assert float((_units(found) @ frame.double().T).abs().max(1).values.min()) < 0.99
    # Looking changes nothing.
    assert torch.equal(
        _units(METHOD.discover(PlainMap(torch.zeros(64, 5), curved), 5, settings=settings)), _units(found)
    )


def test_pictures_that_are_no_numbers_end_it_in_one_sentence(tmp_path: Path) -> None:
    linear, kept = normal(6, 64, 5), tmp_path / "search.pt"
    linear[3, 2] = float("nan")
    with pytest.raises(ControlError, match="not finite at point 1 of 4"):
        METHOD.discover(PlainMap(linear), 3, settings={"points": 4}, progress=Watch(checkpoint=kept))
    assert not kept.exists()


def test_layers_are_moved_together() -> None:
    generator = ToyGenerator()
    found = METHOD.discover(generator, 3, settings={"first_layer": 2, "points": 3, "steps": 20})
    found.check(generator.card)
    assert {one.card.layers for one in found.controls} == {(2, 3)}


def test_models_with_axes_of_their_own_are_refused() -> None:
    axes = PlainMap(torch.ones(64, 3), capabilities=("axes",))
    assert "Latent axes" in registry.refusals(axes.card)["hessian"]
