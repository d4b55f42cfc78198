"""Volume-preserving fields, Helmholtz flow and orthogonal effects as methods: what they find, keep, show and refuse."""

from __future__ import annotations

import math
from pathlib import Path
from typing import cast

import msgspec
import numpy as np
import pytest
import torch
from plain_maps import PlainMap, normal
from scipy.optimize import linear_sum_assignment
from torch import Tensor
from torch.nn import functional
from toys import ToyDiffusion, ToyGenerator

from explorer.comparison.calibration import calibrated
from explorer.comparison.paths import walked
from explorer.controls.base import Control
from explorer.controls.control_set import ControlSet, load, save
from explorer.controls.field import FieldControl
from explorer.controls.linear import LinearControl
from explorer.discovery import base, local_effects, trained
from explorer.discovery.base import Watch
from explorer.discovery.helmholtz_flow import METHOD as HELMHOLTZ
from explorer.discovery.orthogonal_effects import METHOD as STRAIGHT
from explorer.discovery.request import CheckedMethod
from explorer.discovery.sampling import drawn_latents
from explorer.discovery.volume_preserving import METHOD as CURVED
from explorer.errors import Cancelled, ControlError
from explorer.fields.helmholtz import PARTS, HelmholtzField
from explorer.generators import registry as generators
from explorer.generators.base import Generator, Latent
from explorer.generators.known_factors import KnownFactorsNetwork, write_known_factors
from explorer.generators.known_factors_codes import CIRCLE
from explorer.numerics.integrators import Length, step
from explorer.numerics.winding import turns
from explorer.scene.model import Quality, Scalar

CPU = torch.device("cpu")
ALL = pytest.mark.parametrize("method", [CURVED, HELMHOLTZ, STRAIGHT], ids=lambda one: one.card.name)
QUICK: dict[str, Scalar] = {"steps": 12, "batch": 8, "samples": 24}
SHORT: dict[str, Scalar] = {"steps": 500, "samples": 1024}


def _same(first: ControlSet, second: ControlSet) -> bool:
    pairs = zip(first.controls, second.controls, strict=True)
    return all(
        torch.equal(tensor, other.tensors()[name]) for one, other in pairs for name, tensor in one.tensors().items()
    )


def _path_cosine(generator: Generator, found: ControlSet) -> float:
    """Speed-weighted |cos| with the truth where the path is, over ±1 calibrated unit, matched, from 16 base codes."""
    alphas = np.array([np.nan if one is None else one for one in calibrated(generator, found.controls, 0.06)])
    bases = next(drawn_latents(generator, 16, 777, 16))
    truth = walked(generator, bases, found.controls, alphas, np.zeros((0, 2), np.int64)).truth
    assert truth is not None
    cosines = truth.mean(0)
    rows, columns = linear_sum_assignment(-cosines)
    return float(cosines[rows, columns].mean())


# --- what they find --------------------------------------------------------------------------------------------------


def test_fields_without_divergence_beat_the_best_straight_lines_where_the_truth_is_curved() -> None:
    generator = generators.load("known-curved", CPU)
    curved, straight = (_path_cosine(generator, one.discover(generator, 5, 0, SHORT)) for one in (CURVED, STRAIGHT))
    assert curved >= 0.80
    assert straight >= 0.70
    assert curved >= straight + 0.04


def test_the_order_holds_for_another_curved_truth(tmp_path: Path) -> None:
    write_known_factors(tmp_path / "curved", "curved", seed=5)
    generator = generators.load(str(tmp_path / "curved"), CPU)
    curved, straight = (_path_cosine(generator, one.discover(generator, 5, 0, SHORT)) for one in (CURVED, STRAIGHT))
    assert curved >= straight + 0.08


def _turns(control: Control, starts: Tensor, plane: Tensor) -> Tensor:
    """(B,) how often the paths from ``starts`` (B, d) go round the middle of ``plane`` (2, d) at unit speed, in twice
    the length of the circle through the start."""
    length = 2 * 2 * math.pi * (starts @ plane.T).norm(dim=1, keepdim=True)

    def ahead(z: Tensor, s: Length) -> Tensor:
        return functional.normalize(control.velocity(z), dim=1) * length

    path = [starts]
    for number in range(160):
        path.append(step("rk4", ahead, path[-1], number / 160, 1 / 160))
    return torch.tensor([turns(one, *plane) for one in torch.stack(path, 1)])


def test_a_factor_that_goes_round_is_followed_round() -> None:
    generator = generators.load("known-ring", CPU)
    network = cast("KnownFactorsNetwork", generator.network)  # type: ignore[attr-defined]
    found = CURVED.discover(generator, 5, 0, {"steps": 300, "samples": 768})
    assert "from a rotation in the plane of the leading directions" in found.note
    assert _path_cosine(generator, found) >= 0.97
    starts = generator.sample(range(6)).tensors["z"].double()
    round_ = [_turns(one, starts, network.mixing[list(CIRCLE)].double()) for one in found.controls]
    means = sorted(float(one.abs().mean()) for one in round_)
    assert means[-1] >= 1.9
    assert means[-2] <= 0.2  # the others do not turn


@pytest.mark.parametrize("method", [CURVED, STRAIGHT], ids=lambda one: one.card.name)
def test_where_the_truth_is_straight_they_find_it(method: CheckedMethod) -> None:
    generator = generators.load("known-distinct", CPU)
    assert _path_cosine(generator, method.discover(generator, 5, 0, SHORT)) >= 0.96


def test_orthogonal_effects_are_the_singular_vectors_of_a_linear_map() -> None:
    linear = normal(3, 64, 6) * torch.tensor([3.0, 2.4, 1.8, 1.3, 0.9, 0.5])
    found = STRAIGHT.discover(PlainMap(linear), 3, 0, {"samples": 16, "steps": 400})
    assert all(isinstance(one, LinearControl) for one in found.controls)
    rows = torch.stack([one.tensors()["direction"] for one in found.controls]).double().numpy()
    effects = rows @ linear.double().numpy().T
    gram = effects @ effects.T
    np.testing.assert_allclose(gram, np.diag(np.diag(gram)), atol=0.02 * gram.max())
    assert "mean |cosine| of 0.0" in found.note


@ALL
def test_a_single_control_follows_where_the_picture_changes_most(method: CheckedMethod) -> None:
    linear = normal(3, 64, 6) * torch.tensor([3.0, 1.5, 0.8, 0.6, 0.5, 0.4])
    generator = PlainMap(linear)
    found = method.discover(generator, 1, 0, {"samples": 32, "steps": 300})
    assert "no other to differ from" in found.note
    way = found.controls[0].velocity(normal(1, 4, 6))
    top = torch.linalg.svd(linear.double()).Vh[0]
    cosines = torch.nn.functional.cosine_similarity(way, top.expand(4, -1), dim=1).abs()
    assert float(cosines.min()) > 0.95


# --- what their controls are -----------------------------------------------------------------------------------------


@ALL
def test_a_set_is_whole_and_survives_its_file(method: CheckedMethod, tmp_path: Path) -> None:
    generator = ToyGenerator()
    found = method.discover(generator, 4, 2, QUICK)
    found.check(generator.card)
    assert found.space == "w"
    assert len({one.card.name for one in found.controls}) == 4
    shares = [float(one.card.figure.rstrip("%")) for one in found.controls]
    assert shares == sorted(shares, reverse=True)
    assert sum(shares) == pytest.approx(100, abs=0.3)
    save(found, tmp_path / "set.safetensors")
    again = load(tmp_path / "set.safetensors")
    latent = generator.advance(generator.sample([1]), "w").tensors["w"]
    for one, other in zip(found.controls, again.controls, strict=True):
        amount = torch.tensor([0.7])
        assert torch.equal(one.move(latent, amount), other.move(latent, amount))


@pytest.mark.parametrize(
    ("method", "nature"), [(CURVED, "rotation"), (HELMHOLTZ, "both")], ids=["volume_preserving", "helmholtz_flow"]
)
def test_curved_controls_say_what_they_follow(method: CheckedMethod, nature: str) -> None:
    generator = ToyGenerator()
    found = method.discover(generator, 3, 2, QUICK)
    latent = generator.advance(generator.sample(range(64)), "w").tensors["w"]
    moved = []
    for one in found.controls:
        assert isinstance(one, FieldControl)
        assert one.card.field is not None
        assert (one.card.field.nature, one.card.field.times) == (nature, None)
        assert one.card.laws.composes
        there = one.move(latent, torch.full((64,), 0.5))
        back = one.move(there, torch.full((64,), -0.5))
        torch.testing.assert_close(back, latent, atol=1e-4, rtol=1e-4)
        moved.append(float((there - latent).norm(dim=1).mean()))
    # Half a unit is about half a typical deviation long.
    sigma = float(latent.double().var(0).mean().sqrt())
    np.testing.assert_allclose(moved, sigma / 2, rtol=0.25)


def test_the_switch_follows_a_part_of_the_field_that_was_learned_in_its_unit() -> None:
    generator = ToyGenerator()
    points = generator.advance(generator.sample(range(8)), "w").tensors["w"].double()
    sets = {part: HELMHOLTZ.discover(generator, 2, 0, QUICK | {"part": part}) for part in PARTS}
    for index in range(2):
        ways: dict[str, Tensor] = {}
        for part in PARTS:
            control = sets[part].controls[index]
            assert isinstance(control, FieldControl)
            assert isinstance(control.field, HelmholtzField)
            assert control.card.field is not None
            assert control.card.field.nature == part
            assert control.card.field.potential == (part != "rotation")
            ways[part] = control.velocity(points)
        torch.testing.assert_close(ways["gradient"] + ways["rotation"], ways["both"], atol=1e-9, rtol=1e-9)
        assert float(ways["rotation"].norm()) > 1e-3
        assert "gradient" in sets["both"].controls[index].card.details[1]
    assert _same(sets["both"], sets["rotation"])  # the same field, of which another part is followed


# --- interruptions ---------------------------------------------------------------------------------------------------


@ALL
@pytest.mark.parametrize("at", [0.2, 0.7])
@pytest.mark.parametrize("derivatives", ["whole", "products"])
def test_an_interrupted_search_goes_on_to_the_same_bits(
    method: CheckedMethod, at: float, derivatives: str, tmp_path: Path
) -> None:
    settings = QUICK | {"derivatives": derivatives}
    whole = method.discover(ToyGenerator(), 3, 1, settings)

    def stop(share: float) -> None:
        if share >= at:
            raise Cancelled

    with pytest.raises(Cancelled):
        method.discover(ToyGenerator(), 3, 1, settings, Watch(stop, checkpoint=tmp_path / "search.pt"))
    generator = ToyGenerator()
    again = method.discover(generator, 3, 1, settings, Watch(checkpoint=tmp_path / "search.pt"))
    assert _same(whole, again)
    assert whole.note == again.note
    assert not list(tmp_path.iterdir())
    if derivatives == "whole":
        assert generator.rendered < 24 * 10  # what was measured is not measured again


def test_what_is_measured_is_kept_on_the_way(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine that loses its power raises nothing."""
    monkeypatch.setattr(trained, "CHECKPOINT_EVERY", 0.0)
    checkpoint, copy = tmp_path / "search.pt", tmp_path / "copy.pt"

    def look(share: float) -> None:
        if checkpoint.is_file() and not copy.exists():
            copy.write_bytes(checkpoint.read_bytes())

    whole = CURVED.discover(ToyGenerator(), 3, 1, QUICK, Watch(look, checkpoint=checkpoint))
    generator = ToyGenerator()
    again = CURVED.discover(generator, 3, 1, QUICK, Watch(checkpoint=copy))
    assert _same(whole, again)


@ALL
def test_previews_are_sets_of_the_same_kind(method: CheckedMethod, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base, "PREVIEW_EVERY", 0.0)
    seen: list[ControlSet] = []
    generator = ToyGenerator()
    found = method.discover(generator, 3, 1, QUICK, Watch(preview=seen.append))
    assert len(seen) == 12
    for one in (seen[0], seen[-1]):
        one.check(generator.card)
        assert [control.kind for control in one.controls] == [control.kind for control in found.controls]
        assert one.note == "Still searching."
    assert not _same(seen[0], found)


@ALL
def test_watching_changes_nothing(method: CheckedMethod) -> None:
    shares: list[float] = []
    state = torch.random.get_rng_state()
    first = method.discover(ToyGenerator(), 3, 1, QUICK, shares.append)
    assert torch.equal(torch.random.get_rng_state(), state)
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    assert _same(first, method.discover(ToyGenerator(), 3, 1, QUICK))
    assert not _same(first, method.discover(ToyGenerator(), 3, 2, QUICK))


# --- what goes wrong -------------------------------------------------------------------------------------------------


@ALL
def test_a_control_that_does_nothing_is_said(method: CheckedMethod) -> None:
    """The picture has three dimensions, and four controls are asked for."""
    linear = normal(3, 64, 6) * torch.tensor([1.0, 0.9, 0.8, 0.0, 0.0, 0.0])
    found = method.discover(PlainMap(linear), 4, 0, {"samples": 16, "steps": 60, "effect": 0.0})
    name = found.controls[-1].card.name
    assert f"Collapsed: '{name}' changes the picture by less than 1%" in found.note
    assert "Raise the weight of the effect ('effect'), or ask for fewer" in found.note
    assert "Collapsed" not in method.discover(PlainMap(linear), 3, 0, {"samples": 16, "steps": 60}).note


class Breaking(ToyGenerator):
    """Its pictures are no numbers, or all the same, from one on."""

    def __init__(self, factor: float, since: int = 0) -> None:
        super().__init__()
        self.factor, self.since = factor, since

    def render(self, latent: Latent, quality: Quality) -> Tensor:
        picture = super().render(latent, quality)
        return picture * self.factor if self.rendered > self.since else picture


@ALL
@pytest.mark.parametrize("derivatives", ["whole", "products"])
def test_pictures_that_do_not_change_or_are_no_numbers_are_refused(method: CheckedMethod, derivatives: str) -> None:
    settings = QUICK | {"derivatives": derivatives}
    with pytest.raises(ControlError, match=r"No direction of w changes the picture of 'toy'.*choose another model"):
        method.discover(Breaking(0.0), 3, 0, settings)
    with pytest.raises(ControlError, match=r"derivatives of the picture of 'toy' are not finite.*another seed"):
        method.discover(Breaking(float("nan")), 3, 0, settings)


@ALL
def test_a_training_that_breaks_down_ends_at_the_last_good_state(
    method: CheckedMethod, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Metrics that are no numbers from one step on."""
    drawn = local_effects.MeasuredEffects.drawn
    calls = [0]

    def breaking(self: local_effects.MeasuredEffects, count: int, source: torch.Generator) -> local_effects.Sampled:
        sampled = drawn(self, count, source)

        def inner(velocities: Tensor) -> Tensor:
            calls[0] += velocities.requires_grad
            return sampled.inner(velocities) * (float("nan") if calls[0] > 60 else 1.0)

        return local_effects.Sampled(sampled.points, inner)

    monkeypatch.setattr(local_effects.MeasuredEffects, "drawn", breaking)
    settings = QUICK | {"steps": 80}
    broken = method.discover(ToyGenerator(), 3, 0, settings)
    assert broken.note.startswith("Stopped at step 61 of 80")
    assert "after 50 steps" in broken.note
    calls[0] = 60
    with pytest.raises(ControlError, match=rf"{method.card.title} broke down at step 1 of 80"):
        method.discover(ToyGenerator(), 3, 0, settings)


@ALL
def test_what_they_cannot_do_they_refuse_in_one_sentence(method: CheckedMethod) -> None:
    assert "run of its sampler" in method.refusal(ToyDiffusion().card)
    card = ToyGenerator().card
    assert "Latent axes" in method.refusal(msgspec.structs.replace(card, capabilities=("axes",)))
    assert method.refusal(card) == ""
    with pytest.raises(ControlError, match="at most 10"):
        method.discover(ToyGenerator(), 11, 0, QUICK)
    assert len(method.discover(ToyGenerator(), 10, 0, QUICK).controls) == 10
