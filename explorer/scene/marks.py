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
    key = (origin_of(controls), control)
    known = [mark for mark in scene.marks if (mark.controls, mark.control) == key and mark.count in (0, controls.k)]
    return max(known, key=lambda mark: mark.count, default=Mark(controls=key[0], control=control))


def with_mark(scene: Scene, mark: Mark, grows: bool = False) -> Scene:
    """``scene`` with ``mark`` in place of what was said about its control; an empty one is forgotten. It is said of the
    set of ``mark.controls.k`` controls, and where ``grows`` says that it has the same controls however many there are,
    of any number."""
    count = 0 if grows else mark.controls.k
    mark = replace(mark, controls=origin_of(mark.controls), count=count)
    others = tuple(
        one
        for one in scene.marks
        if (one.controls, one.control) != (mark.controls, mark.control) or (count and one.count not in (0, count))
    )
    empty = mark == Mark(controls=mark.controls, control=mark.control, count=count)
    return replace(scene, marks=others if empty else (*others, mark))


def grown_marks(scene: Scene, controls: ControlSetRef, k: int) -> Scene:
    """``scene`` with what was said of ``controls`` said of its set of ``k`` controls, too, which has all of them."""
    origin = origin_of(controls)
    more = [mark for mark in scene.marks if mark.controls == origin and mark.count == controls.k]
    known = {(mark.control, mark.count) for mark in scene.marks if mark.controls == origin}
    added = (replace(mark, count=k) for mark in more if (mark.control, k) not in known)
    return replace(scene, marks=(*scene.marks, *added))


def shown_name(scene: Scene, controls: ControlSetRef, control: str) -> str:
    """What the user calls ``control``: the name that was given, or its own."""
    return mark_of(scene, controls, control).name or control


def ordered(scene: Scene, controls: ControlSetRef, cards: tuple[ControlCard, ...]) -> tuple[ControlCard, ...]:
    """``cards`` with the pinned ones first, else in their own order; hidden ones last."""

    def place(card: ControlCard) -> int:
        mark = mark_of(scene, controls, card.name)
        return 2 if mark.hidden else 0 if mark.pinned else 1

    return tuple(sorted(cards, key=place))
