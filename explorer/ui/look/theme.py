"""Colours: one palette for light, one for dark, one accent. The only place where a colour is written down."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QFont, QPalette
from PySide6.QtWidgets import QApplication

Scheme = Literal["system", "light", "dark"]


@dataclass(frozen=True)
class Theme:
    """Colour roles as ``#rrggbb``; every text role has a contrast of at least 4.5 on ``panel``."""

    dark: bool
    panel: str  # docks, tool bar, dialogs
    field: str  # text fields, lists
    canvas: str  # behind the pictures
    line: str  # separators and quiet borders
    track: str  # the unfilled part of a slider
    text: str
    muted: str  # captions' figures, units, hints
    accent: str  # fills, rings, links
    on_accent: str  # text on the accent
    hover: str
    amber: str  # mixed, warnings, the playhead
    green: str  # ready
    red: str  # failures


DARK = Theme(
    dark=True, panel="#23262b", field="#1b1d21", canvas="#131417", line="#363a41", track="#3d424a", text="#e8eaed",
    muted="#9aa1ab", accent="#5b9dff", on_accent="#0d1b33", hover="#2e3238", amber="#d9a441", green="#4cc38a",
    red="#ff7b72",
)  # fmt: skip
LIGHT = Theme(
    dark=False, panel="#ffffff", field="#ffffff", canvas="#e7e9ed", line="#d5d9df", track="#cfd4db", text="#1b1e23",
    muted="#5f6671", accent="#2a6be0", on_accent="#ffffff", hover="#eef1f5", amber="#96650b", green="#1d7f4f",
    red="#c62f26",
)  # fmt: skip


def current() -> Theme:
    """The theme that the application shows now (read from its palette, so that it cannot go stale)."""
    return DARK if QApplication.palette().color(QPalette.ColorRole.Window).lightness() < 128 else LIGHT


def color(value: str, alpha: float = 1.0) -> QColor:
    """A QColor of ``#rrggbb`` with ``alpha`` 0..1."""
    made = QColor(value)
    made.setAlphaF(alpha)
    return made


def apply(app: QApplication, scheme: Scheme = "system") -> Theme:
    """Set style, palette and the small style sheet. ``system`` follows the desktop; call again when it changes."""
    hints = app.styleHints()
    wanted = {
        "system": Qt.ColorScheme.Unknown,
        "light": Qt.ColorScheme.Light,
        "dark": Qt.ColorScheme.Dark,
    }[scheme]
    if scheme == "system":
        hints.unsetColorScheme()
    else:
        hints.setColorScheme(wanted)
    dark = scheme == "dark" or (scheme == "system" and hints.colorScheme() == Qt.ColorScheme.Dark)
    theme = DARK if dark else LIGHT
    if app.style().objectName() != "fusion":
        app.setStyle("Fusion")
    app.setPalette(palette(theme))
    app.setStyleSheet(_sheet(theme))
    return theme


def palette(theme: Theme) -> QPalette:
    """The Qt palette of ``theme``."""
    role = QPalette.ColorRole
    made = QPalette()
    for target, value in (
        (role.Window, theme.panel), (role.WindowText, theme.text), (role.Base, theme.field),
        (role.AlternateBase, theme.hover), (role.Text, theme.text), (role.Button, theme.panel),
        (role.ButtonText, theme.text), (role.BrightText, theme.red), (role.PlaceholderText, theme.muted),
        (role.Highlight, theme.accent), (role.HighlightedText, theme.on_accent), (role.Accent, theme.accent),
        (role.Link, theme.accent), (role.LinkVisited, theme.accent), (role.ToolTipBase, theme.panel),
        (role.ToolTipText, theme.text), (role.Mid, theme.line), (role.Midlight, theme.hover),
        (role.Dark, theme.line), (role.Light, theme.hover), (role.Shadow, theme.canvas),
    ):  # fmt: skip
        made.setColor(target, color(value))
    for target in (role.WindowText, role.Text, role.ButtonText):
        made.setColor(QPalette.ColorGroup.Disabled, target, color(theme.muted, 0.6))
    made.setColor(QPalette.ColorGroup.Disabled, role.Highlight, color(theme.track))
    return made


def caption_font(widget_font: QFont) -> QFont:
    """The font of section titles: smaller, bold, spaced capitals."""
    font = QFont(widget_font)
    font.setPointSizeF(max(7.0, widget_font.pointSizeF() * 0.86))
    font.setBold(True)
    font.setCapitalization(QFont.Capitalization.AllUppercase)
    font.setLetterSpacing(QFont.SpacingType.AbsoluteSpacing, 0.6)
    return font


def _sheet(theme: Theme) -> str:
    """What a palette cannot say: flat tool bars, thin separators, focus rings, quiet section headers; and that labels,
    those of tool tips and message boxes too, show their texts as they stand. They may come out of files, and where a
    text looks like markup, Qt would otherwise follow it, to pictures of any path."""
    return f"""
    QLabel, QToolTip {{ qproperty-textFormat: PlainText; }}
    QMainWindow::separator {{ background: {theme.line}; width: 1px; height: 1px; margin: 1px; }}
    QMainWindow::separator:hover {{ background: {theme.accent}; }}
    QToolBar {{ border: none; border-bottom: 1px solid {theme.line}; spacing: 4px; padding: 4px 8px; }}
    QStatusBar {{ border-top: 1px solid {theme.line}; }}
    QStatusBar::item {{ border: none; }}
    QToolTip {{ background: {theme.panel}; color: {theme.text}; border: 1px solid {theme.line}; padding: 4px; }}
    QToolButton {{ border: 1px solid transparent; border-radius: 5px; padding: 3px 7px; }}
    QToolButton:hover {{ background: {theme.hover}; }}
    QToolButton:pressed {{ background: {theme.track}; }}
    QToolButton:checked {{ background: {theme.hover}; border-color: {theme.accent}; color: {theme.accent}; }}
    QToolButton:focus {{ border-color: {theme.accent}; }}
    QToolButton:disabled {{ color: {theme.muted}; }}
    QToolButton[link="true"] {{ color: {theme.accent}; padding: 1px 3px; border-radius: 3px; }}
    QToolButton#qt_toolbar_ext_button {{ background: {theme.hover}; border: 1px solid {theme.line};
        border-radius: 3px; padding: 0; }}
    QToolButton#qt_toolbar_ext_button:hover {{ border-color: {theme.accent}; }}
    QToolButton[flush="true"] {{ padding: 1px 0; }}
    QToolButton[link="true"]:disabled {{ color: {theme.muted}; }}
    QToolButton[link="true"]::menu-indicator {{ image: none; }}
    QToolButton[answer="true"] {{ border-color: {theme.line}; padding: 5px 12px; }}
    QToolButton[answer="true"]:focus {{ border-color: {theme.accent}; }}
    QToolButton[segment="true"] {{ border: 1px solid {theme.line}; border-radius: 0; padding: 2px 9px;
        margin-left: -1px; color: {theme.muted}; }}
    QToolButton[segment="true"]:checked {{ background: {theme.hover}; border-color: {theme.line};
        color: {theme.text}; }}
    QToolButton[segment="true"]:focus {{ border-color: {theme.accent}; }}
    QToolButton[segment="true"]:disabled {{ color: {theme.track}; }}
    QToolButton[primary="true"] {{ background: {theme.accent}; color: {theme.on_accent}; padding: 4px 14px; }}
    QToolButton[primary="true"]:disabled {{ background: {theme.track}; color: {theme.muted}; }}
    QToolButton[primary="true"]:focus {{ border: 1px solid {theme.text}; }}
    QToolButton[field="true"] {{ border-color: {theme.line}; background: {theme.field}; padding: 4px 22px 4px 8px;
        text-align: left; }}
    QToolButton[field="true"]:focus {{ border-color: {theme.accent}; }}
    QToolButton::menu-indicator {{ subcontrol-origin: padding; subcontrol-position: right center; right: 7px; }}
    QDialogButtonBox {{ dialogbuttonbox-buttons-have-icons: 0; }}
    QDialogButtonBox QPushButton {{ border: 1px solid {theme.line}; border-radius: 4px; padding: 4px 14px; }}
    QDialogButtonBox QPushButton:hover {{ background: {theme.hover}; }}
    QDialogButtonBox QPushButton:focus {{ border-color: {theme.accent}; }}
    QDialogButtonBox QPushButton:default {{ background: {theme.accent}; color: {theme.on_accent};
        border-color: {theme.accent}; }}
    QDialogButtonBox QPushButton:default:focus {{ border-color: {theme.text}; }}
    QDialogButtonBox QPushButton:disabled {{ background: {theme.track}; color: {theme.muted};
        border-color: {theme.track}; }}
    QTreeView {{ border: none; background: {theme.panel}; }}
    QTreeView::item {{ padding: 3px 0; }}
    QScrollArea {{ border: none; }}
    QListView::indicator:unchecked, QCheckBox::indicator:unchecked {{ border: 1px solid {theme.muted};
        border-radius: 3px; background: {theme.field}; width: 13px; height: 13px; }}
    """
