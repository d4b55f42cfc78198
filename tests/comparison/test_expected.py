"""Directions as do(), against the world's own mechanisms: what follows has no error, a straight slider has that of do()
without propagation, and what does nothing of the kind is at chance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from explorer.attributes.base import Attribute
from explorer.attributes.registry import open_reader
from explorer.causal.interventions import Hard
from explorer.comparison.expected import expectation, with_expectations
from explorer.comparison.packing import packed, unpacked
from explorer.metrics.direction_counterfactuals import at_matched
from explorer.metrics.direction_evidence import Evidence, Floats
from explorer.metrics.direction_measures import Sample, counterfactual_error, unpropagated
from explorer.metrics.directions import figures
from explorer.worlds.pendulum import WORLD as PENDULUM

AMOUNTS = np.linspace(-1.0, 1.0, 9)
BASES = 60
READER = open_reader("pendulum", None, None)
ATTRIBUTES = READER.attributes
ANGLE, LIGHT, LENGTH, POSITION = range(4)


def rows() -> Floats:
    """Such as tell their noises, and still do when angle or light are moved somewhat."""
    found = PENDULUM.sample(3000, 1).astype(np.float64)
    inside = (np.abs(found[:, ANGLE]) < 25) & (np.abs(found[:, LIGHT] - 100) < 25) & (found[:, LENGTH] > 3.5)
    return found[inside][:BASES]


def followed(factor: int, by: float) -> Floats:
    """(N, T, A) the path of a slider that is do() itself."""
    before = rows()
    paths = []
    for amount in AMOUNTS:
        do = {PENDULUM.names[factor]: torch.from_numpy(before[:, factor] + by * amount)}
        model, values = PENDULUM.model, PENDULUM.values_of(before)
        after = model.predict(model.abduct(values), {name: Hard(value) for name, value in do.items()}, values)
        paths.append(np.stack([after[name].numpy() for name in PENDULUM.names], axis=1))
    return np.stack(paths, axis=1)


def straight(way: Mapping[int, float]) -> Floats:
    """(N, T, A) the path of a slider that moves factors by so much and nothing else."""
    moved = np.repeat(rows()[:, None], len(AMOUNTS), axis=1)
    for factor, by in way.items():
        moved[..., factor] += by * AMOUNTS
    return moved


def evidence(*paths: Floats, attributes: tuple[Attribute, ...] = ATTRIBUTES) -> Evidence:
    count = len(paths)
    alone: dict[str, Any] = dict.fromkeys(("typicality", "bends", "returns", "recognised"), np.zeros((BASES, count)))
    return Evidence(
        controls=tuple(f"d{k}" for k in range(count)),
        attributes=attributes,
        alphas=np.ones(count),
        amounts=AMOUNTS,
        values=np.stack(paths, axis=1),
        observed=PENDULUM.sample(3000, 2).astype(np.float64),
        pairs=np.zeros((0, 2), np.int64),
        interactions=np.zeros((BASES, 0, 2)),
        cosines=np.zeros((BASES, count, count)),
        features=np.zeros((BASES, count, 2)),
        steps=np.ones((BASES, count, 8)),
        orders=np.zeros((BASES, 0)),
        **alone,
    )


def measured(*paths: Floats) -> tuple[Evidence, float, float]:
    found = with_expectations(evidence(*paths), READER)
    sample = Sample(found, np.arange(BASES), np.arange(len(found.observed)))
    error, held = counterfactual_error(sample), unpropagated(sample)
    assert error is not None
    assert held is not None
    return found, error, held


def test_do_itself_has_no_error_and_is_told_by_its_own_factor() -> None:
    found, error, held = measured(followed(ANGLE, 12.0), followed(LIGHT, -10.0))
    assert found.targets is not None
    assert found.targets.tolist() == [ANGLE, LIGHT]
    assert error == pytest.approx(0.0, abs=1e-6)
    assert held > 0.1


def test_a_straight_slider_leaves_what_do_without_propagation_leaves() -> None:
    found, error, held = measured(straight({ANGLE: 12.0}), straight({LIGHT: 10.0}))
    assert found.targets is not None
    assert error == pytest.approx(held, rel=1e-12)
    assert error > 0.1
    alone = [measured(straight({factor: by}))[1] for factor, by in ((ANGLE, 12.0), (LIGHT, 10.0))]
    assert error == pytest.approx(np.mean(alone))


def test_half_of_what_follows_is_half_of_the_error() -> None:
    """Where effects are as good as linear: the mean of a straight slider and do()."""
    half = (followed(LIGHT, 4.0) + straight({LIGHT: 4.0})) / 2
    _, error, held = measured(half)
    assert error == pytest.approx(held / 2, rel=0.05)


def test_the_wrong_way_is_worse_than_nothing() -> None:
    before = straight({})
    against = 2 * straight({LIGHT: 8.0}) - followed(LIGHT, 8.0)
    assert np.allclose(against[:, 4], before[:, 4])
    found = with_expectations(evidence(against), READER)
    assert found.expected is not None
    wrong = replace(found, targets=np.array([LIGHT]), expected=expectation(PENDULUM, against, LIGHT)[:, None])
    sample = Sample(wrong, np.arange(BASES), np.arange(3000))
    assert counterfactual_error(sample) == pytest.approx(2 * (unpropagated(sample) or 0.0), rel=0.02)


def test_effects_alone_are_do_of_the_effect() -> None:
    """A shadow that is moved by itself has nothing that follows it."""
    found, error, held = measured(straight({POSITION: 2.0}))
    assert found.targets is not None
    assert found.targets.tolist() == [POSITION]
    assert (error, held) == (0.0, 0.0)


def test_what_moves_everything_at_random_is_no_do() -> None:
    """Also as the do() of the factor that it suits best; which may be an effect alone, so that it is nearer to one than
    a slider of a cause that nothing follows."""
    source = np.random.default_rng(0)
    scales = PENDULUM.sample(3000, 2).std(axis=0)
    chance = [measured(straight(dict(enumerate(source.normal(0, 0.4, 4) * scales))))[1] for _ in range(12)]
    assert min(chance) > 0.05
    assert 0.15 < np.mean(chance) < measured(straight({LIGHT: 10.0}))[1]


def test_what_is_expected_is_the_worlds_counterfactual_row_by_row() -> None:
    path = straight({LIGHT: 10.0})
    found = expectation(PENDULUM, path, LIGHT)
    for amount in (0, 3, 8):
        for row in range(0, BASES, 9):
            do = {"light": float(path[row, amount, LIGHT])}
            true = PENDULUM.counterfactual(path[row : row + 1, 4].astype(np.float32), do)[0]
            np.testing.assert_allclose(found[row, amount], true, atol=1e-3)
    hidden = path.copy()
    hidden[0, 4, ANGLE] = np.nan  # not read: nothing is known of this row
    hidden[1, 2, LIGHT] = np.nan
    found = expectation(PENDULUM, hidden, LIGHT)
    assert np.isnan(found[0]).all()
    assert np.isnan(found[1, 2]).all()
    assert np.isfinite(found[1, [0, 1, 3]]).all()


def test_the_columns_say_why_there_is_nothing_to_say() -> None:
    plain = evidence(straight({LIGHT: 10.0}))
    shapes = open_reader("shapes", None, None)
    for reader in (None, shapes):
        assert with_expectations(plain, reader) is plain
    for name in ("counterfactual", "unpropagated"):
        figure = figures([plain], bootstrap=5)[name]
        assert (figure.value, figure.note) == (
            None,
            "the attributes are not those of a world in which something causes something",
        )
    found = with_expectations(evidence(followed(LIGHT, 10.0), straight({ANGLE: 12.0})), READER)
    told = figures([found], [with_expectations(evidence(straight({ANGLE: 5.0, LIGHT: 5.0})), READER)], bootstrap=50)
    error = told["counterfactual"]
    assert error.value is not None
    assert error.low is not None
    assert error.high is not None
    assert 0 <= error.low <= error.value <= error.high
    assert error.null is not None
    assert told["unpropagated"].value is not None


def test_evidence_with_expectations_travels() -> None:
    found = with_expectations(evidence(followed(LIGHT, 10.0)), READER)
    back = unpacked(packed(found), Evidence)
    assert back.expected is not None
    np.testing.assert_array_equal(back.expected, found.expected)
    np.testing.assert_array_equal(back.targets, found.targets)


def test_the_matched_amount_is_found_between_those_that_were_tried() -> None:
    amounts = np.array([0.5, 1.0])
    others = np.array([[1.0, 0.0], [3.0, 4.0]])
    np.testing.assert_allclose(at_matched(np.array([0.25, 0.75]), others, amounts), [2.0, 2.0])
    np.testing.assert_allclose(at_matched(np.array([1.0, 2.0]), others, amounts), [0.5, 0.0])
    np.testing.assert_allclose(at_matched(np.array([0.1, 0.25]), others, amounts), [6.0, 8.0])  # beyond the end
    assert at_matched(np.array([0.0, 0.0]), others, amounts) is None
    assert at_matched(np.array([np.nan, 1.0]), others, amounts) is None
