"""What comparing methods gives: plain values for the window, the command line and files. No torch."""

from __future__ import annotations

from typing import Literal

import msgspec

from explorer.scene.model import Calibration, ControlSetRef, ModelRef

Role = Literal["method", "chance", "capacity", "ceiling"]

NULL_DIRECTIONS = 64
FEWEST_USUAL_NULLS, MOST_USUAL_NULLS = 3, 16
MOST_NULLS = 256


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """One number of the table. ``value`` None: not defined here, and ``note`` says why. ``low``/``high``: the bootstrap
    95 % interval over base codes (and over the seeds of the method); ``null``: what random directions score.
    """

    value: float | None
    low: float | None = None
    high: float | None = None
    null: float | None = None
    note: str = ""


class Column(msgspec.Struct, frozen=True, kw_only=True):
    """One measure of the table: its title, whether more is better, what it is in one sentence, who published it."""

    name: str
    title: str
    better: Literal["higher", "lower", ""]
    meaning: str
    paper: str = ""


class Direction(msgspec.Struct, frozen=True, kw_only=True):
    """One control of a method under the table's conditions.

    ``alpha``: how many of the control's own units change a picture by ``tau`` (None: no amount does, a dead direction);
    ``effects``: mean |change| of each attribute between -alpha and +alpha, in deviations of the attribute; ``signed``:
    the mean change; ``match``: the row that it shares with the other methods' controls (-1: none); ``sign``: -1 where
    it has to be turned round for its effect to agree with that row's.
    """

    name: str
    alpha: float | None
    effects: tuple[float | None, ...] = ()
    signed: tuple[float | None, ...] = ()
    information: tuple[float | None, ...] = ()
    match: int = -1
    sign: int = 1


class MethodResult(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the table: a method over all seeds. ``directions`` are those of the first seed; ``settings`` those
    that are not the method's own; ``labels``, ``evaluations`` and ``seconds`` are what one search took, the mean over
    the seeds. ``asked``: what the method was called in the request, where that is another of its names.
    """

    method: str
    asked: str = ""
    title: str
    role: Role
    controls: ControlSetRef
    settings: dict[str, bool | int | float | str] = {}
    columns: dict[str, Figure] = {}
    directions: tuple[Direction, ...] = ()
    labels: int = 0
    evaluations: int = 0
    seconds: float = 0.0
    problem: str = ""  # why the method has no numbers, in one sentence


class CompareOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What to compare. ``attributes``: a world's name, or the path of a classifier or of labels; empty: the world that
    the model was trained on. ``bases``: base codes on which effects are measured; ``tau``: the root mean square change
    of a picture, in shares of the range of its pixels, that one calibrated unit makes; ``calibration``: from its start
    to its end, or added up along its path. ``observed``: pictures on which
    attributes and coordinates are only observed. ``settings``: by method. ``quick``: fewer base codes and shorter
    training (:func:`explorer.comparison.request.hurried`). ``nulls``: random frames whose mean is the chance level of
    every number; 0: :func:`usual_nulls`. In a report they are those that were drawn, 0 in reports of older programs.
    """

    methods: tuple[str, ...]
    k: int = 8
    seeds: tuple[int, ...] = (0,)
    attributes: str = ""
    bases: int = 64
    observed: int = 5000
    tau: float = 0.06
    calibration: Calibration = "chord"
    settings: dict[str, dict[str, bool | int | float | str]] = {}
    quick: bool = False
    nulls: int = 0


def usual_nulls(k: int) -> int:
    """How many random frames of ``k`` directions the chance level is the mean of, where nobody says: as many as make
    :data:`NULL_DIRECTIONS`, because small frames cost less each, and differ as much.
    """
    return min(MOST_USUAL_NULLS, max(FEWEST_USUAL_NULLS, NULL_DIRECTIONS // k))


class CompareReport(msgspec.Struct, frozen=True, kw_only=True):
    """Methods side by side on one model. ``attributes`` are those of the effects; ``varying``: whether each varies over
    the model's own pictures at all (an attribute that does not has no effect, rather than an effect of 0).
    ``contract``: the sentences under which the numbers are fair.
    """

    model: ModelRef
    name: str
    options: CompareOptions
    space: str
    attributes: tuple[str, ...]
    varying: tuple[bool, ...]
    columns: tuple[Column, ...]
    methods: tuple[MethodResult, ...]
    contract: tuple[str, ...]
    seconds: float = 0.0
