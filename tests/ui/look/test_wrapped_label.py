"""A label of several lines has room for the text of now, not for the one that it was laid out with."""

from __future__ import annotations

import pytest
from PySide6.QtWidgets import QApplication, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from explorer.ui.look.widgets import WrappedLabel

pytestmark = pytest.mark.gui


def test_a_longer_text_gets_its_lines(qtbot: QtBot) -> None:
    window = QWidget()
    qtbot.addWidget(window)
    label = WrappedLabel("Short.")
    label.setFixedWidth(300)
    layout = QVBoxLayout(window)
    layout.addStretch(1)
    layout.addWidget(label)
    layout.addStretch(2)
    window.resize(400, 300)
    window.show()
    QApplication.processEvents()
    short = label.height()
    label.setText("A sentence that is a good deal longer than its label is wide, so that it takes several lines. " * 2)
    QApplication.processEvents()
    assert label.height() >= label.heightForWidth(label.width()) > 2 * short
    label.setText("Short.")
    QApplication.processEvents()
    assert label.minimumHeight() <= short
