"""Texts out of files are shown as they stand: no markup is followed, no letter is taken for a key."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest
from PySide6.QtCore import QCoreApplication, QPoint, Qt
from PySide6.QtGui import QPixmap
from PySide6.QtWidgets import QApplication, QLabel, QMessageBox, QToolTip
from pytestqt.qtbot import QtBot
from quiet import CARD, MODEL, QuietClient

from explorer.scene.cards import ControlCard, ListedModel, ModelCard
from explorer.scene.model_text import describe
from explorer.service.replies import Ready
from explorer.ui.files.recent_menus import RecentMenu
from explorer.ui.files.refusal_dialog import RefusalDialog
from explorer.ui.look import theme
from explorer.ui.look.lazy_dock import LazyDock
from explorer.ui.look.widgets import literal
from explorer.ui.state.controller import Controller
from explorer.ui.state.session import Session
from explorer.ui.state.settings import Settings
from explorer.ui.window.main_window import MainWindow

pytestmark = pytest.mark.gui
PLAIN = Qt.TextFormat.PlainText


@pytest.fixture
def themed(qapp: QApplication) -> Iterator[QApplication]:
    before = qapp.styleSheet()
    theme.apply(qapp, "light")
    yield qapp
    qapp.setStyleSheet(before)


@pytest.fixture
def markup(tmp_path: Path, themed: QApplication) -> str:
    """A text that Qt takes for markup, with a picture of 300 pixels."""
    picture = QPixmap(300, 300)
    picture.fill(Qt.GlobalColor.red)
    picture.save(str(tmp_path / "a.png"))
    return f"<b>a</b><img src='{tmp_path / 'a.png'}'>"


def test_a_label_shows_what_it_is_told(markup: str, qtbot: QtBot) -> None:
    label = QLabel(markup)
    qtbot.addWidget(label)
    assert label.sizeHint().height() < 100  # one line, and no picture
    label.setText(markup + "!")
    label.show()
    assert (label.textFormat(), label.height() < 100) == (PLAIN, True)


def test_a_tool_tip_and_a_message_show_what_they_are_told(markup: str, qtbot: QtBot) -> None:
    box = QMessageBox(QMessageBox.Icon.Question, "title", markup)
    box.setInformativeText(markup)
    qtbot.addWidget(box)
    box.show()
    QToolTip.showText(QPoint(10, 10), markup, box)
    (tip,) = [one for one in QApplication.topLevelWidgets() if one.objectName() == "qtooltip_label"]
    labels = [label for label in (*box.findChildren(QLabel), tip) if isinstance(label, QLabel) and label.text()]
    assert len(labels) >= 3
    assert [(label.objectName(), label.textFormat()) for label in labels if label.textFormat() != PLAIN] == []
    assert tip.height() < 100
    QToolTip.hideText()
    QCoreApplication.processEvents()


def test_no_label_of_the_window_follows_markup(markup: str, qtbot: QtBot) -> None:
    """With a model whose card is nothing else."""
    clients: list[QuietClient] = []

    def connect(on_reply: Callable[[object], None]) -> QuietClient:
        clients.append(QuietClient(on_reply))
        shown = msgspec.structs.replace(CARD, name=markup, origin=markup, licence=markup, notes=markup)
        clients[0].card, clients[0].models = shown, (shown,)
        return clients[0]

    controller = Controller(connect)
    window = MainWindow(controller, Settings(), Session())
    window.resize(1600, 1000)
    window.show()
    clients[0].reply(Ready(version=1, pid=1, device="cpu", precision="float32"))
    controller.open_model("toy")
    for dock in window.findChildren(LazyDock):
        dock.show()
    dialog = RefusalDialog(controller, MODEL, markup, (), window)
    dialog.show()
    qtbot.wait(50)
    labels = [one for one in window.findChildren(QLabel) if one.isVisible()]
    assert any("<b>" in one.text() for one in labels)
    assert [one.text() for one in labels if one.textFormat() != PLAIN] == []
    window.close_unasked()
    window.deleteLater()


def test_what_a_file_is_called_is_no_key_of_the_keyboard(qtbot: QtBot, tmp_path: Path) -> None:
    (tmp_path / "a&b").mkdir()
    (tmp_path / "a\nb\u202e").mkdir()
    menu = RecentMenu("Recent", lambda: [str(tmp_path / "a&b"), str(tmp_path / "a\nb\u202e")], lambda: None)
    qtbot.addWidget(menu)
    assert menu.actions()[0].text().startswith("a&&b  ")
    assert menu.actions()[1].text().startswith("a b  ")
    assert ListedModel(path="/x/a\nb", family="", family_title="").name == "a b"
    assert max(map(len, describe(msgspec.structs.replace(CARD, notes="word " * 300)).splitlines())) <= 100
    assert literal("a & b && c") == "a && b &&&& c"


@pytest.mark.parametrize("text", ["a\nb", "a\u202eb", "a\ud800b", "x" * 5000, "a\x1b[31mb", "ünï模 \U0001f600"])
def test_cards_show_texts_of_files_in_one_line(text: str) -> None:
    card = msgspec.structs.replace(CARD, name=text, licence=text, notes=text)
    control = ControlCard(name=text, space="z", unit=text, details=(text, text), labels=(text,))
    for shown in (card.name, card.licence, card.notes, control.name, control.unit, *control.details, *control.labels):
        assert shown.isprintable()
        assert len(shown) <= 2000
        assert shown.encode()
    assert msgspec.json.decode(msgspec.json.encode(card), type=ModelCard) == card
    if text.isprintable() and len(text) < 200:
        assert (card.name, control.details) == (text, (text, text))
