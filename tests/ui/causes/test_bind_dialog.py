"""Controls that become variables of the graph, chosen in the Causes dock; on a client without an engine."""

from __future__ import annotations

import msgspec
import pytest
import quiet
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QFileDialog
from pytestqt.qtbot import QtBot
from test_causes_dock import GRAPH, of_graph
from test_causes_side import REPORT, Stage

from explorer.causal.formats.registry import graph_of
from explorer.scene.cards import ControlCard, ControlSetCard, MethodCard
from explorer.scene.causal_graph import CausalGraph, Variable
from explorer.scene.causes import Bindings, bindings_of
from explorer.scene.model import ControlSetRef
from explorer.service import replies, requests
from explorer.ui.causes import text
from explorer.ui.causes.bind_dialog import NONE, SEARCHING, BindDialog
from explorer.ui.causes.graph_bar import BIND

pytestmark = pytest.mark.gui
FOUND = ControlSetCard(
    method="latent_axes",
    title="Latent axes",
    space="z",
    fingerprint="f00d",
    controls=(
        *(ControlCard(name=name, space="z") for name in ("z 1", "z 2")),
        ControlCard(name="choice", space="z", cases=("a", "b", "c")),
    ),
)


def with_tilt(ref: ControlSetRef) -> ControlSetCard:
    """As the engine's: the set says which graph it follows, of variables that may be bound to z 2."""
    own = CausalGraph(variables=(*GRAPH.variables, Variable(name="tilt")), edges=GRAPH.edges)
    drawn = str(dict(ref.settings).get("graph", ""))
    return msgspec.structs.replace(of_graph(ControlSetRef()), graph=graph_of(own, drawn) if drawn else GRAPH)


@pytest.fixture
def stage(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> Stage:
    made = Stage(qtbot, monkeypatch, method="bound_causes")
    for name, expensive in (("latent_axes", False), ("slow", True), ("bound_causes", False)):
        card = MethodCard(name=name, title=name, spaces=("z",), trained=False, paper="", expensive=expensive)
        made.controller.catalogue.methods[name] = card
    monkeypatch.setattr(quiet, "controls", with_tilt)
    made.answer()
    made.reply_to(requests.DescribeCauses, replies.CausesDescribed, report=REPORT)
    return made


def opened(stage: Stage, qtbot: QtBot) -> BindDialog:
    """A dialog of the dock's, with the controls of its first source found."""
    dialog = BindDialog(stage.controller, GRAPH.names, stage.dock)
    qtbot.addWidget(dialog)
    assert dialog.problem.text() == SEARCHING
    answer_search(stage)
    return dialog


def answer_search(stage: Stage) -> ControlSetRef:
    asked = stage.sent(requests.FindControls)[-1]
    stage.client.reply(
        replies.ControlsFound(request_id=asked.request_id, model=asked.model, controls=asked.controls, card=FOUND)
    )
    return asked.controls


def check(dialog: BindDialog, row: int, variable: str = "") -> None:
    control, name = dialog.table.item(row, 0), dialog.table.item(row, 1)
    assert control is not None
    assert name is not None
    control.setCheckState(Qt.CheckState.Checked)
    if variable:
        name.setText(variable)


def test_quick_methods_are_offered_and_controls_that_are_amounts(stage: Stage, qtbot: QtBot) -> None:
    dialog = opened(stage, qtbot)
    assert [dialog.source.itemData(row) for row in range(dialog.source.count())] == ["latent_axes:4"]
    assert stage.sent(requests.FindControls)[-1].controls == ControlSetRef(method="latent_axes", k=4)
    names = [dialog.table.item(row, 0) for row in range(dialog.table.rowCount())]
    assert [item.text() for item in names if item is not None] == ["z 1", "z 2"]
    assert (dialog.problem.text(), dialog.go.isEnabled()) == (NONE, False)
    check(dialog, 1, "tilt")
    assert dialog.go.isEnabled()
    assert dialog.bindings() == Bindings("latent_axes:4", (("tilt", "z 2"),))


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("light", "There is a variable 'light' already; call this one otherwise."),
        ("z 1", "Two variables are called 'z 1'."),
        ("a,b", "'a,b' has a comma or an equals sign, which a variable's name cannot have."),
        (" ", "A variable needs a name."),
    ],
)
def test_names_that_cannot_be_are_told(stage: Stage, qtbot: QtBot, name: str, sentence: str) -> None:
    dialog = opened(stage, qtbot)
    check(dialog, 0)
    check(dialog, 1, name)
    assert (dialog.problem.text(), dialog.go.isEnabled()) == (sentence, False)


def test_a_file_may_be_chosen_and_what_is_wrong_with_it_is_told(
    stage: Stage, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    dialog = opened(stage, qtbot)
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *args: ("/own/set.safetensors", ""))
    dialog.browse.click()
    asked = stage.sent(requests.FindControls)[-1]
    assert asked.controls == ControlSetRef(path="/own/set.safetensors")
    stage.client.reply(replies.Refused(request_id=asked.request_id, sentence="It is damaged."))
    assert (dialog.problem.text(), dialog.go.isEnabled()) == ("It is damaged.", False)


def chosen(stage: Stage) -> dict[str, object]:
    return dict(stage.controller.scene.panes[0].controls.settings)


def accept(monkeypatch: pytest.MonkeyPatch, bindings: Bindings) -> None:
    monkeypatch.setattr(BindDialog, "exec", lambda self: QDialog.DialogCode.Accepted)
    monkeypatch.setattr(BindDialog, "bindings", lambda self: bindings)


def test_what_is_bound_is_in_the_graph_and_undo_takes_it_back(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    (action,) = (action for action in stage.dock.panel.bar.menu.actions() if action.text() == BIND)
    accept(monkeypatch, Bindings("latent_axes:4", (("tilt", "z 2"),)))
    action.trigger()
    assert chosen(stage) == {"controls": "latent_axes:4", "control": "tilt=z 2"}
    stage.controller.undo()
    assert chosen(stage) == {}
    stage.dock.panel.editing.draw("light", "angle")
    before = str(chosen(stage)["graph"])
    action.trigger()
    assert chosen(stage)["graph"] == before.replace("}", ', "tilt": []}')
    stage.dock.panel.editing.bind(Bindings("", ()))  # and is let go
    assert chosen(stage)["graph"] == before
    assert "control" not in chosen(stage)


def test_what_is_bound_no_more_is_set_no_more(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    accept(monkeypatch, Bindings("latent_axes:4", (("tilt", "z 2"), ("push", "z 1"))))
    stage.dock.panel.bar.binding.emit()
    variables = (*GRAPH.variables, Variable(name="tilt"), Variable(name="push"))
    card = of_graph(ControlSetRef(method="bound_causes"))
    more = tuple(ControlCard(name=name, space="z", shows="value") for name in ("tilt", "push"))
    monkeypatch.setattr(
        quiet,
        "controls",
        lambda ref: msgspec.structs.replace(
            card, controls=(*card.controls, *more), graph=CausalGraph(variables=variables, edges=GRAPH.edges)
        ),
    )
    for name in ("tilt", "push"):
        stage.controller.move_control(0, name, 1.0)
    stage.dock.panel.editing.bind(Bindings("latent_axes:4", (("push", "z 1"),)))
    assert [edit.control for edit in stage.controller.scene.panes[0].edits] == ["push"]


def test_what_is_bound_is_checked_when_the_dialog_opens_again(stage: Stage, qtbot: QtBot) -> None:
    stage.dock.panel.editing.bind(Bindings("latent_axes:2", (("tilt", "z 2"),)))
    dialog = opened(stage, qtbot)
    assert stage.sent(requests.FindControls)[-1].controls.k == 2
    assert dialog.bindings() == Bindings("latent_axes:2", (("tilt", "z 2"),))
    item = dialog.table.item(1, 0)
    assert item is not None
    item.setCheckState(Qt.CheckState.Unchecked)
    assert dialog.go.isEnabled()
    assert dialog.bindings() == Bindings("", ())


def test_settings_say_what_is_bound() -> None:
    settings = (("control", "tilt=PC 2, PC 3"), ("controls", "pca"))
    assert bindings_of(ControlSetRef(settings=settings)) == Bindings("pca", (("tilt", "PC 2"), ("PC 3", "PC 3")))
    assert bindings_of(ControlSetRef()) == Bindings("", ())


def test_causes_of_the_model_itself_are_bound_to_nothing(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    made = Stage(qtbot, monkeypatch)
    made.answer()
    made.reply_to(requests.DescribeCauses, replies.CausesDescribed, report=REPORT)
    assert BIND not in [action.text() for action in made.dock.panel.bar.menu.actions()]
    assert not made.dock.panel.badges.button.isHidden()


def test_a_picture_is_not_checked_whose_variables_lie_in_no_latent(stage: Stage) -> None:
    stage.dock.panel.badges.refresh()
    assert stage.dock.panel.badges.button.isHidden()


def test_a_set_of_a_file_is_bound_to_what_it_is_bound_to(stage: Stage) -> None:
    notices: list[str] = []
    stage.controller.noticed.connect(lambda notice: notices.append(notice.sentence))
    stage.controller.set_method(0, ControlSetRef(path="own.safetensors", digest="d1"))
    stage.dock.panel.editing.bind(Bindings("latent_axes:4", (("tilt", "z 2"),)))
    assert notices == [text.OF_A_FILE]
    assert chosen(stage) == {}
