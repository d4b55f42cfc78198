"""Labels in pictures: short lines of text as small coverage masks, the same on every machine for plain names."""

from __future__ import annotations

import unicodedata
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from explorer.scene.edit_text import EFFECT_UNIT

SYSTEM_FONTS = ("DejaVuSans.ttf", "NotoSans-Regular.ttf", "segoeui.ttf", "Arial Unicode.ttf", "Arial.ttf")
"""Asked in this order, and only for text that Pillow's own font cannot write."""

PROGRAMS_OWN = (EFFECT_UNIT, "−", "≤", "≥")
"""Signs in the captions of amounts that Pillow's own font does not have."""

_SPELLED = {"−": "-", "–": "-", "—": "-", "×": "x", "…": "...", "’": "'", "“": '"', "”": '"', "→": "->", "≥": ">="}
_SPELLED |= {
    "α": "alpha", "β": "beta", "γ": "gamma", "δ": "delta", "ε": "epsilon", "η": "eta", "θ": "theta", "κ": "kappa",
    "λ": "lambda", "μ": "mu", "π": "pi", "ρ": "rho", "σ": "sigma", "τ": "tau", "φ": "phi", "χ": "chi", "ψ": "psi",
    "ω": "omega", "Δ": "Delta", "Σ": "Sigma", "Φ": "Phi", "Ψ": "Psi", "Ω": "Omega", "≤": "<=",
}  # fmt: skip

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


def plain(text: str) -> str:
    """``text`` in printable ASCII: accents dropped, Greek letters and signs spelled out, what is left as ``?``."""
    spelled = "".join(_SPELLED.get(sign, sign) for sign in text)
    decomposed = unicodedata.normalize("NFKD", spelled)
    bare = "".join(sign for sign in decomposed if not unicodedata.combining(sign))
    return "".join(sign if " " <= sign <= "~" else "?" for sign in bare)


@lru_cache(maxsize=512)
def line(text: str, size: int, width: int = 0) -> NDArray[np.float32]:
    """Coverage 0..1 (height, width) of one line of ``text``, letters ``size`` pixels tall; cut with ``...`` at a width.

    The height depends on the size alone. ``width`` 0: as wide as the text needs.
    """
    text = " ".join(text.split())
    font, text = _font_for(text, size)
    if width and font.getlength(text) > width:
        while text and font.getlength(text + "...") > width:
            text = text[:-1]
        text = f"{text.rstrip()}..." if text else ""
    height = line_height(size)
    columns = max(1, min(width or 1 << 15, round(font.getlength(text)) + 1))
    mask = Image.new("L", (columns, height))
    ImageDraw.Draw(mask).text((0, round(size * 0.1)), text, fill=255, font=font)
    coverage = np.asarray(mask, dtype=np.float32) / np.float32(255)
    coverage.setflags(write=False)
    return coverage


def line_height(size: int) -> int:
    """Pixels from one line to the next for letters of ``size`` pixels."""
    return round(size * 1.35) + 1


def stamp(
    canvas: NDArray[np.uint8], coverage: NDArray[np.float32], top: int, left: int, colour: tuple[int, int, int]
) -> None:
    """Paint ``colour`` through ``coverage`` onto ``canvas`` (H, W, 3) in place, clipped at its edges."""
    height = min(coverage.shape[0], canvas.shape[0] - top)
    width = min(coverage.shape[1], canvas.shape[1] - left)
    if height <= 0 or width <= 0:
        return
    place = canvas[top : top + height, left : left + width]
    share = coverage[:height, :width, None]
    place[...] = np.round(place * (1 - share) + np.asarray(colour, dtype=np.float32) * share).astype(np.uint8)


def _font_for(text: str, size: int) -> tuple[Font, str]:
    own = ImageFont.load_default(size)
    # Unit and sign are spelled out, because captions that the program makes itself must not depend on the machine's
    # fonts.
    spelled = "".join(_SPELLED[sign] if sign in PROGRAMS_OWN else sign for sign in text)
    if all(" " <= sign <= "~" or sign in "·±" for sign in spelled):
        return own, spelled
    for name in SYSTEM_FONTS:
        try:
            font = ImageFont.truetype(name, size)
        except OSError:
            continue
        missing = font.getmask("\U0010fffd")
        if all(sign.isspace() or bytes(font.getmask(sign)) != bytes(missing) for sign in text):
            return font, text
    return own, plain(text)
