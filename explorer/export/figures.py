"""Drawings as SVG and as PNG, with the same calls as a page of PDF: points, from the top left."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from xml.sax.saxutils import escape

import numpy as np
from PIL import Image, ImageDraw
from PIL.PngImagePlugin import PngInfo

from explorer.export.lettering import line, stamp
from explorer.export.pdf import Colour, text_width

PIXELS = 3
"""Of a PNG, to the point: 216 to the inch."""

SMOOTHING = 2  # lines are drawn so many times as large, and made smaller


class SvgDrawing:
    """``width`` × ``height`` points; text stays text, in Helvetica or what stands in for it."""

    def __init__(self, width: float, height: float) -> None:
        self.width, self.height = width, height
        self._parts: list[str] = []

    def rectangle(self, left: float, top: float, width: float, height: float, colour: Colour) -> None:
        """A filled rectangle without a border."""
        place = f'x="{_n(left)}" y="{_n(top)}" width="{_n(width)}" height="{_n(height)}"'
        self._parts.append(f'<rect {place} fill="{_hex(colour)}"/>')

    def text(self, text: str, left: float, baseline: float, size: float, colour: Colour = (0, 0, 0)) -> None:
        """One line, as wide as it is in Helvetica whatever the font."""
        fitted = f'textLength="{_n(text_width(text, size))}" lengthAdjust="spacingAndGlyphs"' if text.strip() else ""
        place = f'x="{_n(left)}" y="{_n(baseline)}" font-size="{_n(size)}" fill="{_hex(colour)}" {fitted}'
        self._parts.append(f"<text {place}>{escape(text)}</text>")

    def path(self, points: Sequence[tuple[float, float]], width: float, colour: Colour) -> None:
        """A line through ``points``, ``width`` points wide."""
        style = f'fill="none" stroke="{_hex(colour)}" stroke-width="{_n(width)}" stroke-linejoin="round"'
        self._parts.append(f'<polyline points="{_places(points)}" {style}/>')

    def area(self, points: Sequence[tuple[float, float]], colour: Colour) -> None:
        """The polygon ``points``, filled."""
        self._parts.append(f'<polygon points="{_places(points)}" fill="{_hex(colour)}"/>')

    def document(self, title: str, attachment_name: str, attachment: bytes) -> bytes:
        """The whole file, with ``attachment`` in its metadata (base64)."""
        held = base64.b64encode(attachment).decode()
        width, height = _n(self.width), _n(self.height)
        size = f'width="{width}pt" height="{height}pt" viewBox="0 0 {width} {height}"'
        lines = [
            '<?xml version="1.0" encoding="UTF-8"?>',
            f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="Helvetica, Arial, sans-serif">',
            f"<title>{escape(title)}</title>",
            f'<metadata id="{escape(attachment_name)}">{held}</metadata>',
            f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
            *self._parts,
            "</svg>",
        ]
        return ("\n".join(lines) + "\n").encode()


class PngDrawing:
    """``width`` × ``height`` points, :data:`PIXELS` pixels to each."""

    def __init__(self, width: float, height: float) -> None:
        self.width, self.height = width, height
        scale = PIXELS * SMOOTHING
        self._image = Image.new("RGB", (round(width * scale), round(height * scale)), (255, 255, 255))
        self._brush = ImageDraw.Draw(self._image)
        self._texts: list[tuple[str, float, float, float, Colour]] = []

    def rectangle(self, left: float, top: float, width: float, height: float, colour: Colour) -> None:
        """A filled rectangle without a border."""
        self.area([(left, top), (left + width, top), (left + width, top + height), (left, top + height)], colour)

    def text(self, text: str, left: float, baseline: float, size: float, colour: Colour = (0, 0, 0)) -> None:
        """One line; above all else that is drawn."""
        self._texts.append((text, left, baseline, size, colour))

    def path(self, points: Sequence[tuple[float, float]], width: float, colour: Colour) -> None:
        """A line through ``points``, ``width`` points wide."""
        broad = max(1, round(width * PIXELS * SMOOTHING))
        self._brush.line(self._at(points), colour, broad, joint="curve")

    def area(self, points: Sequence[tuple[float, float]], colour: Colour) -> None:
        """The polygon ``points``, filled."""
        self._brush.polygon(self._at(points), colour)

    def document(self, title: str, attachment_name: str, attachment: bytes) -> bytes:
        """The whole file, with ``attachment`` (UTF-8) as a text of that name."""
        small = self._image.resize((round(self.width * PIXELS), round(self.height * PIXELS)), Image.Resampling.BOX)
        canvas = np.array(small)
        for text, left, baseline, size, colour in self._texts:
            start = round(left * PIXELS)
            coverage = line(text, round(size * PIXELS), max(1, canvas.shape[1] - start))
            stamp(canvas, coverage, round((baseline - size) * PIXELS), start, colour)
        told = PngInfo()
        told.add_itxt("Title", title)
        told.add_itxt(attachment_name, attachment.decode(), zip=True)
        file = io.BytesIO()
        Image.fromarray(canvas).save(file, "PNG", pnginfo=told, dpi=(72 * PIXELS, 72 * PIXELS))
        return file.getvalue()

    def _at(self, points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
        return [(x * PIXELS * SMOOTHING, y * PIXELS * SMOOTHING) for x, y in points]


def _places(points: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{_n(x)},{_n(y)}" for x, y in points)


def _hex(colour: Colour) -> str:
    return "#{:02x}{:02x}{:02x}".format(*colour)


def _n(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")
