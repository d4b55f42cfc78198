"""Screenshots of finding and comparing directions: ``python tests/ui/shots_compare.py FOLDER [MODEL] [PART…]``."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QPainter, QPixmap
from PySide6.QtWidgets import QApplication, QMenu
from shots import Driver

from explorer.scene import editing
from explorer.scene.comparison import CompareOptions
from explorer.scene.defaults import default_controls
from explorer.scene.model import ControlSetRef
from explorer.ui.comparison.dialog import NAME, CompareDialog
from explorer.ui.controls.method_dialog import MethodDialog
from explorer.ui.look import theme

METHODS = ("pca", "sefa", "latent_axes", "random_orthogonal")
SEEDS = "4,11,23"
LONG = 900.0  # seconds: a limit for a hang


def dialog_shot(driver: Driver, dialog, name: str) -> None:
    """A dialog in both schemes."""
    dialog.show()
    for scheme in ("dark", "light"):
        theme.apply(driver.app, scheme)
        driver.app.processEvents()
        dialog.grab().save(str(driver.folder / f"{name}-{scheme}.png"))


def asked(driver: Driver) -> None:
    """The compare dialog, as it opens and filled in; what it asks for is then on the canvas."""
    dialog = CompareDialog(driver.controller, driver.window)
    dialog_shot(driver, dialog, "20-compare-dialog")
    for index in range(dialog.methods.count()):
        item = dialog.methods.item(index)
        if item.flags() & Qt.ItemFlag.ItemIsUserCheckable:
            ticked = item.data(NAME) in METHODS
            item.setCheckState(Qt.CheckState.Checked if ticked else Qt.CheckState.Unchecked)
    dialog.seeds.setText(SEEDS)
    dialog.measure.setChecked(True)
    dialog_shot(driver, dialog, "21-compare-dialog-table")
    dialog.measure.setChecked(False)
    dialog.side_by_side.connect(driver.window.comparison.show_side_by_side)
    dialog.accept()
    driver.settle(seconds=LONG)


def grid(driver: Driver) -> None:
    """Methods × seeds in equal units: unmoved, one slider moved, the differences, a small window."""
    controller, window = driver.controller, driver.window
    asked(driver)
    driver.shoot("22-grid-unmoved")
    first = window.controls.rows()[0].card.name
    controller.move_control(0, first, 3.0)
    driver.settle()
    driver.both("23-grid")
    for pane in range(len(controller.scene.panes)):
        controller.set_view(pane, "difference")
    driver.settle()
    driver.both("24-grid-differences")
    for pane in range(len(controller.scene.panes)):
        controller.set_view(pane, "image")
    window.resize(1100, 700)
    driver.settle()
    driver.shoot("25-grid-small")
    window.resize(1440, 900)
    driver.settle()


def marked(driver: Driver) -> None:
    """Controls that are renamed, starred, pinned and hidden, and the menu that does it."""
    controller, window = driver.controller, driver.window
    rows = [row.card.name for row in window.controls.rows()]
    menu = window.controls.menu
    menu.rename(rows[0], "hair and skin")
    for control, wanted in ((rows[0], "Star"), (rows[2], "Star"), (rows[3], "Pin to the top"), (rows[4], "Hide")):
        next(action for action in menu.actions(control) if action.text() == wanted).trigger()
    driver.settle()
    driver.both("26-marked")
    row = next(row for row in window.controls.rows() if row.card.name == rows[0])
    place = row.mapToGlobal(row.rect().center())
    whole = window.grab()

    def take() -> None:
        popup = QApplication.activePopupWidget()
        assert isinstance(popup, QMenu)
        _over(whole, popup.grab(), window.mapFromGlobal(popup.pos()))
        whole.save(str(driver.folder / "27-menu.png"))
        popup.close()

    QTimer.singleShot(200, take)
    menu.show(rows[0], place)
    before = controller.scene
    next(action for action in menu.actions(rows[0]) if action.text().startswith("Keep fixed")).trigger()
    driver.settle(seconds=LONG)
    driver.shoot("28-conditional")
    controller.apply(before, "")
    driver.settle(seconds=LONG)


def own_set(driver: Driver) -> None:
    """What is starred, saved as a set of one's own and opened in a pane."""
    controller, window = driver.controller, driver.window
    path = driver.folder / "mine.safetensors"
    chosen = window.own_sets.starred()
    assert chosen, "nothing is starred"
    controller.jobs.start_saving(controller.scene.model, chosen, str(path), "mine")
    driver.settle(path.exists)
    controller.add_pane()
    window.files.importing.use_controls(path)
    driver.settle()
    driver.both("29-own-set")


def settings(driver: Driver) -> None:
    """The settings of two methods."""
    controller = driver.controller
    card = controller.model_card()
    for name in ("voynov", "interfacegan"):
        method = controller.catalogue.methods[name]
        dialog = MethodDialog(method, card, default_controls(card, name), driver.window)
        dialog_shot(driver, dialog, f"30-settings-{name}")
        dialog.close()


def searching(driver: Driver) -> None:
    """A method that learns: waiting, then with sliders that show what it has so far."""
    controller, window = driver.controller, driver.window
    controller.apply(editing.side_by_side(controller.scene, (ControlSetRef(method="voynov", k=6),)), "Search")
    window.docks["jobs"].show()
    window.docks["jobs"].raise_()

    def share(least: float) -> Callable[[], bool]:
        return lambda: any(job.share > least for job in controller.jobs.running())

    _wait(driver, share(0.002))
    driver.shoot("31-search-begins")
    scene = controller.scene
    _wait(driver, lambda: share(0.25)() and controller.catalogue.is_preview(scene.model, scene.panes[0].controls))
    row = window.controls.rows()[0].card.name
    controller.move_control(0, row, 3.0)
    driver.settle()
    driver.both("32-search")
    window.controls.searching.cancel.click()
    _wait(driver, lambda: not controller.jobs.running())
    driver.settle(seconds=3)
    driver.shoot("33-search-cancelled")
    controller.undo_stack.undo()
    driver.settle()


def table(driver: Driver) -> None:
    """The Comparison dock: empty, at work, with a report, in a small window."""
    controller, window = driver.controller, driver.window
    window.table["comparison"].trigger()
    driver.settle()
    driver.both("34-comparison-empty")
    window.comparison.compare(CompareOptions(methods=("pca", "sefa"), k=4, bases=8, observed=1000))
    model = controller.scene.model
    _wait(driver, lambda: (found := controller.comparing.under_way(model)) is None or found.share > 0.1)
    driver.shoot("35-comparison-at-work")
    _wait(driver, lambda: controller.comparing.under_way(model) is None)
    assert controller.comparing.report(model) is not None, controller.comparing.problem(model)
    driver.settle()
    driver.both("36-comparison")
    window.resize(1100, 700)
    driver.settle()
    driver.shoot("37-comparison-small")
    window.resize(1440, 900)
    driver.settle()


def _wait(driver: Driver, condition: Callable[[], bool]) -> None:
    driver.settle(condition, LONG)
    assert condition(), "waited in vain"


def _over(picture: QPixmap, other: QPixmap, place) -> None:
    painter = QPainter(picture)
    painter.drawPixmap(place, other)
    painter.end()


PARTS = {
    "settings": settings,
    "grid": grid,
    "marked": marked,
    "own_set": own_set,
    "searching": searching,
    "table": table,
}


def main(folder: Path, model: str, parts: list[str]) -> None:
    driver = Driver(folder)
    driver.window.open_model(model)
    driver.settle(lambda: driver.controller.has_model)
    for part in parts or PARTS:
        print(part, flush=True)
        PARTS[part](driver)
        theme.apply(driver.app, "dark")
    driver.window.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else "faces-stylegan2", sys.argv[3:])
