"""What can be opened by a click: the browser's groups, the menus of recent files, the chooser of a pane's model."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QMainWindow, QTreeWidgetItem
from pytestqt.qtbot import QtBot
from quiet import CARD, QuietClient, controller_on

from explorer import keeping
from explorer.scene.cards import ListedModel
from explorer.service.replies import FolderListed, Ready, Refused
from explorer.service.requests import ListFolder
from explorer.ui.actions.actions import ActionTable
from explorer.ui.files.files import Files
from explorer.ui.files.model_browser import PATH, ModelBrowser
from explorer.ui.files.model_chooser import ModelChooser
from explorer.ui.files.recent_menus import RecentMenu
from explorer.ui.state import known_models
from explorer.ui.state.controller import Controller
from explorer.ui.state.settings import RECENT, Settings
from explorer.ui.window.commands import Commands

pytestmark = pytest.mark.gui


class Shelf:
    """A browser in a window of its own."""

    def __init__(self, qtbot: QtBot) -> None:
        self.controller, self.client = controller_on()
        self.settings = Settings()
        self.window = QMainWindow()
        qtbot.addWidget(self.window)
        self.actions = ActionTable(self.window)
        self.files = Files(self.controller, self.settings, self.window)
        Commands(self.window, self.controller, self.actions, self.files, self.settings)
        self.browser = ModelBrowser(self.controller, self.actions, self.settings, self.window)

    def names(self) -> dict[str, list[str]]:
        """Group → the lines in it, of groups that are shown."""
        tree = self.browser.tree
        groups = [tree.topLevelItem(index) for index in range(tree.topLevelItemCount())]
        return {
            group.text(0): [item.text(0) for item in children(group)]
            for group in groups
            if group is not None and not group.isHidden()
        }

    def item(self, path: str) -> QTreeWidgetItem:
        tree = self.browser.tree
        listed = tree.findItems("*", Qt.MatchFlag.MatchWildcard | Qt.MatchFlag.MatchRecursive)
        return next(item for item in listed if item.data(0, PATH) == path)

    def menu(self, item: QTreeWidgetItem) -> list[str]:
        menu = self.browser.menu_of(item)
        texts = [action.text() for action in menu.actions() if action.text()] if menu is not None else []
        if menu is not None:
            menu.deleteLater()
        return texts


def children(group: QTreeWidgetItem) -> list[QTreeWidgetItem]:
    return [item for index in range(group.childCount()) if (item := group.child(index)) is not None]


def listing(client: QuietClient) -> ListFolder:
    return next(request for request in reversed(client.sent) if isinstance(request, ListFolder))


def test_every_model_of_the_folder_is_listed_and_broken_ones_say_why(qtbot: QtBot, tmp_path: Path) -> None:
    shelf = Shelf(qtbot)
    assert list(shelf.names()) == ["Shipped"]
    shelf.controller.models_folder.choose(tmp_path)
    assert keeping.models_folder() == tmp_path
    assert shelf.names()[f"Models folder: {tmp_path.name}"] == ["no model in it"]
    good = ListedModel(
        path=str(tmp_path / "run" / "good.pkl"), family="stylegan2", family_title="StyleGAN2", memory=120_000_000
    )
    bad = replace(good, path=str(tmp_path / "bad"), problem="'bad' is truncated.")
    shelf.client.reply(
        FolderListed(request_id=listing(shelf.client).request_id, folder=str(tmp_path), models=(bad, good))
    )
    assert shelf.names()[f"Models folder: {tmp_path.name}"] == ["bad", "run/good.pkl"]
    assert shelf.item(bad.path).isDisabled()
    assert "'bad' is truncated." in shelf.item(bad.path).toolTip(0)
    assert "StyleGAN2 · needs 120 MB of memory to open" in shelf.item(good.path).toolTip(0)
    assert "Open" not in shelf.menu(shelf.item(bad.path))
    assert shelf.menu(shelf.item(good.path))[:3] == ["Open", "Show in the selected pane", "Compare"]
    shelf.controller.models_folder.choose(None)
    assert keeping.models_folder() is None
    assert list(shelf.names()) == ["Shipped"]


def test_a_folder_that_cannot_be_read_says_so(qtbot: QtBot, tmp_path: Path) -> None:
    shelf = Shelf(qtbot)
    shelf.controller.models_folder.choose(tmp_path / "gone")
    shelf.client.reply(Refused(request_id=listing(shelf.client).request_id, sentence="The models folder is gone."))
    assert shelf.names()["Models folder: gone"] == ["cannot be read"]


def test_the_folder_is_listed_by_every_engine_and_an_old_answer_counts_for_nothing(
    qtbot: QtBot, tmp_path: Path
) -> None:
    shelf = Shelf(qtbot)
    shelf.controller.models_folder.choose(tmp_path)
    old = listing(shelf.client).request_id
    shelf.client.reply(Ready(version=1, pid=2, device="cpu", precision="float32"))
    assert listing(shelf.client).request_id != old
    late = ListedModel(path="/late", family="vae", family_title="VAE")
    shelf.client.reply(FolderListed(request_id=old, folder=str(tmp_path), models=(late,)))
    assert shelf.controller.models_folder.models == ()


def test_missing_models_are_greyed_with_the_reason_and_the_list_can_be_cleared(qtbot: QtBot, tmp_path: Path) -> None:
    shelf = Shelf(qtbot)
    there = tmp_path / "there.pt"
    there.write_bytes(b"x")
    gone = str(tmp_path / "gone.pt")
    for path in (str(there), gone):
        shelf.settings.add_recent_model(path)
    shelf.browser.refresh()
    assert shelf.names()["Opened"] == ["gone.pt", "there.pt"]
    assert shelf.item(gone).isDisabled()
    assert "not there any more" in shelf.item(gone).toolTip(0)
    assert not shelf.item(str(there)).isDisabled()
    assert shelf.menu(shelf.item(gone)) == ["Remove from the list", "Clear the list"]
    shelf.settings.forget_recent_models()
    shelf.browser.refresh()
    assert list(shelf.names()) == ["Shipped"]


def test_models_of_one_name_are_told_apart_in_lists_and_under_their_pictures(qtbot: QtBot, tmp_path: Path) -> None:
    shelf = Shelf(qtbot)
    paths = [str(tmp_path / run / "model.pt") for run in ("first", "second")]
    for path in paths:
        Path(path).parent.mkdir()
        Path(path).write_bytes(b"x")
        shelf.settings.add_recent_model(path)
    shelf.browser.refresh()
    assert shelf.names()["Opened"] == ["second/model.pt", "first/model.pt"]
    shelf.client.card = replace(CARD, name="model", shipped=False)
    shelf.controller.open_model(paths[0])
    assert "model" not in shelf.controller.pane_title(0)
    shelf.controller.open_model(paths[1], place="beside")
    shelf.browser.refresh()
    assert shelf.names()["Opened"] == ["first/model", "second/model"]
    titles = [shelf.controller.pane_title(pane) for pane in range(2)]
    assert [title.split(" · ")[0] for title in titles] == ["first/model", "second/model"]
    shelf.controller.set_view(1, "between")
    assert shelf.controller.pane_title(1) == "second/model · difference from first/model"
    lines = [model.line for model in known_models.opened(shelf.controller.catalogue, shelf.settings)]
    assert [line.split(" · ")[0] for line in lines] == ["first/model", "second/model"]


def test_what_is_missing_stands_in_the_menu_greyed_and_a_click_opens(qtbot: QtBot, tmp_path: Path) -> None:
    settings = Settings()
    scene = tmp_path / "a.scene.json"
    scene.write_text("{}")
    for path in (str(scene), str(tmp_path / "lost.png")):
        settings.add_recent_scene(path)
    menu = RecentMenu("Recent scenes", lambda: settings.recent_scenes, settings.forget_recent_scenes)
    qtbot.addWidget(menu)
    lost, here = menu.actions()[:2]
    assert not lost.isEnabled()
    assert "not there any more" in lost.toolTip()
    assert "lost.png (missing)" in lost.text()
    chosen: list[str] = []
    menu.chosen.connect(chosen.append)
    here.trigger()
    assert chosen == [str(scene)]
    menu.actions()[-1].trigger()
    menu.fill()
    assert settings.recent_scenes == []
    assert [action.isEnabled() for action in menu.actions()] == [False]


def test_so_many_are_remembered_each_once_and_in_the_next_session_too(qtbot: QtBot) -> None:
    settings = Settings()
    for number in range(RECENT + 3):
        settings.add_recent_scene(f"/{number}")
    settings.add_recent_scene("/5")
    settings.save()
    assert Settings().recent_scenes[:2] == ["/5", f"/{RECENT + 2}"]
    assert len(Settings().recent_scenes) == RECENT


def test_scenes_that_are_saved_or_opened_are_remembered(qtbot: QtBot, tmp_path: Path) -> None:
    shelf = Shelf(qtbot)
    path = tmp_path / "kept.scene.json"
    assert shelf.files.save_scene_to(path)
    assert shelf.settings.recent_scenes == [str(path)]
    shelf.settings.forget_recent_scenes()
    assert shelf.files.open_scene(path)
    assert shelf.settings.recent_scenes == [str(path)]
    (tmp_path / "broken.json").write_text("no scene")
    assert not shelf.files.open_scene(tmp_path / "broken.json")
    assert shelf.settings.recent_scenes == [str(path)]


def usable(controller: Controller, settings: Settings) -> list[str]:
    return [one.path for one in known_models.usable(controller.catalogue, controller.models_folder, settings)]


def test_the_chooser_lists_what_opens_and_gives_the_path(qtbot: QtBot, tmp_path: Path) -> None:
    shelf = Shelf(qtbot)
    shelf.client.card = replace(CARD, name="mine", shipped=False)
    shelf.controller.open_model(str(tmp_path / "mine.pt"))
    shelf.settings.add_recent_model("/gone.pt")
    assert usable(shelf.controller, shelf.settings) == [str(tmp_path / "mine.pt"), "toy"]
    chooser = ModelChooser(shelf.controller, shelf.settings, shelf.files, "beside", shelf.window)
    assert not chooser.go.isEnabled()
    assert "(shown now)" in chooser.list.item(0).text()
    chooser.list.setCurrentRow(1)
    chooser.go.click()
    assert chooser.path == "toy"
    empty = ModelChooser(shelf.controller, shelf.settings, shelf.files, "pane", shelf.window)
    empty.reject()
    assert empty.path == ""
