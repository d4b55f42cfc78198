"""What is asked when the point of a picture of one's own is looked for. Plain values."""

from __future__ import annotations

import msgspec

MOST_STEPS = 100_000


class InversionOptions(msgspec.Struct, frozen=True, kw_only=True):
    """``way``: name of one of :attr:`explorer.scene.cards.ModelCard.inversions`, empty: the first; ``steps``: 0: as
    many as the way takes by itself; ``seed``: of what is drawn to begin with."""

    way: str = ""
    steps: int = 0
    seed: int = 0
