"""A kind of control that the program does not have: interventions on the variables of one small causal graph, made
together, on values, with the noise of the very picture. It is this file, and no file of the program knows of it."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import msgspec
import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import Tensor

from explorer.controls.base import Control, Joint, Move, Moves, Place, PointControl, StartBound
from explorer.controls.conditional import ConditionalControl
from explorer.controls.control_set import ControlSet
from explorer.controls.scaled import scaled
from explorer.discovery.request import CheckedMethod, Request
from explorer.engine.engine import Engine
from explorer.errors import ControlError
from explorer.generators.base import Generator, Latent
from explorer.generators.editing import edited
from explorer.scene.cards import ControlCard, ControlLaws, MethodCard, ModelCard
from explorer.scene.model import ControlSetRef, Edit, ModelRef, Scalar, Seed, Start, View

SLOPES = {"light": 0.0, "shadow": 0.8, "glare": -0.5}
"""light → shadow = 0.8 light + noise → glare = -0.5 shadow + noise; they are the first three numbers of z."""
NAMES = tuple(SLOPES)
PREPARED: list[str] = []  # which controls have abducted, for tests that count


@dataclass(frozen=True, eq=False)
class DoControl(PointControl):
    """do(variable = v), and what follows from it: abduct the noises, act, predict. Amounts are relative to the value
    that the picture has."""

    kind: ClassVar[str] = "toy_do"
    laws: ClassVar[ControlLaws] = ControlLaws(composes=True, commutes=False)

    card: ControlCard
    noises: Tensor | None = None  # (B, 3) of the start, once it is prepared for one

    @property
    def shape(self) -> tuple[int, ...]:
        return (10,)

    @property
    def group(self) -> Hashable:
        return "graph"

    @property
    def place(self) -> Place | None:
        return self

    def value(self, latent: Tensor) -> Tensor:
        return latent[:, NAMES.index(self.card.name)].double()

    def amount_to(self, latent: Tensor, value: Tensor) -> Tensor:
        return value.double() - self.value(latent)

    def stops(self) -> tuple[float, ...]:
        return ()

    def prepare(self, generator: Any, latent: Any) -> Control:
        PREPARED.append(self.card.name)
        return DoControl(self.card, abducted(latent.tensors["z"]))

    def moved(self, latent: Tensor, amount: Tensor) -> Tensor:
        return predicted(latent, abducted(latent), {self.card.name: self.value(latent) + amount.double()})

    def move_together(self, latent: Tensor, moves: Moves) -> Tensor:
        assert self.noises is not None, "it was not prepared"
        goals = {
            move.control.card.name: move.number.double() + (0.0 if move.absolute else self._own(move, latent))
            for move in moves
        }
        return predicted(latent, self.noises, goals)

    def _own(self, move: Move, latent: Tensor) -> Tensor:
        return latent[:, NAMES.index(move.control.card.name)].double()

    def tensors(self) -> dict[str, Tensor]:
        return {"none": torch.zeros(1)}

    def parameters(self) -> dict[str, Scalar]:
        return {}

    @classmethod
    def restore(cls, card: ControlCard, tensors: Mapping[str, Tensor], parameters: Mapping[str, Scalar]) -> Self:
        return cls(card)


def abducted(z: Tensor) -> Tensor:
    """(B, 3) float64: the noises of the mechanisms."""
    v = z[:, :3].double()
    return torch.stack([v[:, 0], v[:, 1] - 0.8 * v[:, 0], v[:, 2] + 0.5 * v[:, 1]], 1)


def predicted(z: Tensor, noises: Tensor, goals: Mapping[str, Tensor]) -> Tensor:
    """``z`` with the variables ``goals`` set and those below them following; bit-identical where nothing changes."""
    moved, parent, changed = z.clone(), torch.zeros(len(z), dtype=torch.float64), torch.zeros(len(z), dtype=torch.bool)
    for index, (name, slope) in enumerate(SLOPES.items()):
        standing = z[:, index].double()
        follows = torch.where(changed, slope * parent + noises[:, index], standing)
        value = goals.get(name, follows)
        changed = changed | (value != standing)
        moved[:, index] = torch.where(value == standing, z[:, index], value.to(z.dtype))
        parent = value
    return moved


class Interventions(CheckedMethod):
    card = MethodCard(name="toy_do", title="Interventions", families=("toy",), spaces=("z",), trained=False, paper="")

    def refusal(self, model: ModelCard) -> str:
        return ""

    def where(self, model: ModelCard, settings: Mapping[str, Scalar]) -> str:
        return "z"

    def search(self, asked: Request, generator: Generator) -> ControlSet:
        cards = [ControlCard(name=name, space="z", unit="", low=-3, high=3, shows="value") for name in NAMES]
        return asked.found([DoControl(card) for card in cards])


MODEL, REF = ModelRef(path="toy0"), ControlSetRef(method="toy_do", k=3)
VALUE = st.floats(-3, 3)


@pytest.fixture
def engine(toy_engine: Engine, add: Callable[[object, object], None]) -> Engine:
    add(DoControl, Interventions())
    PREPARED.clear()
    return toy_engine


def view(*edits: Edit) -> View:
    return View(model=MODEL, start=Start(Seed(3)), controls=REF, edits=edits)


def z_of(engine: Engine, *edits: Edit) -> Tensor:
    generator = engine.generator(MODEL)
    moves = engine.control_set(MODEL, REF).moves(edits)
    return edited(generator, generator.sample([3], 1.0), moves).tensors["z"][0].double()


def test_it_is_joint_and_prepared_and_shows_values() -> None:
    control = DoControl(ControlCard(name="light", space="z", shows="value"))
    assert isinstance(control, Joint)
    assert isinstance(control, StartBound)
    assert control.place is control


def test_a_value_carries_along_what_follows_from_it(engine: Engine) -> None:
    light, shadow, glare = z_of(engine)[:3].tolist()
    moved = z_of(engine, Edit("light", value=1.5))
    assert moved[:3].tolist() == pytest.approx(
        [1.5, shadow + 0.8 * (1.5 - light), glare - 0.5 * 0.8 * (1.5 - light)], abs=1e-5
    )
    # Two at once: what is set does not follow, and what follows, follows what is set.
    both = z_of(engine, Edit("shadow", value=-1.0), Edit("light", value=1.5))
    assert both[:3].tolist() == pytest.approx([1.5, -1.0, glare - 0.5 * (-1.0 - shadow)], abs=1e-5)
    assert torch.equal(moved[3:], z_of(engine)[3:])


def test_the_value_that_stands_there_changes_no_bit(engine: Engine) -> None:
    places = engine.places(MODEL, REF, Start(Seed(3)))
    assert set(places) == set(NAMES)
    still = engine.render([view()], exact=True)[0].bgrx
    for name, place in places.items():
        edit = Edit(name, value=place.value)
        assert torch.equal(z_of(engine, edit), z_of(engine))
        assert np.array_equal(engine.render([view(edit)], exact=True)[0].bgrx, still)
        assert (place.low, place.high, place.stops) == (-3, 3, ())
        amount = z_of(engine, Edit(name, 0.75))
        assert torch.allclose(amount, z_of(engine, Edit(name, value=place.value + 0.75)), atol=1e-6)


@given(
    st.lists(st.builds(Edit.of, st.sampled_from(NAMES), VALUE, st.sampled_from(["amount", "value"])), max_size=6),
    st.randoms(use_true_random=False),
)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_picture_does_not_depend_on_the_order_of_its_history(
    engine: Engine, history: list[Edit], random: object
) -> None:
    last = list({edit.control: edit for edit in history}.values())
    expected = engine.render([view(*last)], exact=True)[0].bgrx
    random.shuffle(last)  # type: ignore[attr-defined]
    assert np.array_equal(engine.render([view(*last)], exact=True)[0].bgrx, expected)


def test_a_drag_prepares_once(engine: Engine) -> None:
    for step in range(10):
        engine.render([view(Edit("light", value=step / 10), Edit("shadow", value=-1.0))])
    assert sorted(PREPARED) == ["light", "shadow"]
    engine.render([msgspec.structs.replace(view(Edit("light", value=0.0)), start=Start(Seed(4)))])
    assert sorted(PREPARED) == ["light", "light", "shadow"]  # another start


def test_a_value_means_the_same_in_another_unit(engine: Engine) -> None:
    generator = engine.generator(MODEL)
    control, latent = engine.control_set(MODEL, REF).control("light"), generator.sample([3], 1.0)
    other = scaled(control, -2.0)
    assert (other.card.low, other.card.high) == (-3, 3)
    goal = torch.tensor([1.25], dtype=torch.float64)
    plain = edited(generator, latent, [Move(control, goal, absolute=True)]).tensors["z"]
    assert torch.equal(edited(generator, latent, [Move(other, goal, absolute=True)]).tensors["z"], plain)
    amounts = edited(generator, latent, [Move(other, torch.tensor([0.5]))]).tensors["z"]
    assert torch.equal(amounts, edited(generator, latent, [Move(control, torch.tensor([-1.0]))]).tensors["z"])


def test_a_control_without_values_says_so(engine: Engine) -> None:
    generator = engine.generator(MODEL)
    turning = ConditionalControl(ControlCard(name="pose", space="z"), (torch.eye(10),), (), 1.0, frozen=False)
    with pytest.raises(ControlError, match="no value along 'pose'"):
        edited(generator, generator.sample([1]), [Move(turning, torch.zeros(1), absolute=True)])


def test_a_film_of_values(engine: Engine, tmp_path: Any) -> None:
    from explorer.export.options import ExportOptions, SheetOptions
    from explorer.export.replay import verify
    from explorer.export.run import run
    from explorer.scene.model import AmountKey, AmountTrack, Pane, Scene, Timeline

    track = AmountTrack(pane=0, control="light", keys=(AmountKey(0.0, -2.0), AmountKey(0.5, 2.0)), holds="value")
    scene = Scene(model=MODEL, panes=(Pane(controls=REF),), timeline=Timeline(duration=0.5, fps=8, amounts=(track,)))
    run(engine, scene, tmp_path / "film.gif", ExportOptions(kind="gif"))
    assert verify(engine, tmp_path / "film.gif").identical
    # On a sheet the columns are values of the sliders that show values.
    run(engine, scene, tmp_path / "sheet.png", ExportOptions(kind="sheet_png", sheet=SheetOptions(amounts=(-1.0, 1.0))))
    assert verify(engine, tmp_path / "sheet.png").identical


def test_latents_that_hold_more_spaces_are_edited_the_same(engine: Engine) -> None:
    generator = engine.generator(MODEL)
    latent: Latent = generator.advance(generator.sample([3], 1.0), "w_plus")
    edit = Edit("light", value=2.0)
    found = edited(generator, latent, engine.control_set(MODEL, REF).moves([edit])).tensors["z"][0]
    assert torch.equal(found.double(), z_of(engine, edit))
