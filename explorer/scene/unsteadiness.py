"""How unusual a picture is among those that its model draws by itself, and how that is said. Plain values."""

from __future__ import annotations

import msgspec

UNUSUAL = 0.96
"""Of the model's own pictures: one that is less steady than more of them is unusual."""


class Unsteadiness(msgspec.Struct, frozen=True, kw_only=True):
    """``score`` of the re-noise probe (:mod:`explorer.numerics.renoise`); ``below``: how many of so many ``pictures``
    of the model's own, drawn in the same way, have a lower one."""

    score: float
    below: int
    pictures: int

    @property
    def is_unusual(self) -> bool:
        """Whether nearly all pictures of the model's own have a lower score."""
        return self.below > UNUSUAL * self.pictures


def standing_text(found: Unsteadiness) -> str:
    """``above 97 % of this model's own pictures``: never rounded up."""
    if found.below == found.pictures:
        return f"above all {found.pictures} of this model's own pictures"
    return f"above {100 * found.below // found.pictures} % of this model's own pictures"


def badge_text(found: Unsteadiness) -> str:
    """The same with what it means."""
    return f"{'unusual' if found.is_unusual else 'usual'}: {standing_text(found)}"


def mark_texts(found: Unsteadiness) -> tuple[str, ...]:
    """What stands in the caption of an unusual picture, the longest first; nothing of a usual one."""
    if not found.is_unusual:
        return ()
    share = "all" if found.below == found.pictures else f"{100 * found.below // found.pictures} %"
    return badge_text(found), f"unusual: above {share}", "unusual"
