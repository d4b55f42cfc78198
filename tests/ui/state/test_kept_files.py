"""Reports, thumbnails and settings that were damaged on the disk: never shown, and never in the way."""

from __future__ import annotations

import pytest
from mutations import mutations
from PySide6.QtCore import QByteArray
from PySide6.QtGui import QColor, QImage
from PySide6.QtWidgets import QApplication, QMainWindow

from explorer.scene.measures import MeasureOptions, MeasureReport
from explorer.scene.model import ModelRef, Scene, Seed, view_of
from explorer.ui.state import kept_reports, thumbnails
from explorer.ui.state.kept_reports import KeptReports
from explorer.ui.state.settings import Settings

pytestmark = pytest.mark.gui
REPORT = MeasureReport(model="toy", fingerprint="f00d", world="shapes", n=5)
SCENE = Scene(model=ModelRef(path="toy"), origin=Seed(41))


def test_a_damaged_report_is_no_report() -> None:
    reports = KeptReports("measures", MeasureOptions, MeasureReport)
    reports.keep("f00d", MeasureOptions(), REPORT)
    (path,) = kept_reports._folder().iterdir()
    whole = path.read_bytes()
    for damaged in mutations(whole, 300):
        path.write_bytes(damaged)
        assert reports.recalled("f00d") == []
        assert not path.exists()
    path.write_bytes(whole)
    assert reports.recalled("f00d") == [(MeasureOptions(), REPORT)]


def test_a_damaged_report_does_not_cost_another() -> None:
    reports = KeptReports("measures", MeasureOptions, MeasureReport)
    reports.keep("f00d", MeasureOptions(seed=1), REPORT)
    (path,) = kept_reports._folder().iterdir()
    reports.keep("f00d", MeasureOptions(seed=2), REPORT)
    path.write_bytes(path.read_bytes()[:-1])
    assert reports.recalled("f00d") == [(MeasureOptions(seed=2), REPORT)]


def test_a_damaged_thumbnail_is_drawn_again() -> None:
    image = QImage(24, 16, QImage.Format.Format_RGB32)
    image.fill(QColor("red"))
    view = view_of(SCENE, 0, SCENE.quality)
    thumbnails._save(view, image)
    path = thumbnails._path(view)
    whole = path.read_bytes()
    for damaged in mutations(whole, 300):
        path.write_bytes(damaged)
        assert thumbnails._kept(view) is None
        assert not path.exists()


def test_damaged_settings_are_the_usual_ones_where_they_cannot_be_used(qapp: QApplication) -> None:
    """Whatever the damage: each value is one that it can have, and the window takes the layout or leaves it."""
    window = QMainWindow()
    settings = Settings()
    settings.scheme, settings.pixels, settings.draft_steps, settings.folder = "dark", True, 7, "/somewhere"
    settings.add_recent_model("/models/größe")
    settings.add_recent_scene("/scenes/a.scene.json")
    settings.set_geometry(window.saveGeometry(), window.saveState(), "docks")
    settings.save()
    whole = settings._path.read_bytes()
    for damaged in mutations(whole, 300):
        settings._path.write_bytes(damaged)
        again = Settings()
        assert again.scheme in ("system", "light", "dark")
        assert isinstance(again.pixels, bool)
        assert again.draft_steps >= 0
        assert isinstance(again.folder, str)
        assert all(isinstance(path, str) for path in (*again.recent_models, *again.recent_scenes))
        if (kept := again.geometry("docks")) is not None:
            assert kept == (window.saveGeometry(), window.saveState())  # to the last bit, or not at all
        again.add_recent_model("/models/other")
        again.save()
        assert Settings().recent_models[0] == "/models/other"


def test_a_layout_that_was_damaged_is_not_forced_onto_the_window() -> None:
    settings = Settings()
    settings.set_geometry(QByteArray(b"geometry"), QByteArray(b"layout"), "docks")
    assert settings.geometry("docks") == (QByteArray(b"geometry"), QByteArray(b"layout"))
    settings._store.setValue("layout", QByteArray(b"layouu"))
    assert settings.geometry("docks") is None
