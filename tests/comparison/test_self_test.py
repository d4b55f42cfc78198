"""Whether a control does anything: against closed forms on linear generators, and on a model that ships."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from toys import ToyDiffusion, ToyGenerator, ToyVae

from explorer.cli.main import run
from explorer.comparison import self_test as module
from explorer.comparison.self_test import CHANCES, _Bench, amounts_of, self_test
from explorer.controls import control_set
from explorer.controls.base import Control
from explorer.controls.control_set import ControlSet
from explorer.controls.linear import LinearControl
from explorer.controls.scaled import scaled
from explorer.controls.weights import WeightsControl
from explorer.errors import Cancelled, ExplorerError
from explorer.generators.base import Generator, Latent
from explorer.scene.cards import ControlCard
from explorer.scene.measures import Score
from explorer.scene.model import Quality

STEP = 3 / 8 / 2  # by three along an axis of which each unit is one of 64 numbers in a range of 2


class Linear(ToyVae):
    """x = D z, D orthonormal, with some columns of 0: an axis of variance 1 does nothing."""

    def render(self, latent: Latent, quality: Quality) -> Tensor:
        return (latent.tensors["z"] @ self.decoder.T).reshape(-1, 1, *self.card.size)


def axis(index: int, width: int = 6, scale: float = 1.0) -> LinearControl:
    return LinearControl(ControlCard(name=f"z{index}", space="z"), scale * torch.eye(width)[index])


def scores_of(generator: Generator, *controls: Control) -> list[Score]:
    found = ControlSet("test", "Test", generator.card.fingerprint, controls[0].card.space, controls)
    return list(self_test(generator, found, 6).metrics.values())


def test_what_axes_of_a_linear_generator_change_is_their_column() -> None:
    moving, passive = scores_of(Linear(), axis(0), axis(1))
    assert moving.value == pytest.approx(STEP, rel=1e-5)
    assert moving.note == ""
    assert passive.value == pytest.approx(0, abs=1e-9)
    assert passive.note.startswith("does nothing")
    # Four of six axes draw: of a random direction the share E √(χ²₄ / χ²₆) of its length.
    normal = torch.randn(200_000, 6, generator=torch.Generator().manual_seed(1)).square()
    share = float((normal[:, :4].sum(1) / normal.sum(1)).sqrt().mean())
    assert moving.null == pytest.approx(share * STEP, rel=0.08)
    assert moving.null_high is not None
    assert moving.null_high <= STEP * 1.0001


def test_a_direction_that_is_mostly_idle_is_no_more_than_chance() -> None:
    idle = LinearControl(ControlCard(name="idle", space="z"), torch.tensor([0.1, 1.0, 0.0, 0.0, 0.0, 0.0]))
    (score,) = scores_of(Linear(), idle)
    assert score.value == pytest.approx(0.1 * STEP, rel=1e-4)
    assert score.note == "weak: no more than chance"


@given(st.floats(0.1, 4), st.integers(0, 5))
def test_chance_goes_as_far_as_the_control(scale: float, index: int) -> None:
    """Where the generator keeps all lengths, every random direction of the same norm changes as much."""
    generator = Linear(variances=(0.1,) * 6)
    bench = _Bench(generator, 3, 0)
    control = axis(index, scale=scale)
    torch.testing.assert_close(
        bench.chance(control, 0), torch.full((CHANCES,), bench.effect(control)).double(), rtol=1e-4, atol=0
    )


@pytest.mark.parametrize("layers", [None, (1, 2)])
def test_chance_moves_the_layers_that_the_control_moves(layers: tuple[int, int] | None) -> None:
    generator = ToyGenerator()
    bench = _Bench(generator, 4, 0)
    card = ControlCard(name="one", space="w_plus", layers=layers)
    control = LinearControl(card, torch.linspace(-1, 1, 10))
    chance = bench._random_direction(card, bench._norm(control), torch.Generator().manual_seed(3))
    start = torch.zeros(1, *generator.card.spaces["w_plus"].shape)
    by_chance, by_control = (one.move(start, torch.tensor([far])) for one, far in ((chance, 1.0), (control, 3.0)))
    assert float(by_chance.norm()) == pytest.approx(float(by_control.norm()), rel=1e-5)
    assert torch.equal(by_chance.any(2), by_control.any(2))


def test_random_weights_change_the_same_tensors_by_as_much() -> None:
    change = {"a": torch.full((2, 3), 0.5), "b": torch.ones(4)}
    control = WeightsControl(ControlCard(name="one", space="weights", low=-1, high=2), change)
    drawn = _Bench._random_weights(control, torch.Generator().manual_seed(0)).weight_changes(1.0)  # type: ignore[attr-defined]
    assert set(drawn) == {"a", "b"}
    for name, tensor in change.items():  # by 2 to the one side and 1 to the other, so 1.5 on average
        assert float(drawn[name].norm()) == pytest.approx(1.5 * float(tensor.norm()), rel=1e-5)
        assert not torch.allclose(drawn[name], 1.5 * tensor)


def test_controls_are_moved_by_three_units_or_to_the_end_of_their_slider() -> None:
    def amounts(**card: object) -> list[float]:
        return amounts_of(LinearControl(ControlCard(name="a", space="z", **card), torch.ones(6)))  # type: ignore[arg-type]

    assert amounts() == [3.0, -3.0]
    assert amounts(low=-1.0, high=10.0) == [3.0, -1.0]
    assert amounts(low=0.0, high=2.0) == [2.0]
    assert amounts(low=10.0, high=11.0, shows="value") == [0.5, -0.5]


def wide(index: int, scale: float = 1.0) -> LinearControl:
    """An axis whose slider goes far beyond what is usual."""
    return LinearControl(ControlCard(name=f"z{index}", space="z", low=-40.0, high=40.0), scale * torch.eye(6)[index])


def test_the_safe_range_ends_where_pictures_are_no_longer_usual() -> None:
    bench = _Bench(Linear(), 8, 0)
    low, high = bench.safe(wide(0)) or (0.0, 0.0)
    assert -40 < low < -1 < 1 < high < 40  # one standard deviation is usual
    # Along an axis that is three times as long it is a third.
    thrice = bench.safe(wide(0, 3.0)) or (0.0, 0.0)
    assert thrice[0] == pytest.approx(low / 3, abs=0.4)
    assert thrice[1] == pytest.approx(high / 3, abs=0.4)
    assert bench.safe(wide(1)) == (-40.0, 40.0)  # which changes nothing
    values = LinearControl(ControlCard(name="v", space="z", shows="value"), torch.ones(6))
    assert bench.safe(values) is None


def test_a_safe_range_goes_with_the_unit_and_stays_in_the_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    card = ControlCard(name="a", space="z", safe=(-1.0, 2.0))
    assert scaled(LinearControl(card, torch.ones(6)), -2.0).card.safe == (-1.0, 0.5)
    path = tmp_path / "set.safetensors"
    assert run(["discover", "known-distinct", "--method", "latent_axes", "-k", "2", "-o", str(path)]) == 0
    before = control_set.load(path)
    arguments = ["measure", "known-distinct", "-n", "4", "--card", "--controls"]
    assert run([*arguments, str(path), "--json"]) == 0
    out = capsys.readouterr().out
    metrics = json.loads(out[out.index("{") :])["metrics"]
    after = control_set.load(path)
    for old, new in zip(before.controls, after.controls, strict=True):
        parts = metrics[new.card.name]["parts"]
        assert new.card.safe == (parts["safe_low"], parts["safe_high"])
        assert msgspec.structs.replace(new.card, safe=None) == old.card
        assert all(torch.equal(tensor, new.tensors()[name]) for name, tensor in old.tensors().items())
    assert run([*arguments, "latent_axes"]) == 2
    assert "keeps safe ranges in the file of one control set" in capsys.readouterr().err


class Drafting(ToyDiffusion):
    """A draft is darker than the finished picture by a tenth of the range."""

    def render(self, latent: Latent, quality: Quality) -> Tensor:
        return super().render(latent, quality) - (0.2 if quality.steps == self.card.interactive_steps else 0.0)


def test_what_drafts_change_is_a_floor_of_models_that_have_them() -> None:
    vector = torch.zeros(2, 3, 3)
    vector[0, 0, 0] = 0.01
    (score,) = scores_of(Drafting(), LinearControl(ControlCard(name="h", space="h"), vector))
    assert score.baselines["draft"] == pytest.approx(0.1, rel=1e-4)
    assert score.note.startswith("weak")
    (other,) = scores_of(Linear(), axis(0))
    assert "draft" not in other.baselines


def test_it_is_repeated_for_a_seed_and_can_be_stopped() -> None:
    generator, controls = Linear(), ControlSet("test", "Test", "e" * 64, "z", (axis(0), axis(2)))
    first, again, other = (self_test(generator, controls, 4, seed).metrics for seed in (1, 1, 2))
    assert first == again
    assert first["z0"].null != other["z0"].null
    heard: list[float] = []
    self_test(generator, controls, 4, 0, heard.append)
    assert heard == sorted(heard)
    assert heard[-1] == 1.0

    def stop(share: float) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        self_test(generator, controls, 4, 0, stop)


def test_what_cannot_be_tested_is_one_sentence() -> None:
    with pytest.raises(ExplorerError, match="takes 2 pictures at least, not 1"):
        self_test(Linear(), ControlSet("test", "Test", "e" * 64, "z", (axis(0),)), 1)
    cases = LinearControl(ControlCard(name="c", space="z", cases=("a", "b", "c")), torch.ones(6))
    with pytest.raises(ExplorerError, match="No control of 'Test' has amounts"):
        scores_of(Linear(), cases)


def test_the_h_of_shapes_diffusion_is_weak(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Its first principal component passes chance by far, and changes less at ±3 σ than lies between a draft and the
    finished picture."""
    monkeypatch.setattr(module, "CHANCES", 4)
    assert run(["measure", "shapes-diffusion", "--controls", "pca", "-k", "1", "-n", "8", "--json"]) == 0
    (score,) = json.loads(capsys.readouterr().out)["metrics"].values()
    assert score["null_high"] < score["value"] < score["baselines"]["draft"] < score["baselines"]["another picture"]
    assert score["note"] == "weak: less than between a draft and the finished picture"


def test_the_axes_of_a_decoder_do_something(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["measure", "known-distinct", "--controls", "latent_axes", "-k", "2", "-n", "4"]) == 0
    out = capsys.readouterr().out
    assert "known-distinct · 4 pictures · seed 0" in out
    for text in ("What controls change", "z0", "chance", "another picture"):
        assert text in out
    assert run(["measure", "known-distinct", "--controls", "latent_axes", "--world", "shapes"]) == 2
    assert "leave out what measures of latents take" in capsys.readouterr().err
