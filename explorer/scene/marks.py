"""What the user has said about controls: names, stars, which are hidden and which stand at the top."""

from __future__ import annotations

import msgspec

from explorer.scene.cards import ControlCard
from explorer.scene.model import ControlSetRef, Mark, Scene

replace = msgspec.structs.replace


def origin_of(controls: ControlSetRef) -> ControlSetRef:
    """The set that ``controls`` was made of, whatever was done to it since: what marks are kept under."""
    return ControlSetRef(
        method=controls.method,
        k=1,
        seed=controls.seed,
        settings=controls.settings,
        path=controls.path,
        digest=controls.digest,
    )


def mark_of(scene: Scene, controls: ControlSetRef, control: str) -> Mark:
    """What was said about ``control`` of ``controls``; an empty mark where nothing was."""
    origin = origin_of(controls)
    empty = Mark(controls=origin, control=control)
    return next((mark for mark in scene.marks if mark.controls == origin and mark.control == control), empty)


def with_mark(scene: Scene, mark: Mark) -> Scene:
    """``scene`` with ``mark`` in place of what was said about its control; an empty one is forgotten."""
    mark = replace(mark, controls=origin_of(mark.controls))
    others = tuple(one for one in scene.marks if (one.controls, one.control) != (mark.controls, mark.control))
    empty = mark == Mark(controls=mark.controls, control=mark.control)
    return replace(scene, marks=others if empty else (*others, mark))


def shown_name(scene: Scene, controls: ControlSetRef, control: str) -> str:
    """What the user calls ``control``: the name that was given, or its own."""
    return mark_of(scene, controls, control).name or control


def ordered(scene: Scene, controls: ControlSetRef, cards: tuple[ControlCard, ...]) -> tuple[ControlCard, ...]:
    """``cards`` with the pinned ones first, else in their own order; hidden ones last."""

    def place(card: ControlCard) -> int:
        mark = mark_of(scene, controls, card.name)
        return 2 if mark.hidden else 0 if mark.pinned else 1

    return tuple(sorted(cards, key=place))
