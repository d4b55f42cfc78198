"""Both palettes are readable, and everything painted follows the one that is set."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtGui import QColor, QPalette
from PySide6.QtWidgets import QApplication, QDialogButtonBox, QMainWindow
from pytestqt.qtbot import QtBot

from explorer.files import package_folder
from explorer.ui.actions.action_rows import ACTIONS
from explorer.ui.actions.actions import ActionTable
from explorer.ui.look import icons, theme
from explorer.ui.look.slider import FloatSlider
from explorer.ui.state.notice import Notice
from explorer.ui.window.toast import Toast

pytestmark = pytest.mark.gui


@pytest.fixture(autouse=True)
def _restored(qapp: QApplication) -> Iterator[None]:
    palette, sheet = qapp.palette(), qapp.styleSheet()
    yield
    qapp.setStyleSheet(sheet)
    qapp.setPalette(palette)
    qapp.styleHints().unsetColorScheme()


def contrast(one: str, two: str) -> float:
    """WCAG 2.1 contrast ratio, 1 .. 21."""

    def luminance(name: str) -> float:
        parts = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in _rgb(name)]
        return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]

    high, low = sorted((luminance(one), luminance(two)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def _rgb(name: str) -> tuple[float, float, float]:
    color = QColor(name)
    return color.redF(), color.greenF(), color.blueF()


@pytest.mark.parametrize("colors", [theme.LIGHT, theme.DARK], ids=["light", "dark"])
def test_text_is_readable(colors: theme.Theme) -> None:
    for role in ("text", "muted", "amber", "green", "red", "accent"):
        assert contrast(getattr(colors, role), colors.panel) >= 4.5, role
    assert contrast(colors.text, colors.canvas) >= 4.5
    assert contrast(colors.muted, colors.canvas) >= 4.5
    assert contrast(colors.on_accent, colors.accent) >= 4.5


def test_applying_sets_palette_and_current(qapp: QApplication, qtbot: QtBot) -> None:
    slider = FloatSlider(-1, 1)
    qtbot.addWidget(slider)
    slider.set_value(1)
    slider.resize(200, 24)
    for scheme, colors in (("dark", theme.DARK), ("light", theme.LIGHT)):
        assert theme.apply(qapp, scheme) is colors  # type: ignore[arg-type]
        assert theme.current() is colors
        assert qapp.palette().color(QPalette.ColorRole.Highlight) == QColor(colors.accent)
        assert slider.grab().toImage().pixelColor(150, 12) == QColor(colors.accent)


def test_every_icon_that_is_named_exists_and_draws(qapp: QApplication) -> None:
    names = {row.icon for row in ACTIONS if row.icon}
    drawn = {path.stem for path in (package_folder("assets") / "icons").glob("*.svg")}
    assert names <= drawn
    for name in sorted(drawn):
        image = icons.pixmap(name, "#ff0000", 24).toImage()
        assert any(image.pixelColor(x, y).alpha() > 100 for x in range(24) for y in range(24)), name


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_a_dialog_shows_which_of_its_buttons_enter_presses(
    qapp: QApplication, qtbot: QtBot, scheme: theme.Scheme
) -> None:
    theme.apply(qapp, scheme)
    box = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
    go = box.addButton("Export", QDialogButtonBox.ButtonRole.AcceptRole)
    go.setDefault(True)
    qtbot.addWidget(box)
    box.show()
    assert all(button.icon().isNull() for button in box.buttons())
    ground = [
        button.grab().toImage().pixelColor(6, button.height() // 2)
        for button in (go, box.button(QDialogButtonBox.StandardButton.Cancel))
    ]
    assert ground[0] == QColor(theme.current().accent) != ground[1]


def test_what_is_being_said_follows_a_change_of_colours(qapp: QApplication, qtbot: QtBot) -> None:
    theme.apply(qapp, "light")
    window = QMainWindow()
    qtbot.addWidget(window)
    toast = Toast(Notice("The file is damaged.", "error"), ActionTable(window), window)
    window.show()
    in_light = toast.cross.icon().pixmap(16).toImage(), toast.sign.pixmap().toImage()
    theme.apply(qapp, "dark")
    QApplication.processEvents()
    in_dark = toast.cross.icon().pixmap(16).toImage(), toast.sign.pixmap().toImage()
    fresh = Toast(toast.notice, ActionTable(window), window)
    assert in_dark == (fresh.cross.icon().pixmap(16).toImage(), fresh.sign.pixmap().toImage())
    assert in_dark[0] != in_light[0]
    assert in_dark[1] != in_light[1]
