"""Curved controls under the table's conditions: fields alone, fields that begin at rest, fields without a way back."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest
import torch
from plain_fields import PlainField, rotation
from test_arc_calibration import Ring
from test_calibration import WIDTH, Linear
from test_paths import Circles, card, follow
from torch import Tensor

from explorer.comparison.calibration import alphas, signs_of
from explorer.comparison.derive import RANGE, in_effect_units, in_order_of
from explorer.comparison.evidence import evidence, stage
from explorer.controls import field as field_module
from explorer.controls.base import Control, Move
from explorer.controls.control_set import ControlSet
from explorer.controls.field import FieldControl
from explorer.controls.following import Flow
from explorer.controls.linear import LinearControl
from explorer.controls.scaled import scaled
from explorer.generators.editing import edited
from explorer.generators.registry import load
from explorer.metrics import direction_measures as measures
from explorer.metrics.direction_evidence import Evidence
from explorer.metrics.directions import figures
from explorer.outputs.image import OUTPUT as IMAGE
from explorer.scene.cards import ControlCard
from explorer.scene.model import Quality


@dataclass(frozen=True, eq=False)
class Waking(PlainField):
    """v = t · push: at rest at first, as fields are whose potential is flat at time 0."""

    kind: ClassVar[str] = "waking"

    def velocity(self, z: Tensor, time: Tensor) -> Tensor:
        return time[:, None] * self.push.expand(len(z), -1)


@pytest.fixture(autouse=True)
def _known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(field_module, "fields", lambda: {"waking": Waking})


def waking(name: str, way: Tensor, negative: str = "anti-field", high: float = 4.0) -> FieldControl:
    field = Waking(torch.zeros(len(way), len(way)).double(), way.double(), last=high)
    low = -high if negative == "anti-field" else 0.0
    made = ControlCard(name=name, space="z", unit="t", low=low, high=high)
    return FieldControl(made, field, Flow(1.0, rate=1.0, negative=negative))  # type: ignore[arg-type]


def set_of(*controls: Control) -> ControlSet:
    return ControlSet("mine", "Mine", "1" * 64, "z", controls)


def test_a_rotation_is_followed_as_the_truth() -> None:
    turn = FieldControl(card("turn"), rotation(WIDTH), Flow(1.0, step=0.05))
    found, _ = follow(turn, scaled(turn, -2.0), generator=Circles(), alphas=[0.9, 0.45])
    assert found.truth is not None
    np.testing.assert_allclose(found.truth, 1.0, atol=1e-6)
    np.testing.assert_allclose(found.bends, 1 - math.sin(0.9) / 0.9, atol=2e-4)
    np.testing.assert_allclose(found.returns, 0.0, atol=1e-6)
    np.testing.assert_allclose(found.orders[:3], 0.0, atol=1e-6)


def test_what_begins_at_rest_is_scored_along_its_path() -> None:
    """At the base code it has no velocity; along the path it goes where a straight line goes."""
    generator = load("known-distinct", torch.device("cpu"))
    ways = torch.linalg.qr(torch.randn(8, 8, generator=torch.Generator().manual_seed(1))).Q[:3]
    flows = [waking(f"flow {i}", way) for i, way in enumerate(ways)]
    lines = [LinearControl(ControlCard(name=f"line {i}", space="z"), way) for i, way in enumerate(ways)]
    start = generator.sample([0]).tensors["z"]
    assert all(float(one.velocity(start).norm()) == 0 for one in flows)
    on = stage(generator, _reader(generator), 8, 400, 0.06)
    moved, straight = evidence(on, set_of(*flows)), evidence(on, set_of(*lines))
    assert moved.truth is not None
    assert straight.truth is not None
    np.testing.assert_allclose(moved.truth, straight.truth, atol=1e-4)
    np.testing.assert_array_equal(moved.bends, 0.0)
    # The observed columns, too: not the noise of a velocity of 0, but where the path leads.
    names = ("information_modularity", "information_compactness", "explicitness", "mcc")
    numbers = [figures([one], [one], 2) for one in (moved, straight)]
    for name in names:
        assert numbers[0][name].value == pytest.approx(numbers[1][name].value, abs=1e-3), name


def _reader(generator: object) -> object:
    from explorer.attributes.registry import default_reader

    return default_reader(generator)  # type: ignore[arg-type]


def test_a_time_that_begins_where_it_ends_has_one_sign() -> None:
    """z + a² / 2 way, and nothing below 0: a step is of the amounts that there are."""
    generator, tau = Linear(), 0.05
    way = torch.eye(WIDTH)[0] + torch.eye(WIDTH)[1]
    one = waking("one", way, "reverse")
    both = waking("both", way)
    assert (signs_of(one), signs_of(both), signs_of(scaled(one, -1.0))) == ((1,), (1, -1), (-1,))
    closed = math.sqrt(2 * 2 * tau * 4 / float((generator.matrix @ way).norm()))
    found = alphas(generator, [one, both, scaled(one, -1.0)], generator.sample(range(5)), tau, Quality())
    assert found == pytest.approx([closed] * 3, rel=0.01)
    paths, _ = follow(one, both, alphas=[closed, closed])
    np.testing.assert_allclose(paths.returns[:, 0], 1.0, rtol=1e-6, err_msg="it has no way back")
    np.testing.assert_allclose(paths.returns[:, 1], 0.0, atol=1e-6, err_msg="there and back begin at rest alike")
    np.testing.assert_array_equal(paths.bends, 0.0)


def test_what_it_has_no_amounts_for_is_not_counted_against_it() -> None:
    generator = Linear()
    ways = torch.eye(WIDTH)[:2]
    on = stage(generator, None, 6, 64, 0.05)
    one = evidence(on, set_of(*(waking(f"one {i}", way, "reverse") for i, way in enumerate(ways))))
    both = evidence(on, set_of(*(waking(f"both {i}", way) for i, way in enumerate(ways))))
    assert np.isnan(one.steps[:, :, :4]).all()
    for measure in (measures.smoothness, measures.typicality):
        values = [measure(_whole(seen)) for seen in (one, both)]
        assert values[0] == pytest.approx(values[1], rel=0.2), measure.__name__
    assert (one.recognised > 0.5).mean() == (both.recognised > 0.5).mean() == 1.0


def _whole(seen: Evidence) -> measures.Sample:
    return measures.Sample(seen, np.arange(seen.bases), np.arange(len(seen.observed)))


def test_units_of_equal_effect_end_with_the_time() -> None:
    generator, tau = Linear(), 0.05
    way = torch.eye(WIDTH)[0]
    found = set_of(waking("short", way, "reverse", 2.5), waking("both", way, high=3.0), waking("long", way, high=50.0))
    made = in_effect_units(found, generator, tau)
    (alpha, *_) = alphas(generator, found.controls[:1], generator.sample(range(5)), tau, Quality())
    assert alpha is not None
    ranges = [(one.card.low, one.card.high) for one in made.controls]
    assert ranges[0] == (0.0, pytest.approx(2.5 / alpha, rel=0.01))
    assert ranges[1] == (pytest.approx(-3 / alpha, rel=0.01), pytest.approx(3 / alpha, rel=0.01))
    assert ranges[2] == (-RANGE, RANGE)
    points = generator.sample(range(3))
    moved = edited(generator, points, [Move(made.controls[0], torch.ones(3))])
    changed = IMAGE.distance(generator.render(moved, Quality()), generator.render(points, Quality()))
    assert float(changed.mean()) == pytest.approx(tau, rel=0.01)


def test_fields_are_put_in_the_order_of_straight_directions() -> None:
    generator = Ring()
    generator.matrix = torch.linalg.qr(torch.randn(16, WIDTH, generator=torch.Generator().manual_seed(4))).Q
    straight = [LinearControl(ControlCard(name=f"z{i}", space="z"), torch.eye(WIDTH)[i]) for i in (0, 1, 2)]
    flows = [waking(f"flow {i}", sign * torch.eye(WIDTH)[i]) for i, sign in ((2, 1.0), (0, -1.0), (1, 1.0))]
    theirs, own = set_of(*straight), set_of(*flows)
    steps = [alphas(generator, one.controls, generator.sample(range(4)), 0.05, Quality()) for one in (theirs, own)]
    made = in_order_of(theirs, steps[0], own, steps[1], generator)
    assert [one.card.name for one in made.controls] == ["flow 0", "flow 1", "flow 2"]
    assert all("cosine 1.00" in one.card.details[-1] for one in made.controls)
    assert "turned round" in made.controls[0].card.details[-1]
    ahead = made.controls[0].move(torch.zeros(1, WIDTH), torch.ones(1))
    assert float(ahead[0, 0]) > 0
