"""A set of one's own: what is chosen, under which names, and what it cost."""

from __future__ import annotations

import pytest
import torch

from explorer.controls.control_set import ControlSet
from explorer.controls.linear import LinearControl
from explorer.engine.selection import METHOD, TITLE, selected
from explorer.errors import ControlError
from explorer.scene.cards import ControlCard
from explorer.scene.model import ChosenControl, ControlSetRef

PCA, SEFA = ControlSetRef(method="pca"), ControlSetRef(method="sefa")


def _set(title: str, space: str, seconds: float) -> ControlSet:
    controls = tuple(
        LinearControl(ControlCard(name=f"{title} {index}", space=space, details=("before",)), row)
        for index, row in enumerate(torch.eye(3))
    )
    cost = {"seconds": seconds, "generator_evaluations": 10.0}
    return ControlSet(method="m", title=title, fingerprint="f", space=space, controls=controls, cost=cost)


def _found(ref: ControlSetRef) -> ControlSet:
    return {PCA: _set("PCA", "w", 2.0), SEFA: _set("SeFa", "z", 0.5)}[ref]


def test_the_chosen_controls_are_one_set_in_the_order_in_which_they_were_chosen() -> None:
    chosen = (
        ChosenControl(controls=SEFA, control="SeFa 2", name="  smile "),
        ChosenControl(controls=PCA, control="PCA 0", starred=True),
        ChosenControl(controls=SEFA, control="SeFa 0"),
    )
    own = selected(chosen, _found, " Mine ")
    assert [control.card.name for control in own.controls] == ["smile", "PCA 0", "SeFa 0"]
    assert [control.card.starred for control in own.controls] == [False, True, False]
    assert [control.card.space for control in own.controls] == ["z", "w", "z"]
    assert own.controls[0].card.details == ("before", "'SeFa 2' of SeFa")
    point = torch.zeros(1, 3)
    assert [control.move(point, torch.ones(1)).argmax().item() for control in own.controls] == [2, 0, 0]
    assert (own.method, own.title, own.fingerprint, own.space) == (METHOD, "Mine", "f", "z")
    assert own.cost == {"seconds": 2.5, "generator_evaluations": 20.0, "labels": 0.0}  # of every set once
    assert own.note == "Chosen from SeFa, PCA."


def test_without_a_title_it_has_one() -> None:
    assert selected((ChosenControl(controls=PCA, control="PCA 1"),), _found, "  ").title == TITLE


@pytest.mark.parametrize(
    ("chosen", "sentence"),
    [
        ((), "No control is chosen"),
        ((("PCA 0", "a"), ("PCA 1", "a ")), "Two of the chosen controls are called 'a'"),
        ((("PCA 0", "PCA 1"), ("PCA 1", "")), "called 'PCA 1'"),
        ((("PCA 9", ""),), "no control 'PCA 9'"),
    ],
)
def test_what_makes_no_set(chosen: tuple[tuple[str, str], ...], sentence: str) -> None:
    with pytest.raises(ControlError, match=sentence):
        selected([ChosenControl(controls=PCA, control=control, name=name) for control, name in chosen], _found, "")
