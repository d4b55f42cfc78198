"""A PDF page with exact pictures and text that stays text: what Pillow's PDF writer (JPEG pictures) does not give.

The file structure follows ISO 32000-1: header, numbered objects, cross-reference table, trailer.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import numpy as np

from explorer.export.compose import Frame
from explorer.export.lettering import line

Colour = tuple[int, int, int]
"""Red, green, blue, 0..255."""

_SIGNS = str.maketrans({"−": "–"})  # WinAnsi has no minus sign; an en dash stands in for it
_SHARPNESS = 5.0  # pixels to the point of letters that Helvetica does not have
# Advance widths of Helvetica from the space to the tilde, in thousandths of the size (Adobe's font metrics).
_WIDTHS = (
    278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278, 556, 556, 556, 556, 556, 556, 556,
    556, 556, 556, 278, 278, 584, 584, 584, 556, 1015, 667, 667, 722, 722, 667, 611, 778, 722, 278, 500, 667, 556, 833,
    722, 778, 667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 278, 278, 278, 469, 556, 333, 556, 556, 500, 556,
    556, 278, 556, 556, 222, 222, 500, 222, 833, 556, 556, 556, 556, 333, 500, 278, 556, 500, 722, 500, 500, 500, 334,
    260, 334, 584,
)  # fmt: skip


def in_helvetica(text: str) -> bool:
    """Whether the standard font of every PDF viewer has all the letters of ``text``."""
    try:
        text.translate(_SIGNS).encode("cp1252")
    except UnicodeEncodeError:
        return False
    return True


def text_width(text: str, size: float) -> float:
    """Points from the left of ``text`` to its right in Helvetica; exact for ASCII, within a tenth for other letters."""
    return sum(_WIDTHS[ord(sign) - 32] if " " <= sign <= "~" else 556 for sign in text) * size / 1000


class PdfPage:
    """One page of ``width`` × ``height`` points; the origin is at the top left, as in pictures."""

    def __init__(self, width: float, height: float) -> None:
        self.width = width
        self.height = height
        self._content: list[bytes] = []
        self._images: list[bytes] = []

    def picture(self, frame: Frame, left: float, top: float, width: float, height: float) -> None:
        """``frame`` (H, W, 3), losslessly, in the rectangle given in points; pixels keep hard edges."""
        rows, columns = frame.shape[:2]
        packed = zlib.compress(frame.tobytes(), 6)
        head = (
            f"<< /Type /XObject /Subtype /Image /Width {columns} /Height {rows} /ColorSpace /DeviceRGB "
            f"/BitsPerComponent 8 /Interpolate false /Filter /FlateDecode /Length {len(packed)} >>"
        )
        self._images.append(_stream(head, packed))
        name = len(self._images) - 1
        place = f"{_n(width)} 0 0 {_n(height)} {_n(left)} {_n(self.height - top - height)}"
        self._content.append(f"q {place} cm /P{name} Do Q".encode())

    def rectangle(self, left: float, top: float, width: float, height: float, colour: Colour) -> None:
        """A filled rectangle without a border."""
        place = f"{_n(left)} {_n(self.height - top - height)} {_n(width)} {_n(height)}"
        self._content.append(f"{_colour(colour)} rg {place} re f".encode())

    def path(self, points: Sequence[tuple[float, float]], width: float, colour: Colour) -> None:
        """A line through ``points``, ``width`` points wide."""
        self._content.append(f"{_colour(colour)} RG {_n(width)} w 1 j {self._through(points)} S".encode())

    def area(self, points: Sequence[tuple[float, float]], colour: Colour) -> None:
        """The polygon ``points``, filled."""
        self._content.append(f"{_colour(colour)} rg {self._through(points)} h f".encode())

    def _through(self, points: Sequence[tuple[float, float]]) -> str:
        places = [f"{_n(x)} {_n(self.height - y)}" for x, y in points]
        return " ".join([f"{places[0]} m", *(f"{place} l" for place in places[1:])])

    def text(self, text: str, left: float, baseline: float, size: float, colour: Colour = (0, 0, 0)) -> None:
        """One line in Helvetica; what that font does not have is drawn as a picture of the line."""
        if not in_helvetica(text):
            self._drawn(text, left, baseline, size, colour)
            return
        raw = text.translate(_SIGNS).encode("cp1252")
        escaped = raw.replace(b"\\", rb"\\").replace(b"(", rb"\(").replace(b")", rb"\)")
        place = f"{_n(left)} {_n(self.height - baseline)}"
        start = f"{_colour(colour)} rg BT /F1 {_n(size)} Tf {place} Td ("
        self._content.append(start.encode() + escaped + b") Tj ET")

    def _drawn(self, text: str, left: float, baseline: float, size: float, colour: Colour) -> None:
        letters = round(size * _SHARPNESS)
        share = line(text, letters)[:, :, None]
        picture = np.round(255 + (np.asarray(colour, np.float32) - 255) * share).astype(np.uint8)
        height, width = share.shape[0] / _SHARPNESS, share.shape[1] / _SHARPNESS
        self.picture(picture, left, baseline - size, width, height)

    def document(self, title: str, attachment_name: str, attachment: bytes) -> bytes:
        """The whole file, with ``attachment`` embedded. The same input gives the same bytes."""
        first_image = 9
        images = " ".join(f"/P{index} {first_image + index} 0 R" for index in range(len(self._images)))
        content = zlib.compress(b"\n".join(self._content), 6)
        objects = [
            b"<< /Type /Catalog /Pages 2 0 R /Names << /EmbeddedFiles 7 0 R >> >>",
            b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {_n(self.width)} {_n(self.height)}] /Contents 4 0 R "
            f"/Resources << /Font << /F1 5 0 R >> /XObject << {images} >> >> >>".encode(),
            _stream(f"<< /Filter /FlateDecode /Length {len(content)} >>", content),
            b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
            b"<< /Title " + _string(title) + b" /Creator (Latent Explorer) >>",
            f"<< /Names [({attachment_name}) 8 0 R] >>".encode(),
            f"<< /Type /Filespec /F ({attachment_name}) /UF ({attachment_name}) "
            f"/EF << /F {first_image + len(self._images)} 0 R >> >>".encode(),
            *self._images,
            # The reader in explorer.export.embed looks for this very head.
            _stream(f"<< /Type /EmbeddedFile /Length {len(attachment)} >>", attachment),
        ]
        out = bytearray(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n")
        places = []
        for number, body in enumerate(objects, start=1):
            places.append(len(out))
            out += f"{number} 0 obj\n".encode() + body + b"\nendobj\n"
        table = len(out)
        out += f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n".encode()
        out += b"".join(f"{place:010d} 00000 n \n".encode() for place in places)
        out += f"trailer\n<< /Size {len(objects) + 1} /Root 1 0 R /Info 6 0 R >>\nstartxref\n{table}\n%%EOF\n".encode()
        return bytes(out)


def _colour(colour: Colour) -> str:
    return " ".join(_n(part / 255) for part in colour)


def _stream(head: str, body: bytes) -> bytes:
    return head.encode() + b"\nstream\n" + body + b"\nendstream"


def _string(text: str) -> bytes:
    """A text string of any language: UTF-16 with a byte order mark, in hexadecimal."""
    coded = b"\xfe\xff" + text.encode("utf-16-be")
    return f"<{coded.hex()}>".encode()


def _n(value: float) -> str:
    """A number as PDF reads it: no exponent, no more digits than matter."""
    return f"{value:.3f}".rstrip("0").rstrip(".")
