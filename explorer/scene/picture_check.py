"""How far the counterfactual of one picture may be trusted, by the model's own reading of it. Plain values."""

from __future__ import annotations

import msgspec

from explorer.scene.model import ControlSetRef, Edit, Start


class CheckQuestion(msgspec.Struct, frozen=True, kw_only=True):
    """Which picture: where it starts, and what is done to it."""

    controls: ControlSetRef
    start: Start
    edits: tuple[Edit, ...]


class Effectiveness(msgspec.Struct, frozen=True, kw_only=True):
    """Whether what was set is what the picture shows. ``target``: the value that ``variable`` was set to; ``reading``:
    what the model reads from the picture. ``error``: how far these are apart; ``ceiling``: how far the reading of the
    factual picture is from its value; ``chance``: how far it is from the target, nothing having been done. All three in
    standard deviations of the variable; of levels 0 where they are the same, else 1."""

    variable: str
    target: float
    reading: float
    error: float
    ceiling: float
    chance: float


class PictureCheck(msgspec.Struct, frozen=True, kw_only=True):
    """``composition``: decibels between the picture without do() and itself, read and drawn again; ``others``: between
    it and pictures of other seeds, their mean error, which is chance. ``reversal``: between it and the picture with
    do(), read, set back and drawn; ``without_way_back``: between it and the picture with do(), which is chance; both
    None where nothing is set. A reversal reads and draws as often as composition does. Infinite where two are equal."""

    fingerprint: str
    composition: float
    others: float
    reversal: float | None = None
    without_way_back: float | None = None
    effectiveness: tuple[Effectiveness, ...] = ()
