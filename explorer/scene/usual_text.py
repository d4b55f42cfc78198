"""What is said of a picture of one's own that a model hardly draws."""

from __future__ import annotations

from explorer.scene.edit_text import minus
from explorer.scene.model import OwnPicture

MARK = "not its world"
"""In the caption of such a picture."""


def is_unusual(own: OwnPicture) -> bool:
    """Whether the model comes less near to the picture than to any of those of its own that were tried; of one more of
    these, that is so by a chance of one in one more than their number."""
    return own.usual is not None and own.psnr < own.usual.least


def unusual_text(own: OwnPicture) -> str:
    """The same in one sentence; empty where it is not so, or not known."""
    if own.usual is None or not is_unusual(own):
        return ""
    psnr, least = (minus(f"{decibels:.1f}") for decibels in (own.psnr, own.usual.least))
    return (
        f"The model gives '{own.name}' back at {psnr} dB, and each of {own.usual.pictures} pictures of its own at "
        f"{least} dB or more: it is hardly of the model's world, and what is read of it and follows is of the picture "
        "that the model takes it for."
    )
