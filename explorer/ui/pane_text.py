"""What the canvas writes beside the pictures. Plain values, no Qt."""

from __future__ import annotations

from explorer.scene.marks import shown_name
from explorer.scene.model import Pane, PaneView, Scene, Seed

VIEWS: dict[PaneView, str] = {"image": "", "difference": "rms difference", "before_after": "before | after"}


def moved(scene: Scene, pane: Pane) -> str:
    """The control that was moved last, how far and in which unit, and how many others are moved."""
    if not pane.edits:
        return ""
    last = pane.edits[-1]
    unit = " τ" if pane.controls.units == "effect" else ""
    more = f", {len(pane.edits) - 1} more" if len(pane.edits) > 1 else ""
    return f"{shown_name(scene, pane.controls, last.control)} {last.amount:+.2f}{unit}{more}".replace("-", "−")


def start(scene: Scene, pane: Pane) -> str:
    """Where the picture starts from."""
    origin = pane.origin or scene.origin
    return f"seed {origin.seed}" if isinstance(origin, Seed) else "stored latent"
