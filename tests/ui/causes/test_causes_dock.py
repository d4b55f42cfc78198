"""The Causes dock on a client without an engine: what it asks, shows, and makes of arrows that are drawn."""

from __future__ import annotations

from itertools import combinations, pairwise
from typing import cast

import msgspec
import pytest
import quiet
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QMainWindow
from pytestqt.qtbot import QtBot
from quiet import controller_on
from test_fit import MANY

from explorer.causal.formats.registry import graph_of
from explorer.causal.layout import layout
from explorer.scene.cards import ControlCard, ControlSetCard
from explorer.scene.causal_graph import CausalGraph, Variable
from explorer.scene.causes import RUNG_CASES, Outcome, Rung, Spread, VariableOutcome
from explorer.scene.choices import case_of_seed
from explorer.scene.model import ControlSetRef, Edit, ModelRef, PaneView, Seed
from explorer.service import replies, requests
from explorer.ui.actions.actions import ActionTable
from explorer.ui.causes import text
from explorer.ui.causes.dock import ROWS, CausesDock
from explorer.ui.causes.graph_view import GraphView
from explorer.ui.causes.node import FLAT
from explorer.ui.causes.side_by_side import graphs_text
from explorer.ui.look import theme
from explorer.ui.look.pages import scrolled
from explorer.ui.state.settings import Settings

pytestmark = pytest.mark.gui
GRAPH = CausalGraph(
    variables=(
        Variable(name="angle", low=-36, high=38.7, unit="°"),
        Variable(name="light", low=54, high=132.3, unit="°"),
        Variable(name="length", low=3, high=13.2),
    ),
    edges=(("angle", "length"), ("light", "length")),
)
FACTUAL = {"angle": 10.0, "light": 80.0, "length": 7.5}


def controls(ref: ControlSetRef) -> ControlSetCard:
    cards = tuple(
        ControlCard(name=v.name, space="z", unit=v.unit, low=v.low or 0.0, high=v.high or 1.0, shows="value")
        for v in GRAPH.variables
    )
    return ControlSetCard(method=ref.method, title=ref.method, space="z", fingerprint="f00d", controls=cards)


def outcome(edits: tuple[Edit, ...], graph: CausalGraph = GRAPH, is_open: bool = False) -> Outcome:
    """Length is three more where anything is set; open if so asked."""
    done = {edit.control: edit.number for edit in edits}
    after = {**FACTUAL, **({"length": 10.5} if done else {}), **done}
    return Outcome(
        graph=graph,
        variables=tuple(
            VariableOutcome(
                name=name, factual=FACTUAL[name], value=after[name], low=after[name] - 1, high=after[name] + 1,
                is_open=is_open and name == "length", is_set=name in done,
            )
            for name in graph.names
        ),
    )  # fmt: skip


class Stage:
    """A dock on a controller whose client remembers what it is asked."""

    def __init__(self, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, method: str = "causes") -> None:
        monkeypatch.setattr(quiet, "controls", controls)
        self.controller, self.client = controller_on(methods=(method,))
        self.window = QMainWindow()
        qtbot.addWidget(self.window)
        self.actions = ActionTable(self.window, ROWS)
        self.dock = CausesDock(self.controller, self.actions, Settings())
        self.actions.set_has_model(True)
        self.window.setCentralWidget(self.dock)
        self.window.resize(900, 460)
        self.window.show()
        qtbot.waitUntil(lambda: self.dock.is_made)

    @property
    def asked(self) -> list[requests.FindOutcome]:
        return [one for one in self.client.sent if isinstance(one, requests.FindOutcome)]

    def answer(self, graph: CausalGraph = GRAPH, is_open: bool = False) -> None:
        last = self.asked[-1]
        found = outcome(last.edits, graph, is_open)
        self.client.reply(replies.OutcomeFound(request_id=last.request_id, outcome=found))

    @property
    def view(self) -> GraphView:
        return self.dock.panel.view

    @property
    def settings(self) -> dict[str, object]:
        return dict(self.controller.scene.panes[0].controls.settings)

    def drag(self, first: QPointF, last: QPointF) -> None:
        QTest.mousePress(self.view, Qt.MouseButton.LeftButton, pos=first.toPoint())
        QTest.mouseMove(self.view, last.toPoint())
        QTest.mouseRelease(self.view, Qt.MouseButton.LeftButton, pos=last.toPoint())


def test_other_methods_are_asked_nothing_and_say_where_causes_are(
    qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = Stage(qtbot, monkeypatch, method="latent_axes")
    assert stage.asked == []
    assert stage.dock.panel.hint.text() == text.NO_CAUSES
    assert stage.dock.panel.stack.currentIndex() == 0


def test_nodes_say_what_do_has_made_of_them_and_its_arrows_are_cut(
    qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = Stage(qtbot, monkeypatch)
    stage.answer()
    assert stage.view.texts == {"angle": "10.0°", "light": "80.0°", "length": "7.50"}
    assert stage.dock.panel.words.sentence.text() == text.HOW
    stage.controller.move_control(0, "light", 110.0)
    assert stage.asked[-1].edits == (Edit("light", value=110.0),)
    stage.answer()
    assert stage.view.texts["light"] == "80.0° → 110°"
    assert stage.view.texts["length"] == "7.50 → 10.5"
    assert stage.view.set_names == {"light"}
    assert stage.dock.panel.words.sentence.text() == "do(light = 110°): length follows."
    stage.controller.move_control(0, "length", 5.0)
    stage.answer()
    assert "angle → length, light → length count no longer" in stage.dock.panel.words.sentence.text()


def test_what_is_not_told_is_an_interval(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage(qtbot, monkeypatch)
    stage.controller.move_control(0, "light", 110.0)
    stage.answer()
    stage.answer(is_open=True)
    assert stage.view.texts["length"] == "9.50 to 11.5"
    assert stage.view.open_names == {"length"}
    assert "does not tell the noise of length" in stage.dock.panel.words.sentence.text()


def test_a_drawn_arrow_is_a_step_of_undo_that_keeps_what_is_set(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage(qtbot, monkeypatch)
    stage.controller.move_control(0, "light", 110.0)
    stage.answer()
    stage.answer()
    before = stage.controller.scene
    stage.drag(stage.view.handle("angle"), stage.view.middle("light"))
    assert stage.settings["graph"] == '{"angle": [], "light": ["angle"], "length": ["angle", "light"]}'
    assert text.layout_of(stage.controller.scene.panes[0].controls).keys() == {"angle", "light", "length"}  # they stay
    assert [edit.control for edit in stage.controller.scene.panes[0].edits] == ["light"]
    stage.controller.undo()
    assert stage.controller.scene == before


def test_a_circle_is_refused_at_the_moment_it_would_arise(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage(qtbot, monkeypatch)
    stage.answer()
    told: list[str] = []
    stage.controller.noticed.connect(lambda notice: told.append(notice.sentence))
    stage.drag(stage.view.handle("length"), stage.view.middle("angle"))
    assert told == ["An arrow from 'length' to 'angle' would make a circle: length → angle → length."]
    assert "graph" not in stage.settings


def test_an_arrow_is_chosen_and_taken_away_and_the_own_graph_comes_back(
    qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = Stage(qtbot, monkeypatch)
    stage.answer()
    assert not stage.dock.panel.own.isEnabled()
    first, last = stage.view._ends(("angle", "length"))
    QTest.mouseClick(stage.view, Qt.MouseButton.LeftButton, pos=((first + last) / 2).toPoint())
    assert stage.view.selected_edge == ("angle", "length")
    assert stage.dock.panel.words.sentence.text() == (
        "The effect of 'angle' on 'length' is identified: seeing 'angle' at a value says what setting it would do."
    )
    QTest.keyClick(stage.view, Qt.Key.Key_Delete)
    assert stage.settings["graph"] == '{"angle": [], "light": [], "length": ["light"]}'
    stage.answer(graph=GRAPH.without_edge("angle", "length"))
    stage.dock.panel.own.click()
    assert "graph" not in stage.settings


def test_a_dragged_node_stays_where_it_was_put_and_is_in_the_scene(
    qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = Stage(qtbot, monkeypatch)
    stage.answer()
    x, y = stage.view.places["light"]
    middle = stage.view.middle("light")
    stage.drag(middle, middle + QPointF(60, 25))
    placed = text.layout_of(stage.controller.scene.panes[0].controls)
    assert placed["light"][0] > x + 0.2
    assert placed["light"][1] > y + 0.1
    assert placed["angle"] == pytest.approx(stage.view.places["angle"], abs=0.01)
    stage.answer()
    assert stage.view.places["light"] == pytest.approx(placed["light"], abs=0.01)
    stage.dock.panel.tidy.click()
    assert "layout" not in stage.settings


def test_the_chosen_variable_is_set_by_typing_and_set_free(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage(qtbot, monkeypatch)
    stage.answer()
    panel = stage.dock.panel
    QTest.mouseClick(stage.view, Qt.MouseButton.LeftButton, pos=stage.view.middle("angle").toPoint())
    assert panel.chosen_label.text() == "angle"
    assert stage.settings == {}  # a click moves nothing
    panel.field.selectAll()
    QTest.keyClicks(panel.field, "-12.5")
    QTest.keyClick(panel.field, Qt.Key.Key_Return)
    assert stage.controller.scene.panes[0].edits == (Edit("angle", value=-12.5),)
    stage.answer()
    assert panel.chosen_label.text() == "do(angle)"
    assert panel.free.isEnabled()


def test_what_is_under_the_pointer_is_found(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage(qtbot, monkeypatch)
    stage.answer()
    for name in GRAPH.names:
        assert stage.view.node_at(stage.view.middle(name)) == name
        assert stage.view.rect().contains(stage.view.box(name).toRect())
    assert stage.view.node_at(QPointF(QPoint(2, 2))) == ""
    assert stage.view.edge_at(QPointF(2, 2)) is None


def test_a_second_arrow_that_is_drawn_while_the_first_is_fitted_leaves_the_first(
    qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = Stage(qtbot, monkeypatch)
    stage.answer()
    stage.drag(stage.view.handle("angle"), stage.view.middle("light"))
    assert ("angle", "light") in stage.view.graph.edges  # seen at once
    notices: list[str] = []
    stage.controller.noticed.connect(lambda notice: notices.append(notice.sentence))
    stage.drag(stage.view.handle("light"), stage.view.middle("angle"))
    assert "would make a circle" in notices[0]
    stage.dock.panel.editing.remove("angle", "length")
    assert stage.settings["graph"] == '{"angle": [], "light": ["angle"], "length": ["light"]}'


def test_what_was_known_of_another_model_is_not_shown_of_this_one(
    qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = Stage(qtbot, monkeypatch)
    stage.answer()
    assert stage.dock.panel.stack.currentIndex() == 1
    scene = stage.controller.scene
    pane = msgspec.structs.replace(scene.panes[0], model=ModelRef(path="other", fingerprint="beef"))
    stage.controller.apply(msgspec.structs.replace(scene, panes=(pane,)), "Another model")
    assert stage.dock.panel.stack.currentIndex() == 0
    assert stage.dock.panel.hint.text() == text.AWAITED


def test_a_number_has_three_figures_and_a_middle_is_called_one(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage(qtbot, monkeypatch)
    monkeypatch.setitem(FACTUAL, "length", 7.123456789)
    stage.answer(is_open=True)
    QTest.mouseClick(stage.view, Qt.MouseButton.LeftButton, pos=stage.view.middle("length").toPoint())
    assert stage.dock.panel.field.lineEdit().text() == "7.123"
    assert stage.dock.panel.chosen_label.text() == "length, the middle"


def test_sliders_of_a_file_show_their_graph_which_is_not_redrawn(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage(qtbot, monkeypatch, method="latent_axes")
    card = controls(ControlSetRef(method="causes"))
    monkeypatch.setattr(quiet, "controls", lambda ref: card)
    of_file = ControlSetRef(path="own.safetensors", digest="d1")
    stage.controller.set_method(0, of_file)
    stage.answer()
    assert stage.view.texts["light"] == "80.0°"
    notices: list[str] = []
    stage.controller.noticed.connect(lambda notice: notices.append(notice.sentence))
    stage.drag(stage.view.handle("angle"), stage.view.middle("light"))
    assert notices == [text.OF_A_FILE]
    assert stage.controller.scene.panes[0].controls == of_file


def test_an_interval_without_extent_is_one_number_and_how_sure_it_is() -> None:
    open_at = VariableOutcome(name="length", factual=3.0, value=3.0, low=3.0, high=3.0001, is_open=True)
    assert text.node_text(GRAPH.variable("length"), open_at) == "3.00 (with 90 %)"


def test_what_was_only_sought_is_told_as_far_as_it_came() -> None:
    near, far = (
        VariableOutcome(
            name="length", factual=7.5, value=10.5, low=10.5, high=10.5, is_set=True, reached=reached, is_missed=missed
        )
        for reached, missed in ((10.49, False), (8.2, True))
    )
    assert text.node_text(GRAPH.variable("length"), near) == "7.50 → 10.5"
    assert text.node_text(GRAPH.variable("length"), far) == "8.20 (not 10.5)"
    told = text.sentence(Outcome(graph=GRAPH, variables=(far,)))
    assert "the picture that was sought shows length only as near as it comes" in told
    assert "sought" not in text.sentence(Outcome(graph=GRAPH, variables=(near,)))


def test_attributes_as_causes_are_asked_about_as_well(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage(qtbot, monkeypatch, method="bound_causes")
    stage.controller.move_control(0, "angle", 20.0)
    stage.answer()
    assert stage.dock.panel.outcomes.applies()
    assert stage.dock.panel.stack.currentIndex() == 1


def test_answers_to_other_questions_are_not_taken_and_a_refusal_is(
    qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = Stage(qtbot, monkeypatch)
    number = stage.asked[-1].request_id
    other = replies.OutcomeFound(request_id=number + 50, outcome=outcome((Edit("light", value=60.0),)))
    stage.client.reply(other)
    stage.client.reply(replies.Refused(request_id=number + 51, sentence="of something else"))
    assert stage.dock.panel.outcomes.outcome is None
    assert stage.dock.panel.outcomes.problem == ""
    stage.answer()
    assert stage.view.texts["light"] == "80.0°"
    stage.controller.move_control(0, "light", 110.0)
    stage.client.reply(replies.Refused(request_id=stage.asked[-1].request_id, sentence="Nothing is known."))
    assert stage.dock.panel.outcomes.outcome is None
    assert stage.dock.panel.outcomes.problem == "Nothing is known."


def of_graph(ref: ControlSetRef) -> ControlSetCard:
    """As the engine's: the set says which graph it follows."""
    return msgspec.structs.replace(controls(ref), graph=graph_of(GRAPH, str(dict(ref.settings).get("graph", ""))))


def test_another_graph_stands_in_a_second_pane_and_one_hand_moves_both(
    qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = Stage(qtbot, monkeypatch)
    monkeypatch.setattr(quiet, "controls", of_graph)
    stage.controller.set_method(0, ControlSetRef(method="causes", k=3))
    stage.controller.move_control(0, "light", 110.0)
    stage.answer()
    stage.answer()
    before, title = stage.controller.scene, stage.dock.panel.title
    assert title.text() == "Causes"
    with qtbot.waitSignal(stage.dock.wanted):
        stage.actions["another_graph"].trigger()
    scene = stage.controller.scene
    assert (len(scene.panes), scene.selected, scene.linked) == (2, 1, True)
    assert scene.panes[1] == msgspec.structs.replace(scene.panes[0], name="Another graph")
    assert title.text() == "Causes · pane 2 of 2: Another graph"
    stage.answer()
    stage.dock.panel.editing.remove("light", "length")
    assert dict(stage.controller.scene.panes[1].controls.settings)["graph"] == (
        '{"angle": [], "light": [], "length": ["angle"]}'
    )
    assert stage.controller.scene.panes[0] == before.panes[0]
    stage.answer(graph=GRAPH.without_edge("light", "length"))
    sentence = stage.dock.panel.words.sentence
    assert sentence.text().endswith("Unlike pane 1 (causes): without light → length.")
    stage.controller.move_control(1, "angle", -20.0)
    assert [pane.edits for pane in stage.controller.scene.panes] == [
        (Edit("angle", value=-20.0), Edit("light", value=110.0))
    ] * 2
    stage.controller.select_pane(0)
    stage.answer()
    stage.answer()
    assert title.text() == "Causes · pane 1 of 2: causes"
    assert ("light", "length") in stage.view.graph.edges
    assert sentence.text().endswith("Unlike pane 2 (Another graph): with light → length.")
    while stage.controller.scene != before and stage.controller.undo_stack.canUndo():
        stage.controller.undo()
    assert stage.controller.scene == before


def test_a_third_graph_has_a_name_of_its_own(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage(qtbot, monkeypatch)
    monkeypatch.setattr(quiet, "controls", of_graph)
    stage.controller.set_method(0, ControlSetRef(method="causes", k=3))
    stage.actions["another_graph"].trigger()
    stage.actions["another_graph"].trigger()
    assert [pane.name for pane in stage.controller.scene.panes] == ["", "Another graph", "Another graph 2"]


def test_sliders_stand_where_causes_put_them_only_for_the_picture_that_was_asked_about(
    qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = Stage(qtbot, monkeypatch)
    stage.controller.move_control(0, "light", 110.0)
    stage.answer()  # of the picture before
    stage.answer()
    assert stage.controller.outcomes.now()["length"] == 10.5
    stage.controller.move_control(0, "light", 111.0)
    assert stage.controller.outcomes.now()["length"] == 10.5  # of the same start, until there is an answer
    stage.controller.set_seed(8)
    assert stage.controller.outcomes.now() == {}
    stage.answer()
    stage.answer()
    assert stage.controller.outcomes.now()["length"] == 10.5


@pytest.mark.parametrize(("view", "copied"), [("truth", "image"), ("unmoved", "image"), ("difference", "difference")])
def test_another_graph_is_not_shown_by_what_no_graph_changes(
    view: PaneView, copied: PaneView, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = Stage(qtbot, monkeypatch)
    monkeypatch.setattr(quiet, "controls", of_graph)
    stage.controller.set_method(0, ControlSetRef(method="causes", k=3))
    stage.controller.set_view(0, view)
    stage.actions["another_graph"].trigger()
    assert [pane.view for pane in stage.controller.scene.panes] == [view, copied]


@pytest.mark.parametrize("key", ["another_graph", "views_of_do", "effects_of_do"])
def test_where_no_variable_is_set_nothing_is_put_beside_it_and_a_sentence_says_where_there_are(
    qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    stage = Stage(qtbot, monkeypatch, method="latent_axes")
    told: list[str] = []
    stage.controller.noticed.connect(lambda notice: told.append(notice.sentence))
    stage.actions[key].trigger()
    assert told == [text.NO_CAUSES]
    assert len(stage.controller.scene.panes) == 1


@pytest.mark.parametrize(
    ("key", "views"),
    [
        ("views_of_do", ["unmoved", "image", "difference", "truth"]),
        ("effects_of_do", ["total_effect", "direct_effect", "indirect_effect"]),
    ],
)
def test_views_of_one_do_stand_side_by_side_and_are_one_step(
    qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, key: str, views: list[str]
) -> None:
    stage = Stage(qtbot, monkeypatch)
    monkeypatch.setattr(quiet, "controls", of_graph)
    stage.controller.set_method(0, ControlSetRef(method="causes", k=3))
    stage.controller.move_control(0, "light", 110.0)
    before = stage.controller.scene
    stage.actions[key].trigger()
    scene = stage.controller.scene
    assert [pane.view for pane in scene.panes] == views
    assert {pane.edits for pane in scene.panes} == {(Edit("light", value=110.0),)}
    assert (scene.selected, scene.linked) == (0, True)
    stage.controller.undo()
    assert stage.controller.scene == before


def test_the_answer_to_another_graph_does_not_end_the_dock(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the values of a graph that leaves out a variable are asked for, those of the graph before are known."""
    stage = Stage(qtbot, monkeypatch)
    monkeypatch.setattr(quiet, "controls", of_graph)
    small = ControlSetRef(method="causes", k=2, settings=(("graph", '{"light": [], "length": ["light"]}'),))
    stage.controller.set_method(0, ControlSetRef(method="causes", k=3))
    stage.answer()
    stage.view.selected = "angle"
    stage.controller.set_method(0, small)
    assert stage.view.graph.names == ("light", "length")
    assert stage.view.texts.keys() == {"light", "length"}
    stage.answer(graph=graph_of(GRAPH, '{"light": [], "length": ["light"]}'))
    stage.view.selected = "light"
    stage.controller.set_method(0, ControlSetRef(method="causes", k=3))
    stage.dock.panel._show_chosen("angle")
    assert stage.dock.panel.chosen_label.text() == "angle can be set as soon as this graph is ready."


def test_panes_of_one_graph_are_told_of_together() -> None:
    names = ("Causes", "Other", "Causes", "Latent axes")
    other = GRAPH.without_edge("angle", "length").with_edge("angle", "light")
    graphs = (GRAPH, other, GRAPH, None)
    assert graphs_text(names, graphs, 1) == ("Unlike panes 1, 3 (Causes): with angle → light, without angle → length.")
    assert graphs_text(names, graphs, 2) == "Unlike pane 2 (Other): with angle → length, without angle → light."
    assert graphs_text(names, graphs, 3) == graphs_text(names, (GRAPH,) * 4, 0) == ""


def ladder(rung: Rung, draw: int, noise: int = 0) -> Outcome:
    """Light is held, with what doing and seeing say of length; the noise of angle is chosen."""
    plain = outcome((Edit("light", value=110.0),))
    variables = tuple(
        msgspec.structs.replace(
            one,
            noise_control=f"noise: {one.name}",
            noise=noise if one.name == "angle" else 0,
            done=Spread(9.0, 8.0, 10.0) if one.name == "length" else None,
            seen=Spread(7.0, 3.0, 11.0) if one.name == "length" else None,
        )
        for one in plain.variables
    )
    return msgspec.structs.replace(
        plain, variables=variables, rung=rung, draw=draw, rung_control="rung", own_control="noise: picture"
    )


def show(stage: Stage, found: Outcome) -> None:
    """Answer the question that is under way, or one asked anew, and all that follow."""
    stage.dock.panel.outcomes.forget()
    while True:
        last = stage.asked[-1]
        stage.client.reply(replies.OutcomeFound(request_id=last.request_id, outcome=found))
        if stage.asked[-1] is last:
            return


def with_choices(ref: ControlSetRef) -> ControlSetCard:
    names = ("rung", "noise: picture", *(f"noise: {name}" for name in GRAPH.names))
    cases = tuple(
        ControlCard(name=name, space="z", low=-9, high=9, cases=RUNG_CASES if name == "rung" else ("@", "own", "#"))
        for name in names
    )
    card = controls(ref)
    return msgspec.structs.replace(card, controls=(*card.controls, *cases))


@pytest.fixture
def ladder_stage(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> Stage:
    plain = Stage(qtbot, monkeypatch)
    monkeypatch.setattr(quiet, "controls", with_choices)
    card = with_choices(plain.controller.scene.panes[0].controls)
    monkeypatch.setattr(type(plain.controller), "controls_card", lambda *_: card)
    monkeypatch.setattr(plain.controller.catalogue, "controls", lambda *_: card)
    show(plain, ladder("imagine", 0))
    return plain


def test_what_is_seen_is_not_cut_and_looks_otherwise_than_what_is_done(ladder_stage: Stage) -> None:
    view, panel = ladder_stage.view, ladder_stage.dock.panel
    assert (view.set_names, view.seen_names) == ({"light"}, frozenset())
    assert view.texts["light"] == "80.0° → 110°"
    show(ladder_stage, ladder("see", 2))
    assert (view.set_names, view.seen_names) == (frozenset(), {"light"})
    assert view.texts["light"] == "seen: 110°"  # of another picture there is no value before
    assert view.texts["length"] == "10.5"
    assert view._outline("light").contains(view.box("light"))
    assert view._outline("angle") == view.box("angle")
    assert panel.words.sentence.text() == "A picture in which light is 110° by itself: nothing is set, no arrow is cut."
    show(ladder_stage, ladder("do", 2))
    assert view.set_names == {"light"}
    assert "do(light = 110°): another picture" in panel.words.sentence.text()
    assert panel.words.spreads.text() == (
        "Means, and 90 %, over all pictures: length: do 9.00 (8.00 to 10.0), see 7.00 (3.00 to 11.0)."
    )


def test_the_question_is_asked_by_one_control_and_undone(ladder_stage: Stage) -> None:
    panel, controller = ladder_stage.dock.panel, ladder_stage.controller
    assert not panel.rungs.again.isVisible()
    panel.rungs.rungs.buttons["do"].click()
    assert controller.scene.panes[0].edits == (Edit("rung", 1.0),)
    assert controller.answer_title(0) == "Interventional"
    show(ladder_stage, ladder("do", 1))
    panel.rungs.again.click()
    assert controller.scene.panes[0].edits == (Edit("rung", 2.0),)
    show(ladder_stage, ladder("do", 2))
    panel.rungs.rungs.buttons["see"].click()
    assert controller.scene.panes[0].edits == (Edit("rung", -2.0),)
    assert controller.answer_title(0) == "Observational"
    show(ladder_stage, ladder("see", 2))
    panel.rungs.rungs.buttons["imagine"].click()
    assert controller.scene.panes[0].edits == ()
    for _ in range(4):
        controller.undo()
    assert controller.scene.panes[0].edits == ()


def test_noise_is_locked_drawn_and_taken_from_another_seed(ladder_stage: Stage) -> None:
    panel, controller = ladder_stage.dock.panel, ladder_stage.controller
    assert panel.noise.title.text() == "The picture's own noise:"
    panel.noise.sources.buttons["other"].click()
    assert controller.scene.panes[0].edits == (Edit("noise: picture", float(case_of_seed(4))),)  # the one after its own
    ladder_stage.view.selected = "angle"
    show(ladder_stage, ladder("imagine", 0, noise=3))
    assert panel.noise.sources.value == "drawn"
    assert panel.noise.number.value() == 3
    assert "angle (draw 3)" in panel.words.sentence.text()
    panel.noise.number.selectAll()
    QTest.keyClicks(panel.noise.number, "12")
    QTest.keyClick(panel.noise.number, Qt.Key.Key_Return)
    assert Edit("noise: angle", 12.0) in controller.scene.panes[0].edits
    show(ladder_stage, ladder("imagine", 0, noise=case_of_seed(7)))
    assert panel.noise.sources.value == "other"
    assert panel.noise.number.value() == 7
    ladder_stage.view.selected = "light"
    show(ladder_stage, ladder("imagine", 0))
    assert not panel.noise.sources.isEnabled()  # it is set
    ladder_stage.view.selected = "angle"
    show(ladder_stage, ladder("see", 1, noise=case_of_seed(7)))
    assert not panel.noise.sources.isEnabled()
    show(ladder_stage, ladder("imagine", 0, noise=case_of_seed(7)))
    panel.noise.sources.buttons["own"].click()
    assert all(edit.control != "noise: angle" for edit in controller.scene.panes[0].edits)


def test_what_has_no_answer_is_said_and_the_slider_stays(ladder_stage: Stage) -> None:
    refused = msgspec.structs.replace(ladder("see", 1), problem="Rows with light = 110 are so rare.")
    show(ladder_stage, refused)
    assert ladder_stage.dock.panel.words.sentence.text() == "Rows with light = 110 are so rare."
    assert ladder_stage.dock.panel.stack.currentIndex() == 1


def test_numbers_of_all_pictures_are_asked_while_nothing_is_dragged(ladder_stage: Stage) -> None:
    assert ladder_stage.asked[-1].spreads
    ladder_stage.controller.move_control(0, "light", 90.0, dragging=True)
    assert not ladder_stage.asked[-1].spreads
    show(ladder_stage, ladder("imagine", 0))
    ladder_stage.controller.move_control(0, "light", 91.0)
    show(ladder_stage, ladder("imagine", 0))
    assert ladder_stage.asked[-1].spreads
    ladder_stage.controller.move_control(0, "light", 95.0, dragging=True)
    show(ladder_stage, ladder("imagine", 0))
    assert not ladder_stage.asked[-1].spreads
    ladder_stage.controller.move_control(0, "light", 95.0)  # let go where it stood
    assert ladder_stage.asked[-1].spreads


def test_the_slider_stays_under_the_hand_when_a_variable_begins_to_be_held(ladder_stage: Stage) -> None:
    panel = ladder_stage.dock.panel
    ladder_stage.view.selected = "light"
    places = []
    for rung in ("imagine", "see"):
        for is_set in (False, True):
            told = ladder(cast("Rung", rung), 1)
            variables = tuple(
                msgspec.structs.replace(one, is_set=is_set) if one.name == "light" else one for one in told.variables
            )
            show(ladder_stage, msgspec.structs.replace(told, variables=variables))
            QApplication.processEvents()
            places.append(panel.slider.geometry())
    assert len({(place.x(), place.width()) for place in places}) == 1


def test_of_many_that_are_missed_some_are_named() -> None:
    def told(count: int) -> str:
        names = [f"v{number}" for number in range(count)]
        plain = VariableOutcome(name="x", factual=0, value=0, low=0, high=0)
        missed = tuple(msgspec.structs.replace(plain, name=name, reached=1, is_missed=True) for name in names)
        held = msgspec.structs.replace(plain, value=1, is_set=True)
        graph = CausalGraph(variables=tuple(Variable(name=name) for name in ("x", *names)))
        return text.sentence(Outcome(graph=graph, variables=(held, *missed)))

    assert "shows v0, v1, v2, v3 only as near as it comes" in told(4)
    assert "shows v0, v1, v2 and 9 more only as near as it comes" in told(12)


def test_where_nothing_is_set_all_noise_is_drawn_anew() -> None:
    drawn = ladder("do", 2)
    free = tuple(msgspec.structs.replace(one, is_set=False) for one in drawn.variables)
    assert text.sentence(drawn).endswith("all other noise of which is drawn anew.")
    nothing = "Nothing is set: another picture, all noise of which is drawn anew."
    assert text.sentence(msgspec.structs.replace(drawn, variables=free)) == nothing


def test_noise_of_another_picture_is_not_called_locked(ladder_stage: Stage) -> None:
    noise = ladder_stage.dock.panel.noise
    own = noise.sources.buttons["own"]
    ladder_stage.view.selected = "angle"
    show(ladder_stage, ladder("imagine", 0))
    assert own.text() == "Locked"
    show(ladder_stage, ladder("do", 2))  # all other noise is drawn anew
    assert noise.sources.value == "own"
    assert (own.text(), own.accessibleName()) == ("Of this draw", "Noise: Of this draw")
    assert "abducted" not in own.toolTip()
    show(ladder_stage, ladder("imagine", 0))
    assert own.text() == "Locked"


def test_noise_of_another_pane_s_picture_is_the_first_that_is_offered(ladder_stage: Stage) -> None:
    controller = ladder_stage.controller
    scene = controller.scene
    second = msgspec.structs.replace(scene.panes[0], origin=Seed(42))
    controller.apply(msgspec.structs.replace(scene, panes=(scene.panes[0], second), linked=False), "Another pane")
    show(ladder_stage, ladder("imagine", 0))
    ladder_stage.dock.panel.noise.sources.buttons["other"].click()
    assert controller.scene.panes[0].edits == (Edit("noise: picture", float(case_of_seed(42))),)
    assert controller.scene.panes[1].edits == ()


def test_a_level_is_called_by_its_name_beside_the_slider(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    def with_labels(ref: ControlSetRef) -> ControlSetCard:
        card = controls(ref)
        cards = tuple(
            msgspec.structs.replace(one, low=0.0, high=1.0, labels=("low", "high")) if one.name == "light" else one
            for one in card.controls
        )
        return msgspec.structs.replace(card, controls=cards)

    stage = Stage(qtbot, monkeypatch)
    monkeypatch.setattr(quiet, "controls", with_labels)
    stage.answer()
    stage.controller.set_method(0, ControlSetRef(method="causes", k=3))
    stage.answer()
    stage.view.selected = "light"
    stage.controller.move_control(0, "light", 1.0)
    stage.answer()
    assert stage.dock.panel.field.text() == "high"
    assert stage.controller.undo_stack.undoText() == "light = high"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_what_do_has_cut_can_be_seen_in_both_themes(qtbot: QtBot, qapp: QApplication, scheme: str) -> None:
    theme.apply(qapp, scheme)
    try:
        view = GraphView()
        qtbot.addWidget(view)
        view.resize(400, 300)
        graph = CausalGraph(variables=GRAPH.variables[1:], edges=(("light", "length"),))
        places = {"light": (0.0, 0.0), "length": (0.0, 1.25)}
        view.show_graph(graph, places, {}, frozenset({"length"}), frozenset())
        image = view.grab().toImage()
        (start, _), ground = view._ends(("light", "length")), image.pixelColor(3, 3)
        drawn = [image.pixelColor(round(start.x()), round(start.y()) + by) for by in range(12, 40)]
        apart = [abs(color.lightness() - ground.lightness()) for color in drawn]
        assert max(apart) > 50
        assert min(apart) < 10  # dotted, for it is cut
    finally:
        theme.apply(qapp, "light")


LONG = " ".join(["the picture does not tell the noise of length, so an interval of 90 % stands there"] * 9)


@pytest.mark.parametrize("size", [(900, 460), (700, 330)])
def test_the_graph_stands_still_whatever_is_said_below_it(
    qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, size: tuple[int, int]
) -> None:
    stage = Stage(qtbot, monkeypatch)
    stage.window.resize(*size)
    stage.answer()
    QApplication.processEvents()
    panel, before = stage.dock.panel, [stage.view.box(name) for name in GRAPH.names]
    monkeypatch.setattr(text, "sentence", lambda outcome: LONG)
    monkeypatch.setattr(text, "spreads", lambda outcome, name: LONG)
    stage.controller.move_control(0, "light", 110.0)
    stage.answer()
    QApplication.processEvents()
    assert panel.words.sentence.text() == LONG
    assert [stage.view.box(name) for name in GRAPH.names] == before
    assert panel.words.area.verticalScrollBar().maximum() > 0  # all of it can be read


def test_a_graph_is_as_high_as_its_nodes_need_and_scrolls(qtbot: QtBot) -> None:
    view = GraphView()
    area = scrolled(view)
    qtbot.addWidget(area)
    area.resize(700, 110)
    area.show()
    view.show_graph(MANY, layout(MANY), {}, frozenset(), frozenset())
    QApplication.processEvents()
    boxes = [view.box(name) for name in MANY.names]
    assert not any(first.intersects(last) for first, last in combinations(boxes, 2))
    assert all(view.rect().contains(box.toAlignedRect()) for box in boxes)
    assert view.height() > area.viewport().height()
    rows = sorted({box.top() for box in boxes})
    assert min(below - above for above, below in pairwise(rows)) >= FLAT + 10  # arrows are seen
    area.resize(700, 400)
    QApplication.processEvents()
    assert view.height() == area.viewport().height()


@pytest.mark.parametrize(("below", "is_drawn"), [(16.0, True), (30.0, False), (-8.0, True), (-13.0, False)])
def test_an_arrow_begins_near_the_dot_and_below_it_farther_away(
    qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, below: float, is_drawn: bool
) -> None:
    stage = Stage(qtbot, monkeypatch)
    stage.answer()
    start = stage.view.handle("angle") + QPointF(0, below)
    stage.drag(start, stage.view.middle("light"))
    assert (("angle", "light") in stage.view.graph.edges) == is_drawn
    assert bool(stage.view.selected) == (below == -13.0)  # the node itself was meant


def test_a_click_on_a_dot_means_what_lies_there(qtbot: QtBot) -> None:
    view = GraphView()
    qtbot.addWidget(view)
    view.resize(400, 300)
    graph = CausalGraph(variables=GRAPH.variables[1:], edges=(("light", "length"),))
    view.show_graph(graph, {"light": (0.0, 0.0), "length": (0.0, 1.25)}, {}, frozenset(), frozenset())
    dot = view.handle("light")
    assert {view.handle_at(dot + QPointF(0, by)) for by in (-4, 12)} == {"light"}
    QTest.mouseClick(view, Qt.MouseButton.LeftButton, pos=(dot - QPointF(0, 4)).toPoint())
    assert view.selected == "light"
    QTest.mouseClick(view, Qt.MouseButton.LeftButton, pos=(dot + QPointF(0, 12)).toPoint())
    assert (view.selected, view.selected_edge) == ("", ("light", "length"))


def test_two_rows_of_nodes_are_seen_however_low_the_window_is(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage(qtbot, monkeypatch)
    stage.answer()
    stage.window.resize(700, 100)
    QApplication.processEvents()
    boxes = [stage.view.box(name) for name in GRAPH.names]
    area = stage.view.parentWidget()
    assert area is not None
    assert all(area.rect().contains(stage.view.mapTo(area, box.toAlignedRect().center())) for box in boxes)
    assert stage.view.height() == area.height()  # nothing to scroll
