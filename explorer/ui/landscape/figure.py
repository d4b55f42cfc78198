"""The landscape as a figure: PNG, SVG, PDF, as it is on the screen and in its colours. It carries its scene."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QByteArray, QMarginsF, QRect, QRectF, QSize, QSizeF, Qt
from PySide6.QtGui import QImage, QPageSize, QPaintDevice, QPainter, QPdfWriter
from PySide6.QtSvg import QSvgGenerator
from PySide6.QtWidgets import QWidget

from explorer.errors import ExportError
from explorer.export.embed import with_svg_metadata
from explorer.export.png_file import with_text
from explorer.export.provenance import KEY, FigureProvenance, encode
from explorer.files import atomic_path
from explorer.ui.landscape.curves import PathCurves
from explorer.ui.landscape.plane_plot import PlanePlot
from explorer.ui.look import theme

FORMATS = {"PNG picture": "png", "SVG drawing": "svg", "PDF page": "pdf"}
SCALE = 2  # of the pixels of a PNG
DOTS_PER_INCH = 96
WRAPPED = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop | Qt.TextFlag.TextWordWrap
MARGIN = 8  # pixels around the caption below the plots


def write(
    path: Path, plots: QWidget, views: tuple[PlanePlot | PathCurves, ...], caption: str, provenance: FigureProvenance
) -> None:
    """Draw ``views``, which lie in ``plots``, and ``caption`` below them into ``path``, whole or not at all; its suffix
    says as what. Raises :class:`ExportError` where it cannot be written."""
    width = plots.width()
    lines = plots.fontMetrics().boundingRect(QRect(0, 0, width - 2 * MARGIN, 1 << 20), WRAPPED, caption).height()
    size = QSize(width, plots.height() + lines + MARGIN)
    carried = encode(provenance)
    with atomic_path(path) as temporary:
        match path.suffix.lower():
            case ".svg":
                drawing = QSvgGenerator()
                drawing.setFileName(str(temporary))
                drawing.setSize(size)
                drawing.setViewBox(QRect(0, 0, size.width(), size.height()))
                drawing.setTitle(caption)
                _draw(drawing, plots, views, caption, size)
                temporary.write_bytes(with_svg_metadata(temporary.read_bytes(), carried))
            case ".pdf":
                page = QPdfWriter(str(temporary))
                page.setResolution(DOTS_PER_INCH)
                points = QSizeF(size.width(), size.height()) * 72 / DOTS_PER_INCH
                page.setPageSize(QPageSize(points, QPageSize.Unit.Point))
                page.setPageMargins(QMarginsF(0, 0, 0, 0))
                page.setTitle(caption)
                page.addFileAttachment(f"{KEY}.json", QByteArray(carried.encode("ascii")), "application/json")
                _draw(page, plots, views, caption, size)
            case ".png":
                image = QImage(size * SCALE, QImage.Format.Format_RGB32)
                image.setDevicePixelRatio(SCALE)
                image.setText("Description", caption)
                _draw(image, plots, views, caption, size)
                if not image.save(str(temporary), "PNG"):  # type: ignore[call-overload]
                    raise ExportError(f"'{path}' cannot be written; choose another place.")
                temporary.write_bytes(with_text(temporary.read_bytes(), carried))
            case other:
                raise ExportError(f"A figure is a PNG, SVG or PDF file, not '{other}'; choose one of these.")


def _draw(
    device: QPaintDevice, plots: QWidget, views: tuple[PlanePlot | PathCurves, ...], caption: str, size: QSize
) -> None:
    painter = QPainter(device)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setFont(plots.font())
    colors = theme.current()
    painter.fillRect(0, 0, size.width(), size.height(), theme.color(colors.panel))
    for view in views:
        corner = view.mapTo(plots, view.rect().topLeft())
        view.paint(device.devicePixelRatioF())  # widths of lines are in pixels of the device
        view.render(painter, QRectF(corner.x(), corner.y(), view.width(), view.height()), view.viewport().rect())
        view.paint()
    painter.setPen(theme.color(colors.text))
    room = QRectF(MARGIN, plots.height(), size.width() - 2 * MARGIN, size.height() - plots.height())
    painter.drawText(room, WRAPPED, caption)
    painter.end()
