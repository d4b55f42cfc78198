"""The dock of the model card: it follows the selected pane, says what the card says, and can be copied."""

from __future__ import annotations

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QMainWindow
from pytestqt.qtbot import QtBot
from quiet import CARD, controller_on

from explorer.scene.cards import SpaceCard
from explorer.scene.model_text import bytes_text, card_text, describe, distinct_names, parameters_text, rows_of
from explorer.ui.actions.actions import ActionTable
from explorer.ui.card.dock import ROWS, CardDock

pytestmark = pytest.mark.gui
FULL = replace(
    CARD,
    name="full",
    shipped=False,
    reason="Its keys are those of a mapping network.",
    parameters=30_000_000,
    memory=120_000_000,
    licence="MIT",
    origin="a run of mine",
    fingerprint="c0ffee",
    classes=10,
    sampler="DDIM; 'thresholding' is not followed",
    notes="Trained on squares.",
    spaces={"z": SpaceCard(shape=(512,), prior="normal", sphere=True), "w_plus": SpaceCard(shape=(8, 64), layers=8)},
    refusals={"sefa": "It has no affine layers."},
)


def test_a_card_says_all_that_is_known_in_the_order_of_questions() -> None:
    rows = dict(rows_of(FULL, "/runs/full.pkl", free=8_100_000_000))
    assert list(rows)[:3] == ["Family", "Why this family", "Makes"]
    assert rows["Why this family"] == FULL.reason
    assert rows["Space z"] == "512, drawn from a normal distribution, only the direction counts"
    assert rows["Space w_plus"] == "8 × 64, 8 layers"
    assert rows["Memory"] == "120 MB for its weights; 8.1 GB is free now"
    assert rows["Parameters"] == "30.0 million parameters"
    assert rows["Classes"].startswith("10")
    assert "not followed" in rows["Own sampler"]
    assert rows["Lies in"] == "/runs/full.pkl"
    assert rows["Fingerprint"] == "c0ffee"
    assert rows["Methods"] == "2 fit, 1 do not"
    assert "Licence" in dict(rows_of(replace(FULL, licence=""), ""))  # that there is none is worth knowing
    assert "Memory" not in dict(rows_of(replace(FULL, memory=0), ""))


@pytest.mark.parametrize(
    ("count", "text"),
    [(1, "0.1 MB"), (1_500_000, "1.5 MB"), (23_000_000, "23 MB"), (999_000_000, "999 MB"), (8_100_000_000, "8.1 GB")],
)
def test_bytes_are_said_as_disks_count(count: int, text: str) -> None:
    assert bytes_text(count) == text


def test_models_of_one_name_are_called_by_as_many_folders_as_tell_them_apart() -> None:
    names = {"/a/x/run/model.pt": "model", "/b/x/run/model.pt": "model", "/b/x/other/model.pt": "model", "toy": "toy"}
    assert list(distinct_names(names).values()) == ["a/x/run/model", "b/x/run/model", "other/model", "toy"]
    assert distinct_names({}) == {}


@given(st.dictionaries(st.lists(st.sampled_from("abc"), min_size=1, max_size=4).map(tuple), st.sampled_from("abc")))
def test_no_two_models_are_called_the_same(names: dict[tuple[str, ...], str]) -> None:
    paths = {"/" + "/".join((*folders, name, "model.pt")): "model" for folders, name in names.items()}
    called = distinct_names(paths)
    assert len(set(called.values())) == len(paths)
    assert all(path.removesuffix(".pt").endswith(name) for path, name in called.items())


@pytest.mark.parametrize(
    ("count", "text"),
    [(812, "812 parameters"), (46_339, "46339 parameters"), (100_000, "0.1 million parameters"),
     (3_400_000, "3.4 million parameters")],
)  # fmt: skip
def test_no_small_network_has_0_million_parameters(count: int, text: str) -> None:
    assert parameters_text(count) == text
    assert dict(rows_of(replace(FULL, parameters=count), ""))["Parameters"] == text
    assert text in describe(replace(FULL, parameters=count))


def test_worlds_are_said_to_measure_a_model_and_not_to_be_what_it_draws() -> None:
    assert dict(rows_of(replace(FULL, worlds=("digits", "faces")), ""))["Can be measured on"] == "digits, faces"


def test_the_panel_follows_the_selected_pane_and_is_copied(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    class Memory:
        available = 2_000_000_000

    monkeypatch.setattr(psutil, "virtual_memory", Memory)
    controller, client = controller_on()
    window = QMainWindow()
    qtbot.addWidget(window)
    actions = ActionTable(window, ROWS)
    dock = CardDock(controller, actions, window)
    assert dock.panel.name.text() == "toy"
    client.card = FULL
    controller.open_model("/runs/full.pkl", place="beside")
    assert dock.panel.name.text() == "full"
    known = controller.model_card()
    assert known is not None
    assert dock.panel.texts() == rows_of(known, "/runs/full.pkl", 2_000_000_000)
    actions["copy_card"].setEnabled(True)
    actions["copy_card"].trigger()
    assert QGuiApplication.clipboard().text() == card_text(known, "/runs/full.pkl")
    assert "Fingerprint: c0ffee" in QGuiApplication.clipboard().text()
    controller.select_pane(0)
    assert dock.panel.name.text() == "toy"
    assert ("Lies in", "toy") in dock.panel.texts()
