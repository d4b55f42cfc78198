"""The points that views need: what is rendered once for all that show it, and under which key it is kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from torch import Tensor

from explorer.controls.control_set import ControlSet
from explorer.engine.control_store import Kept
from explorer.generators.base import Generator, Latent, Stepwise
from explorer.numerics.samplers import Callback
from explorer.scene.model import ControlSetRef, Edit, ModelRef, Origin, Quality, View


class Overtaken(Exception):
    """Nobody waits any more for the pictures that are being rendered."""


@dataclass(frozen=True)
class Point:
    """One picture to compute: an edited origin of one model. Views share points (the "before" of a comparison)."""

    model: ModelRef
    origin: Origin
    truncation_psi: float
    controls: ControlSetRef
    edits: tuple[Edit, ...]
    quality: Quality


def points_of(view: View) -> tuple[Point, ...]:
    """What a view needs: the edited picture, and for comparisons the unedited one before it."""
    # Without edits the control set does not matter, so two methods share their "before".
    controls = view.controls if view.edits else ControlSetRef()
    after = Point(view.model, view.origin, view.truncation_psi, controls, view.edits, view.quality)
    if view.view in ("image", "truth"):
        return (after,)
    return (Point(view.model, view.origin, view.truncation_psi, ControlSetRef(), (), view.quality), after)


PictureKey = tuple[str, Point, int]
"""Fingerprint of the model, the point, and the serial number of the control set that it was edited with: a set may be a
preview of what a search will find."""
Sets = dict[tuple[ModelRef, ControlSetRef], Kept]


def picture_key(generator: Generator, point: Point, sets: Sets) -> PictureKey:
    """What the output of ``point`` is kept under."""
    kept = sets.get((point.model, point.controls))
    return generator.card.fingerprint, point, kept.serial if kept is not None and point.edits else 0


def controls_of(point: Point, sets: Sets) -> ControlSet | None:
    """The set that ``point`` is edited with; None where it is not."""
    return sets[point.model, point.controls].controls if point.edits else None


def steps_of(generator: Generator, quality: Quality) -> int:
    """How many steps of a sampler make a picture of ``quality``; 0 where there is none."""
    return len(generator.steps(quality)) if isinstance(generator, Stepwise) else 0


def drawn(generator: Generator, latent: Latent, quality: Quality, after_step: Callback | None) -> Tensor:
    """What ``generator`` makes of ``latent``; ``after_step`` is called where it goes step by step."""
    if after_step is not None and isinstance(generator, Stepwise):
        return generator.render(latent, quality, after_step)
    return generator.render(latent, quality)


def ending(views: Sequence[View], chunk: Sequence[Point], is_awaited: Callable[[View], bool] | None) -> Callback | None:
    """Ends a batch of points that no awaited view needs."""
    if is_awaited is None:
        return None
    needing = [view for view in views if not set(chunk).isdisjoint(points_of(view))]

    def check(done: int, sample: Tensor) -> None:
        if not any(is_awaited(view) for view in needing):
            raise Overtaken

    return check
