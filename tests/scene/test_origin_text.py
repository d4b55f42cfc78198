"""Where a picture starts from is said as it is."""

from __future__ import annotations

import pytest

from explorer.scene.cards import ModelCard, OutputCard
from explorer.scene.model import Blend, Condition, Origin, OwnPicture, Seed, Start, StoredLatent
from explorer.scene.origin_text import origin_text, start_text

OWN = OwnPicture(name="cat.jpg", png=b"", psnr=31.24, way="optimisation in w")
POINT = StoredLatent("z", (4,), bytes(16))


@pytest.mark.parametrize(
    ("origin", "text"),
    [
        (Seed(7), "seed 7"),
        (POINT, "stored point"),
        (StoredLatent("z", (4,), bytes(16), OWN), "cat.jpg, PSNR 31.2 dB"),
        (Blend((Seed(7), Seed(9)), (0.5, 0.5)), "between seeds 7 and 9"),
        (Blend((Seed(7), POINT), (0.5, 0.5)), "mixture of 2 points"),
        (Blend((Seed(7), Seed(8), Seed(9)), (0.2, 0.3, 0.5), "smooth"), "mixture of 3 points"),
    ],
)
def test_where_a_picture_starts(origin: Origin, text: str) -> None:
    assert origin_text(origin) == text


@pytest.mark.parametrize(
    ("reads", "classes", "text"),
    [
        (True, 0, "seed 7, “a cat” without “a dog”, guidance 3"),
        (True, 4, "seed 7, class 2, “a cat” without “a dog”, guidance 3"),
        (False, 4, "seed 7, class 2, guidance 3"),
        (False, 0, "seed 7"),
    ],
)
def test_a_model_is_not_said_to_draw_what_it_cannot_be_told(reads: bool, classes: int, text: str) -> None:
    size = OutputCard(kind="image", shape=(3, 8, 8), size=(8, 8), text="8×8", description="8 × 8 colour pictures")
    card = ModelCard(
        name="toy", family="toy", family_title="Toy", path="toy", output=size, spaces={}, fingerprint="f00d",
        capabilities=("prompt",) if reads else (), classes=classes,
    )  # fmt: skip
    told = Condition(prompt="a cat", negative_prompt="a dog", guidance=3.0, classes=((2, 1.0),))
    assert start_text(Start(Seed(7), condition=told), card) == text
    assert start_text(Start(Seed(7)), card) == "seed 7"
    assert start_text(Start(Seed(7), condition=told), None).startswith("seed 7, class 2, “a cat”")
