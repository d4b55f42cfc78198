"""Drawing a region: where the drag lies on the picture, what is refused, what is found for it, and its outline."""

from __future__ import annotations

import msgspec
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLineEdit, QMainWindow, QToolButton
from pytestqt.qtbot import QtBot
from quiet import CARD, controller_on, pictures

from explorer.scene.cards import MethodCard, SettingCard
from explorer.scene.model import ControlSetRef
from explorer.scene.region import read_region
from explorer.ui.actions.actions import ActionTable
from explorer.ui.canvas.canvas import Canvas
from explorer.ui.canvas.region_tool import EVERYTHING, HINT, TOO_SMALL
from explorer.ui.controls.method_dialog import MethodDialog
from explorer.ui.controls.method_settings import MethodSettings
from explorer.ui.look import theme
from explorer.ui.state.notice import Notice

pytestmark = pytest.mark.gui
REGION = SettingCard(name="region", title="Region", default="", kind="region")
SAMPLES = SettingCard(name="samples", title="Samples", default=4)
METHODS = {
    name: MethodCard(name=name, title=title, spaces=(), trained=False, paper="", settings=settings)
    for name, title, settings in (
        ("latent_axes", "Latent axes", (SAMPLES,)),
        ("lowrankgan", "LowRankGAN", (REGION, SAMPLES)),
        ("stylespace", "StyleSpace", (REGION,)),
    )
}
LARGE = msgspec.structs.replace(CARD, output=pictures(64, 96), methods=("latent_axes", "lowrankgan"))


class Desk:
    """A canvas in a window, and the actions that draw on it. Pictures are 96 x 64 pixels, or what ``card`` says."""

    def __init__(self, qtbot: QtBot, panes: int = 1, method: str = "latent_axes", card: object = LARGE) -> None:
        assert isinstance(card, type(CARD))
        self.controller, self.client = controller_on(panes, (method,), card)
        self.controller.catalogue.methods = dict(METHODS)
        self.window = QMainWindow()
        qtbot.addWidget(self.window)
        self.canvas = Canvas(self.controller)
        self.window.setCentralWidget(self.canvas)
        self.table = ActionTable(self.window)
        self.settings = MethodSettings(self.controller, self.table, self.canvas, self.window)
        self.table.set_has_model(True)
        self.tool = self.settings.tool
        self.said: list[str] = []
        self.controller.noticed.connect(self._hear)
        self.window.resize(700, 600)
        self.window.show()
        self.client.draw()

    def _hear(self, notice: Notice) -> None:
        self.said.append(notice.sentence)

    def at(self, x: float, y: float, pane: int = 0) -> QPoint:
        """A point at these shares of the picture of ``pane``."""
        box = self.canvas.cells()[pane][1].picture
        return QPoint(round(box.left() + x * box.width()), round(box.top() + y * box.height()))

    def drag(self, start: QPoint, end: QPoint) -> None:
        QTest.mousePress(self.tool, Qt.MouseButton.LeftButton, pos=start)
        QTest.mouseMove(self.tool, (start + end) / 2)
        QTest.mouseMove(self.tool, end)
        QTest.mouseRelease(self.tool, Qt.MouseButton.LeftButton, pos=end)

    def controls(self, pane: int = 0) -> ControlSetRef:
        return self.controller.scene.panes[pane].controls


def test_a_drag_finds_controls_for_what_it_marks(qtbot: QtBot) -> None:
    desk = Desk(qtbot)
    before = desk.controls()
    desk.table["draw_region"].trigger()
    assert desk.tool.isVisible()
    assert desk.tool.sentence == HINT
    desk.drag(desk.at(0.25, 0.5), desk.at(0.75, 0.875))
    assert desk.tool.isHidden()
    assert desk.controls() == ControlSetRef(method="lowrankgan", k=4, settings=(("region", "0.25,0.5,0.75,0.875"),))
    assert desk.controller.undo_stack.undoText() == "Use LowRankGAN"
    desk.controller.undo()
    assert desk.controls() == before


@pytest.mark.parametrize("ways", [((0.75, 0.875), (0.25, 0.5)), ((0.75, 0.5), (0.25, 0.875))])
def test_it_may_be_dragged_from_any_corner(qtbot: QtBot, ways: tuple[tuple[float, float], ...]) -> None:
    desk = Desk(qtbot)
    desk.table["draw_region"].trigger()
    desk.drag(desk.at(*ways[0]), desk.at(*ways[1]))
    assert dict(desk.controls().settings)["region"] == "0.25,0.5,0.75,0.875"


def test_edges_lie_between_pixels_of_the_picture(qtbot: QtBot) -> None:
    desk = Desk(qtbot)
    desk.table["draw_region"].trigger()
    desk.drag(desk.at(0.203, 0.304), desk.at(0.402, 0.71))
    region = read_region(str(dict(desk.controls().settings)["region"]))
    assert [edge * side for edge, side in zip(region, (96, 64, 96, 64), strict=True)] == pytest.approx(
        [19, 19, 39, 45], abs=0.01
    )


def test_what_goes_beyond_the_picture_is_cut_off_there(qtbot: QtBot) -> None:
    desk = Desk(qtbot)
    desk.table["draw_region"].trigger()
    desk.drag(desk.at(0.5, 0.25), desk.at(0.9, 0.75) + QPoint(400, 400))
    assert dict(desk.controls().settings)["region"] == "0.5,0.25,1,1"
    desk.table["draw_region"].trigger()
    desk.drag(QPoint(1, 1), desk.at(0.5, 0.25))
    assert dict(desk.controls().settings)["region"] == "0,0,0.5,0.25"


def test_too_small_a_drag_and_the_whole_picture_are_refused_in_a_sentence(qtbot: QtBot) -> None:
    desk = Desk(qtbot)
    before = desk.controls()
    desk.table["draw_region"].trigger()
    desk.drag(desk.at(0.5, 0.5), desk.at(0.5, 0.5) + QPoint(200, 4))
    assert desk.tool.isVisible()
    assert desk.tool.sentence == TOO_SMALL
    QTest.mouseClick(desk.tool, Qt.MouseButton.LeftButton, pos=desk.at(0.2, 0.2))
    assert desk.tool.sentence == TOO_SMALL
    desk.drag(desk.at(0, 0), desk.at(1, 1))
    assert desk.tool.sentence == EVERYTHING
    assert desk.controls() == before
    desk.drag(desk.at(0, 0), desk.at(0.5, 1))
    assert dict(desk.controls().settings)["region"] == "0,0,0.5,1"


def test_less_than_a_pixel_of_a_small_picture_is_too_small(qtbot: QtBot) -> None:
    desk = Desk(qtbot, card=msgspec.structs.replace(LARGE, output=pictures(8, 12)))
    desk.table["draw_region"].trigger()
    desk.drag(desk.at(0.51, 0.51), desk.at(0.53, 0.53))
    assert desk.tool.sentence == TOO_SMALL


def test_what_is_no_picture_has_no_regions(qtbot: QtBot) -> None:
    trace = msgspec.structs.replace(LARGE.output, kind="trace", description="traces of 97 samples")
    desk = Desk(qtbot, card=msgspec.structs.replace(LARGE, output=trace))
    before = desk.controls()
    desk.table["draw_region"].trigger()
    assert desk.tool.isHidden()
    assert desk.said[-1] == "A region is a part of a picture, and 'toy' makes traces of 97 samples."
    assert desk.controls() == before


def test_escape_leaves_everything_as_it_was(qtbot: QtBot) -> None:
    desk = Desk(qtbot)
    before = desk.controller.scene
    desk.table["draw_region"].trigger()
    QTest.mousePress(desk.tool, Qt.MouseButton.LeftButton, pos=desk.at(0.2, 0.2))
    QTest.mouseMove(desk.tool, desk.at(0.6, 0.6))
    QTest.keyClick(desk.tool, Qt.Key.Key_Escape)
    assert desk.tool.isHidden()
    assert desk.controller.scene == before
    assert not desk.controller.undo_stack.canUndo()


def test_a_method_that_takes_a_region_keeps_its_other_settings(qtbot: QtBot) -> None:
    desk = Desk(qtbot, 2, "stylespace")
    first = desk.controls()
    desk.controller.select_pane(1)
    desk.controller.set_method(1, ControlSetRef(method="stylespace", k=3, seed=8))
    desk.table["draw_region"].trigger()
    desk.drag(desk.at(0, 0, 1), desk.at(0.5, 0.5, 1))
    assert desk.controls(1) == ControlSetRef(method="stylespace", k=3, seed=8, settings=(("region", "0,0,0.5,0.5"),))
    assert desk.controls(0) == first


def test_a_model_without_such_a_method_says_why(qtbot: QtBot) -> None:
    card = msgspec.structs.replace(CARD, refusals={"lowrankgan": "It would take hours."})
    desk = Desk(qtbot, card=card)
    desk.table["draw_region"].trigger()
    assert desk.tool.isHidden()
    assert desk.said == ["It would take hours."]


def test_another_pane_or_method_ends_the_drawing(qtbot: QtBot) -> None:
    desk = Desk(qtbot, 2)
    desk.table["draw_region"].trigger()
    desk.controller.set_seed(8)
    assert desk.tool.isVisible()
    desk.controller.select_pane(1)
    assert desk.tool.isHidden()
    desk.table["draw_region"].trigger()
    desk.controller.remove_pane(1)
    assert desk.tool.isHidden()


def test_the_sheet_dims_what_is_not_marked_and_follows_the_canvas(qtbot: QtBot) -> None:
    desk = Desk(qtbot)
    plain = desk.canvas.grab().toImage()
    desk.table["draw_region"].trigger()
    desk.window.resize(900, 640)
    assert desk.tool.size() == desk.canvas.size()
    desk.window.resize(700, 600)
    inside, outside = desk.at(0.5, 0.7), desk.at(0.1, 0.9)
    QTest.mousePress(desk.tool, Qt.MouseButton.LeftButton, pos=desk.at(0.25, 0.5))
    QTest.mouseMove(desk.tool, desk.at(0.75, 0.875))
    shot = desk.canvas.grab().toImage()
    assert shot.pixelColor(inside) == plain.pixelColor(inside)
    assert shot.pixelColor(outside).lightness() < plain.pixelColor(outside).lightness()
    accent = theme.color(theme.current().accent)
    assert shot.pixelColor(desk.at(0.25, 0.7)) == accent


def test_the_region_in_force_is_outlined_on_its_pane(qtbot: QtBot) -> None:
    desk = Desk(qtbot)
    accent, edge = theme.color(theme.current().accent), desk.at(0.25, 0.7)
    assert desk.canvas.grab().toImage().pixelColor(edge) != accent
    chosen = ControlSetRef(method="lowrankgan", settings=(("region", "0.25,0.5,0.75,0.875"),))
    desk.controller.set_method(0, chosen)
    desk.client.draw()
    assert desk.canvas.grab().toImage().pixelColor(edge) == accent
    desk.controller.set_method(0, msgspec.structs.replace(chosen, settings=(("region", "eyes"),)))
    desk.client.draw()
    assert desk.canvas.grab().toImage().pixelColor(edge) != accent


def test_the_dialog_gives_way_to_the_canvas_and_comes_back_with_the_region(
    qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = Desk(qtbot, method="lowrankgan")
    shown: list[str] = []

    def answer(dialog: MethodDialog) -> int:
        field = dialog.settings.fields["region"]
        line, draw = field.findChild(QLineEdit), field.findChild(QToolButton)
        assert line is not None
        assert draw is not None
        shown.append(line.text())
        if len(shown) == 1:
            dialog.k.setValue(3)
        if len(shown) < 3:
            draw.click()
        else:
            dialog.accept()
        return dialog.result()

    monkeypatch.setattr(MethodDialog, "exec", answer)
    desk.table["method_settings"].trigger()
    assert desk.tool.isVisible()
    desk.drag(desk.at(0, 0), desk.at(0.5, 0.25))  # the dialog comes back, and again gives way
    assert desk.tool.isVisible()
    QTest.keyClick(desk.tool, Qt.Key.Key_Escape)
    assert shown == ["", "0,0,0.5,0.25", "0,0,0.5,0.25"]
    assert desk.controls() == ControlSetRef(method="lowrankgan", k=3, settings=(("region", "0,0,0.5,0.25"),))
