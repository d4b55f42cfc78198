"""The figure of an effect scan: the same drawing on every sort of sheet, and what stands on it."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np
import pytest
from PIL import Image

from explorer.errors import ExportError
from explorer.export.effect_files import csv_table, write
from explorer.export.effect_page import OUTSIDE, draw, size_of
from explorer.export.figures import PIXELS, PngDrawing, SvgDrawing
from explorer.export.page_parts import FALLING, FULL, GREY, shade
from explorer.export.pdf import Colour, PdfPage
from explorer.scene.effect_text import chance_text, figure, quartiles, range_text, sentence, shaded
from explorer.scene.effects import Cause, Effect, EffectOptions, EffectOutcome, EffectReport
from explorer.scene.model import ControlSetRef, ModelRef

CAUSE = Cause(
    name="z0", space="z", unit="σ", holds="amount", levels=(-6.0, -3.0, 0.0, 3.0, 6.0), reference=0.0, start=-3.0,
    end=3.0, farther=(0.001, 0.1, 0.5, 0.1, 0.02),
)  # fmt: skip
RISING = Effect(
    cause="z0", outcome="size", effect=0.5, low=0.4, high=0.6, p=0.001, q=0.002, n=8, standardised=2.0,
    monotonicity=1.0, same_way=1.0, curve=(-1.0, -0.25, 0.0, 0.25, 1.0), curve_low=(-1.2, -0.3, 0.0, 0.2, 0.9),
    curve_high=(-0.9, -0.2, 0.0, 0.3, 1.2), beyond=(0.0, 0.0, 0.0, 0.0, 0.75), individual=(0.5,) * 8,
)  # fmt: skip
UNCLEAR = msgspec.structs.replace(RISING, outcome="hue", effect=-0.1, low=-0.3, high=0.1, p=0.3, q=0.3, beyond=())
UNREAD = Effect(cause="z0", outcome="shape: cube", effect=None, low=None, high=None, p=None, curve=(None,) * 5,
    curve_low=(None,) * 5, curve_high=(None,) * 5)  # fmt: skip
REPORT = EffectReport(
    model=ModelRef(path="here"),
    name="here",
    controls=ControlSetRef(),
    title="Latent axes",
    options=EffectOptions(),
    causes=(CAUSE,),
    outcomes=(
        EffectOutcome(name="size", attribute="size", unit="px"),
        EffectOutcome(name="hue", attribute="hue", kind="cyclic", period=1.0),
        EffectOutcome(name="shape: cube", attribute="shape", kind="category", label="cube"),
    ),
    effects=(RISING, UNCLEAR, UNREAD),
    n=8,
    contract=("Paired, in one sentence.",),
)


class Listed:
    """A sheet that keeps what is drawn on it."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.rectangles: list[tuple[float, float, Colour]] = []
        self.paths: list[Colour] = []
        self.areas = 0

    def rectangle(self, left: float, top: float, width: float, height: float, colour: Colour) -> None:
        self.rectangles.append((left, width, colour))

    def text(self, text: str, left: float, baseline: float, size: float, colour: Colour = (0, 0, 0)) -> None:
        self.texts.append(text)

    def path(self, points: Sequence[tuple[float, float]], width: float, colour: Colour) -> None:
        self.paths.append(colour)

    def area(self, points: Sequence[tuple[float, float]], colour: Colour) -> None:
        self.areas += 1


def test_what_stands_on_it() -> None:
    sheet = Listed()
    draw(sheet, REPORT)
    assert {"Effects on here", "z0", "size (px)", "2.00", "–", "q = 0.002", "q = 0.300", "−6"} <= set(sheet.texts)
    assert "Paired, in one sentence." in sheet.texts
    # One cell has colour: the other effect is not told from none, and of the third nothing is known.
    assert [colour for _, _, colour in sheet.rectangles if colour != OUTSIDE] == [FULL]
    assert sheet.paths.count(FULL) == 1
    assert sheet.paths.count(GREY) == 1
    assert sheet.areas == 2


def test_what_is_outside_the_data_is_shaded() -> None:
    # By the codes the first level, by what is read the last; halfway to their neighbours.
    assert shaded(CAUSE, RISING) == ((-6.0, -4.5), (4.5, 6.0))
    assert shaded(CAUSE, UNCLEAR) == ((-6.0, -4.5),)
    far = msgspec.structs.replace(CAUSE, farther=(0.0, 0.0, 0.5, 0.5, 0.5))
    assert shaded(far, UNCLEAR) == ((-6.0, -1.5),)
    assert shaded(msgspec.structs.replace(CAUSE, farther=()), UNCLEAR) == ()
    sheet = Listed()
    draw(sheet, REPORT)
    assert len([1 for _, _, colour in sheet.rectangles if colour == OUTSIDE]) == 4  # 2, 1, and 1 of what was not read


def test_effects_below_nothing_have_a_colour_of_their_own() -> None:
    assert shade(0.0) == (255, 255, 255)
    assert shade(1.0) == FULL
    assert shade(-1.0) == FALLING
    assert shade(-5.0) == FALLING


def test_every_sheet_is_as_large_as_the_drawing_and_repeats() -> None:
    for sheet in (PdfPage, SvgDrawing, PngDrawing):
        drawings = []
        for _ in range(2):
            page = sheet(*size_of(REPORT))
            draw(page, REPORT)
            drawings.append(page.document("Effects", "effects.json", b"{}"))
        assert drawings[0] == drawings[1]


def test_a_png_shows_what_is_drawn() -> None:
    page = PngDrawing(40, 30)
    page.rectangle(10, 5, 20, 10, (200, 0, 0))
    page.path([(0, 25), (40, 25)], 2.0, (0, 0, 200))
    page.text("word", 12, 13, 6, (255, 255, 255))
    with Image.open(io.BytesIO(page.document("A word", "a.json", b'{"a": "\xc3\xa9"}'))) as image:
        assert image.text["a.json"] == '{"a": "é"}'  # type: ignore[attr-defined]
        assert image.text["Title"] == "A word"  # type: ignore[attr-defined]
        pixels = np.asarray(image)
    assert pixels.shape == (30 * PIXELS, 40 * PIXELS, 3)
    assert pixels[6 * PIXELS, 29 * PIXELS].tolist() == [200, 0, 0]
    assert pixels[25 * PIXELS, 20 * PIXELS].tolist() == [0, 0, 200]
    assert pixels[1, 1].tolist() == [255, 255, 255]
    inside = pixels[5 * PIXELS : 15 * PIXELS, 10 * PIXELS : 30 * PIXELS].reshape(-1, 3)
    assert (inside[:, 1] > 200).any()  # letters


def test_another_extension_is_refused_and_nothing_written(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match=r"'a\.docx' is no table or figure"):
        write(tmp_path / "a.docx", REPORT)
    assert not list(tmp_path.iterdir())


def test_words() -> None:
    assert figure(0.031234) == "0.0312"
    assert figure(-2.0, signed=True) == "−2"
    assert figure(2.0, signed=True) == "+2"
    assert figure(0.0, signed=True) == "0"
    assert figure(None) == "–"
    assert chance_text(0.0002) == "q < 0.001"
    assert chance_text(None) == ""
    said = sentence(RISING, CAUSE, REPORT.outcomes[0])
    assert said.startswith(
        "Moving z0 from −3 to 3 σ changes size by +0.5 px [0.4, 0.6] (q = 0.002, 8 base codes); 100%"
    )
    assert "100% of them change this way, the middle half by +0.5 to +0.5; monotonicity 1." in said
    assert quartiles([0.0, 1.0, 2.0, 3.0, 4.0]) == (1, 3)
    probability = sentence(msgspec.structs.replace(UNCLEAR, outcome="shape: cube"), CAUSE, REPORT.outcomes[2])
    assert "changes the probability of shape: cube by −0.1" in probability
    assert "middle half" not in probability  # changes by -1, 0 or 1 have none
    assert "not told from none" in sentence(UNCLEAR, CAUSE, REPORT.outcomes[1])
    assert sentence(UNREAD, CAUSE, REPORT.outcomes[2]).startswith("Too few base codes were read")


def test_what_was_not_read_is_an_empty_cell() -> None:
    lines = csv_table(REPORT).splitlines()
    assert any(line.startswith("here,,z0,shape: cube,,effect,,,,,,,,0,") for line in lines)


def test_a_range_has_no_digits_that_say_nothing() -> None:
    """Ends of the rows of a model are in single precision: 132.3 is 132.3000030517578 there."""
    light = msgspec.structs.replace(CAUSE, unit="°", start=-54.0, end=float(np.float32(132.3)))
    assert range_text(light) == "−54 to 132.3 °"
    assert range_text(msgspec.structs.replace(CAUSE, start=-0.000125, end=0.25)) == "−0.000125 to 0.25 σ"
