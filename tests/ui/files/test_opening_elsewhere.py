"""What another copy of the program wrote of its own models opens in the window by their names."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot
from quiet import CARD, MODEL, controller_on

from explorer.export.carried import Reference, by_name
from explorer.scene.model import ControlSetRef, ModelRef, Pane, Scene
from explorer.scene.store import load_scene, save_scene
from explorer.ui.files.files import Files
from explorer.ui.state.settings import Settings

ELSEWHERE = ModelRef(path="/elsewhere/models/toy", fingerprint=MODEL.fingerprint)
PANE = Pane(controls=ControlSetRef(method="latent_axes", k=2))


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def files(qtbot: QtBot, said: list[str]) -> Files:
    controller, _ = controller_on()
    window = QWidget()
    qtbot.addWidget(window)
    controller.noticed.connect(lambda notice: said.append(notice.sentence))
    files = Files(controller, Settings(), window)
    files.window = window  # type: ignore[attr-defined]  # lives as long as they do
    return files


def opened(files: Files, model: ModelRef, folder: Path) -> ModelRef:
    """The model of the scene that the window shows once it has opened one with ``model``, which an export names too."""
    path = folder / "a.scene.json"
    references = (Reference(noun="model", text=model.path, fingerprint=model.fingerprint),)
    save_scene(Scene(model=model, panes=(PANE,)), path, references)
    assert files.open_scene(path)
    return files._controller.scene.model


def test_a_scene_of_another_copy_opens_by_name_and_is_saved_by_name(
    files: Files, said: list[str], tmp_path: Path
) -> None:
    assert opened(files, ELSEWHERE, tmp_path) == MODEL
    assert said == []
    assert files.save_scene_to(tmp_path / "b.scene.json")
    assert load_scene(tmp_path / "b.scene.json").model == MODEL


def test_another_model_of_that_name_stays_what_it_is(files: Files, said: list[str], tmp_path: Path) -> None:
    other = replace(ELSEWHERE, fingerprint="another")
    assert opened(files, other, tmp_path) == other
    assert "needs the model '/elsewhere/models/toy'" in said[-1]


def test_before_the_engine_has_listed_its_models_it_is_left_to_the_engine(
    files: Files, said: list[str], tmp_path: Path
) -> None:
    files._controller.catalogue.models, files._controller.catalogue.is_listed = (), False
    assert opened(files, ELSEWHERE, tmp_path) == ELSEWHERE
    assert said == []


def test_the_folder_of_a_shipped_model_opens_as_the_model(files: Files) -> None:
    controller = files._controller
    controller.open_model("/usr/lib/latent-explorer/models/toy")
    assert controller.scene.model == MODEL
    assert [ref for ref, _ in controller.catalogue.opened()] == [MODEL]
    assert controller.catalogue.model(MODEL) == CARD


def test_a_fingerprint_that_only_the_export_knows_is_enough() -> None:
    scene = Scene(model=replace(ELSEWHERE, fingerprint=""), panes=(PANE,))
    reference = Reference(noun="model", text=ELSEWHERE.path, fingerprint=ELSEWHERE.fingerprint)
    named = by_name(scene, lambda _, fingerprint: "toy" if fingerprint == "f00d" else "", (reference,))
    assert named.model.path == "toy"
    assert by_name(scene, lambda _, fingerprint: "toy" if fingerprint == "f00d" else "") == scene
