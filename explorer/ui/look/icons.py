"""Icons: our own SVG outlines in ``assets/icons``, tinted in the colours of the palette."""

from __future__ import annotations

from functools import cache

from PySide6.QtCore import QByteArray, QRectF, Qt
from PySide6.QtGui import QGuiApplication, QIcon, QPainter, QPixmap
from PySide6.QtSvg import QSvgRenderer

from explorer.files import package_folder
from explorer.ui.look import theme


def icon(name: str, checkable: bool = False) -> QIcon:
    """The icon ``name`` in the colours of the theme of now; accent where checked. Qt greys it where disabled."""
    colors = theme.current()
    scale = QGuiApplication.instance().devicePixelRatio()  # type: ignore[union-attr]
    made = QIcon()
    made.addPixmap(pixmap(name, colors.text, 18, scale), QIcon.Mode.Normal, QIcon.State.Off)
    if checkable:
        made.addPixmap(pixmap(name, colors.accent, 18, scale), QIcon.Mode.Normal, QIcon.State.On)
    return made


@cache
def pixmap(name: str, tint: str, size: int, scale: float = 1) -> QPixmap:
    """The icon ``name`` drawn in ``tint`` (``#rrggbb``), ``size`` device-independent pixels wide."""
    renderer = QSvgRenderer(QByteArray(_source(name).replace(b"currentColor", tint.encode())))
    drawn = QPixmap(round(size * scale), round(size * scale))
    drawn.fill(Qt.GlobalColor.transparent)
    painter = QPainter(drawn)
    renderer.render(painter, QRectF(0, 0, drawn.width(), drawn.height()))
    painter.end()
    drawn.setDevicePixelRatio(scale)
    return drawn


@cache
def _source(name: str) -> bytes:
    return (package_folder("assets") / "icons" / f"{name}.svg").read_bytes()
