"""Opens the real window with the real engine, drives it, saves screenshots: ``python tests/ui/shots.py FOLDER MODEL``.

Runs offscreen unless a display is set up (``xvfb-run``); offscreen and Xvfb draw the same pixels.
"""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "xcb" if os.environ.get("DISPLAY") else "offscreen")
os.environ["LATENT_EXPLORER_HOME"] = tempfile.mkdtemp(prefix="latent-explorer-shots-")
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from PySide6.QtCore import Qt
from PySide6.QtGui import QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from explorer.scene.model import ControlSetRef
from explorer.service.client import ServiceClient
from explorer.ui.actions.shortcuts_page import ShortcutsPage
from explorer.ui.files.export_dialog import ExportDialog
from explorer.ui.files.export_plan import KINDS
from explorer.ui.look import theme
from explorer.ui.state.controller import Controller
from explorer.ui.state.session import Session
from explorer.ui.state.settings import Settings
from explorer.ui.window.main_window import MainWindow
from explorer.ui.window.status_line import WhySlow
from explorer.ui.window.toast import Toast

LONGEST = 120.0


class Driver:
    """The window, and the waiting for what it shows."""

    def __init__(self, folder: Path, size: tuple[int, int] = (1440, 900)) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.app = QApplication.instance() or QApplication([])
        theme.apply(self.app, "dark")
        self.settings = Settings()
        self.session = Session()
        restored = self.session.begin()
        self.controller = Controller(ServiceClient)
        self.controller.client.start()
        self.window = MainWindow(self.controller, self.settings, self.session)
        self.window.resize(*size)
        self.window.show()
        self.window.begin(None, None, restored)

    def settle(self, condition=None, seconds: float = LONGEST) -> None:
        """Run the event loop until every picture is the one asked for (and ``condition`` holds)."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.app.processEvents()
            pictures = self.controller.feed.pictures()
            # A pane whose control set is not found yet has no sliders: not settled.
            known = all(self._is_known(pane) or pictures[pane].error for pane in range(len(pictures)))
            if pictures and known and all(p.is_current or p.error for p in pictures) and (not condition or condition()):
                break
            time.sleep(0.005)
        else:
            print("did not settle:", [(p.error, p.is_current) for p in self.controller.feed.pictures()])
        for _ in range(5):
            self.app.processEvents()

    def _is_known(self, pane: int) -> bool:
        controller = self.controller
        chosen = controller.scene.panes[pane]
        problem = controller.catalogue.problem(chosen.model or controller.scene.model, chosen.controls)
        return controller.controls_card(pane) is not None or bool(problem)

    def shoot(self, name: str) -> None:
        self.window.status.refresh()
        self.app.processEvents()
        self.window.grab().save(str(self.folder / f"{name}.png"))

    def both(self, name: str) -> None:
        for scheme in ("dark", "light"):
            theme.apply(self.app, scheme)
            self.app.processEvents()
            self.shoot(f"{name}-{scheme}")


def measured(driver: Driver) -> None:
    """The Measures dock: empty, at work, with a report, and with the two latents turned that share a factor most."""
    controller, window = driver.controller, driver.window
    window.table["measures"].trigger()
    driver.settle()
    driver.both("10-measures-empty")
    panel = window.measures.panel
    if not controller.model_card().worlds:
        return
    panel.header.n.setValue(1500)
    panel.header.quick.setChecked(True)

    def take(action, name: str) -> None:
        before = controller.measuring.report(panel.model()), controller.measuring.turned(panel.model())
        action()
        driver.settle(lambda: (found := controller.measuring.under_way(panel.model())) is None or found.share > 0.1)
        driver.shoot(f"{name}-at-work")
        driver.settle(lambda: controller.measuring.under_way(panel.model()) is None, 900)
        after = controller.measuring.report(panel.model()), controller.measuring.turned(panel.model())
        assert after != before, controller.measuring.problem(panel.model())
        driver.both(name)

    take(window.table["measure"].trigger, "11-measures")
    report = controller.measuring.report(panel.model())
    if len(report.latents) < 2:
        return
    # Two latents that share a factor: the row whose second largest cell is the largest of all.
    shared = max(report.nmi, key=lambda row: sorted(row)[-2])
    for column in sorted(range(len(shared)), key=lambda column: -shared[column])[:2]:
        panel.heat.picked.emit(column)
    take(panel.rotation.usual.click, "12-measures-turned")
    window.table["use_rotation"].trigger()
    driver.settle()
    driver.shoot("13-turned-sliders")
    controller.undo()
    driver.settle()


def labelled(driver: Driver, attribute: str = "glasses", count: int = 40) -> None:
    """The Label dock: empty, after a few answers, with ``count`` labels, and its direction as a slider. Who presses the
    keys sees the pictures of the panel, by the predictor of the world that the model was trained on."""
    import numpy as np
    import torch

    from explorer.attributes.registry import open_reader

    controller, window = driver.controller, driver.window
    worlds = controller.model_card().worlds
    reader = open_reader(worlds[0]) if worlds else None
    names = [one.name for one in reader.attributes] if reader else []
    if attribute not in names:
        return
    window.activateWindow()
    window.table["label_samples"].trigger()
    driver.settle()
    driver.both("14-label-empty")
    labelling, panel = controller.labelling, window.labelling.panel
    QTest.keyClicks(panel.line, attribute)
    QTest.keyClick(panel.line, Qt.Key.Key_Return)

    def shows() -> bool:
        image = labelling.upcoming(1)[0].convertToFormat(QImage.Format.Format_RGB888)
        rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), -1)[:, : image.width() * 3]
        pixels = torch.from_numpy(rows.reshape(1, image.height(), image.width(), 3).copy())
        read = reader.read(pixels.permute(0, 3, 1, 2).float() / 127.5 - 1)
        return bool(read[0, names.index(attribute)] > 0.5)

    for number in range(count):
        driver.settle(lambda: labelling.upcoming(1) != [None])
        QTest.keyClick(panel.sample, Qt.Key.Key_Right if shows() else Qt.Key.Key_Left)
        if number in (5, 17):
            driver.shoot(f"15-label-{number + 1}")
    labels = labelling.current
    driver.settle(lambda: labels.newest is not None and labels.asked is labels.labels and not labelling.is_training)
    driver.both(f"16-label-{count}")
    print(f"{attribute}: {labels.newest}")
    window.table["use_labels"].trigger()
    driver.settle(lambda: controller.controls_card() is not None, 300)
    controller.move_control(0, controller.controls_card().controls[0].name, 3.0)
    driver.settle()
    driver.both("17-label-direction")
    print([(one.name, one.unit, one.details) for one in controller.controls_card().controls])
    controller.undo()
    controller.undo()
    driver.settle()


def main(folder: Path, model: str) -> None:
    driver = Driver(folder)
    controller = driver.controller
    for _ in range(40):
        driver.app.processEvents()
        time.sleep(0.05)
    driver.shoot("00-start")
    driver.window.open_model(model)
    driver.settle(lambda: controller.has_model)
    driver.both("01-model")
    names = [control.name for control in controller.controls_card().controls]
    for step in range(24):
        controller.move_control(0, names[0], step / 8, dragging=True)
        driver.settle()
    controller.move_control(0, names[0], 2.6)
    controller.move_control(0, names[1], -1.2)
    driver.settle()
    driver.both("02-moved")
    for seed in (3, 8, 11, 20):
        controller.set_seed(seed)
        driver.settle()
        driver.window.table["add_bookmark"].trigger()
        driver.settle()
    for _ in range(30):
        driver.app.processEvents()
        time.sleep(0.02)
    driver.both("02b-bookmarks")
    controller.set_view(0, "before_after")
    driver.settle()
    driver.shoot("03-before-after")
    controller.set_view(0, "image")
    controller.add_pane()
    driver.settle()
    controller.add_pane()
    driver.settle()
    controller.duplicate_pane(0)
    controller.set_view(1, "difference")
    driver.settle()
    controller.select_pane(0)
    controller.move_control(0, names[2], 1.7)
    driver.settle()
    driver.both("04-compare")
    driver.window.table["palette"].trigger()
    driver.app.processEvents()
    driver.shoot("04b-palette")
    driver.window.palette_box.close_again()
    driver.window.table["traverse"].trigger()
    driver.settle(seconds=2)
    driver.window.timeline.player.stop()
    driver.settle()
    driver.both("05-timeline")
    driver.window.status.why.click()
    driver.app.processEvents()
    for widget in driver.app.topLevelWidgets():
        if isinstance(widget, WhySlow):
            widget.grab().save(str(driver.folder / "05b-why-slow.png"))
            widget.close()
    page = ShortcutsPage(driver.window.table, driver.window)
    page.show()
    driver.app.processEvents()
    page.grab().save(str(driver.folder / "05c-shortcuts.png"))
    page.close()
    dialog = ExportDialog(controller, str(folder), driver.window)
    dialog.show()
    driver.app.processEvents()
    dialog.grab().save(str(driver.folder / "05d-export.png"))
    dialog.kind.setCurrentIndex([kind.is_sheet for kind in KINDS].index(True))
    dialog.sheet.range.setCurrentIndex(dialog.sheet.range.findData("minmax"))
    driver.app.processEvents()
    dialog.grab().save(str(driver.folder / "05e-sheet.png"))
    dialog.close()
    measured(driver)
    labelled(driver)
    controller.say(
        "'ffhq.pkl' is no model that this program knows; it opens VAEs, GANs and diffusion pipelines.", "error"
    )
    driver.window.resize(1000, 640)
    driver.settle()
    driver.shoot("06-small")
    driver.window.resize(1440, 900)
    controller.set_method(0, ControlSetRef(method="no_such_method"))
    driver.settle()
    driver.shoot("07-refused")
    controller.undo()
    driver.settle()
    for toast in list(driver.window.toasts.findChildren(Toast)):
        driver.window.toasts.dismiss(toast)
    pid = controller.client.pid
    os.kill(pid, signal.SIGKILL)
    began = time.monotonic()
    while controller.engine is not None:
        driver.app.processEvents()
    driver.shoot("08-engine-killed")
    controller.move_control(0, names[0], -1.0)
    driver.settle(lambda: controller.engine is not None)
    print(f"engine back with the newest picture after {time.monotonic() - began:.1f} s")
    driver.shoot("09-engine-back")
    driver.window.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
