"""The Causes dock beside do(): distributions, variables and arrows by keyboard, mechanisms, checks, effects,
suggestions, graph files; on a client without an engine."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

import msgspec
import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, QRectF, Qt, QUrl
from PySide6.QtGui import QColor, QDropEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QFileDialog, QToolButton
from pytestqt.qtbot import QtBot
from test_causes_dock import GRAPH
from test_causes_dock import Stage as Dock

from explorer.causal.effect_answer import EffectAnswer, Estimate, OutcomeEffect
from explorer.causal.fit_card import Dependence, Judgement
from explorer.causal.formats.registry import graph_of, read_graph
from explorer.causal.independences import Independence, IndependenceTest
from explorer.causal.model_report import CausesReport, GraphCheck, MechanismReport
from explorer.causal.suggested import Suggestion
from explorer.scene.causal_graph import CausalGraph, Edge, Variable
from explorer.scene.causes import Distribution
from explorer.service import replies, requests
from explorer.ui.causes import distribution, side_text, suggestion_card
from explorer.ui.causes.mapping_dialog import MappingDialog
from explorer.ui.causes.node import LOW, TALL, bars_box
from explorer.ui.look import theme

pytestmark = pytest.mark.gui
Asked = TypeVar("Asked")
FLAT = Distribution(low=0.0, high=100.0, shares=(0.5, 0.25, 0.25, 0.0), usual=(10.0, 90.0))
JUDGED = Judgement(
    rows=300, impossible=0, log_likelihood=-1.25, error=0.05, explained=0.9, normality=None,
    dependence=(Dependence(cause="angle", correlation=0.3, p=0.005),),
)  # fmt: skip
REPORT = CausesReport(
    own=GRAPH,
    rows=2048,
    distributions=dict.fromkeys(GRAPH.names, FLAT),
    mechanisms=tuple(
        MechanismReport(
            variable=name,
            kind="additive",
            title="additive noise",
            kinds=(("additive", "additive noise"), ("linear_gaussian", "a straight line")),
            judgement=JUDGED,
            warnings=("its noise still depends on angle",),
        )
        for name in GRAPH.names
    ),
)
TESTS = (
    IndependenceTest(independence=Independence("angle", "light"), correlation=0.4, low=0.3, high=0.5, p=0.0, rows=2048),
)


class Stage(Dock):
    """A dock that is answered whatever it asks."""

    def sent(self, kind: type[Asked]) -> list[Asked]:
        """What was asked of this kind."""
        return [one for one in self.client.sent if isinstance(one, kind)]

    def reply_to(self, kind: type[Any], reply: type[Any], **content: object) -> None:
        """Answer the last request of this kind."""
        asked = self.sent(kind)[-1]
        self.client.reply(reply(request_id=asked.request_id, **content))


@pytest.fixture
def stage(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> Stage:
    made = Stage(qtbot, monkeypatch)
    made.answer()
    made.reply_to(requests.DescribeCauses, replies.CausesDescribed, report=REPORT)
    return made


def drawn(stage: Stage) -> CausalGraph:
    return graph_of(GRAPH, str(stage.settings.get("graph", "")))


def notices(stage: Stage) -> list[str]:
    told: list[str] = []
    stage.controller.noticed.connect(lambda notice: told.append(notice.sentence))
    return told


def type_arrow(stage: Stage, arrow: str) -> None:
    field = stage.dock.panel.bar.arrow
    field.setCompleter(None)  # its list grabs the keyboard, which no plugin for tests can
    QTest.keyClicks(field, arrow)
    QTest.keyClick(field, Qt.Key.Key_Return)


# --- distributions ---


def test_variables_are_asked_about_once_a_set_and_not_at_every_picture(stage: Stage) -> None:
    assert len(stage.sent(requests.DescribeCauses)) == 1
    stage.controller.move_control(0, "light", 110.0)
    stage.answer()
    assert len(stage.sent(requests.DescribeCauses)) == 1
    stage.dock.panel.editing.place("light", 3.0, 3.0)
    assert len(stage.sent(requests.DescribeCauses)) == 1  # where a node stands is no part of it
    type_arrow(stage, "angle -> light")
    assert len(stage.sent(requests.DescribeCauses)) == 2


def test_a_node_is_as_tall_as_its_distribution_needs_where_there_is_room(stage: Stage) -> None:
    assert stage.view.distributions["light"] == FLAT
    assert stage.view.box("light").height() == TALL
    stage.window.resize(900, 320)
    assert stage.view.box("light").height() == LOW
    for name in GRAPH.names:
        assert stage.view.rect().contains(stage.view.box(name).toRect())


def test_bars_have_their_shares_and_marks_stand_at_their_values() -> None:
    bars = distribution.Bars(QRectF(10, 20, 100, 40), FLAT)
    assert [bar.height() for bar in bars.bars()] == [40, 20, 20, 0]
    assert all(bar.bottom() == 60 for bar in bars.bars())
    assert [bars.across(value) for value in (0, 25, 100, -50, 900)] == [10, 35, 110, 10, 110]


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_the_mark_of_do_is_drawn_where_it_has_put_the_value(stage: Stage, scheme: theme.Scheme) -> None:
    app = QApplication.instance()
    assert isinstance(app, QApplication)
    before = "dark" if theme.current().dark else "light"
    theme.apply(app, scheme)
    try:
        stage.controller.move_control(0, "light", 60.0)
        stage.answer()
        picture = stage.view.grab().toImage()
        box = stage.view.box("light")
        bars = distribution.Bars(bars_box(box), FLAT)
        ratio, row = picture.devicePixelRatio(), bars.box.top() + 6
        at = {
            value: picture.pixelColor(QPoint(int(bars.across(value) * ratio), int(row * ratio)))
            for value in (60.0, 80.0, 95.0)
        }
        colors = theme.current()
        assert _near(at[60.0], colors.amber)  # do
        assert _near(at[80.0], colors.text)  # factual
        assert _near(at[95.0], colors.panel)  # nothing
    finally:
        theme.apply(app, before)


def _near(color: QColor, value: str) -> bool:
    other = theme.color(value)
    return all(abs(a - b) < 60 for a, b in zip(color.getRgb()[:3], other.getRgb()[:3], strict=True))


# --- variables and arrows by keyboard ---


def test_an_arrow_is_typed_and_is_one_step_of_undo(stage: Stage) -> None:
    before = stage.controller.scene
    type_arrow(stage, "angle -> light")
    assert ("angle", "light") in drawn(stage).edges
    assert stage.dock.panel.bar.arrow.text() == ""
    stage.controller.undo()
    assert stage.controller.scene == before


def test_names_complete_what_is_typed_on_both_sides_of_the_arrow(stage: Stage) -> None:
    bar = stage.dock.panel.bar
    for typed, completed in (("l", "light"), ("angle -> le", "angle -> length"), ("angle<->le", "angle<->length")):
        bar.arrow.textEdited.emit(typed)
        completer = bar.completer
        completer.setCompletionPrefix(typed)
        assert completer.currentCompletion() == completed


def test_a_typed_circle_and_a_typing_error_are_one_sentence_and_the_text_stays(stage: Stage) -> None:
    told = notices(stage)
    type_arrow(stage, "length -> angle")
    assert told == ["An arrow from 'length' to 'angle' would make a circle: length → angle → length."]
    type_arrow(stage, "moon -> angle")
    assert told[1:] == ["The graph has no variable 'moon'; it has angle, light, length."]
    assert stage.dock.panel.bar.arrow.text() == "moon -> angle"
    assert "graph" not in stage.settings


def test_a_hidden_cause_is_typed_drawn_and_taken_away(stage: Stage) -> None:
    type_arrow(stage, "angle <-> light")
    assert drawn(stage).confounded == (("angle", "light"),)
    assert drawn(stage).edges == GRAPH.edges
    assert stage.view.graph.confounded == (("angle", "light"),)
    course = stage.view.course(("hidden", ("angle", "light")))
    QTest.mouseClick(stage.view, Qt.MouseButton.LeftButton, pos=course[len(course) // 2].toPoint())
    assert stage.view.selected_line == ("hidden", ("angle", "light"))
    QTest.keyClick(stage.view, Qt.Key.Key_Delete)
    assert drawn(stage).confounded == ()


def test_a_variable_is_left_out_with_what_moves_it_and_comes_back(stage: Stage) -> None:
    stage.controller.move_control(0, "light", 110.0)
    stage.controller.move_control(0, "angle", 5.0)
    stage.answer()
    QTest.mouseClick(stage.view, Qt.MouseButton.LeftButton, pos=stage.view.middle("light").toPoint())
    QTest.keyClick(stage.view, Qt.Key.Key_Delete)
    assert drawn(stage).names == ("angle", "length")
    assert [edit.control for edit in stage.controller.scene.panes[0].edits] == ["angle"]
    assert stage.view.graph.names == ("angle", "length")  # at once, while it is fitted
    menu = stage.dock.panel.bar.menu
    assert [action.text() for action in menu.actions()] == ["light"]
    menu.actions()[0].trigger()
    assert drawn(stage).names == GRAPH.names
    assert drawn(stage).edges == (("angle", "length"),)
    stage.controller.undo()
    stage.controller.undo()
    assert {edit.control for edit in stage.controller.scene.panes[0].edits} == {"light", "angle"}


def test_the_last_variable_stays(stage: Stage) -> None:
    told = notices(stage)
    for name in ("light", "length", "angle"):
        stage.dock.panel.editing.leave_out(name)
    assert drawn(stage).names == ("angle",)
    assert told == ["'angle' is the last variable of the graph; it stays."]


def test_arrow_keys_go_from_node_to_node(stage: Stage) -> None:
    for name in ("angle", "light", "length", "angle"):
        QTest.keyClick(stage.view, Qt.Key.Key_Right)
        assert stage.view.selected == name
    QTest.keyClick(stage.view, Qt.Key.Key_Left)
    assert stage.view.selected == "length"


# --- beside the graph ---


def test_the_chosen_variable_says_how_it_comes_about_and_another_kind_is_fitted(stage: Stage) -> None:
    side = stage.dock.panel.side
    assert side.mechanism.causes.text() == side_text.NO_VARIABLE
    QTest.mouseClick(stage.view, Qt.MouseButton.LeftButton, pos=stage.view.middle("length").toPoint())
    assert side.mechanism.causes.text() == "length comes about by angle, light."
    told = side.mechanism.fit.text()
    assert "R² 0.900" in told
    assert "log-likelihood −1.25 ± 0.05" in told
    assert "noise and angle: distance correlation 0.30 (p 0.005)" in told
    assert "By 300 rows that come with the model." in told
    assert side.mechanism.warning.text() == "Its noise still depends on angle."
    side.mechanism.kind.activated.emit(2)
    assert stage.settings["mechanisms"] == "length=linear_gaussian"
    assert side.mechanism.kind.currentData() == "linear_gaussian"
    stage.dock.panel.editing.leave_out("length")
    assert "mechanisms" not in stage.settings  # no kind of what is not there
    stage.dock.panel.own.click()
    assert stage.settings.keys() <= {"layout"}


def test_nothing_is_said_of_the_mechanisms_of_the_graph_before(stage: Stage) -> None:
    card = stage.dock.panel.side.mechanism
    QTest.mouseClick(stage.view, Qt.MouseButton.LeftButton, pos=stage.view.middle("length").toPoint())
    stage.dock.panel.editing.place("light", 3.0, 3.0)
    assert "R² 0.900" in card.fit.text()  # the same graph, laid out otherwise
    type_arrow(stage, "angle -> light")
    assert (card.fit.text(), card.warning.text(), card.kind.isEnabled()) == (side_text.AWAITED, "", False)
    assert "additive noise" not in card.kind.currentText()
    stage.reply_to(requests.DescribeCauses, replies.CausesDescribed, report=REPORT)
    assert "R² 0.900" in card.fit.text()
    assert card.kind.isEnabled()
    type_arrow(stage, "length <-> light")
    asked = stage.sent(requests.DescribeCauses)[-1]
    stage.client.reply(replies.Refused(request_id=asked.request_id, sentence="It cannot be fitted."))
    assert card.fit.text() != side_text.AWAITED


def test_a_chosen_variable_says_when_it_can_be_set(stage: Stage) -> None:
    label = stage.dock.panel.chosen_label
    assert label.text() == "Choose a variable to set it."
    QTest.mouseClick(stage.view, Qt.MouseButton.LeftButton, pos=stage.view.middle("length").toPoint())
    assert label.text() == "length"
    stage.client.answers_models = False  # a fit takes its time
    type_arrow(stage, "angle -> light")
    assert label.text() == "length can be set as soon as this graph is ready."


def test_the_graph_is_checked_when_somebody_looks_and_a_row_marks_its_pair(stage: Stage) -> None:
    side = stage.dock.panel.side
    assert stage.sent(requests.CheckGraph) == []
    side.setCurrentWidget(side.table)
    assert side.table.summary.text() == side_text.CHECKING
    check = GraphCheck(graph=GRAPH, tests=TESTS, summary="All of it.")
    stage.reply_to(requests.CheckGraph, replies.GraphChecked, check=check)
    assert side.table.summary.text() == "All of it."
    item = side.table.tree.topLevelItem(0)
    assert item is not None
    assert [item.text(column) for column in range(4)] == ["angle ⟂ light", "0.40 (0.30 to 0.50)", "< 0.001", "broken"]
    side.table.tree.setCurrentItem(item)
    assert stage.view.marked == ("angle", "light")
    type_arrow(stage, "angle -> light")
    assert side.table.tests == ()  # of another graph
    assert stage.sent(requests.CheckGraph)[-1].graph.edges == drawn(stage).edges
    side.setCurrentIndex(0)
    assert stage.view.marked is None


def test_any_pair_is_asked_about_and_the_rows_answer(stage: Stage) -> None:
    side = stage.dock.panel.side
    card = side.effect
    assert card.pair == ("angle", "length")
    card.choose("angle", "light")
    assert card.sentence.text() == "'angle' does not cause 'light' in this graph; setting it changes nothing there."
    card.choose("light", "length")
    assert "is identified" in card.sentence.text()
    card.first.number.setValue(60.0)
    QTest.mouseClick(card.button, Qt.MouseButton.LeftButton)
    asked = stage.sent(requests.FindEffect)[-1]
    assert (asked.cause, asked.effect, asked.values) == ("light", "length", (60.0, 90.0))
    stage.client.reply(replies.JobProgress(request_id=asked.request_id, title="Estimating", share=0.5, remaining=2.0))
    assert card.progress.isVisibleTo(card)
    total = Estimate(value=-2.4, low=-2.9, high=-1.9)
    answer = EffectAnswer(
        cause="light", effect="length", values=(60.0, 90.0), way="back-door", sentence="…", rows=2048,
        outcomes=(OutcomeEffect(total=total),), warnings=("Far away.",),
    )  # fmt: skip
    stage.client.reply(replies.EffectFound(request_id=asked.request_id, answer=answer))
    assert "do(light: 60.0° → 90.0°) changes length by −2.40 (−2.90 to −1.90)" in card.told.text()
    assert "Far away." in card.told.text()
    card.last.number.setValue(95.0)
    assert card.told.text() == ""  # of other values


def test_an_effect_of_levels_has_its_bounds_and_a_refusal_its_sentence(stage: Stage) -> None:
    card = stage.dock.panel.side.effect
    QTest.mouseClick(card.button, Qt.MouseButton.LeftButton)
    number = stage.sent(requests.FindEffect)[-1].request_id
    stage.client.reply(replies.Refused(request_id=number, sentence="Not with these rows."))
    assert card.told.text() == "Not with these rows."
    assert not card.progress.isVisibleTo(card)
    QTest.mouseClick(card.button, Qt.MouseButton.LeftButton)
    number = stage.sent(requests.FindEffect)[-1].request_id
    QTest.mouseClick(card.progress.cancel, Qt.MouseButton.LeftButton)
    assert requests.Cancel(request_id=number) in stage.client.sent


def suggest(stage: Stage, *arrows: Edge) -> None:
    side = stage.dock.panel.side
    side.suggestions.button.click()
    asked = stage.sent(requests.SuggestArrows)[-1]
    graph = msgspec.structs.replace(asked.graph, suggested=arrows)
    suggestion = Suggestion(graph=graph, note="PC on 2048 rows.")
    stage.client.reply(replies.ArrowsSuggested(request_id=asked.request_id, suggestion=suggestion))


def test_a_missing_extra_says_how_it_is_had(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(suggestion_card, "is_installed", lambda: False)
    card = Stage(qtbot, monkeypatch).dock.panel.side.suggestions
    assert "pip install 'latent-explorer[causal]'" in card.note.text()
    assert not card.button.isEnabled()


def test_suggested_arrows_count_for_nothing_until_they_are_accepted_one_by_one(
    qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(suggestion_card, "is_installed", lambda: True)
    stage = Stage(qtbot, monkeypatch)
    stage.answer()
    suggest(stage, ("angle", "light"), ("light", "angle"))
    side, scene = stage.dock.panel.side, stage.controller.scene
    assert stage.view.graph.suggested == (("angle", "light"), ("light", "angle"))
    assert side.suggestions.note.text() == "PC on 2048 rows."
    assert "graph" not in stage.settings
    assert stage.controller.scene == scene
    stage.view.selected_line = ("suggested", ("light", "angle"))
    QTest.keyClick(stage.view, Qt.Key.Key_Delete)  # refused
    assert stage.view.graph.suggested == (("angle", "light"),)
    assert stage.controller.scene == scene
    accept = next(b for b in side.suggestions.findChildren(QToolButton) if b.text() == "Accept")
    accept.click()
    assert ("angle", "light") in drawn(stage).edges
    assert stage.view.graph.suggested == ()
    suggest(stage, ("light", "angle"))
    assert stage.sent(requests.SuggestArrows)[-1].forbidden == (("light", "angle"),)
    assert stage.view.graph.suggested == ()


# --- graph files ---


def drop(stage: Stage, path: Path) -> None:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path))])
    actions, button = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton
    stage.dock.panel.dropEvent(QDropEvent(QPointF(5, 5), actions, data, button, Qt.KeyboardModifier.NoModifier))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("g.json", '{"light": ["angle"], "angle": []}'),
        ("g.dot", "digraph { angle -> light }"),
        ("g.dagitty", 'dag { angle [pos="0,0"] light [pos="1,2"] angle -> light }'),
        (
            "g.graph.json",
            '{"format": "latent-explorer-graph", "version": 1, "variables": [{"name": "angle"}, {"name": "light"}], '
            '"edges": [["angle", "light"]]}',
        ),
    ],
)
def test_a_graph_file_of_every_format_is_dropped(
    stage: Stage, qtbot: QtBot, tmp_path: Path, name: str, content: str
) -> None:
    (tmp_path / name).write_text(content)
    drop(stage, tmp_path / name)
    qtbot.waitUntil(lambda: "graph" in stage.settings)
    assert drawn(stage).names == ("angle", "light")
    assert drawn(stage).edges == (("angle", "light"),)
    assert stage.view.graph == drawn(stage)
    if name == "g.dagitty":
        assert stage.view.places["light"] == (1.0, 2.0)


def test_other_names_are_mapped_and_what_is_left_out_is_a_hidden_cause(
    stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "other.dot").write_text("digraph { soil -> Light -> length; soil -> Angle }")
    seen: list[dict[str, str | None]] = []

    def accept(dialog: MappingDialog) -> int:
        seen.append(dialog.mapping)
        return int(MappingDialog.DialogCode.Accepted)

    monkeypatch.setattr(MappingDialog, "exec", accept)
    stage.dock.panel.files.open(tmp_path / "other.dot")
    assert seen == [{"soil": None, "Light": "light", "length": "length", "Angle": "angle"}]
    assert drawn(stage).edges == (("light", "length"),)
    assert drawn(stage).confounded == (("angle", "light"),)


def test_a_mapping_that_cannot_be_is_said_before_it_is_taken(qtbot: QtBot) -> None:
    graph = CausalGraph(variables=(Variable(name="sun"), Variable(name="lamp")))
    dialog = MappingDialog("Open x.dot", graph, ("light", "angle"))
    qtbot.addWidget(dialog)
    assert dialog.problem.text() == "All variables are left out; choose at least one."
    assert not dialog.go.isEnabled()
    for field in dialog.fields.values():
        field.setCurrentIndex(field.findData("light"))
        field.activated.emit(field.currentIndex())
    assert dialog.problem.text() == "'sun' and 'lamp' cannot both be 'light'."
    dialog.fields["lamp"].setCurrentIndex(0)
    dialog.fields["lamp"].activated.emit(0)
    assert dialog.go.isEnabled()
    assert dialog.mapping == {"sun": "light", "lamp": None}


def test_a_file_that_is_no_graph_is_one_sentence_and_changes_nothing(stage: Stage, tmp_path: Path) -> None:
    told, before = notices(stage), stage.controller.scene
    (tmp_path / "circle.dot").write_text("digraph { light -> angle -> light }")
    stage.dock.panel.files.open(tmp_path / "circle.dot")
    stage.dock.panel.files.open(tmp_path / "gone.dot")
    assert told[0].startswith("'circle.dot' cannot be read as DOT: these arrows make a circle: ")
    assert "cannot be read" in told[1]
    assert stage.controller.scene == before


def test_the_graph_is_saved_with_its_places_and_what_is_left_out_is_said(
    stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = notices(stage)
    type_arrow(stage, "angle <-> light")
    chosen = iter([(str(tmp_path / "a.graph.json"), ""), (str(tmp_path / "b"), "DOT (*.dot)"), ("", "")])
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: next(chosen))
    for _ in range(3):
        stage.dock.panel.bar.save.click()
    own, dot = read_graph(tmp_path / "a.graph.json").graph, read_graph(tmp_path / "b.dot").graph
    assert own.confounded == dot.confounded == (("angle", "light"),)
    assert own.variable("light").unit == "°"
    assert own.variable("light").at == pytest.approx(stage.view.places["light"])
    assert told == [
        "Saved a.graph.json.",
        "Saved b.dot. DOT does not keep kinds, ranges, units and labels of variables.",
    ]
