"""A control set of one's own: controls of several sets of one model, renamed and starred."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from explorer.controls.base import with_card
from explorer.controls.control_set import ControlSet
from explorer.errors import ControlError
from explorer.scene.model import ChosenControl, ControlSetRef

METHOD, TITLE = "selection", "Own selection"


def selected(chosen: Sequence[ChosenControl], find: Callable[[ControlSetRef], ControlSet], title: str) -> ControlSet:
    """The ``chosen`` controls as one set called ``title``; ``find`` gives the sets that they are of, all on one model.

    Raises :class:`ControlError` when none is chosen, one is not in its set, or two have one name.
    """
    if not chosen:
        raise ControlError("No control is chosen; star or choose some first.")
    names = [one.name.strip() or one.control for one in chosen]
    if twice := [name for name, count in Counter(names).items() if count > 1]:
        raise ControlError(f"Two of the chosen controls are called '{twice[0]}'; give one of them another name.")
    sets = {ref: find(ref) for ref in dict.fromkeys(one.controls for one in chosen)}
    controls = []
    for one, name in zip(chosen, names, strict=True):
        of = sets[one.controls]
        found = of.control(one.control)
        said = f"'{one.control}' of {of.title}"
        controls.append(with_card(found, name=name, starred=one.starred, details=(*found.card.details, said)))
    sources = tuple(sets.values())
    spaces = dict.fromkeys(control.card.space for control in controls)
    return ControlSet(
        method=METHOD,
        title=title.strip() or TITLE,
        fingerprint=sources[0].fingerprint,
        space=next(iter(spaces)),
        controls=tuple(controls),
        cost={
            name: sum(one.cost.get(name, 0.0) for one in sources)
            for name in ("seconds", "generator_evaluations", "labels")
        },
        note=f"Chosen from {', '.join(dict.fromkeys(one.title for one in sources))}.",
    )
