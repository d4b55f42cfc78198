"""A kind of control that the program does not have: flows of time-dependent fields, of which several are mixed into one
flow. It is this file, and no file of the program knows of it."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import Tensor

from explorer.comparison.derive import derive
from explorer.controls import control_set
from explorer.controls.base import Joint, Move, Moves, PointControl
from explorer.controls.control_set import ControlSet
from explorer.discovery.request import CheckedMethod, Request
from explorer.engine.engine import Engine
from explorer.generators.base import Generator
from explorer.generators.editing import edited
from explorer.scene.cards import ControlCard, ControlLaws, MethodCard, ModelCard
from explorer.scene.model import ControlSetRef, Edit, ModelRef, Scalar, Seed, Start, View

STEPS = 64


@dataclass(frozen=True, eq=False)
class SwirlControl(PointControl):
    """dz/dt = cos(t) A z + sin(t) b: a field that is another one at every time, so it matters when a move begins."""

    kind: ClassVar[str] = "swirl"
    laws: ClassVar[ControlLaws] = ControlLaws(composes=False, commutes=False, timed=True, negative="reverse")

    card: ControlCard
    matrix: Tensor  # (d, d)
    push: Tensor  # (d,)

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.push.shape)

    @property
    def group(self) -> Hashable:
        return "swirl"

    def field(self, z: Tensor, time: Tensor) -> Tensor:
        """(B, d) at the points ``z`` (B, d) and times (B,)."""
        turned = (z[:, None] * self.matrix.to(z)).sum(-1)  # row by row: no product of matrices
        return torch.cos(time)[:, None] * turned + torch.sin(time)[:, None] * self.push.to(z)

    def moved(self, latent: Tensor, amount: Tensor) -> Tensor:
        return flow(latent, [(self, amount)])

    def move_together(self, latent: Tensor, moves: Moves) -> Tensor:
        """Along the sum of the fields, each at its own speed and time."""
        amounts = [move.number.to(latent.dtype) for move in moves]
        fields = [(move.control, amount) for move, amount in zip(moves, amounts, strict=True)]
        still = torch.stack([amount == 0 for amount in amounts]).all(0)[:, None]
        return torch.where(still, latent, flow(latent, fields))  # type: ignore[arg-type]

    def tensors(self) -> dict[str, Tensor]:
        return {"matrix": self.matrix, "push": self.push}

    def parameters(self) -> dict[str, Scalar]:
        return {}

    @classmethod
    def restore(cls, card: ControlCard, tensors: Mapping[str, Tensor], parameters: Mapping[str, Scalar]) -> Self:
        return cls(card, tensors["matrix"], tensors["push"])


def flow(z: Tensor, fields: list[tuple[SwirlControl, Tensor]], start: float = 0.0) -> Tensor:
    """dz/ds = Σ a_i f_i(z, t_0 + s a_i), s from 0 to 1: the classical Runge-Kutta method."""

    def velocity(at: Tensor, s: float) -> Tensor:
        # Summed in the order of the names, so that the sum has the same bits in any order of the moves.
        ordered = sorted(fields, key=lambda pair: pair[0].card.name)
        parts = [amount[:, None] * control.field(at, start + s * amount) for control, amount in ordered]
        return torch.stack(parts).sum(0)

    h = 1 / STEPS
    for step in range(STEPS):
        s = step * h
        first = velocity(z, s)
        second = velocity(z + h / 2 * first, s + h / 2)
        third = velocity(z + h / 2 * second, s + h / 2)
        fourth = velocity(z + h * third, s + h)
        z = z + h / 6 * (first + 2 * second + 2 * third + fourth)
    return z


class Swirls(CheckedMethod):
    card = MethodCard(name="swirls", title="Swirls", families=("toy",), spaces=("z",), trained=False, paper="")

    def refusal(self, model: ModelCard) -> str:
        return ""

    def where(self, model: ModelCard, settings: Mapping[str, Scalar]) -> str:
        return "z"

    def search(self, asked: Request, generator: Generator) -> ControlSet:
        width = asked.model.spaces["z"].shape[0]
        return asked.found([swirl(f"swirl {index}", asked.seed + index, width) for index in range(asked.k)])


def swirl(name: str, seed: int, width: int = 10) -> SwirlControl:
    source = torch.Generator().manual_seed(seed)
    matrix = torch.randn(width, width, generator=source) / width**0.5
    return SwirlControl(ControlCard(name=name, space="z"), matrix, torch.randn(width, generator=source) / 2)


MODEL, REF = ModelRef(path="toy0"), ControlSetRef(method="swirls", k=3)
AMOUNT = st.floats(-2, 2, width=32)


@pytest.fixture
def engine(toy_engine: Engine, add: Callable[[object, object], None]) -> Engine:
    add(SwirlControl, Swirls())
    return toy_engine


def view(*edits: Edit, controls: ControlSetRef = REF) -> View:
    return View(model=MODEL, start=Start(Seed(3)), controls=controls, edits=edits)


def picture(engine: Engine, one: View) -> np.ndarray:
    return engine.render([one], exact=True)[0].bgrx


def test_it_is_joint_and_its_card_says_that_time_matters() -> None:
    control = swirl("a", 0)
    assert isinstance(control, Joint)
    assert control.card.laws.timed
    assert not control.card.laws.composes


@given(AMOUNT, AMOUNT)
@settings(max_examples=30, deadline=None)
def test_the_law_of_the_start_time_holds_and_that_of_composition_does_not(a: float, b: float) -> None:
    control, z = swirl("a", 0), torch.randn(2, 10, generator=torch.Generator().manual_seed(1)).double()
    by_a, by_b = torch.full((2,), a).double(), torch.full((2,), b).double()
    there = flow(z, [(control, by_a)])
    whole = control.move(z, by_a + by_b)
    torch.testing.assert_close(flow(there, [(control, by_b)], start=a), whole, rtol=1e-5, atol=1e-5)
    if abs(a) > 0.5 and abs(b) > 0.5:
        assert not torch.allclose(control.move(there, by_b), whole, atol=1e-3)


def test_several_are_one_flow_and_not_one_after_the_other(engine: Engine) -> None:
    generator = engine.generator(MODEL)
    latent = generator.sample([1, 2])
    first, second = swirl("a", 0), swirl("b", 1)
    one, two = torch.tensor([1.0, 0.0]), torch.tensor([-0.5, 0.0])
    together = edited(generator, latent, [Move(first, one), Move(second, two)]).tensors["z"]
    again = edited(generator, latent, [Move(second, two), Move(first, one)]).tensors["z"]
    assert torch.equal(together, again)
    assert torch.equal(together[1], latent.tensors["z"][1])  # moved by nothing, to the bit
    in_turn = second.move(first.move(latent.tensors["z"], one), two)
    assert float((together - in_turn)[0].norm()) > 0.05
    # An independent computation: many short turns, one field after the other, with the time that has passed.
    z, turns = latent.tensors["z"].double(), 4000
    for turn in range(turns):
        for control, amount in ((first, one.double()), (second, two.double())):
            z = z + amount[:, None] / turns * control.field(z, amount * turn / turns)
    torch.testing.assert_close(together.double(), z, atol=2e-3, rtol=0)


@given(
    st.lists(st.tuples(st.sampled_from(["swirl 0", "swirl 1", "swirl 2"]), AMOUNT), max_size=6),
    st.randoms(use_true_random=False),
)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_picture_does_not_depend_on_the_order_of_its_history(
    engine: Engine, history: list[tuple[str, float]], random: object
) -> None:
    last = list(dict(history).items())
    expected = picture(engine, view(*(Edit(*one) for one in last)))
    random.shuffle(last)  # type: ignore[attr-defined]
    assert np.array_equal(picture(engine, view(*(Edit(*one) for one in last))), expected)


def test_it_is_saved_scaled_and_put_in_order_like_any_other(engine: Engine, tmp_path: Path) -> None:
    found = engine.control_set(MODEL, REF)
    control_set.save(found, tmp_path / "swirls.safetensors")
    again = control_set.load(tmp_path / "swirls.safetensors")
    z = engine.generator(MODEL).sample([4]).tensors["z"]
    for old, new in zip(found.controls, again.controls, strict=True):
        assert torch.equal(old.move(z, torch.ones(1)), new.move(z, torch.ones(1)))
    effect = ControlSetRef(method="swirls", k=3, units="effect", tau=0.05)
    generator = engine.generator(MODEL)
    calibrated = derive(found, effect, generator, lambda ref: found)
    assert {control.card.unit for control in calibrated.controls} == {"τ"}
    assert all(control.card.laws.timed for control in calibrated.controls)
    # In another unit they are one flow still.
    latent = generator.sample([1])
    half, more = torch.full((1,), 0.5), torch.full((1,), 0.25)
    moves = [Move(calibrated.controls[0], half), Move(calibrated.controls[1], more)]
    plain = [
        Move(old, number * new.factor)  # type: ignore[attr-defined]
        for old, new, number in zip(found.controls, calibrated.controls, (half, more), strict=False)
    ]
    assert torch.equal(edited(generator, latent, moves).tensors["z"], edited(generator, latent, plain).tensors["z"])


def test_it_stands_in_tables_strips_and_the_order_of_others(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    from explorer.comparison import recognition, table
    from explorer.comparison.paths import IN_TURN
    from explorer.export.compare_strips import STEPS, strips
    from explorer.scene.comparison import CompareOptions

    monkeypatch.setattr(table, "BOOTSTRAP", 20)
    monkeypatch.setattr(recognition, "EPOCHS", 1)
    asked = CompareOptions(methods=("pca", "swirls"), k=3, bases=5, observed=200, nulls=1)
    (report,) = engine.compare([MODEL], asked)
    flows = next(row for row in report.methods if row.method == "swirls")
    for name, least in (("nonlinearity", 0.001), ("round_trip", 0.01), ("order_dependence", 0.01)):
        value = flows.columns[name]
        assert value.null == 0.0
        assert value.low is not None
        assert value.low > least, name
    assert IN_TURN in flows.columns["order_dependence"].note
    assert all(one.alpha is not None and one.match >= 0 for one in flows.directions)
    rows = strips(engine, report)
    column = [row[report.methods.index(flows)] for row in rows]
    drawn = [strip for strip in column if strip is not None]
    assert len(drawn) == 3
    size = engine.generator(MODEL).card.size[1]
    for strip in drawn:
        assert strip.picture is not None
        cells = [strip.picture[:, index * (size + 2) : index * (size + 2) + size] for index in range(len(STEPS))]
        assert all(not np.array_equal(a, b) for a, b in itertools.pairwise(cells))
    like = ControlSetRef(method="pca", k=3, units="effect")
    ordered = engine.control_set(MODEL, ControlSetRef(method="swirls", k=3, units="effect", like=like))
    assert sorted(one.card.name for one in ordered.controls) == [f"swirl {index}" for index in range(3)]
    assert all("most like 'PC" in one.card.details[-1] for one in ordered.controls)


def test_film_and_compare_need_nothing_more(engine: Engine, tmp_path: Path) -> None:
    from explorer.export.options import ExportOptions
    from explorer.export.replay import verify
    from explorer.export.run import run
    from explorer.scene.model import AmountKey, AmountTrack, Pane, Scene, Timeline

    keys = (AmountKey(0.0, -1.0), AmountKey(0.5, 1.0))
    tracks = tuple(AmountTrack(pane=0, control=f"swirl {index}", keys=keys) for index in (1, 0))
    scene = Scene(model=MODEL, panes=(Pane(controls=REF),), timeline=Timeline(duration=0.5, fps=8, amounts=tracks))
    run(engine, scene, tmp_path / "film.gif", ExportOptions(kind="gif"))
    assert verify(engine, tmp_path / "film.gif").identical
    rows = [picture(engine, view(Edit("swirl 0", amount))) for amount in (-1.0, 0.0, 1.0)]
    assert all(not np.array_equal(a, b) for a, b in itertools.pairwise(rows))
    assert math.isfinite(sum(float(row.mean()) for row in rows))
