"""Where a picture starts from is said as it is."""

from __future__ import annotations

import pytest

from explorer.scene.model import Blend, Origin, OwnPicture, Seed, StoredLatent
from explorer.scene.origin_text import origin_text

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
