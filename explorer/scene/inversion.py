"""What is asked when the point of a picture of one's own is looked for. Plain values."""

from __future__ import annotations

import msgspec

from explorer.scene.model import Condition

MOST_STEPS = 100_000


class InversionOptions(msgspec.Struct, frozen=True, kw_only=True):
    """``way``: name of one of :attr:`explorer.scene.cards.ModelCard.inversions`, empty: the first; ``steps``: 0: as
    many as the way takes by itself; ``seed``: of what is drawn to begin with; ``condition``: what a conditional model
    is told to draw, where the way depends on it."""

    way: str = ""
    steps: int = 0
    seed: int = 0
    condition: Condition = Condition()
