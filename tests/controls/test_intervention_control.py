"""do() as a control: what follows, what stays, several at once, and what it keeps in a file."""

from __future__ import annotations

import pytest
import torch
from small_causes import clipped, linear_chain
from torch import Tensor

from explorer.causal.base import Values
from explorer.causal.coding import Axis, Coding
from explorer.causal.mechanisms.linear import LinearGaussian
from explorer.causal.model import StructuralModel
from explorer.causal.posterior import Counterfactual
from explorer.controls.base import Move, Moves
from explorer.controls.intervention import InterventionControl
from explorer.scene.cards import ControlCard
from explorer.scene.causal_graph import CausalGraph, Variable

NAMES = ("a", "b", "c")
AXES = {"a": Axis(3, 1.0, 2.0), "b": Axis(1, -1.0, 0.5), "c": Axis(0)}


def do(variable: str, model: StructuralModel | None = None) -> InterventionControl:
    return InterventionControl(
        ControlCard(name=variable, space="s", shows="value"), variable, model or linear_chain(), Coding(AXES, 5)
    )


def points(count: int) -> Tensor:
    return torch.randn(count, 5, generator=torch.Generator().manual_seed(0))


def test_descendants_follow_in_their_own_units_and_the_rest_keeps_its_bits() -> None:
    latent = points(4)
    moved = do("b").move(latent, torch.tensor([1.0, -2.0, 0.0, 0.5]))
    assert torch.equal(moved[:, [2, 3, 4]], latent[:, [2, 3, 4]])
    by = torch.tensor([1.0, -2.0, 0.0, 0.5])
    torch.testing.assert_close(moved[:, 1] - latent[:, 1], by / 0.5)
    torch.testing.assert_close(moved[:, 0] - latent[:, 0], 3 * by, atol=1e-5, rtol=0)
    assert torch.equal(moved[2], latent[2])


def test_a_value_is_in_the_unit_of_the_variable_and_the_one_that_stands_changes_nothing() -> None:
    control, latent = do("a"), points(3)
    here = control.place.value(latent) if control.place else None
    assert here is not None
    torch.testing.assert_close(here, latent[:, 3].double() * 2.0 + 1.0)
    assert torch.equal(control.move_together(latent, [Move(control, here.float(), True)]), latent)
    sent = control.move_together(latent, [Move(control, torch.full((3,), 7.0), True)])
    torch.testing.assert_close(control.value(sent), torch.full((3,), 7.0, dtype=torch.float64))


def test_several_are_done_at_once_in_whatever_order() -> None:
    latent, a, b = points(3), do("a"), do("b")
    moves = [Move(a, torch.full((3,), 5.0), True), Move(b, torch.full((3,), -2.0), True)]
    together, turned = a.move_together(latent, moves), b.move_together(latent, moves[::-1])
    assert torch.equal(together, turned)
    coding = Coding(AXES, 5)
    before, after = coding.values(latent), coding.values(together)
    torch.testing.assert_close(after["c"] - before["c"], 3 * (-2.0 - before["b"]), atol=1e-5, rtol=0)


def test_controls_read_from_two_files_are_one_group_and_other_models_another() -> None:
    control = do("a")
    read = [InterventionControl.restore(do(name).card, do(name).tensors(), do(name).parameters()) for name in "ab"]
    assert read[0].group == read[1].group == control.group
    changed = {**linear_chain().mechanisms, "c": LinearGaussian.of(("b",), (3.5,), 0.0, 1.0)}
    assert do("a", StructuralModel(linear_chain().graph, changed)).group != control.group
    latent = points(2)
    assert torch.equal(read[0].move(latent, torch.ones(2)), control.move(latent, torch.ones(2)))


def test_levels_are_whole_and_cyclic_values_go_round() -> None:
    graph = CausalGraph(
        variables=(Variable(name="a", kind="category", labels=("x", "y", "z")), Variable(name="b"), Variable(name="c")),
    )
    root = LinearGaussian.of((), (), 0.0, 1.0)
    model = StructuralModel(graph, dict.fromkeys(NAMES, root))
    latent = torch.tensor([[0.0, 0, 0, 1.0, 0]])
    control = InterventionControl(ControlCard(name="a", space="s"), "a", model, Coding({**AXES, "a": Axis(3)}, 5))
    assert [control.move(latent, torch.tensor([by]))[0, 3].item() for by in (0.4, 0.6, 5.0, -9.0)] == [1, 2, 2, 0]
    assert control.stops() == (0.0, 1.0, 2.0)
    hue = CausalGraph(variables=(Variable(name="a", kind="cyclic", low=0, high=1), *graph.variables[1:]))
    turning = InterventionControl(
        ControlCard(name="a", space="s"),
        "a",
        StructuralModel(hue, model.mechanisms),
        Coding({**AXES, "a": Axis(3, 0.5, 0.25)}, 5),
    )
    assert turning.value(turning.move(latent, torch.tensor([0.5]))).item() == pytest.approx(0.25)


def test_what_the_picture_leaves_open_is_remarked_and_drawn_at_its_middle() -> None:
    model = clipped()
    coding = Coding({"x": Axis(0), "y": Axis(1), "z": Axis(2)}, 3)
    control = InterventionControl(ControlCard(name="x", space="s"), "x", model, coding)
    latent = torch.tensor([[1.0, 3.0, 3.5]])
    remark = control.remarks(latent, [Move(control, torch.tensor([4.0]))])[0]
    assert remark is not None
    assert (remark.mark, remark.about) == ("not unique", "y and z")
    assert remark.text.startswith("leaves open y 3.")
    assert ", z 4." in remark.text  # z is what y is, and half a unit more
    moved = control.move(latent, torch.tensor([4.0]))
    assert moved[0, 0] == 5.0
    assert 4.0 < moved[0, 1] < 5.0  # the noise is below 2 and normal otherwise, so its median is near 0
    told = torch.tensor([[1.0, 3.2, 3.5]])
    assert control.remarks(told, [Move(control, torch.tensor([4.0]))]) == (None,)
    assert control.remarks(latent, [Move(control, torch.tensor([0.0]))]) == (None,)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"variable": "w"}, "'w' among"),
        ({"model": "{}"}, "damaged"),
        ({"model": 3}, "no text"),
        ({"axes": '{"a": [0, 0, 0], "b": [1], "c": [2]}'}, "deviation 0"),
        ({"axes": "[1]"}, "'list' object"),
        ({"width": 2.0}, "width"),
        ({"width": 2}, "of 2"),
    ],
)
def test_what_a_file_says_wrongly_is_refused(changes: dict[str, object], sentence: str) -> None:
    control = do("a")
    with pytest.raises(ValueError, match=sentence):
        InterventionControl.restore(control.card, control.tensors(), {**control.parameters(), **changes})  # type: ignore[dict-item]


def test_the_slope_is_that_of_what_follows_also_where_the_amount_is_too_small_to_show() -> None:
    latent = points(2)
    amount = torch.tensor([1e-30, 1.0], dtype=torch.float64, requires_grad=True)
    moved = do("a").move(latent.double(), amount)
    (slope,) = torch.autograd.grad(moved[:, 0].sum(), amount)
    torch.testing.assert_close(slope, torch.full((2,), 6.0, dtype=torch.float64))  # 2 for b, and 3 of it for c
    start = points(2).double().requires_grad_()
    (by_start,) = torch.autograd.grad(do("a").move(start, amount.detach())[:, 0].sum(), start)
    torch.testing.assert_close(by_start, torch.tensor([[1.0, 0, 0, 0, 0]] * 2, dtype=torch.float64))


def test_a_picture_computes_what_would_have_been_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its remarks and its point are of one outcome; another amount, start or variable is another."""
    computed: list[float] = []
    plain = InterventionControl._outcome

    def counted(control: InterventionControl, latent: Tensor, moves: Moves) -> tuple[Values, Counterfactual]:
        computed.append(float(moves[0].number[0]))
        return plain(control, latent, moves)

    monkeypatch.setattr(InterventionControl, "_outcome", counted)
    control, latent = do("a"), points(1)
    for amount in (1.0, 1.0, 2.0):
        moves = [Move(control, torch.tensor([amount]))]
        control.remarks(latent, moves)
        control.move_together(latent, moves)
    assert computed == [1.0, 2.0]
    there = control.move_together(points(1) + 1.0, [Move(control, torch.tensor([2.0]))])
    sent = control.move_together(latent, [Move(control, torch.tensor([2.0]), True)])
    other = control.move_together(latent, [Move(do("b"), torch.tensor([2.0]))])
    assert computed == [1.0, 2.0, 2.0, 2.0, 2.0]
    assert len({tuple(moved[0].tolist()) for moved in (there, sent, other)}) == 3
