"""A method that somebody has installed as a package of their own, in the window with the real engine process."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import plugin_package
import pytest
from pytestqt.qtbot import QtBot

from explorer.scene.model import ControlSetRef
from explorer.service.client import ServiceClient
from explorer.ui.comparison.dialog import NAME, CompareDialog
from explorer.ui.files.model_browser import ModelBrowser
from explorer.ui.state.controller import Controller
from explorer.ui.state.session import Session
from explorer.ui.state.settings import Settings
from explorer.ui.window.main_window import MainWindow

pytestmark = pytest.mark.gui
PATIENCE = 120_000  # ms: a limit for a hang, not a measurement


@pytest.fixture
def controller(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Controller]:
    """A controller whose engine finds the package."""
    plugin_package.install(tmp_path / "site")
    known = os.environ.get("PYTHONPATH", "")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, (str(tmp_path / "site"), known))))
    made = Controller(ServiceClient)
    made.client.start()
    yield made
    made.close()


def test_an_installed_method_is_listed_used_and_compared(controller: Controller, qtbot: QtBot) -> None:
    window = MainWindow(controller, Settings(), Session())
    qtbot.addWidget(window)
    window.show()
    panel = window.controls

    def wait(condition: Callable[[], bool]) -> None:
        qtbot.waitUntil(condition, timeout=PATIENCE)

    controller.open_model("known-distinct")
    wait(lambda: controller.has_model and bool(controller.catalogue.methods))
    index = panel.method.findData("dice")
    assert panel.method.itemText(index) == "Thrown dice"
    panel.method.setCurrentIndex(index)
    panel.method.activated.emit(index)
    assert controller.scene.panes[0].controls == ControlSetRef(method="dice", k=controller.scene.panes[0].controls.k)
    wait(lambda: controller.controls_card() is not None)
    assert panel.rows()[0].card.name == "random 1"
    dialog = CompareDialog(controller)
    qtbot.addWidget(dialog)
    assert "dice" in [dialog.methods.item(row).data(NAME) for row in range(dialog.methods.count())]


def test_an_installed_family_that_fails_is_listed_with_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, qtbot: QtBot
) -> None:
    about = tmp_path / "site" / "sunk-1.0.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: sunk\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[explorer.generators]\nsunk = no_such_module\n")
    known = os.environ.get("PYTHONPATH", "")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, (str(tmp_path / "site"), known))))
    made = Controller(ServiceClient)
    made.client.start()
    window = MainWindow(made, Settings(), Session())
    qtbot.addWidget(window)
    qtbot.waitUntil(lambda: made.catalogue.is_listed, timeout=PATIENCE)
    browser = window.findChild(ModelBrowser)
    assert isinstance(browser, ModelBrowser)
    groups = [browser.tree.topLevelItem(index) for index in range(browser.tree.topLevelItemCount())]
    failed = next(group for group in groups if group is not None and group.text(0) == "Plug-ins that failed")
    assert not failed.isHidden()
    line = failed.child(0)
    assert line is not None
    assert line.text(0) == "sunk"
    assert line.isDisabled()
    assert "The plugin 'sunk' could not be loaded (ModuleNotFoundError" in line.toolTip(0)
    shipped = next(group for group in groups if group is not None and group.text(0) == "Shipped")
    assert shipped.childCount() > 10
    made.close()
