"""What becomes of a picture of one's own for which a point was found: a bookmark that shows both side by side."""

from __future__ import annotations

from collections.abc import Collection

from explorer.scene.model import Bookmark, Condition, ControlSetRef, ModelRef, OwnPicture, Pane, StoredLatent

FAR = 1.25
"""Of :attr:`OwnPicture.distance`: beyond this edits may look otherwise than on drawn points."""


def fidelity_text(own: OwnPicture) -> str:
    """How near the model comes: ``reconstruction 31.2 dB (PSNR)``."""
    return f"reconstruction {own.psnr:.1f} dB (PSNR)"


def distance_text(own: OwnPicture) -> str:
    """Where the point lies, and what follows from it, in one sentence."""
    where = (
        f"The point lies {own.distance:.2f} times as far from the middle of its space as points that the model draws"
    )
    if own.distance <= FAR:
        return f"{where}."
    return f"{where}, so edits may look less like the model's own."


def bookmark_of(
    point: StoredLatent,
    own: OwnPicture,
    model: ModelRef,
    controls: ControlSetRef,
    truncation_psi: float,
    taken: Collection[str],
    condition: Condition | None = None,
) -> Bookmark:
    """The bookmark of ``point``: at the left the picture ``own``, at the right what ``model`` draws, which ``controls``
    move. ``taken``: names of other bookmarks."""
    base = f"{own.name}, {own.psnr:.1f} dB"
    names = [base, *(f"{base} ({number})" for number in range(2, len(taken) + 2))]
    return Bookmark(
        name=next(name for name in names if name not in taken),
        model=model,
        origin=point,
        truncation_psi=truncation_psi,
        panes=(Pane(controls=controls, view="original"), Pane(controls=controls)),
        condition=condition or Condition(),
    )
