"""Labelling on a client without an engine: keys, going back, counts, sentences, files, other models, a lost engine."""

from __future__ import annotations

import gc
import weakref
from pathlib import Path

import msgspec
import pytest
from PySide6.QtCore import QCoreApplication, QEvent, Qt
from PySide6.QtGui import QGuiApplication, QKeyEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QFileDialog, QInputDialog, QMainWindow, QMessageBox
from pytestqt.qtbot import QtBot
from quiet import CARD, QuietClient, controller_on, tell_method

from explorer.errors import ExplorerError
from explorer.scene.labels import Label, Labels, load_labels, save_labels
from explorer.scene.model import ModelRef
from explorer.service.replies import EngineLost, ProbeTrained, Ready, Refused, SamplesDrawn
from explorer.service.requests import DrawSamples, TrainProbe
from explorer.ui.actions.actions import ActionTable
from explorer.ui.labels import text
from explorer.ui.labels.dock import LabellingDock
from explorer.ui.state import label_files
from explorer.ui.state.label_set import LabelSet
from explorer.ui.state.labelling import EVERY, Labelling
from explorer.ui.state.sample_pictures import FAST, KEPT, SLOW
from explorer.ui.state.settings import Settings

pytestmark = pytest.mark.gui
TOY = msgspec.structs.replace(CARD, methods=("latent_axes", "interfacegan"), full_steps=0)
OTHER = msgspec.structs.replace(TOY, name="other", path="other", fingerprint="beef")
READY = Ready(version=1, pid=1, device="cpu", precision="float32")
YES, NO, SKIP, BACK = Qt.Key.Key_Right, Qt.Key.Key_N, Qt.Key.Key_Space, Qt.Key.Key_Backspace


class Desk:
    """The dock in a window, with the table of actions that it needs."""

    def __init__(self, qtbot: QtBot, attribute: str = "glasses") -> None:
        self.said: list[str] = []
        self.controller, self.client = controller_on(card=TOY)
        tell_method(self.controller, "interfacegan", "labels")
        self.controller.noticed.connect(lambda notice: self.said.append(notice.sentence))
        self.window = QMainWindow()
        qtbot.addWidget(self.window)
        self.actions = ActionTable(self.window)
        self.dock = LabellingDock(self.controller, self.actions, Settings(), self.window)
        self.actions.set_has_model(True)
        self.window.setCentralWidget(self.dock)
        self.window.resize(1200, 330)
        self.window.show()
        self.panel = self.dock.panel
        if attribute:
            self.named(attribute)
            self.draw()

    @property
    def labelling(self) -> Labelling:
        return self.controller.labelling

    @property
    def labels(self) -> LabelSet:
        assert self.labelling.current is not None
        return self.labelling.current

    def named(self, attribute: str) -> None:
        self.panel.line.clear()
        QTest.keyClicks(self.panel.line, attribute)
        QTest.keyClick(self.panel.line, Qt.Key.Key_Return)

    def asked(self, kind: type) -> list:  # type: ignore[type-arg]
        return [request for request in self.client.sent if isinstance(request, kind)]

    def draw(self) -> None:
        """Answer the newest question for samples."""
        draw(self.client, self.asked(DrawSamples)[-1])

    def press(self, *keys: Qt.Key) -> None:
        for key in keys:
            while self.labelling.upcoming(1) == [None]:
                self.draw()
            QTest.keyClick(self.panel.sample, key)

    def trained(self, accuracy: float, low: float, high: float) -> None:
        """Answer the newest question about a probe."""
        asked = self.asked(TrainProbe)[-1]
        self.client.reply(probe(asked, accuracy, low, high))

    def values(self) -> list[tuple[int, int]]:
        return [(one.seed, one.value) for one in self.labels.labels.labels]


def draw(client: QuietClient, asked: DrawSamples) -> None:
    pictures = tuple(bytes([seed % 256, 0, 255 - seed % 256]) * 6 for seed in asked.seeds)
    client.reply(
        SamplesDrawn(
            request_id=asked.request_id, model=asked.model, seeds=asked.seeds, width=3, height=2, pictures=pictures
        )
    )


def probe(asked: TrainProbe, accuracy: float, low: float, high: float) -> ProbeTrained:
    yes, count = asked.labels.positives, len(asked.labels.labels)
    return ProbeTrained(
        request_id=asked.request_id, attribute=asked.labels.attribute, accuracy=accuracy, low=low, high=high,
        chance=max(yes, count - yes) / count, n_positive=yes, n_negative=count - yes,
    )  # fmt: skip


def labels_of(answers: str, attribute: str = "glasses") -> LabelSet:
    """One answer a letter: y, n."""
    made = tuple(Label(seed=seed, value=1 if answer == "y" else 0) for seed, answer in enumerate(answers))
    return LabelSet(Labels(attribute=attribute, fingerprint="f00d", labels=made))


@pytest.fixture
def desk(qtbot: QtBot) -> Desk:
    return Desk(qtbot)


def test_samples_are_drawn_ahead_of_the_hand(desk: Desk) -> None:
    first = desk.asked(DrawSamples)[0]
    assert first.seeds == tuple(range(FAST.batch))
    assert first.truncation_psi == 1.0  # what the methods draw that learn from the labels
    assert len(desk.asked(DrawSamples)) == 1, "enough for now"
    desk.press(YES)
    assert desk.asked(DrawSamples)[1:][0].seeds == tuple(range(FAST.batch, FAST.ahead + 1))
    assert None not in desk.labelling.upcoming(FAST.batch - 1), "asked for while there is still something to see"
    desk.press(*[NO, YES] * 40)
    seeds = [seed for request in desk.asked(DrawSamples) for seed in request.seeds]
    assert seeds == list(range(len(seeds))), "no sample is drawn twice"


def test_a_sampler_draws_few_at_once(qtbot: QtBot) -> None:
    controller, client = controller_on(card=CARD)  # 50 steps
    controller.labelling.follow(controller.scene.model, CARD)
    controller.labelling.set_active(True)
    assert len(next(one for one in client.sent if isinstance(one, DrawSamples)).seeds) == SLOW.batch


def test_keys_answer_and_go_back(desk: Desk) -> None:
    desk.press(YES, NO, SKIP, Qt.Key.Key_Y, Qt.Key.Key_Left, Qt.Key.Key_S)
    assert desk.values() == [(0, 1), (1, 0), (3, 1), (4, 0)]
    assert desk.panel.counts.text() == "2 yes · 2 no · 2 skipped"
    desk.press(BACK)
    assert desk.panel.counts.text() == "2 yes · 2 no · 1 skipped"
    desk.press(Qt.Key.Key_Z, NO)
    assert desk.values() == [(0, 1), (1, 0), (3, 1), (4, 0)]
    desk.press(*[BACK] * 9)
    assert (desk.values(), desk.labels.queue[:3]) == ([], [(0, 1.0), (1, 1.0), (2, 1.0)])
    assert not desk.panel.buttons["back"].isEnabled()


def test_buttons_do_what_the_keys_do(desk: Desk) -> None:
    for key in ("yes", "no", "skip", "yes", "back"):
        desk.panel.buttons[key].click()
    assert desk.values() == [(0, 1), (1, 0)]
    assert desk.labels.skipped == {(2, 1.0)}
    assert desk.panel.sample.toolTip() == "Seed 3, spread 1"


def test_nothing_is_answered_that_nobody_has_seen(desk: Desk) -> None:
    held = QKeyEvent(QEvent.Type.KeyPress, YES, Qt.KeyboardModifier.NoModifier, "", True)
    QApplication.sendEvent(desk.panel.sample, held)
    assert desk.values() == []
    for _ in range(FAST.batch + 5):  # without drawing more
        QTest.keyClick(desk.panel.sample, YES)
    assert len(desk.values()) == FAST.batch
    assert not desk.panel.buttons["yes"].isEnabled()
    assert desk.panel.buttons["back"].isEnabled()


def test_keys_are_the_panels_only_while_it_has_them(desk: Desk) -> None:
    for key in (Qt.Key.Key_Space, Qt.Key.Key_S, Qt.Key.Key_Z, Qt.Key.Key_Left):
        override = QKeyEvent(QEvent.Type.ShortcutOverride, key, Qt.KeyboardModifier.NoModifier)
        QApplication.sendEvent(desk.panel.sample, override)
        assert override.isAccepted(), key
    undo = QKeyEvent(QEvent.Type.ShortcutOverride, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    QApplication.sendEvent(desk.panel.sample, undo)
    assert not undo.isAccepted()
    desk.panel.line.setFocus()
    desk.panel.line.clear()
    QTest.keyClicks(desk.panel.line, "syn yz")
    QTest.keyClick(desk.panel.line, Qt.Key.Key_Left)
    assert (desk.values(), desk.panel.line.text()) == ([], "syn yz")
    QTest.keyClick(desk.panel.line, Qt.Key.Key_Escape)
    assert (desk.labels.attribute, desk.panel.line.text()) == ("glasses", "glasses")


def test_an_attribute_is_named_first(qtbot: QtBot) -> None:
    desk = Desk(qtbot, attribute="")
    desk.draw()
    QTest.keyClick(desk.panel.sample, YES)
    assert desk.values() == []
    assert desk.panel.advice.text().startswith("Name what you look for")
    desk.named("  beard ")
    assert desk.panel.attribute.currentText() == "beard"
    desk.press(YES)
    assert desk.values() == [(0, 1)]


def test_every_answer_is_kept_in_a_file_at_once(desk: Desk) -> None:
    desk.press(YES, NO)
    path = label_files.path_of(desk.labels.labels)
    assert load_labels(path) == desk.labels.labels
    assert load_labels(path).model == "toy"
    desk.press(BACK, BACK)
    assert not path.exists()


def test_a_probe_is_trained_while_one_labels(desk: Desk) -> None:
    desk.press(YES, YES, YES, NO)
    assert not desk.asked(TrainProbe), "one 'no' leaves nothing to test on"
    desk.press(NO)
    assert desk.asked(TrainProbe)[-1].labels == desk.labels.labels
    desk.press(*[YES] * EVERY)
    assert len(desk.asked(TrainProbe)) == 1, "one at a time"
    desk.trained(0.8, 0.4, 0.95)
    assert desk.panel.figure.text() == "80% right"
    assert desk.panel.beside.text() == "40% to 95% · chance 60% · 5 labels"
    assert len(desk.asked(TrainProbe)) == 2, "the labels of the meantime"
    desk.trained(0.9, 0.8, 0.97)
    assert [one.n_positive + one.n_negative for one in desk.labels.trained] == [5, 9]
    end = desk.panel.curve.place(9, 0.9)
    assert end.x() > desk.panel.curve.place(5, 0.8).x()
    assert end.y() < desk.panel.curve.place(5, 0.8).y()
    desk.press(BACK, BACK)
    assert [one.n_positive + one.n_negative for one in desk.labels.trained] == [5]


def test_a_pause_is_used_for_the_rest(desk: Desk, qtbot: QtBot) -> None:
    desk.press(YES, NO, YES, NO)
    desk.trained(0.5, 0.1, 0.9)
    desk.press(YES)
    assert len(desk.asked(TrainProbe)) == 1
    qtbot.waitUntil(lambda: len(desk.asked(TrainProbe)) == 2, timeout=5000)


def test_what_to_do_next_is_said() -> None:
    def said(answers: str, accuracy: float = 0.0, low: float = 0.0) -> str:
        labels = labels_of(answers)
        if accuracy:
            asked = TrainProbe(request_id=1, model=ModelRef(path="toy"), labels=labels.labels)
            labels.learned(probe(asked, accuracy, low, 1.0))
        return text.advice(labels)

    assert said("").startswith("Press →")
    assert said("yyy").startswith("All 3 say yes. Label samples of 'no' too")
    assert said("nn").startswith("All 2 say no.")
    assert said("yn") == "Label at least 5 of each: 4 more 'yes', 4 more 'no'."
    assert said("y" * 6 + "n" * 4) == "Label at least 5 of each: 1 more of 'no' is needed."
    assert said("n" * 6 + "y" * 3) == "Label at least 5 of each: 2 more of 'yes' are needed."
    even = "yn" * 5
    assert said(even) == "The probe is being trained."
    assert said(even, 0.6, 0.3) == "No better than chance yet; go on."
    assert said(even, 0.9, 0.6).startswith("Better than chance.")
    assert said("n" * 30 + "y" * 5, 0.8, 0.7) == "No better than chance yet: more labels of 'yes' are needed."
    assert "may not be visible" in said("yn" * 30, 0.5, 0.4)


def test_labels_come_back_with_the_next_session(desk: Desk, qtbot: QtBot) -> None:
    desk.press(YES, NO, YES)
    kept = desk.labels.labels
    again = Desk(qtbot, attribute="")
    assert again.labels.labels == kept
    assert again.panel.line.text() == "glasses"
    assert again.labels.queue[0] == (3, 1.0)
    again.press(BACK)
    assert again.values() == [(0, 1), (1, 0)]


def test_a_broken_file_does_not_take_the_others_along(desk: Desk, qtbot: QtBot) -> None:
    desk.press(YES)
    (label_files.path_of(desk.labels.labels).parent / "broken.json").write_text("{")
    assert Desk(qtbot, attribute="").labelling.attributes() == ["glasses"]


def test_attributes_are_labelled_one_beside_the_other(desk: Desk) -> None:
    desk.press(YES, YES)
    desk.named("beard")
    assert (desk.values(), desk.panel.counts.text()) == ([], "0 yes · 0 no · 0 skipped")
    desk.press(NO)
    desk.panel.attribute.setCurrentIndex(0)
    desk.panel.attribute.activated.emit(0)
    assert desk.values() == [(0, 1), (1, 1)]
    assert desk.labelling.attributes() == ["glasses", "beard"]


def test_an_attribute_is_renamed_or_thrown_away_with_its_file(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.press(YES)
    old = label_files.path_of(desk.labels.labels)
    monkeypatch.setattr(QInputDialog, "getText", lambda *_, **__: ("spectacles", True))
    desk.actions["rename_labels"].trigger()
    new = label_files.path_of(desk.labels.labels)
    assert (desk.panel.line.text(), old.exists(), load_labels(new).attribute) == ("spectacles", False, "spectacles")
    desk.named("beard")
    desk.press(YES)
    desk.actions["rename_labels"].trigger()
    assert desk.said == ["There are labels of 'spectacles' already; choose another name."]
    for answer in (QMessageBox.StandardButton.No, QMessageBox.StandardButton.Yes):
        monkeypatch.setattr(QMessageBox, "question", lambda *_, answer=answer: answer)
        desk.actions["forget_labels"].trigger()
    assert (desk.labelling.attributes(), desk.values()) == (["spectacles"], [(0, 1)])
    desk.actions["forget_labels"].trigger()
    assert (desk.labelling.attributes(), new.exists(), desk.values()) == ([], False, [])


def test_labels_are_saved_and_opened(desk: Desk, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    desk.press(YES, NO, SKIP)
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / "mine"), ""))
    desk.actions["save_labels"].trigger()
    saved = tmp_path / "mine.json"
    assert load_labels(saved) == desk.labels.labels
    desk.press(BACK, BACK, YES)  # seed 1 is a yes now
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(saved), ""))
    desk.actions["open_labels"].trigger()
    assert sorted(desk.values()) == [(0, 1), (1, 0)]
    assert desk.said[-1] == "2 labels of 'glasses' opened, 2 in all."
    assert load_labels(label_files.path_of(desk.labels.labels)) == desk.labels.labels


def test_opened_labels_are_added_and_are_not_asked_again(desk: Desk, tmp_path: Path) -> None:
    desk.press(YES, SKIP)
    far = tuple(Label(seed=seed, truncation_psi=psi, value=0) for seed, psi in ((1, 1.0), (3, 1.0), (2**32 - 1, 0.5)))
    save_labels(Labels(attribute="glasses", fingerprint="f00d", labels=far), tmp_path / "far.json")
    desk.labelling.open(tmp_path / "far.json")
    assert desk.labels.count == 4
    assert (desk.labels.skipped, desk.labels.queue[:2]) == (set(), [(2, 1.0), (4, 1.0)])
    desk.labelling.back()  # one that was drawn with another truncation
    asked = desk.asked(DrawSamples)[-1]
    assert desk.labels.queue[0] == (2**32 - 1, 0.5)
    if asked.truncation_psi != 0.5:  # the question before is still open
        desk.draw()
        asked = desk.asked(DrawSamples)[-1]
    assert (asked.seeds, asked.truncation_psi) == ((2**32 - 1,), 0.5)


def test_files_that_are_no_labels_of_this_model_are_refused(desk: Desk, tmp_path: Path) -> None:
    desk.press(YES)
    before = desk.labels.labels
    foreign = Labels(attribute="wings", fingerprint="beef", model="planes", labels=(Label(seed=1, value=1),))
    save_labels(foreign, tmp_path / "planes.json")
    with pytest.raises(ExplorerError, match=r"planes.*not of 'toy'"):
        desk.labelling.open(tmp_path / "planes.json")
    (tmp_path / "text.json").write_text("[1]")
    with pytest.raises(ExplorerError, match=r"text\.json"):
        desk.labelling.open(tmp_path / "text.json")
    with pytest.raises(ExplorerError, match="cannot be read"):
        desk.labelling.open(tmp_path / "nowhere.json")
    assert desk.labels.labels == before


def test_a_refused_file_is_one_sentence(desk: Desk, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(tmp_path / "nowhere.json"), ""))
    desk.actions["open_labels"].trigger()
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / "a" / "b.json"), ""))
    (tmp_path / "a").write_text("")
    desk.press(YES)
    desk.actions["save_labels"].trigger()
    assert len(desk.said) == 2
    assert "cannot be read" in desk.said[0]
    assert "cannot be written" in desk.said[1]


def test_labels_of_another_model_are_kept_and_come_back(desk: Desk) -> None:
    desk.press(YES, NO)
    desk.client.card = OTHER
    desk.controller.open_model("other")
    assert desk.labelling.card == OTHER
    assert (desk.values(), desk.panel.line.text()) == ([], "")
    desk.named("wings")
    while desk.labelling.upcoming(1) == [None]:
        desk.draw()
    desk.press(NO)
    assert desk.asked(DrawSamples)[-1].model.path == "other"
    desk.controller.undo()
    assert (desk.labels.attribute, desk.values()) == ("glasses", [(0, 1), (1, 0)])
    desk.controller.redo()
    assert (desk.labels.attribute, desk.values()) == ("wings", [(0, 0)])


def test_a_lost_engine_takes_no_label_along(desk: Desk) -> None:
    desk.press(YES, NO, YES, NO)
    asked = desk.asked(TrainProbe)[-1]
    draws = len(desk.asked(DrawSamples))
    desk.client.reply(EngineLost(sentence="The engine stopped.", restarting=True))
    desk.press(YES)
    assert len(desk.values()) == 5, "pictures that are here can be answered"
    assert len(desk.asked(DrawSamples)) == draws
    assert desk.panel.advice.text() == "The labels are kept while there is no engine."
    desk.client.reply(READY)
    assert desk.asked(TrainProbe)[-1].request_id != asked.request_id
    desk.client.reply(probe(asked, 0.1, 0.0, 0.2))  # of the engine that is gone
    assert desk.labels.newest is None
    desk.trained(0.7, 0.4, 0.9)
    assert desk.panel.figure.text() == "70% right"


def test_a_refusal_is_said_and_can_be_tried_again(desk: Desk) -> None:
    desk.press(YES, NO, YES, NO)
    asked = desk.asked(TrainProbe)[-1]
    desk.client.reply(Refused(request_id=asked.request_id, sentence="The probe could not be trained."))
    assert desk.panel.state.text() == "The probe could not be trained."
    desk.panel.retry.click()
    assert desk.asked(TrainProbe)[-1].request_id != asked.request_id
    assert desk.panel.state.text() == ""


def test_samples_that_cannot_be_drawn_are_not_asked_for_in_a_circle(qtbot: QtBot) -> None:
    desk = Desk(qtbot, attribute="")
    desk.named("glasses")
    (asked,) = desk.asked(DrawSamples)
    desk.client.reply(Refused(request_id=asked.request_id, sentence="No memory is left."))
    assert len(desk.asked(DrawSamples)) == 1
    assert desk.panel.state.text() == "No memory is left."
    desk.panel.retry.click()
    assert len(desk.asked(DrawSamples)) == 2


def test_a_full_disk_is_said_and_the_labels_stay(desk: Desk) -> None:
    desk.press(YES)
    folder = label_files.path_of(desk.labels.labels).parent
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()
    folder.write_text("")
    desk.press(NO)
    assert "cannot be written" in desk.panel.state.text()
    assert desk.values() == [(0, 1), (1, 0)]
    assert desk.labelling.path() is None
    folder.unlink()
    desk.press(YES)
    assert desk.panel.state.text() == ""
    assert load_labels(label_files.path_of(desk.labels.labels)).labels == desk.labels.labels.labels


def test_labels_become_a_direction_that_later_labels_do_not_change(desk: Desk) -> None:
    desk.press(YES, NO, YES)
    assert not desk.actions["use_labels"].isEnabled()
    desk.press(NO)
    desk.actions["use_labels"].trigger()
    used = desk.controller.scene.panes[0].controls
    assert (used.method, used.k) == ("interfacegan", 1)
    path = Path(str(dict(used.settings)["attributes"]))
    before = load_labels(path)
    assert before == desk.labels.labels
    desk.press(YES)
    desk.actions["use_labels"].trigger()
    assert desk.controller.scene.panes[0].controls != used, "the new labels are another search"
    assert load_labels(path) == before
    desk.controller.undo()
    assert desk.controller.scene.panes[0].controls == used


def test_a_model_that_the_method_does_not_fit_says_so(qtbot: QtBot) -> None:
    desk = Desk(qtbot)
    desk.client.card = msgspec.structs.replace(
        OTHER, methods=("latent_axes",), refusals={"interfacegan": "It has no z."}
    )
    desk.controller.open_model("other")
    desk.named("wings")
    desk.press(YES, NO, YES, NO)
    before = desk.controller.scene
    desk.actions["use_labels"].trigger()
    assert desk.said == ["It has no z."]
    assert desk.controller.scene == before


def test_the_path_is_copied_for_other_dialogs(desk: Desk) -> None:
    assert not desk.actions["copy_labels"].isEnabled()
    desk.press(YES)
    desk.actions["copy_labels"].trigger()
    assert load_labels(Path(QGuiApplication.clipboard().text())) == desk.labels.labels


def test_a_hidden_panel_asks_for_nothing(desk: Desk) -> None:
    desk.dock.hide()
    sent = len(desk.client.sent)
    desk.client.card = OTHER
    desk.controller.open_model("other")
    assert not any(isinstance(one, DrawSamples | TrainProbe) for one in desk.client.sent[sent:])
    desk.dock.show()
    assert desk.labelling.card == OTHER
    desk.draw()
    assert desk.asked(DrawSamples)[-1].model.path == "other"


def test_what_was_answered_is_shown_with_its_answer(desk: Desk) -> None:
    desk.press(YES, NO, SKIP)
    assert [value for _, value in desk.labelling.recent(5)] == [None, 0, 1]
    assert all(image is not None for image, _ in desk.labelling.recent(5))
    assert not desk.panel.answered.grab().toImage().isNull()
    assert len(desk.panel.answered.places()) == 3
    first = desk.labelling.upcoming(1)[0]
    assert first is not None
    assert first.pixelColor(1, 1).red() == 3, "the pixels of seed 3"


def test_pictures_do_not_pile_up(desk: Desk) -> None:
    for _ in range(KEPT + 40):
        desk.press(NO)
    assert len(desk.labelling._pictures._kept) <= KEPT
    assert desk.labelling.upcoming(1) != [None]


def test_a_closed_panel_is_freed(qapp: QApplication, qtbot: QtBot) -> None:
    controller, _ = controller_on(card=TOY)
    window = QMainWindow()
    dock = LabellingDock(controller, ActionTable(window), Settings(), window)
    alive = weakref.ref(dock.panel)
    window.deleteLater()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    del window, dock
    gc.collect()
    assert alive() is None
    controller.labelling.changed.emit()
