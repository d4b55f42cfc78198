"""How amounts are written, in both units."""

from __future__ import annotations

import msgspec

from explorer.scene.cards import ControlCard
from explorer.scene.edit_text import EFFECT_UNIT, amount_text, edit_text, slider_text, tau_text, unit_text
from explorer.scene.marks import with_mark
from explorer.scene.model import ControlSetRef, Edit, Mark, ModelRef, Pane, Scene

NATIVE = ControlSetRef(method="pca", k=2)
EFFECT = ControlSetRef(method="pca", k=2, units="effect", tau=0.1)


def test_amounts_say_their_unit_where_it_is_the_same_for_all() -> None:
    scene = Scene(model=ModelRef(path="m"), panes=(Pane(controls=EFFECT),))
    edit = Edit("PC 1", -1.5)
    assert edit_text(scene, NATIVE, edit) == "PC 1 −1.50"
    assert edit_text(scene, EFFECT, edit) == "PC 1 −1.50 τ"
    named = with_mark(scene, Mark(controls=EFFECT, control="PC 1", name="smile"))
    assert edit_text(named, EFFECT, edit, ControlCard(name="PC 1", space="w", unit=EFFECT_UNIT)) == "smile −1.50 τ"
    assert tau_text(EFFECT.tau) == "τ = 0.1"
    along = msgspec.structs.replace(EFFECT, units="arc")
    assert tau_text(along.tau, along.calibration) == "τ = 0.1 along the path"
    assert unit_text(along) == unit_text(EFFECT)


def test_the_sign_is_a_minus_and_names_keep_their_hyphens() -> None:
    scene = Scene(model=ModelRef(path="m"), panes=(Pane(controls=NATIVE),))
    assert edit_text(scene, NATIVE, Edit("non-smile", -0.19)) == "non-smile −0.19"
    assert [amount_text(amount) for amount in (1.3, -0.4, 0.0, -0.001)] == ["+1.30", "−0.40", "0.00", "0.00"]


def test_values_and_levels_are_written_as_people_call_them() -> None:
    scene = Scene(model=ModelRef(path="m"), panes=(Pane(controls=NATIVE),))
    light = ControlCard(name="light", space="z", unit="°", shows="value")
    sex = ControlCard(name="sex", space="z", unit="", shows="value", labels=("female", "male"))
    assert edit_text(scene, NATIVE, Edit("light", value=132.3), light) == "light = 132.3°"
    assert edit_text(scene, NATIVE, Edit("sex", value=1.0), sex) == "sex = male"
    assert edit_text(scene, NATIVE, Edit("sex", value=0.0), sex) == "sex = female"
    assert edit_text(scene, NATIVE, Edit("sex", value=2.0), sex) == "sex = 2"  # a file may say so
    cases = ControlCard(name="rung", space="z", cases=("see, draw #", "imagine", "do, draw #"))
    assert slider_text(-3.0, "amount", cases) == "see, draw 3"
    assert slider_text(-3.0, "amount") == "−3.00"


def test_a_control_without_effect_keeps_its_own_unit() -> None:
    dead = ControlCard(name="PC 2", space="w", unit="σ")
    assert unit_text(EFFECT, dead) == unit_text(NATIVE) == ""
    assert unit_text(EFFECT) == " τ"
