"""A model's report, end to end: on encoders that know the truth, so that what the measures must say is known too."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np
import pytest
import torch
from torch import Tensor
from toys import ToyGenerator, ToyVae

from explorer.controls.base import Control
from explorer.controls.linear import LinearControl
from explorer.errors import Cancelled, ExplorerError
from explorer.generators.base import Latent
from explorer.metrics import report as reports
from explorer.metrics.base import scored, shared
from explorer.metrics.encoding import encoded
from explorer.metrics.registry import all_measures
from explorer.metrics.report import measure_model, measure_models, violins
from explorer.metrics.world_pictures import pictures, world_for
from explorer.outputs.image import OUTPUT as IMAGE
from explorer.scene.cards import ControlCard
from explorer.scene.measures import MeasureOptions, MeasureReport, Rotation, Score
from explorer.worlds import attributes
from explorer.worlds import registry as worlds

SPRITES = worlds.world("sprites")
PENDULUM = worlds.world("pendulum")
N = 1500


class Oracle(ToyVae):
    """A VAE of sprites that reads its latents from the picture in closed form: shape, scale, x and y, each scaled to
    -1..1, and one passive latent. ``turned``: the angle by which x and y are mixed."""

    def __init__(self, turned: float = 0.0, order: Sequence[int] = range(5), name: str = "oracle") -> None:
        super().__init__(variances=(0.01, 0.01, 0.01, 0.01, 1.0), size=64)
        self.turned, self.order = np.deg2rad(turned), list(order)
        self.card = msgspec.structs.replace(self.card, name=name, path=f"/nowhere/{name}")

    def posterior(self, outputs: Tensor) -> tuple[Tensor, Tensor]:
        drawn = ((outputs + 1) * 127.5).round().byte().permute(0, 2, 3, 1).numpy()
        read = torch.from_numpy(SPRITES.measure(drawn)).double()
        # How far a measured scale is from its level tells the shape: an oracle names the level.
        read[:, 1] = (read[:, 1] * 10).round() / 10
        shape, scale, _, x, y = (read.T - 0.5) * 2
        cos, sin = np.cos(self.turned), np.sin(self.turned)
        columns = torch.stack([shape, scale, cos * x + sin * y, cos * y - sin * x, torch.zeros_like(x)], dim=1)
        log_variance = self.variances.log().expand(len(columns), 5)
        return columns[:, self.order].float(), log_variance[:, self.order]


class Quantiser(Oracle):
    """The same with codes on three values and no variance."""

    def __init__(self) -> None:
        super().__init__(name="quantiser")
        self.card = msgspec.structs.replace(self.card, capabilities=("encode", "codebook"))

    def encode(self, outputs: Tensor) -> Latent:
        return Latent({"z": self.posterior(outputs)[0].round()})


def options(*measures: str, **changes: object) -> MeasureOptions:
    asked = MeasureOptions(world="sprites", n=N, measures=measures or ("mig", "infomec"))
    return msgspec.structs.replace(asked, **changes)


@pytest.fixture(scope="module")
def oracle() -> MeasureReport:
    return measure_model(Oracle(), options())


def test_an_encoder_that_knows_the_truth_is_found_to(oracle: MeasureReport) -> None:
    assert (oracle.model, oracle.world, oracle.n) == ("oracle", "sprites", N)
    assert oracle.factors == ("shape", "scale", "orientation", "x", "y")
    assert oracle.latents == ("z0", "z1", "z2", "z3", "z4")
    assert oracle.badges == ("active", "active", "active", "active", "passive")
    assert oracle.pruned == ("z4",)
    nmi = np.array(oracle.nmi)
    named = nmi[[0, 1, 3, 4]][:, :4]  # without the orientation, which no latent holds
    assert np.diag(named).min() > 0.8
    assert (named - np.diag(np.diag(named))).max() < 0.1
    assert nmi[:, 4].max() < 0.01
    assert np.shape(oracle.nmi_null) == nmi.shape
    assert np.array(oracle.nmi_null).max() < 0.05
    assert "nearest neighbours" in oracle.estimator
    # Four of five factors have a latent of their own.
    assert 0.4 < oracle.metrics["mig"].value <= 0.8
    assert oracle.metrics["infom"].value > 0.85
    for score in oracle.metrics.values():
        assert score.null is not None
        assert score.value > score.null_high >= score.null
        assert score.n == N
    assert set(oracle.metrics) == {"mig", "infom", "infoe", "infoc"}
    assert oracle.seconds > 0


def test_the_best_rotation_is_found_and_named() -> None:
    asked = options("mig", rotation=Rotation(first="z2", second="z3"), best_rotation=True)
    turned = measure_model(Oracle(turned=30), asked)
    assert turned.rotation is not None
    assert turned.rotation.degrees == pytest.approx(-30 + 90, abs=2)  # a quarter turn more swaps the two
    named = measure_model(Oracle(turned=30), options("mig", rotation=turned.rotation))
    assert named.metrics == turned.metrics


def test_quick_leaves_out_what_takes_minutes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(attributes, "predictors_folder", lambda: tmp_path)
    everything = {measure.name for measure in all_measures().values() if measure.cost >= reports.DEAR}
    assert everything == {"dci"}
    found = measure_model(Oracle(), msgspec.structs.replace(options(), measures=(), n=600, quick=True))
    assert "mig" in found.metrics
    assert not any(name.startswith("dci") for name in found.metrics)
    named = measure_model(Oracle(), options("mig", quick=True))
    assert set(named.metrics) == {"mig"}


def test_a_rotation_undoes_what_the_encoder_mixed(oracle: MeasureReport) -> None:
    """x and y turned by 45° into two latents: MIG falls to what it is without them, and comes back when turned back."""
    mixed = measure_model(Oracle(turned=45), options("mig"))
    back = Rotation(first="z2", second="z3", degrees=-45.0)
    turned = measure_model(Oracle(turned=45), options("mig", rotation=back))
    straight = oracle.metrics["mig"].value
    assert mixed.metrics["mig"].value < straight - 0.2
    assert turned.metrics["mig"].value == pytest.approx(straight, abs=0.02)
    assert turned.rotation == back
    assert [name[:2] for name in turned.latents] == ["z0", "z1", "z2", "z3", "z4"]
    assert turned.badges == mixed.badges
    unlike = measure_model(Oracle(), options("mig", rotation=Rotation(first="z0", second="z1")))
    assert unlike.badges[:2] == ("active", "active")
    with pytest.raises(ExplorerError, match="no latent 'z9'"):
        measure_model(Oracle(), options("mig", rotation=Rotation(first="z9", second="z3")))


def test_the_same_options_give_the_same_report_and_another_seed_another() -> None:
    first, again, other = (measure_model(Oracle(), options("mig", seed=seed)) for seed in (0, 0, 1))
    assert msgspec.structs.replace(again, seconds=first.seconds) == first
    assert other.nmi != first.nmi
    assert other.metrics["mig"].value == pytest.approx(first.metrics["mig"].value, abs=0.03)


def test_violins_are_densities_with_the_quartiles_of_the_codes(oracle: MeasureReport) -> None:
    codes = encoded(Oracle(), SPRITES, N, 0).codes
    assert violins(codes) == oracle.violins
    for violin, column in zip(oracle.violins, codes.codes.T, strict=True):
        assert sum(violin.density) * (violin.high - violin.low) / len(violin.density) == pytest.approx(1)
        assert violin.low <= column.min() <= column.max() <= violin.high
        below = [(column <= quartile).mean() for quartile in violin.quartiles]
        assert all(share >= wanted - 1e-9 for share, wanted in zip(below, (0.25, 0.5, 0.75), strict=True))


# --- which latents ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("selection", "latents"),
    [
        ("all", ("z0", "z1", "z2", "z3", "z4", "z5")),
        ("non-passive", ("z0", "z2", "z4", "z5")),
        ("active", ("z0", "z2", "z4")),
    ],
)
def test_a_selection_follows_the_badges(selection: str, latents: tuple[str, ...]) -> None:
    """The toy's variances are 0.01, 1, 0.05, 1, 0.001 and 0.4."""
    found = measure_model(ToyVae(size=64), options("mig", selection=selection))
    assert found.latents == latents
    assert len(found.violins) == len(found.badges) == len(latents)
    assert np.shape(found.nmi) == (5, len(latents))
    assert found.selection == selection


def test_a_selection_that_leaves_nothing_is_refused() -> None:
    with pytest.raises(ExplorerError, match="None of the 2 latents of 'toy-vae' is active on the world 'sprites'"):
        measure_model(ToyVae(variances=(1.0, 0.4), size=64), options(selection="active"))
    with pytest.raises(ExplorerError, match="no posterior variance, so none of its latents is active"):
        measure_model(Quantiser(), options(selection="active"))


def test_quantised_codes_count_as_discrete_and_lack_a_posterior() -> None:
    found = encoded(Quantiser(), SPRITES, 600, 0)
    assert found.codes.discrete
    assert found.codes.kl is None
    assert found.codes.sampled is None
    assert found.activity is None
    report = measure_model(Quantiser(), options("mig", "unsupervised"))
    assert report.badges == ("",) * 5
    assert "counts" in report.estimator
    assert report.metrics["total_correlation_sampled"].value is None
    assert "posterior variance" in report.metrics["total_correlation_sampled"].note


class Named(Oracle):
    """Knows its axes by names of its own, and lists them in an order of its own."""

    def __init__(self) -> None:
        super().__init__(name="named")
        self.card = msgspec.structs.replace(self.card, capabilities=("encode", "posterior", "axes"))

    def axis_controls(self) -> tuple[Control, ...]:
        axes = torch.eye(5)
        return tuple(
            LinearControl(ControlCard(name=name, space="z"), -0.5 * axes[axis])
            for name, axis in (("height", 3), ("width", 2))
        )


def test_latents_are_called_what_their_sliders_are() -> None:
    assert encoded(Named(), SPRITES, 200, 0).codes.latents == ("z0", "z1", "width", "height", "z4")


# --- what is encoded -------------------------------------------------------------------------------------------------


def test_codes_are_those_of_the_worlds_pictures() -> None:
    found = encoded(Oracle(), SPRITES, 300, seed=4)
    factors = SPRITES.independent(300, 4)
    assert np.array_equal(found.codes.labels, SPRITES.levels_of(factors))
    assert np.allclose(found.codes.codes[:, 2], (factors[:, 3] - 0.5) * 2, atol=0.05)
    noise = (found.codes.sampled - found.codes.codes) / np.sqrt([0.01, 0.01, 0.01, 0.01, 1.0])
    assert np.abs(noise.mean(axis=0)).max() < 4 / np.sqrt(300)
    assert np.abs(noise.std(axis=0) - 1).max() < 4 / np.sqrt(600)
    assert np.allclose(found.codes.kl, found.activity.kl)


class Watcher(ToyVae):
    """A VAE of the pendulum that reads angle and light from the picture in closed form, and keeps the pictures."""

    def __init__(self) -> None:
        super().__init__(variances=(0.01, 0.01), size=64)
        self.card = msgspec.structs.replace(
            self.card, name="watcher", path="/nowhere/watcher", output=IMAGE.card((3, 64, 64))
        )
        self.seen: list[np.ndarray] = []

    def posterior(self, outputs: Tensor) -> tuple[Tensor, Tensor]:
        drawn = ((outputs + 1) * 127.5).round().byte().permute(0, 2, 3, 1).numpy()
        self.seen.append(drawn)
        mean = torch.from_numpy(PENDULUM.measure(drawn)[:, :2]) / 60.0
        return mean.float(), self.variances.log().expand_as(mean).clone()


def test_causal_pictures_are_those_that_the_mechanisms_give() -> None:
    model = Watcher()
    found = encoded(model, PENDULUM, 200, seed=3, sampling="causal")
    factors = PENDULUM.sample(200, 3)
    assert np.array_equal(np.concatenate(model.seen), PENDULUM.render(factors, 64))
    assert np.array_equal(found.codes.labels, PENDULUM.levels_of(factors))


def test_only_causal_factors_let_a_latent_tell_about_an_effect_of_its_factor() -> None:
    """The shadow follows the light; a latent that holds the light alone says nothing of it where both are drawn
    independently."""
    asked = options("mig", world="pendulum", n=600)
    even = measure_model(Watcher(), asked)
    causal = measure_model(Watcher(), msgspec.structs.replace(asked, sampling="causal"))
    assert (even.sampling, causal.sampling) == ("independent", "causal")
    shadow, light = even.factors.index("shadow_position"), 1
    assert even.nmi[shadow][light] < 0.03
    assert causal.nmi[shadow][light] > 0.2
    for found in (even, causal):
        assert found.nmi[light][light] > 0.6


def test_grey_pictures_are_given_to_a_colour_model() -> None:
    model = ToyGenerator(size=64)
    (batch,) = pictures(SPRITES, SPRITES.independent(3, 0), model)
    assert batch.shape == (3, 3, 64, 64)
    assert torch.equal(batch[:, 0], batch[:, 2])
    assert set(batch.unique().tolist()) == {-1.0, 1.0}


@pytest.mark.parametrize(
    ("model", "world", "sentence"),
    [
        (ToyVae(size=16), "sprites", r"encodes pictures of 16 × 16 pixels and the world 'sprites' draws 64 × 64"),
        (ToyVae(size=64), "shapes", r"encodes grey pictures and the world 'shapes' draws coloured ones"),
        (ToyVae(size=64), "nowhere", r"There is no world 'nowhere'; there are: .*sprites"),
        (ToyVae(size=64), "", r"'toy-vae' does not say what it was trained on; name the world .* --world: .*sprites"),
    ],
)
def test_worlds_that_do_not_fit_are_refused(model: ToyVae, world: str, sentence: str) -> None:
    with pytest.raises(ExplorerError, match=sentence):
        measure_model(model, options(world=world))


def test_codes_that_are_not_finite_are_refused() -> None:
    broken = ToyVae(size=64)
    broken.decoder = broken.decoder * torch.inf
    with pytest.raises(ExplorerError, match="'toy-vae' gives codes that are not finite"):
        measure_model(broken, options())


@pytest.mark.parametrize(
    ("file", "content", "world"),
    [
        ("card.json", {"recipe": {"data": "shapes"}}, "shapes"),
        ("specs.json", {"dataset": "dsprites"}, "sprites"),
        ("card.json", {"recipe": {"data": "../faces"}}, ""),
        ("specs.json", {"dataset": "celeba"}, ""),
        ("card.json", {}, ""),
    ],
)
def test_the_world_of_a_model_is_what_it_was_trained_on(
    file: str, content: dict[str, object], world: str, tmp_path: Path
) -> None:
    (tmp_path / file).write_text(json.dumps(content))
    model = ToyVae(size=64)
    model.card = msgspec.structs.replace(model.card, path=str(tmp_path))
    if world:
        assert world_for(model).name == world
        assert world_for(model, "sprites").name == "sprites"
    else:
        with pytest.raises(ExplorerError, match="--world"):
            world_for(model)


# --- refusals --------------------------------------------------------------------------------------------------------


def test_too_few_pictures_are_refused_or_said(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ExplorerError, match="'infomec' needs at least 1000 pictures, not 600; raise n"):
        measure_model(Oracle(), options("mig", "infomec", n=600))
    with pytest.raises(ExplorerError, match="100 pictures are so few that chance would swamp every measure"):
        measure_model(Oracle(), msgspec.structs.replace(options(n=100), measures=()))
    few = {name: measure for name, measure in all_measures().items() if name in ("mig", "infomec")}
    monkeypatch.setattr(reports, "all_measures", lambda: few)
    found = measure_model(Oracle(), MeasureOptions(world="sprites", n=600))
    assert found.metrics["mig"].value > 0.3
    for name in ("infom", "infoe", "infoc"):
        assert found.metrics[name].value is None
        assert "at least 1000 pictures" in found.metrics[name].note
        assert found.metrics[name].title.startswith("Info")


def test_unknown_measures_are_refused_with_those_there_are() -> None:
    with pytest.raises(ExplorerError, match=r"no measure 'migg'; did you mean 'mig'"):
        measure_model(Oracle(), options("migg"))


def test_models_without_an_encoder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(attributes, "predictors_folder", lambda: tmp_path)
    model = ToyGenerator(size=64)
    with pytest.raises(ExplorerError, match=r"'toy' has no encoder, so 'mig' cannot be taken; .* 'quality'"):
        measure_model(model, options())
    with pytest.raises(ExplorerError, match="no latents to choose or to turn"):
        measure_model(model, options("quality", selection="active"))
    with pytest.raises(ExplorerError, match="no encoder, and there is no attribute predictor of the world 'sprites'"):
        measure_model(model, options("quality"))
    with pytest.raises(ExplorerError, match="no encoder, so its pictures have no codes"):
        encoded(model, SPRITES, 100, 0)


def test_a_world_without_a_predictor_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(attributes, "predictors_folder", lambda: tmp_path)
    monkeypatch.setattr(reports, "all_measures", lambda: {"mig": all_measures()["mig"]})
    found = measure_model(Oracle(), MeasureOptions(world="sprites", n=600))
    assert list(found.metrics) == ["mig", "quality"]
    assert found.metrics["quality"].value is None
    assert "no attribute predictor of the world 'sprites'" in found.metrics["quality"].note


def test_of_a_generator_without_an_encoder_the_samples_are_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the quality of samples is has tests of its own; here, that exactly this is asked for."""
    asked: list[tuple[object, ...]] = []

    def quality(*given: object) -> dict[str, Score]:
        asked.append(given[:4])
        return {"frechet": Score(value=1.0, group="quality")}

    monkeypatch.setattr(reports, "sample_quality", quality)
    model = ToyGenerator(size=64)
    found = measure_model(model, MeasureOptions(world="shapes", n=5000, seed=3))
    measure_model(model, MeasureOptions(world="shapes", n=700, measures=("quality",)))
    assert asked == [(model, "shapes", 2000, 3), (model, "shapes", 700, 0)]
    assert (found.latents, found.nmi, found.violins, found.estimator) == ((), (), (), "")
    assert list(found.metrics) == ["frechet"]


# --- several models, progress ----------------------------------------------------------------------------------------


def test_models_that_found_the_same_latents_agree() -> None:
    """UDR does not see order; two latents mixed by 45° are no longer one each."""
    same = [Oracle(), Oracle(order=(3, 1, 4, 0, 2), name="shuffled")]
    found = measure_models(same, options("udr", n=600))
    assert [report.model for report in found] == ["oracle", "shuffled"]
    mixed = measure_models([Oracle(), Oracle(turned=45, name="mixed")], options("udr", n=600))
    for report in found:
        assert report.metrics["udr"].value > report.metrics["udr"].null_high
        assert report.metrics["udr"].value > mixed[0].metrics["udr"].value + 0.1
        assert "4 of 5" in report.metrics["udr"].note
    assert list(found[0].metrics) == ["udr"]


def test_what_cannot_be_compared_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with pytest.raises(ExplorerError, match="'udr' compares models; give at least two"):
        measure_model(Oracle(), options("udr"))
    with pytest.raises(ExplorerError, match="UDR needs two VAEs on the world 'sprites'"):
        measure_models([Oracle(), Quantiser()], options("udr"))
    monkeypatch.setattr(attributes, "predictors_folder", lambda: tmp_path)
    monkeypatch.setattr(reports, "all_measures", lambda: {"mig": all_measures()["mig"]})
    for found in measure_models([Oracle(), Quantiser()], MeasureOptions(world="sprites", n=600)):
        assert found.metrics["mig"].value is not None
        assert "UDR needs two VAEs" in found.metrics["udr"].note


def test_progress_ascends_to_one_and_stops_the_work() -> None:
    shares: list[float] = []
    measure_model(Oracle(), options("mig", "unsupervised"), shares.append)
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(1)
    assert len(shares) > 20

    def stop(share: float) -> None:
        if share > 0.3:
            raise Cancelled

    with pytest.raises(Cancelled):
        measure_model(Oracle(), options("mig"), stop)


def test_one_dear_evaluation_tells_how_far_it_is() -> None:
    """Trees are fitted for many seconds; whoever cancels does not wait for them."""
    codes = encoded(Oracle(), SPRITES, 750, 0).codes
    heard: list[float] = []

    def stop(share: float) -> None:
        heard.append(share)
        if len(heard) == 5:
            raise Cancelled

    with pytest.raises(Cancelled):
        scored(all_measures()["dci"], codes, progress=stop)
    assert heard == sorted(heard)
    assert 0 < heard[-1] < 0.1


def test_shares_of_a_work() -> None:
    heard: list[float] = []
    first, second = shared(heard.append, (1.0, 3.0))
    first(0.5)
    first(1.0)
    second(0.0)
    second(1.0)
    assert heard == pytest.approx([0.125, 0.25, 0.25, 1.0])
    shared(None, (1.0,))[0](0.5)
