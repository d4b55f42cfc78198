"""The points that views need: what is rendered once for all that show it, and under which key it is kept."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from explorer.controls.base import EffectPart, Moves
from explorer.engine.causes import without_do
from explorer.engine.control_store import Kept
from explorer.errors import SceneError
from explorer.generators.base import Generator, Latent, Stepwise
from explorer.numerics.samplers import Callback
from explorer.scene.model import ControlSetRef, Edit, ModelRef, PaneView, Quality, Start, View
from explorer.scene.views import EFFECTS, OF_DO, UNEDITED


class Overtaken(Exception):
    """Nobody waits any more for the pictures that are being rendered."""


@dataclass(frozen=True)
class Point:
    """One picture to compute: one model, and an edited start. Views share points (the "before" of a comparison).
    ``part``: of the effect of variables that its edits set."""

    model: ModelRef
    start: Start
    controls: ControlSetRef
    edits: tuple[Edit, ...]
    quality: Quality
    part: EffectPart = "all"


PictureKey = tuple[str, Point, int]
"""Fingerprint of the model, the point, and the serial number of the control set that it was edited with: a set may be a
preview of what a search will find."""
Sets = dict[tuple[ModelRef, ControlSetRef], Kept]

_PARTS: dict[PaneView, EffectPart] = {"direct_effect": "direct", "indirect_effect": "indirect"}


def needs_controls(view: View) -> bool:
    """Whether the control set of ``view`` has to be known to draw it."""
    return view.view in OF_DO or (view.view not in UNEDITED and bool(view.edits))


def with_others(views: Iterable[View]) -> Iterator[View]:
    """``views``, and those that they are compared with."""
    for view in views:
        yield view
        if view.against is not None:
            yield view.against


def points_of(view: View, sets: Sets) -> tuple[Point, ...]:
    """What a view needs: the edited picture, and for comparisons the one before it: without edits, and of an effect
    without those that set variables. Raises :class:`CausalError` for an effect where no control sets any."""

    def point(edits: tuple[Edit, ...], part: EffectPart = "all") -> Point:
        # Without edits the control set does not matter, so two methods share their "before".
        controls = view.controls if edits else ControlSetRef()
        whole = part if edits else "all"
        return Point(view.model, view.start, controls, edits, view.quality, whole)

    if view.view in UNEDITED:
        return (point(()),)
    if view.view == "between" and view.against is not None:
        return *points_of(view.against, sets), point(view.edits)
    if view.view in ("image", "truth"):
        return (point(view.edits),)
    if view.view in EFFECTS:
        held = without_do(sets[view.model, view.controls].controls, view.edits)
        return point(held), point(view.edits, _PARTS.get(view.view, "all"))
    return point(()), point(view.edits)


def moves_of(point: Point, sets: Sets) -> Moves:
    """How ``point`` is moved from its origin."""
    if not point.edits:
        return []
    moves = sets[point.model, point.controls].controls.moves(point.edits)
    return [move._replace(part=point.part) for move in moves]


def picture_key(generator: Generator, point: Point, sets: Sets) -> PictureKey:
    """What the output of ``point`` is kept under."""
    kept = sets.get((point.model, point.controls))
    return generator.card.fingerprint, point, kept.serial if kept is not None and point.edits else 0


def steps_of(generator: Generator, quality: Quality) -> int:
    """How many steps of a sampler make a picture of ``quality``; 0 where there is none."""
    return len(generator.steps(quality)) if isinstance(generator, Stepwise) else 0


def drawn(generator: Generator, latent: Latent, quality: Quality, after_step: Callback | None) -> Tensor:
    """What ``generator`` makes of ``latent``; ``after_step`` is called where it goes step by step."""
    if after_step is not None and isinstance(generator, Stepwise):
        return generator.render(latent, quality, after_step)
    return generator.render(latent, quality)


def check_finite(outputs: Tensor, points: Sequence[Point]) -> None:
    """Raise :class:`SceneError` where one of ``outputs``, those of ``points``, has numbers that are not finite: they
    would be drawn as colours that nothing has."""
    finite = outputs.isfinite().flatten(1).all(1)
    if bool(finite.all()):
        return
    edits = points[int(finite.to(torch.uint8).argmin())].edits
    moved = ", ".join(f"'{edit.control}' at {edit.number:.3g}" for edit in edits[:3])
    why = f"moved so far ({moved}) this picture" if moved else "this picture"
    raise SceneError(
        f"There is nothing to see: {why} has numbers that are not finite; move the sliders back, or choose another "
        "start."
    )


def ending(
    points: Mapping[View, Sequence[Point]], chunk: Sequence[Point], is_awaited: Callable[[View], bool] | None
) -> Callback | None:
    """Ends a batch of points that no awaited view needs. ``points``: those of the views."""
    if is_awaited is None:
        return None
    needing = [view for view, own in points.items() if not set(chunk).isdisjoint(own)]

    def check(done: int, sample: Tensor) -> None:
        if not any(is_awaited(view) for view in needing):
            raise Overtaken

    return check
