"""Noises that are locked, drawn anew or another picture's, and the three rungs, as controls beside do()."""

from __future__ import annotations

import msgspec
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from small_causes import chain, clipped, linear_chain
from torch import Tensor

from explorer.causal.coding import Axis, Coding
from explorer.causal.encoding import Encoding
from explorer.causal.mechanisms.categorical import Categorical
from explorer.causal.model import StructuralModel
from explorer.causal.predictor import Predictor
from explorer.controls.base import Control, Move
from explorer.controls.intervention import InterventionControl
from explorer.controls.noise import NoiseControl
from explorer.controls.rung import RungControl
from explorer.errors import CausalError, ControlError
from explorer.generators.base import Latent
from explorer.scene.cards import ControlCard
from explorer.scene.causal_graph import CausalGraph, Variable
from explorer.scene.choices import case_of, case_of_seed, case_text, seed_of

CARD = ControlCard(name="k", space="s")
AXES = {"a": Axis(3, 1.0, 2.0), "b": Axis(2, -1.0, 0.5), "c": Axis(4)}
CODING = Coding(AXES, 5, own=2)
CLIPPED = Coding({"x": Axis(0), "y": Axis(1), "z": Axis(2)}, 3)


class Pictures:
    """Of seed k the point that ``points`` has in row k."""

    def __init__(self, points: Tensor) -> None:
        self.points = points

    def sample(self, seeds: list[int], psi: float) -> Latent:
        return Latent({"s": self.points[seeds]})

    def advance(self, latent: Latent, space: str) -> Latent:
        return latent


def do(variable: str) -> InterventionControl:
    return InterventionControl(CARD, variable, linear_chain(), CODING)


def noise_of(variable: str, pictures: Tensor | None = None) -> NoiseControl:
    control = NoiseControl(CARD, variable, linear_chain(), CODING)
    if pictures is None:
        return control
    return control.prepare(Pictures(pictures), Latent({"s": pictures[:1]}))


def rung() -> RungControl:
    return RungControl(CARD, linear_chain(), CODING)


def points(count: int, seed: int = 0) -> Tensor:
    return torch.randn(count, 5, generator=torch.Generator().manual_seed(seed))


def made(latent: Tensor, *moves: tuple[Control, float]) -> Tensor:
    """Values are sent to, cases are chosen, in this order and the other one."""
    group = [
        Move(control, torch.full((len(latent),), number, dtype=torch.float64), isinstance(control, InterventionControl))
        for control, number in moves
    ]
    first = group[0].control
    assert isinstance(first, InterventionControl | NoiseControl | RungControl)
    together = first.move_together(latent, group)
    last = group[-1].control
    assert isinstance(last, InterventionControl | NoiseControl | RungControl)
    assert torch.equal(together, last.move_together(latent, group[::-1]))
    return together


def row(latent: Tensor) -> dict[str, float]:
    return {name: float(value) for name, value in CODING.values(latent).items()}


@given(st.sampled_from("abc"), st.integers(1, 1000), st.integers(0, 1000))
@settings(max_examples=40, deadline=None)
def test_noise_that_is_drawn_anew_changes_its_variable_and_what_that_causes(name: str, draw: int, seed: int) -> None:
    latent = points(2, seed)
    moved = made(latent, (noise_of(name), float(draw)))
    later = {"a": "abc", "b": "bc", "c": "c"}[name]
    kept = [0, 1, *(axis.index for other, axis in AXES.items() if other not in later)]
    assert torch.equal(moved[:, kept], latent[:, kept])
    before, after = CODING.values(latent), CODING.values(moved)
    noise = linear_chain().noises(1, draw)[name][0, 0]
    for cause, effect, slope in (("a", "b", 2.0), ("b", "c", 3.0)):
        own = noise if name == effect else before[effect] - slope * before[cause]
        torch.testing.assert_close(after[effect], slope * after[cause] + own, atol=2e-5, rtol=0)
    if name == "a":
        torch.testing.assert_close(after["a"], noise.expand(2), atol=1e-5, rtol=0)


def test_noise_and_do_are_one_prediction() -> None:
    latent = points(1)
    moved = row(made(latent, (do("a"), 3.0), (noise_of("c"), 4.0)))
    b = 6.0 + row(latent)["b"] - 2 * row(latent)["a"]
    assert moved["b"] == pytest.approx(b, abs=1e-5)
    assert moved["c"] == pytest.approx(3 * b + float(linear_chain().noises(1, 4)["c"]), abs=1e-4)
    set_anyway = row(made(latent, (do("b"), 2.0), (noise_of("b"), 4.0)))
    assert set_anyway["b"] == pytest.approx(2.0)


def test_noise_of_another_picture_is_what_its_values_tell() -> None:
    latent, pictures = points(2), points(8, 5)
    donor = row(pictures[3:4])
    moved = made(latent, (noise_of("b", pictures), float(case_of_seed(3))))
    before, after = CODING.values(latent), CODING.values(moved)
    torch.testing.assert_close(after["b"], 2 * before["a"] + donor["b"] - 2 * donor["a"], atol=1e-5, rtol=0)
    own = made(latent, (noise_of("", pictures), float(case_of_seed(3))))
    assert torch.equal(own[:, 2:], latent[:, 2:])
    assert torch.equal(own[:, :2], pictures[3:4, :2].expand(2, -1))
    with pytest.raises(ControlError, match="no model is there that draws it"):
        made(latent, (noise_of("b"), -1.0))


def test_noise_that_another_picture_does_not_tell_is_left_open() -> None:
    model, latent = clipped(), torch.tensor([[5.0, 5.5, 6.0]])
    pictures = torch.tensor([[1.0, 3.0, 3.5], [4.0, 4.5, 5.0]])
    control = NoiseControl(CARD, "y", model, CLIPPED).prepare(Pictures(pictures), Latent({"s": pictures[:1]}))
    move = Move(control, torch.tensor([float(case_of_seed(0))]))
    (remark,) = control.remarks(latent, [move])
    assert remark is not None
    assert (remark.mark, remark.about) == ("not unique", "y and z")
    _, after = control.outcome(latent, [move])
    assert (
        3.0 <= float(after.low["y"]) < float(after.values["y"]) < float(after.high["y"]) < 7.0
    )  # its noise is below 2
    told = Move(control, torch.tensor([float(case_of_seed(1))]))
    assert control.remarks(latent, [told]) == (None,)
    assert float(control.outcome(latent, [told])[1].values["y"]) == pytest.approx(5.5)


@given(st.integers(1, 500), st.floats(-4, 4), st.integers(0, 100))
@settings(max_examples=30, deadline=None)
def test_do_sets_and_draws_all_else_anew_whatever_the_picture(draw: int, value: float, seed: int) -> None:
    noises = {name: float(noise) for name, noise in linear_chain().noises(1, draw).items()}
    latent = points(1, seed)
    moved = made(latent, (do("b"), value), (rung(), float(draw)))
    after = row(moved)
    assert after["a"] == pytest.approx(noises["a"], abs=1e-5)
    assert after["b"] == pytest.approx(value, abs=1e-5)
    assert after["c"] == pytest.approx(3 * value + noises["c"], abs=1e-4)
    again = made(points(1, seed + 1), (do("b"), value), (rung(), float(draw)))
    assert torch.equal(moved, again)  # own noise, too
    locked = made(latent, (rung(), float(draw)), (noise_of(""), 7.0))
    assert torch.equal(locked[:, :2], made(latent, (noise_of(""), 7.0))[:, :2])


@given(st.integers(1, 500), st.floats(-4, 4))
@settings(max_examples=30, deadline=None)
def test_a_picture_that_is_seen_has_the_value_and_is_not_this_one(draw: int, value: float) -> None:
    moved = made(points(1), (do("b"), value), (rung(), float(-draw)))
    told = rung().population.seen_row({"b": float(torch.tensor(value))}, draw)
    assert row(moved) == pytest.approx(told, abs=1e-4)
    assert torch.equal(moved, made(points(1, 9), (do("b"), value), (rung(), float(-draw))))


def test_in_a_batch_every_point_has_its_own_case() -> None:
    latent = points(5)
    moves = [
        Move(do("a"), torch.tensor([1.0, 2.0, 3.0, 4.0, 5.0]).double(), True),
        Move(rung(), torch.tensor([0.0, 2.0, -2.0, 0.0, -2.0])),
        Move(noise_of("c"), torch.tensor([3.0, 0.0, 3.0, 0.0, 0.0])),
    ]
    control = moves[0].control
    assert isinstance(control, InterventionControl)
    together = control.move_together(latent, moves)
    for k in range(5):
        own = [move._replace(number=move.number[k : k + 1]) for move in moves]
        assert torch.equal(control.move_together(latent[k : k + 1], own)[0], together[k])


def test_the_picture_says_which_question_it_answers_and_what_does_not_count() -> None:
    latent, noise = points(1), Move(noise_of("c"), torch.tensor([3.0]))
    for case, mark in ((0.0, None), (2.0, "do"), (-2.0, "seen")):
        remarks = rung().remarks(latent, [Move(rung(), torch.tensor([case])), noise])
        assert (remarks[0].mark if remarks[0] else None) == mark
        assert (remarks[1] is not None and remarks[1].mark == "not used") == (case < 0)


def test_what_too_few_rows_have_is_refused_in_one_sentence() -> None:
    model = chain()
    latent = torch.tensor([[5.0, 5.5, 6.0]])
    coding = Coding({"a": Axis(0), "b": Axis(1), "c": Axis(2)}, 3)
    moves = [
        Move(InterventionControl(CARD, "b", model, coding), torch.tensor([9.0]).double(), True),
        Move(RungControl(CARD, model, coding), torch.tensor([-1.0])),
    ]
    first = moves[0].control
    assert isinstance(first, InterventionControl)
    with pytest.raises(CausalError, match="so rare"):
        first.move_together(latent, moves)


def test_all_of_one_model_are_one_group_and_files_give_them_back() -> None:
    rows = linear_chain().sample(50, 0)
    tied = StructuralModel(
        msgspec.structs.replace(linear_chain().graph, confounded=(("a", "c"),)), linear_chain().mechanisms
    )
    with_rows = RungControl(CARD, tied, CODING, rows)
    back = RungControl.restore(with_rows.card, with_rows.tensors(), with_rows.parameters())
    assert back.rows is not None
    assert all(torch.equal(back.rows[name], value) for name, value in rows.items())
    assert back.group == with_rows.group
    noise = NoiseControl.restore(CARD, noise_of("b").tensors(), noise_of("b").parameters())
    assert (noise.variable, noise.coding.own) == ("b", 2)
    assert len({do("a").group, do("c").group, noise.group, noise_of("").group, rung().group}) == 1
    assert back.group != rung().group


@pytest.mark.parametrize(
    ("kind", "changes", "sentence"),
    [
        ("noise", {"variable": "w"}, "noise of 'w'"),
        ("noise", {"variable": 3}, "no text"),
        ("noise", {"own": 4}, "after 4"),
        ("noise", {"own": 1.5}, "numbers of noise"),
        ("rung", {"axes": "{}"}, "in place of"),
        ("rung", {"model": 3}, "no text"),
    ],
)
def test_what_a_file_says_wrongly_is_refused(kind: str, changes: dict[str, object], sentence: str) -> None:
    control = noise_of("a") if kind == "noise" else rung()
    with pytest.raises(ValueError, match=sentence):
        control.restore(control.card, control.tensors(), {**control.parameters(), **changes})  # type: ignore[dict-item]
    with pytest.raises(ValueError, match="rows of a"):
        RungControl(CARD, linear_chain(), CODING, {"a": torch.zeros(3)})


@given(st.floats(-1000, 1000))
def test_cases_are_whole_numbers_and_only_nothing_is_none(amount: float) -> None:
    case = case_of(amount)
    assert (case == 0) == (amount == 0)
    assert abs(case) >= abs(amount)
    assert abs(case) - abs(amount) <= 1


def test_cases_have_names() -> None:
    names = ("as in seed @", "its own", "draw #")
    assert [case_text(names, amount) for amount in (-8.0, 0.0, 3.0)] == ["as in seed 7", "its own", "draw 3"]
    assert all(seed_of(case_of_seed(seed)) == seed for seed in range(5))


def test_a_picture_between_levels_gives_the_noise_of_the_nearest_one() -> None:
    """Other sliders may leave a level's number between two; there is no noise of that, and never a NaN."""
    level = Variable(name="kind", kind="category", labels=("x", "y", "z"))
    logits = Predictor(Encoding(()), torch.zeros(0, 3).double(), torch.tensor([0.0, 1.0, -1.0]).double())
    model = StructuralModel(CausalGraph(variables=(level,)), {"kind": Categorical((), logits)})
    coding = Coding({"kind": Axis(0)}, 1)
    pictures, latent = torch.tensor([[1.3], [1.0]]), torch.zeros(1, 1)
    control = NoiseControl(CARD, "kind", model, coding).prepare(Pictures(pictures), Latent({"s": pictures[:1]}))
    between, on_level = (control.move(latent, torch.tensor([float(case_of_seed(seed))])) for seed in (0, 1))
    assert torch.equal(between, on_level)
    assert bool(between.isfinite().all())
