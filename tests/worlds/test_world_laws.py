"""What holds for every world, whichever there are."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from explorer.errors import ExplorerError
from explorer.worlds import registry
from explorer.worlds.base import Array, World
from explorer.worlds.sprites import SYMMETRY

every_world = pytest.mark.parametrize("world", registry.all_worlds().values(), ids=lambda world: world.name)
few = settings(max_examples=12, deadline=None)
seeds = st.integers(0, 2**32 - 1)

MEASURED_WITHIN = 0.03
"""How far a measured factor is off at most on average over 60 pictures, as a share of its range."""


def ranges(world: World) -> np.ndarray:
    return np.array([factor.high - factor.low for factor in world.factors])


def inside(world: World, rows: Array) -> bool:
    """Whether numbers are within their range (or period), to float32, and categories are levels."""
    for column, factor in zip(rows.T, world.factors, strict=True):
        slack = 1e-6 * max(abs(factor.low), abs(factor.high))
        high = factor.low + factor.period if factor.cyclic else factor.high
        if column.min() < factor.low - slack or column.max() > high + slack:
            return False
        if factor.kind == "category" and not np.isin(column, np.float32(factor.values)).all():
            return False
    return True


@every_world
def test_it_describes_itself(world: World) -> None:
    assert registry.world(world.name) is world
    assert len(set(world.names)) == len(world.names)
    assert set(world.mechanisms) == set(world.names)
    assert set(world.measured) <= set(world.names)
    assert world.channels in (1, 3)
    for factor in world.factors:
        assert list(factor.values) == sorted(set(factor.values))
        assert len(factor.values) >= 2
        assert not factor.labels or len(factor.labels) == len(factor.values)
    for cause, effect in world.edges:
        assert world.order.index(cause) < world.order.index(effect)


@every_world
@few
@given(seed=seeds)
def test_a_seed_repeats_and_another_does_not(world: World, seed: int) -> None:
    for draw in (world.sample, world.independent, world.noises):
        assert np.array_equal(draw(40, seed), draw(40, seed))
        assert not np.array_equal(draw(40, seed), draw(40, seed ^ 1))


@every_world
@few
@given(seed=seeds)
def test_factors_lie_inside_their_ranges(world: World, seed: int) -> None:
    assert inside(world, world.sample(500, seed))
    rows = world.independent(500, seed)
    assert inside(world, rows)
    for column, factor in zip(rows.T, world.factors, strict=True):
        assert np.isin(column, np.float32(factor.values)).all()


@every_world
@settings(max_examples=3, deadline=None)
@given(seed=seeds)
def test_a_row_alone_is_the_row_in_a_batch(world: World, seed: int) -> None:
    rows = np.concatenate([world.sample(3, seed), world.independent(2, seed)])
    for size in world.sizes:
        together = world.render(rows, size)
        assert together.shape == (5, size, size, world.channels)
        assert together.dtype == np.uint8
        for row, picture in zip(rows, together, strict=True):
            assert np.array_equal(world.render(row[None], size)[0], picture)
    assert world.render(rows[:0]).shape == (0, world.size, world.size, world.channels)


@every_world
@few
@given(seed=seeds)
def test_abduction_gives_the_noise_or_says_that_it_is_not_unique(world: World, seed: int) -> None:
    noises = world.noises(200, seed)
    model, uniforms = world.model, world.model.uniforms(200, seed ^ 1)
    values = world.values_of(world.factors_of(noises))
    for name in world.names:
        mechanism, noise = model.mechanisms[name], torch.from_numpy(noises[:, [world.column(name)]])
        parents = model.causes_of(name, values)
        value = mechanism.assign(parents, noise)
        unique = ~mechanism.abduct(parents, value).isnan()
        assert torch.allclose(mechanism.abduct(parents, value)[unique], noise[unique], rtol=1e-6, atol=1e-6)
        drawn = mechanism.posterior(parents, value, uniforms[name])
        assert torch.allclose(mechanism.assign(parents, drawn), value, rtol=1e-9, atol=1e-9)


@every_world
def test_how_probable_a_row_is_integrates_to_one(world: World) -> None:
    """Of every factor, given causes: by quadrature over its range, or as the sum over the levels of a grid."""
    rows = world.values_of(world.sample(3, 0))
    for name in world.names:
        mechanism, factor = world.model.mechanisms[name], world.factors[world.column(name)]
        values = mechanism.assign(
            world.model.causes_of(name, rows)[:1].expand(20_000, -1),
            mechanism.noise(((torch.arange(20_000, dtype=torch.float64) + 0.5) / 20_000)[:, None]),
        )
        levels = values.unique()
        discrete = len(levels) < 1000
        grid = levels if discrete else torch.linspace(float(levels[0]), float(levels[-1]), 20_001, dtype=torch.float64)
        if not discrete:  # what has a probability and no density (a clipped value) is counted apart
            mass = (values == levels[0]).double().mean()
            grid = (grid[1:] + grid[:-1]) / 2
        parents = world.model.causes_of(name, rows)[:1].expand(len(grid), -1)
        density = mechanism.log_prob(parents, grid).exp()
        total = density.sum() if discrete else density.sum() * (grid[1] - grid[0]) + (mass if mass > 0.001 else 0.0)
        assert float(total) == pytest.approx(1.0, abs=0.01), factor.name


@every_world
@few
@given(data=st.data(), seed=seeds)
def test_an_intervention_changes_descendants_only(world: World, data: st.DataObject, seed: int) -> None:
    name = data.draw(st.sampled_from(world.names))
    value = data.draw(st.sampled_from(world.factors[world.column(name)].values))
    noises = world.noises(60, seed)
    before, after = world.factors_of(noises), world.factors_of(noises, {name: value})
    assert (after[:, world.column(name)] == np.float32(value)).all()
    for other in set(world.names) - world.model.graph.descendants([name]):
        assert np.array_equal(before[:, world.column(other)], after[:, world.column(other)])


@every_world
@few
@given(data=st.data(), seed=seeds)
def test_setting_what_was_observed_changes_nothing(world: World, data: st.DataObject, seed: int) -> None:
    """Composition (Galles and Pearl, 1998), whether the noise is unique or not."""
    name = data.draw(st.sampled_from(world.names))
    for row in world.sample(8, seed)[:, None]:
        assert np.array_equal(world.counterfactual(row, {name: float(row[0, world.column(name)])}), row)


@every_world
@few
@given(data=st.data(), seed=seeds)
def test_a_counterfactual_keeps_the_noise_or_is_unknown(world: World, data: st.DataObject, seed: int) -> None:
    """What would have been is what the same noise gives; it is unknown only where a noise that matters is."""
    name = data.draw(st.sampled_from(world.names))
    do = {name: data.draw(st.sampled_from(world.factors[world.column(name)].values))}
    noises = world.noises(100, seed)
    rows, expected = world.factors_of(noises), world.factors_of(noises, do)
    found, unknown = world.counterfactual(rows, do), np.isnan(world.abduct(rows))
    for column, factor in enumerate(world.factors):
        nan = np.isnan(found[:, column])
        within = 1e-3 * (factor.high - factor.low)  # rows are float32
        assert found[~nan, column] == pytest.approx(expected[~nan, column], abs=within)
        between = world.model.graph.descendants([name]) - {name}
        matter = [world.column(n) for n in between if factor.name in world.model.graph.descendants([n])]
        assert not (nan & ~unknown[:, matter].any(axis=1)).any()


@every_world
@few
@given(data=st.data(), sign=st.sampled_from([-1.0, 1.0]), seed=seeds)
def test_a_correlation_ties_its_pair_and_leaves_all_marginals(
    world: World, data: st.DataObject, sign: float, seed: int
) -> None:
    pair = data.draw(st.sampled_from(list(combinations(world.names, 2))))
    free, tied = world.noises(3000, seed), world.noises(3000, seed ^ 1, {pair: 0.9 * sign})
    ranks = stats.spearmanr(tied).statistic
    for one, other in combinations(range(len(world.names)), 2):
        if {world.names[one], world.names[other]} == set(pair):
            assert ranks[one, other] * sign > 0.3  # 0.89 of continuous noises, less of coarse ones
        else:
            assert abs(ranks[one, other]) < 0.1  # five standard errors
    for column in range(len(world.names)):
        assert stats.ks_2samp(free[:, column], tied[:, column], method="asymp").pvalue > 1e-5


@every_world
def test_the_level_of_a_level_is_its_index(world: World) -> None:
    for column, factor in enumerate(world.factors):
        rows = np.repeat(world.independent(1, 0), len(factor.values), axis=0)
        rows[:, column] = factor.values
        assert np.array_equal(world.levels_of(rows)[:, column], np.arange(len(factor.values)))
        if factor.cyclic:
            rows[:, column] += factor.period
            assert np.array_equal(world.levels_of(rows)[:, column], np.arange(len(factor.values)))
        beyond = factor.low + factor.period if factor.cyclic else factor.high + 1.0
        rows[:, column] = np.asarray(factor.values) + 0.4 * np.diff(factor.values, append=beyond)
        assert np.array_equal(world.levels_of(rows)[:, column], np.arange(len(factor.values)))


@every_world
@settings(max_examples=2, deadline=None)
@given(data=st.data(), seed=seeds)
def test_changing_a_factor_changes_the_picture(world: World, data: st.DataObject, seed: int) -> None:
    """Of some rows at least: glasses hide what they cover, and a square turned by a quarter is the same square."""
    rows = world.sample(4, seed)
    changed = []
    for factor in world.factors:
        # Of sprites, the first orientation and the last are the same; two levels of other factors never are.
        levels = factor.values[:-1] if len(factor.values) > 2 else factor.values
        low = data.draw(st.integers(0, len(levels) - 2))
        high = data.draw(st.integers(low + 1, len(levels) - 1))
        changed += [world.with_values(rows, {factor.name: levels[k]}) for k in (low, high)]
    pictures = world.render(np.concatenate(changed)).reshape(len(world.factors), 2, -1)
    for factor, (one, other) in zip(world.factors, pictures, strict=True):
        assert (one != other).any() != (factor.name in world.unseen), factor.name


@every_world
def test_what_is_measured_is_what_was_drawn(world: World) -> None:
    """In each factor, and in the picture drawn of what was measured."""
    rows = world.sample(60 if world.measured else 3, 7)
    pictures = world.render(rows)
    found = world.measure(pictures)
    assert found.shape == rows.shape
    away = np.abs(found - rows)
    for column, factor in enumerate(world.factors):
        if factor.name not in world.measured:
            assert np.isnan(found[:, column]).all()
            continue
        period = np.full(len(rows), factor.period if factor.cyclic else np.inf)
        if (world.name, factor.name) == ("sprites", "orientation"):
            period = np.asarray(SYMMETRY)[rows[:, 0].astype(int)]
        with np.errstate(invalid="ignore"):  # x mod infinity is x
            around = np.where(np.isinf(period), away[:, column], np.mod(away[:, column], period))
        around = np.minimum(around, period - around)
        shown = ~np.isnan(around)
        assert shown.mean() > 0.9, factor.name
        if factor.kind == "category":
            assert not around[shown].any(), factor.name
        else:
            assert around[shown].mean() < MEASURED_WITHIN * (factor.high - factor.low), factor.name
    again = world.render(np.where(np.isnan(found), rows, found)).astype(float)
    shuffled = np.abs(np.roll(pictures, 1, axis=0) - pictures.astype(float)).mean()
    assert np.abs(again - pictures).mean() < 0.1 * shuffled


@every_world
def test_what_it_has_not_is_refused_by_name(world: World) -> None:
    with pytest.raises(ExplorerError, match=f"'{world.name}' has no factor 'weather'"):
        world.factors_of(world.noises(2, 0), {"weather": 1.0})
    with pytest.raises(ExplorerError, match="no factor 'weather'"):
        world.noises(2, 0, {(world.names[0], "weather"): 0.5})
    with pytest.raises(ExplorerError, match=r"in -1\.\.1"):
        world.noises(2, 0, {(world.names[0], world.names[1]): 1.5})
    first, second, third = world.names[:3]
    with pytest.raises(ExplorerError, match="No joint distribution"):
        world.noises(2, 0, {(first, second): 0.9, (second, third): 0.9, (first, third): -0.9})


@every_world
def test_rows_that_cannot_be_drawn_are_refused(world: World) -> None:
    rows = world.sample(2, 0)
    with pytest.raises(ValueError, match=world.name):
        world.render(rows[:, 1:])
    with pytest.raises(ValueError, match=world.name):
        world.render(np.full_like(rows, np.nan))
    with pytest.raises(ValueError, match=f"{world.name} draws"):
        world.render(rows, 17)


def test_an_unknown_world_is_refused_with_those_there_are() -> None:
    with pytest.raises(ExplorerError, match=r"no world 'moon'; there are: .*sprites"):
        registry.world("moon")
