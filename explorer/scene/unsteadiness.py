"""How unusual a picture is among those that its model draws by itself, and how that is said. Plain values."""

from __future__ import annotations

import msgspec

CAPABILITY = "renoise"
"""Of models whose pictures can be judged."""

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


def standing_text(unsteadiness: Unsteadiness) -> str:
    """``above 97 % of this model's own pictures``: never rounded up."""
    if unsteadiness.below == unsteadiness.pictures:
        return f"above all {unsteadiness.pictures} of this model's own pictures"
    return f"above {100 * unsteadiness.below // unsteadiness.pictures} % of this model's own pictures"


def badge_text(unsteadiness: Unsteadiness) -> str:
    """The same with what it means."""
    return f"{'unusual' if unsteadiness.is_unusual else 'usual'}: {standing_text(unsteadiness)}"


def mark_texts(unsteadiness: Unsteadiness) -> tuple[str, str, str] | None:
    """What stands in the caption of an unusual picture, the longest first; None of a usual one."""
    if not unsteadiness.is_unusual:
        return None
    below, pictures = unsteadiness.below, unsteadiness.pictures
    share = "all" if below == pictures else f"{100 * below // pictures} %"
    return badge_text(unsteadiness), f"unusual: above {share}", "unusual"
