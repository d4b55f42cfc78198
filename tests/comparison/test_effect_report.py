"""Effect scans of generators whose factors are known: against closed forms, and what is refused."""

from __future__ import annotations

from functools import cache
from typing import cast

import msgspec
import numpy as np
import pytest
import torch
from scipy.stats import chi2, spearmanr
from small_causes import linear_chain
from toys import ToyDiffusion

from explorer.causal.coding import Axis, Coding
from explorer.comparison.effect_levels import levels_of
from explorer.comparison.effect_report import effects
from explorer.comparison.effect_scan import SEED, scan
from explorer.controls.base import Move
from explorer.controls.control_set import ControlSet
from explorer.controls.intervention import InterventionControl
from explorer.controls.linear import LinearControl
from explorer.discovery.registry import method
from explorer.discovery.sampling import drawn_latents
from explorer.errors import Cancelled, ControlError, ExplorerError
from explorer.generators.base import Generator, Latent
from explorer.generators.known_factors import KnownFactorsGenerator
from explorer.generators.known_factors_drawing import FACTORS, factors_of
from explorer.generators.registry import load
from explorer.scene.cards import ControlCard
from explorer.scene.effects import EffectOptions, EffectReport
from explorer.scene.model import ControlSetRef, ModelRef, Quality

BASES = 16
SMALL = EffectOptions(bases=BASES, levels=9, observed=300)
HUE = FACTORS.index("hue")


@cache
def generator(name: str = "known-distinct") -> Generator:
    return load(name, torch.device("cpu"))


@cache
def axes(name: str = "known-distinct", k: int = 8) -> ControlSet:
    return method("latent_axes").discover(generator(name), k, 0)


@cache
def report(options: EffectOptions = SMALL) -> EffectReport:
    return effects(ModelRef(path="known-distinct"), ControlSetRef(method="latent_axes"), generator(), axes(), options)


def drawn(options: EffectOptions = SMALL) -> torch.Tensor:
    return next(drawn_latents(generator(), options.bases, SEED + options.seed, options.bases)).tensors["z"].double()


def factors(z: torch.Tensor) -> np.ndarray:
    """The five factors that are drawn of codes ``z``, without drawing or reading a picture; the hue in whole turns."""
    network = cast(KnownFactorsGenerator, generator()).network
    return factors_of(network.codes.numbers(z) * network.gains.double()).numpy()


def test_effects_are_those_of_the_codes_themselves() -> None:
    """Every mean change along every curve, against the factors of the very codes; nothing is read from a picture."""
    z = drawn()
    names = [one.card.name for one in axes().controls]
    for k, cause in enumerate(report().causes):
        axis = int(cause.name.removeprefix("z"))
        assert names[k] == cause.name
        way = torch.zeros(8, dtype=torch.float64)
        way[axis] = 1.0
        curves = np.stack([factors(z + level * way) for level in cause.levels])
        truth = (curves - curves[cause.levels.index(0.0)]).mean(1)
        for outcome in range(len(FACTORS)):
            effect = report().effect(k, outcome)
            np.testing.assert_allclose(np.array(effect.curve, float), truth[:, outcome], atol=0.004)
            ends = [cause.levels.index(end) for end in (cause.start, cause.end)]
            assert effect.effect == pytest.approx(truth[ends[1], outcome] - truth[ends[0], outcome], abs=0.004)
            own = curves[ends[1]] - curves[ends[0]]
            np.testing.assert_allclose(np.array(effect.individual, float), own[:, outcome], atol=0.008)


def test_it_recovers_which_latent_carries_which_factor() -> None:
    """The sizes of effects have the order of the true ones over the whole prior: over all cells, and for each factor
    over the latents."""
    z = torch.randn(20_000, 8, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    truth, estimated = np.empty((8, 5)), np.empty((8, 5))
    spread = factors(z).std(0)
    for k, cause in enumerate(report().causes):
        way = torch.zeros(8, dtype=torch.float64)
        way[int(cause.name.removeprefix("z"))] = 3.0
        truth[k] = np.abs(factors(z + way) - factors(z - way)).mean(0) / spread
        estimated[k] = [abs(report().effect(k, outcome).standardised or 0.0) for outcome in range(5)]
    assert spearmanr(truth.ravel(), estimated.ravel()).statistic >= 0.9
    for outcome in range(5):
        assert spearmanr(truth[:, outcome], estimated[:, outcome]).statistic >= 0.9
    signs = [np.sign(report().effect(k, outcome).effect or 0.0) for k in range(8) for outcome in range(5)]
    network = cast(KnownFactorsGenerator, generator()).network
    columns = [int(cause.name.removeprefix("z")) for cause in report().causes]
    mixing = network.mixing.numpy()[:, columns].T.ravel()
    large = np.abs(mixing) > 0.02
    np.testing.assert_array_equal(np.array(signs)[large], np.sign(mixing)[large])


def test_typicality_is_the_share_of_the_prior_that_lies_farther_out() -> None:
    z = drawn()
    cause = report().causes[0]
    way = torch.zeros(8, dtype=torch.float64)
    way[int(cause.name.removeprefix("z"))] = 1.0
    for level, farther in zip(cause.levels, cause.farther, strict=True):
        assert farther == pytest.approx(chi2.sf((z + level * way).square().sum(1).numpy(), 8).mean(), abs=1e-4)
    assert cause.outside[0]
    assert cause.outside[-1]
    assert not cause.outside[cause.levels.index(0.0)]


def test_readings_that_no_picture_of_the_model_shows_are_counted() -> None:
    for effect in report().effects:
        if effect.outcome == "hue":
            assert effect.beyond == ()
        else:
            assert len(effect.beyond) == 9
            assert min(effect.beyond) == 0
    # The place of the disc is bounded, but to be drawn at its very edge it has to be sent there.
    strongest = max(report().effects, key=lambda one: abs(one.standardised or 0.0) if one.outcome == "x" else 0.0)
    assert max(strongest.beyond) > 0.5


def test_what_is_moved_to_values_starts_there_whatever_the_base_code() -> None:
    done = report(msgspec.structs.replace(SMALL, holds="value", causes=("z3",), outcomes=("hue", "x")))
    (cause,) = done.causes
    assert (cause.holds, cause.start, cause.end, cause.reference, cause.unit) == ("value", -3, 3, -3, "")
    assert (cause.levels[0], cause.levels[-1]) == (-6, 6)
    z = drawn()
    sent = []
    for level in cause.levels:
        at = z.clone()
        at[:, 3] = level
        sent.append(factors(at))
    curves = np.stack(sent)
    truth = (curves - curves[cause.levels.index(-3.0)]).mean(1)
    for outcome in (0, 1):
        name = done.outcomes[outcome].name
        curve = np.array(done.effect(0, outcome).curve, float)
        np.testing.assert_allclose(curve, truth[:, FACTORS.index(name)], atol=0.004)


def test_interventions_are_scanned_as_values_and_carry_their_descendants_along() -> None:
    """do(a) of a chain a → b → c that lies on three axes of the code: the picture changes by what all three do."""
    axes_of = {"a": Axis(0), "b": Axis(1), "c": Axis(2)}
    cards = [ControlCard(name=name, space="z", low=-1.0, high=1.0, shows="value") for name in axes_of]
    interventions = [InterventionControl(card, card.name, linear_chain(), Coding(axes_of, 8)) for card in cards]
    controls = ControlSet("causes", "Causes", "1" * 64, "z", tuple(interventions))
    done = effects(ModelRef(path="known-distinct"), ControlSetRef(), generator(), controls, SMALL)
    for k, cause in enumerate(done.causes):
        assert (cause.holds, cause.levels[0], cause.levels[-1], cause.reference) == ("value", -1, 1, -1)
        z = drawn().float()
        sent = [
            interventions[k].move_together(z, [Move(interventions[k], torch.full((BASES,), level), True)]).double()
            for level in cause.levels
        ]
        curves = np.stack([factors(point) for point in sent])
        truth = (curves - curves[0]).mean(1)
        for outcome in range(len(FACTORS)):
            np.testing.assert_allclose(np.array(done.effect(k, outcome).curve, float), truth[:, outcome], atol=0.02)
    # A leaf moves nothing but itself, and what it moves is what its axis does.
    leaf = done.effect(2, HUE)
    alone = report(msgspec.structs.replace(SMALL, causes=("z2",), outcomes=("hue",))).effects[0]
    assert leaf.secant == pytest.approx(alone.secant, abs=1e-4)
    root = done.effect(0, HUE)
    assert root.secant != pytest.approx(
        report(msgspec.structs.replace(SMALL, causes=("z0",), outcomes=("hue",))).effects[0].secant, abs=1e-3
    )


def test_other_controls_are_randomised_alike_at_all_levels() -> None:
    """The hue is linear in the code: were they drawn anew at every level, its changes would differ."""
    options = msgspec.structs.replace(SMALL, others="randomised", draws=3, causes=("z0", "z4"))
    moved = report(options)
    for cause in (0, 1):
        own = np.array(moved.effect(cause, HUE).individual, float)
        assert len(own) == BASES
        np.testing.assert_allclose(own, own.mean(), atol=1e-3)
    place = FACTORS.index("x")
    held = report(msgspec.structs.replace(SMALL, causes=("z0", "z4")))
    assert moved.effect(0, place).level_at_reference != pytest.approx(
        held.effect(0, place).level_at_reference, abs=1e-3
    )
    assert moved.effect(0, place).n == BASES
    raw = scan(generator(), axes(), options)
    assert [values.shape for values in raw.values] == [(3 * BASES, 9, 5)] * 2
    assert raw.clusters is not None
    assert raw.clusters.tolist() == np.repeat(np.arange(BASES), 3).tolist()


def test_the_same_options_give_the_same_numbers() -> None:
    options = msgspec.structs.replace(SMALL, causes=("z0",), others="randomised")
    first, second = (
        effects(ModelRef(path="known-distinct"), ControlSetRef(), generator(), axes(), options) for _ in range(2)
    )
    assert first.effects == second.effects
    other = report(msgspec.structs.replace(options, seed=1))
    assert other.effects != first.effects


def test_what_is_tested_together_is_adjusted_together() -> None:
    p = np.array([effect.p for effect in report().effects])
    q = np.array([effect.q for effect in report().effects])
    assert (q >= p).all()
    alone = report(msgspec.structs.replace(SMALL, causes=("z0",), outcomes=("x",)))
    assert alone.effects[0].q == alone.effects[0].p
    strict = report(msgspec.structs.replace(SMALL, multiplicity="holm"))
    assert all(a.q >= b.q for a, b in zip(strict.effects, report().effects, strict=True) if a.q and b.q)
    assert "Holm for the 40 effects tested" in strict.multiplicity
    assert "Benjamini and Hochberg" in report().multiplicity


def test_a_direction_without_effect_has_none() -> None:
    """Three ways of the code change nothing, and the last bits of what is read are no effect."""
    network = cast(KnownFactorsGenerator, generator()).network
    idle = torch.linalg.svd(network.mixing.double()).Vh[-1].float()
    controls = ControlSet("mine", "Mine", "1" * 64, "z", (LinearControl(ControlCard(name="idle", space="z"), idle),))
    done = effects(ModelRef(path="known-distinct"), ControlSetRef(), generator(), controls, SMALL)
    for effect in done.effects:
        assert (effect.effect, effect.low, effect.high, effect.p) == (0, 0, 0, 1)
        assert not effect.is_clear
        assert set(effect.curve) == {0.0}


def test_probabilities_of_a_category_change_in_sum_by_nothing() -> None:
    options = EffectOptions(bases=6, observed=100, causes=("z9",), outcomes=("shape", "floor_hue"))
    done = effects(
        ModelRef(path="shapes-qlae"), ControlSetRef(), generator("shapes-qlae"), axes("shapes-qlae", 4), options
    )
    (cause,) = done.causes
    # One latent of a codebook: it ends where its codes do, and stops at each.
    assert cause.levels == tuple(float(step) for step in range(-9, 10))
    shapes = [
        (card, effect) for card, effect in zip(done.outcomes, done.effects, strict=True) if card.kind == "category"
    ]
    assert len(shapes) > 2
    assert {card.attribute for card, _ in shapes} == {"shape"}
    assert sum(effect.effect or 0.0 for _, effect in shapes) == pytest.approx(0.0, abs=1e-12)
    for _, effect in shapes:
        assert effect.low is not None
        assert effect.high is not None
        assert -1 <= effect.low < effect.high <= 1
        assert effect.curve_low[9] == effect.curve_high[9] == 0  # at the reference
    values = msgspec.structs.replace(options, holds="value", outcomes=("shape",))
    chosen = levels_of(
        generator("shapes-qlae"),
        axes("shapes-qlae", 4).controls[0],
        next(drawn_latents(generator("shapes-qlae"), 6, 0, 6)),
        values,
    )
    assert chosen.numbers.tolist() == list(range(10))


class InThreeChannels(ToyDiffusion):
    """Its pictures have no colour, and so no disc, but are of the form that the reader takes."""

    def render(self, latent: Latent, quality: Quality) -> torch.Tensor:
        return super().render(latent, quality).expand(-1, 3, -1, -1)


def test_codes_without_a_middle_are_not_shaded_and_pictures_that_are_not_read_have_no_effects() -> None:
    toy = InThreeChannels()
    shape = toy.card.spaces["h"].shape
    way = torch.zeros(shape)
    way.view(-1)[0] = 1.0
    controls = ControlSet("mine", "Mine", "1" * 64, "h", (LinearControl(ControlCard(name="a", space="h"), way),))
    options = msgspec.structs.replace(SMALL, attributes="known_factors", observed=100)
    done = effects(ModelRef(path="toy"), ControlSetRef(), toy, controls, options)
    (cause,) = done.causes
    assert cause.farther == ()
    assert not any(cause.outside)
    assert not any("model's own codes" in sentence for sentence in done.contract)
    unread = [effect for effect in done.effects if effect.effect is None]
    assert unread, "the toy draws no disc"
    for effect in unread:
        assert (effect.low, effect.high, effect.p, effect.q, effect.standardised) == (None,) * 5
        assert "of its readings are missing" in effect.note


# --- levels ----------------------------------------------------------------------------------------------------------


def levels(options: EffectOptions, card: ControlCard | None = None) -> tuple[list[float], list[float]]:
    control = LinearControl(card or ControlCard(name="a", space="z"), torch.eye(8)[0])
    points = next(drawn_latents(generator(), 8, 0, 8))
    chosen = levels_of(generator(), control, points, options)
    marks = (chosen.reference, chosen.start, chosen.end)
    return chosen.numbers.tolist(), [float(chosen.numbers[mark]) for mark in marks]


def test_levels_reach_beyond_the_range_and_hold_its_ends_and_the_middle() -> None:
    assert levels(EffectOptions(levels=5)) == ([-6, -3, 0, 3, 6], [0, -3, 3])
    assert levels(EffectOptions(levels=4)) == ([-6, -3, -2, 0, 2, 3, 6], [0, -3, 3])
    assert levels(EffectOptions(levels=3, low=-12, high=12)) == ([-12, -3, 0, 3, 12], [0, -3, 3])
    assert levels(EffectOptions(levels=2, low=1, high=2)) == ([1, 2], [1, 1, 2])
    assert levels(EffectOptions(levels=2, low=5, high=8)) == ([5, 8], [5, 5, 8])
    assert levels(EffectOptions(levels=2, reach=4)) == ([-12, -3, 0, 3, 12], [0, -3, 3])
    assert levels(EffectOptions(levels=2, reach=0.5)) == ([-1.5, 0, 1.5], [0, -1.5, 1.5])
    one_way = ControlCard(name="a", space="z", low=0.0, high=2.0)
    assert levels(EffectOptions(levels=3), one_way) == ([-1, 0, 1, 2, 3], [0, 0, 2])


# --- what is refused -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"bases": 3}, "base codes is 3; it must be between 4 and"),
        ({"levels": 1}, "number of levels is 1"),
        ({"reach": 0.0}, "reach of a scan, in ranges of a control, is 0; it must be between 0.1 and 100"),
        ({"draws": 2}, "Several draws at a base code differ only where"),
        ({"observed": 5}, "observed pictures is 5"),
        ({"low": 2.0, "high": 2.0}, "from 2 to 2 is empty"),
        ({"low": 7.0}, "'z0' would be scanned from 7 to 6, which is empty"),
        ({"causes": ("z0", "z99")}, "There is no control 'z99'"),
        ({"outcomes": ("smile",)}, "reads no attribute 'smile'; it reads x, y, radius, hue, background"),
        ({"attributes": "no-such-world"}, "'no-such-world' is not"),
    ],
)
def test_what_cannot_be_scanned_is_one_sentence(changes: dict[str, object], sentence: str) -> None:
    with pytest.raises(ExplorerError, match=sentence):
        scan(generator(), axes(), msgspec.structs.replace(SMALL, **changes))


def test_a_control_that_knows_no_values_is_sent_to_none() -> None:
    still = LinearControl(ControlCard(name="still", space="z"), torch.zeros(8))
    controls = ControlSet("mine", "Mine", "1" * 64, "z", (still,))
    with pytest.raises(ControlError, match="'still' knows no values"):
        scan(generator(), controls, msgspec.structs.replace(SMALL, holds="value"))


def test_progress_ascends_to_the_end_and_may_stop_it() -> None:
    shares: list[float] = []
    scan(generator(), axes(), msgspec.structs.replace(SMALL, causes=("z0",)), shares.append)
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(1.0)

    def stop(share: float) -> None:
        if share > 0.3:
            raise Cancelled

    with pytest.raises(Cancelled):
        scan(generator(), axes(), SMALL, stop)
