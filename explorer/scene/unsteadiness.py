"""How unusual a picture is among those that its model draws by itself, and how that is said. Plain values."""

from __future__ import annotations

import msgspec

UNUSUAL = 0.96
"""Of the model's own pictures: one that stands out from more of them is unusual."""


class Unsteadiness(msgspec.Struct, frozen=True, kw_only=True):
    """``variance`` and ``offset`` that the re-noise probe finds (:mod:`explorer.numerics.renoise`), means over the
    numbers of the sample; ``below``: how many of so many ``pictures`` of the model's own, drawn in the same way, stand
    out less, each by that of the two in which it stands out more."""

    variance: float
    offset: float
    below: int
    pictures: int

    @property
    def is_unusual(self) -> bool:
        """Whether nearly all pictures of the model's own stand out less."""
        return self.below > UNUSUAL * self.pictures


def standing_text(found: Unsteadiness) -> str:
    """``above 97 % of this model's own pictures``: never rounded up."""
    if found.below == found.pictures:
        return f"above all {found.pictures} of this model's own pictures"
    return f"above {100 * found.below // found.pictures} % of this model's own pictures"


def badge_text(found: Unsteadiness) -> str:
    """The same with what it means."""
    return f"{'unusual' if found.is_unusual else 'usual'}: {standing_text(found)}"


def mark_texts(found: Unsteadiness) -> tuple[str, str, str] | None:
    """What stands in the caption of an unusual picture, the longest first; None of a usual one."""
    if not found.is_unusual:
        return None
    share = "all" if found.below == found.pictures else f"{100 * found.below // found.pictures} %"
    return badge_text(found), f"unusual: above {share}", "unusual"
