"""Composition, reversibility and effectiveness (Monteiro et al., ICLR 2023) of the counterfactual of one picture."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec
import numpy as np

from explorer.causal.coding import Coding
from explorer.controls.base import Moves
from explorer.controls.causal_group import CausalControl
from explorer.controls.control_set import ControlSet, setting
from explorer.controls.intervention import InterventionControl
from explorer.controls.scaled import unscaled
from explorer.ending import Progress, in_parts
from explorer.errors import CausalError
from explorer.generators.base import Generator, Latent
from explorer.generators.editing import advanced_for, edited, ready
from explorer.metrics.counterfactual_trial import Pictures, squared_error
from explorer.metrics.imagination import GeneratorImagination, levels_of
from explorer.numerics.distances import decibels
from explorer.scene.causal_graph import Variable
from explorer.scene.model import Edit, Quality
from explorer.scene.picture_check import Effectiveness, PictureCheck

STEPS = 5
OTHER_SEEDS = tuple(range(71_001, 71_009))


def picture_check(
    generator: Generator,
    controls: ControlSet,
    start: Latent,
    edits: Sequence[Edit],
    psi: float,
    progress: Progress | None = None,
) -> PictureCheck:
    """Of the picture that starts from ``start`` (batch 1), and of the do() of ``edits``, whatever the rung and the
    noises are. ``psi``: truncation of the pictures of other seeds. ``progress`` is told the finished share and may
    raise.

    Raises :class:`CausalError` where ``controls`` sets no variables of the latent, :class:`ExplorerError` where the
    generator encodes no pictures.
    """
    first = next((inner for one in controls.controls if isinstance(inner := setting(one), InterventionControl)), None)
    if first is None:
        raise CausalError(f"{controls.title} sets no variables of the model's own; choose the method Causes.")
    imagination = GeneratorImagination(generator, model=first.model, coding=first.coding)
    moves = controls.moves(edits)
    others = [move for move in moves if not isinstance(unscaled(move).control, CausalControl)]
    factual = advanced_for(first, generator, edited(generator, start, others))
    acts = [ready(unscaled(move), generator, factual) for move in moves if setting(move.control) is not None]
    report = in_parts(progress, STEPS)
    picture = _drawn(generator, factual)
    report()
    again = imagination.imagine(picture, {})
    report()
    strangers = _drawn(generator, generator.sample(list(OTHER_SEEDS), psi))
    check = PictureCheck(
        fingerprint=generator.card.fingerprint,
        composition=decibels(squared_error(again, picture)),
        others=decibels(squared_error(strangers, np.repeat(picture, len(strangers), axis=0))),
    )
    report()
    if not acts:
        return check
    return _with_do(check, generator, imagination, first, factual, acts, picture, report)


def _with_do(
    check: PictureCheck,
    generator: Generator,
    imagination: GeneratorImagination,
    first: InterventionControl,
    factual: Latent,
    acts: Moves,
    picture: Pictures,
    report: Callable[[], None],
) -> PictureCheck:
    space = first.card.space
    point = factual.tensors[space]
    values = first.values(point)
    done = _drawn(generator, factual.with_space(space, first.move_together(point, acts)))
    report()
    targets, before = {}, {}
    for move in acts:
        control = move.control
        assert isinstance(control, InterventionControl)
        targets[control.variable] = float(control.target(point, values[control.variable], move))
        before[control.variable] = values[control.variable].double().cpu().numpy()
    back = imagination.imagine(done, before)
    readings, unmoved = imagination.read(done), imagination.read(picture)
    report()
    return msgspec.structs.replace(
        check,
        reversal=decibels(squared_error(back, picture)),
        without_way_back=decibels(squared_error(done, picture)),
        effectiveness=tuple(
            _effectiveness(
                first.model.graph.variable(name), first.coding, target, float(before[name][0]),
                float(readings[name][0]), float(unmoved[name][0]),
            )
            for name, target in targets.items()
        ),
    )  # fmt: skip


def _effectiveness(
    variable: Variable, coding: Coding, target: float, factual: float, reading: float, unmoved: float
) -> Effectiveness:
    def apart(first: float, second: float) -> float:
        if variable.levels:
            return float(round(first) != round(second))
        gap = first - second
        if variable.period:
            gap = (gap + variable.period / 2) % variable.period - variable.period / 2
        return abs(gap) / coding.axes[variable.name].deviation

    return Effectiveness(
        variable=variable.name,
        target=target,
        reading=reading,
        error=apart(reading, target),
        ceiling=apart(unmoved, factual),
        chance=apart(unmoved, target),
    )


def _drawn(generator: Generator, latent: Latent) -> Pictures:
    return levels_of(generator.render(latent, Quality()))
