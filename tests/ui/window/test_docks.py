"""A dock is one row and a room: one that is defined here is in every place of the window, and hears the engine."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtCore import QCoreApplication, QEvent
from PySide6.QtWidgets import QApplication, QLabel, QTabBar, QVBoxLayout
from pytestqt.qtbot import QtBot
from quiet import MODEL, QuietClient

from explorer.scene.cards import AttributeCard
from explorer.service.replies import AttributeList, EngineLost, Ready, Refused
from explorer.service.requests import ListAttributes
from explorer.ui.actions.action_rows import ActionRow
from explorer.ui.look.dock_panel import DockPanel
from explorer.ui.state.controller import Controller
from explorer.ui.state.session import Session
from explorer.ui.state.settings import Settings
from explorer.ui.window.docks import DOCKS
from explorer.ui.window.layout import BOTTOM, DockRow, Parts
from explorer.ui.window.main_window import MainWindow
from explorer.ui.window.palette_entries import collect

pytestmark = pytest.mark.gui


class Attributes(DockPanel):
    """What can be read from the model's pictures: asks the engine by itself, and again when there is another."""

    def __init__(self, parts: Parts) -> None:
        super().__init__()
        self._client = parts.controller.client
        self._number = -1
        self.text = QLabel()
        QVBoxLayout(self).addWidget(self.text)
        parts.actions.bind("ask_attributes", self.ask)
        replies = parts.controller.replies
        replies.on(AttributeList, self._answered)
        replies.on(Refused, self._answered)
        replies.on(EngineLost, self._lost)

    def ask(self) -> None:
        self._number = self._client.next_request_id()
        self._client.send(ListAttributes(request_id=self._number, model=MODEL))

    def _answered(self, reply: AttributeList | Refused) -> None:
        if reply.request_id == self._number:
            names = reply.sentence if isinstance(reply, Refused) else ", ".join(one.name for one in reply.attributes)
            self.text.setText(names)
            self.wanted.emit()

    def _lost(self, lost: EngineLost) -> None:
        self.text.setText("gone")


ROW = DockRow(
    "attributes",
    BOTTOM,
    Attributes,
    title="What is read",
    action="attributes",
    actions=(
        ActionRow("attributes", "Show what is read", "Measures", shortcut="Ctrl+Alt+A"),
        ActionRow("ask_attributes", "Ask what is read", "Measures"),
    ),
    readable=310,
)


class Desk:
    """A window with the docks of ``rows``."""

    def __init__(self, rows: tuple[DockRow, ...]) -> None:
        self.client: QuietClient
        self.session = Session()
        restored = self.session.begin()
        self.controller = Controller(self._connect)
        self.window = MainWindow(self.controller, Settings(), self.session, rows)
        self.window.show()
        self.client.reply(Ready(version=1, pid=1, device="cpu", precision="float32"))
        self.window.begin(None, None, restored)
        QApplication.processEvents()

    def _connect(self, on_reply: object) -> QuietClient:
        self.client = QuietClient(on_reply)  # type: ignore[arg-type]
        return self.client

    def close(self) -> None:
        self.window.close()
        self.window.deleteLater()
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


@pytest.fixture
def desk(qapp: QApplication) -> Iterator[Desk]:
    made = Desk((*DOCKS, ROW))
    yield made
    made.close()


def test_a_new_dock_is_in_menus_palette_and_layout(desk: Desk, qtbot: QtBot) -> None:
    window = desk.window
    view = next(action.menu() for action in window.menuBar().actions() if action.text() == "View")
    panels = next(action.menu() for action in view.actions() if action.text() == "Panels")  # type: ignore[union-attr]
    assert [action.text() for action in panels.actions()][-1] == "What is read"  # type: ignore[union-attr]
    entries = collect(desk.controller, window.table, window.docks.toggles(), window.controls, window.open_model)
    assert {"Show what is read", "Ask what is read", "Hide What is read"} <= {entry.text for entry in entries}
    assert [row.key for row, _ in window.table.bound() if row.menu == "Measures"][-2:] == [
        row.key for row in ROW.actions
    ]
    bars = [bar for bar in window.findChildren(QTabBar) if bar.isVisible()]
    tabs = [[bar.tabText(index) for index in range(bar.count())] for bar in bars]
    assert [
        "Timeline",
        "Landscape",
        "Causes",
        "Trajectory",
        "Comparison",
        "Label",
        "Measures",
        "Effects",
        "Model",
        "Own picture",
        "What is read",
    ] in tabs

    dock = window.docks["attributes"]
    assert dock.widget().visibleRegion().isEmpty()  # behind the timeline
    window.table["attributes"].trigger()
    qtbot.waitUntil(lambda: not dock.widget().visibleRegion().isEmpty())
    qtbot.waitUntil(lambda: dock.height() > 270)


def test_a_new_dock_asks_the_engine_and_hears_what_it_says(desk: Desk, qtbot: QtBot) -> None:
    panel = desk.window.docks.panel(Attributes)
    desk.window.table["ask_attributes"].trigger()
    asked = next(request for request in desk.client.sent if isinstance(request, ListAttributes))
    desk.client.reply(Refused(request_id=asked.request_id + 1, sentence="It is for others."))
    assert panel.text.text() == ""
    card = AttributeCard(name="smile")
    desk.client.reply(AttributeList(request_id=asked.request_id, name="faces", attributes=(card,)))
    assert panel.text.text() == "smile"
    qtbot.waitUntil(lambda: not panel.visibleRegion().isEmpty())  # it wanted to be seen
    desk.client.reply(EngineLost(sentence="The engine stopped.", restarting=True))
    assert panel.text.text() == "gone"


def test_where_a_new_dock_was_is_remembered_for_the_docks_that_there_were(qapp: QApplication) -> None:
    first = Desk((*DOCKS, ROW))
    first.window.docks["attributes"].hide()
    first.window.docks["models"].hide()
    first.close()
    again = Desk((*DOCKS, ROW))
    hidden = [again.window.docks[name].isHidden() for name in ("models", "attributes", "controls")]
    again.close()
    without = Desk(DOCKS)
    default = [dock.row.name for dock in without.window.docks.values() if dock.isHidden()]
    without.close()
    assert hidden == [True, True, False]
    assert default == ["jobs"]  # a layout of other docks is not forced onto it
