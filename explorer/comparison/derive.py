"""What is made of a control set before it is shown: what its method shows of it, conditional edits, units of equal
effect, the order of another set.

All of it is measured on the same points for a model, those of :func:`explorer.comparison.calibration.calibrated`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import msgspec
import numpy as np
import torch
from torch import Tensor

from explorer.comparison.calibration import POINTS, POINTS_SEED, calibrated
from explorer.comparison.drawing import BATCH, Job, draw, measured_quality
from explorer.comparison.matching import Floats, match
from explorer.controls.base import Control, with_card
from explorer.controls.control_set import ControlSet
from explorer.controls.linear import LinearControl
from explorer.controls.scaled import scaled
from explorer.discovery import registry as methods
from explorer.discovery.sampling import drawn_latents
from explorer.errors import ControlError
from explorer.generators.base import Generator, Progress
from explorer.metrics.base import shared
from explorer.outputs.registry import output_of
from explorer.scene.edit_text import EFFECT_UNIT, NO_EFFECT, tau_text
from explorer.scene.model import Calibration, ControlSetRef

RANGE = 4.0
"""How many calibrated steps a slider spans each way."""

NOTHING_LEFT = 1e-6
"""A direction of which less than this share is orthogonal to others is one of theirs, to rounding."""


def derive(
    found: ControlSet,
    ref: ControlSetRef,
    generator: Generator,
    other: Callable[[ControlSetRef], ControlSet],
    progress: Progress | None = None,
) -> ControlSet:
    """``found`` with what ``ref`` asks for: shown as its method does with these settings, made orthogonal to some of
    its controls, in units of equal effect, and in the order of the set ``ref.like``, which ``other`` gives. The same
    for its arguments.

    Raises :class:`ControlError` where directions cannot be made orthogonal, or a name is unknown.
    """
    if ref.method:
        found = methods.afterwards(found, ref.method, dict(ref.settings))
    own, their, matching = shared(progress, (2.0, 2.0, 1.0) if ref.like is not None else (1.0, 0.0, 0.0))
    if ref.without:
        found = conditional(found, ref.without, generator)
    if ref.calibration is not None:
        found = in_effect_units(found, generator, ref.tau, own, ref.calibration)
    if ref.like is not None:
        theirs = other(ref.like)
        by = ref.calibration or "chord"
        their_steps = _steps(theirs, ref.like, generator, ref.tau, by, their)
        steps = _steps(found, ref, generator, ref.tau, by, own)
        found = in_order_of(theirs, their_steps, found, steps, generator, matching)
    if progress is not None:
        progress(1.0)
    return found


# --- conditional edits -----------------------------------------------------------------------------------------------


def conditional(found: ControlSet, names: Sequence[str], generator: Generator) -> ControlSet:
    """``found`` with its other controls made orthogonal to those called ``names``, and as long as before.

    Shen et al., "Interpreting the Latent Space of GANs for Semantic Face Editing", CVPR 2020, section 2.3, for any
    number of conditions. Raises :class:`ControlError` for controls that are no directions, or of another space.
    """
    held = [found.control(name) for name in names]
    others = [one for one in found.controls if one.card.name not in names]
    for one in (*held, *others):
        if one.offset is None:
            raise ControlError(
                f"'{one.card.name}' is no straight direction, so it cannot be made orthogonal to others; "
                "choose a method that finds directions."
            )
        if one.card.space != held[0].card.space:
            raise ControlError(
                f"'{one.card.name}' lies in {one.card.space}, but '{held[0].card.name}' in {held[0].card.space}; "
                "directions can be made orthogonal within one space only."
            )
    basis = _span(torch.stack([_offset(one, generator) for one in held]))
    made: list[Control] = []
    for one in found.controls:
        made.append(one if one.card.name in names else _orthogonal(one, held, basis, names, generator))
    return replace(found, controls=tuple(made), note=_joined(found.note, f"Orthogonal to {_listed(names)}."))


def _orthogonal(
    one: Control, held: Sequence[Control], basis: Tensor, names: Sequence[str], generator: Generator
) -> Control:
    offset = _offset(one, generator)
    left = offset - basis.T @ (basis @ offset)
    length, remaining = float(offset.norm()), float(left.norm())
    share = remaining / length if length > 0 else 0.0
    if share < NOTHING_LEFT:
        left, said = torch.zeros_like(left), f"lies within {_listed(names)}: nothing of it is left"
    else:
        left, said = left * (length / remaining), f"orthogonal to {_listed(names)}: {share:.0%} of it is left"
    card = msgspec.structs.replace(one.card, details=(*one.card.details, said))
    alike = all(other.card.layers == card.layers for other in held)
    space = generator.card.spaces[card.space]
    if len(space.shape) == 2 and one.offset is not None and one.offset.dim() == 1 and alike:
        first, _ = card.layers or (0, 0)
        return LinearControl(card, left.reshape(space.shape)[first].float())
    if not alike:  # it moves the layers of the others now, too
        card = msgspec.structs.replace(card, layers=None)
    return LinearControl(card, left.reshape(space.shape).float())


def _offset(control: Control, generator: Generator) -> Tensor:
    """(d,) float64: what an amount of 1 adds to a point of the whole space."""
    zero = torch.zeros(1, *generator.card.spaces[control.card.space].shape, dtype=torch.float64)
    return control.velocity(zero).flatten()


def _span(rows: Tensor) -> Tensor:
    """(r, d): an orthonormal basis of what the rows (n, d) span."""
    _, values, basis = torch.linalg.svd(rows, full_matrices=False)
    kept: Tensor = basis[values > 1e-9 * values.max().clamp_min(1e-300)]
    return kept


# --- units of equal effect -------------------------------------------------------------------------------------------


def in_effect_units(
    found: ControlSet,
    generator: Generator,
    tau: float,
    progress: Progress | None = None,
    calibration: Calibration = "chord",
) -> ControlSet:
    """``found`` with controls of which an amount of 1 changes a picture by ``tau``, on average over the points, from
    its start to its end or along its path; those that do not change it so much stay as they are, and say so."""
    made: list[Control] = []
    steps = calibrated(generator, found.controls, tau, progress, calibration)
    for one, alpha in zip(found.controls, steps, strict=True):
        card = one.card
        if card.cases is not None:
            made.append(one)
        elif alpha is None:
            made.append(with_card(one, details=(*card.details, NO_EFFECT)))
        else:
            said = f"1 {EFFECT_UNIT} = {alpha:.3g} {card.unit}"
            low, high = _range(one, alpha)
            changes = {"unit": EFFECT_UNIT, "low": low, "high": high, "details": (*card.details, said)}
            if card.shows == "value":  # of equal effect are amounts alone
                changes |= {"shows": "amount", "detents": (), "safe": None}
            made.append(scaled(one, alpha, **changes))
    does = "changes a picture by" if calibration == "chord" else "leads along changes of a picture that add up to"
    mean = f"root mean square, mean of {POINTS} points and both signs"
    note = f"An amount of 1 {does} {tau_text(tau)} of its range ({mean})."
    return replace(found, controls=tuple(made), note=_joined(found.note, note))


def _range(control: Control, alpha: float) -> tuple[float, float]:
    """Of the slider in steps of ``alpha``: what depends on time ends where its own slider does."""
    card = control.card
    if not card.laws.timed:
        return -RANGE, RANGE
    return max(-RANGE, card.low / alpha), min(RANGE, card.high / alpha)


def _steps(
    found: ControlSet,
    ref: ControlSetRef,
    generator: Generator,
    tau: float,
    calibration: Calibration,
    progress: Progress,
) -> list[float | None]:
    """The calibrated step of every control of ``found``, which ``ref`` asked for: known where its units are such."""
    if ref.calibration == calibration and ref.tau == tau:
        return [1.0 if one.card.unit == EFFECT_UNIT else None for one in found.controls]
    return calibrated(generator, found.controls, tau, progress, calibration)


# --- the order of another set ----------------------------------------------------------------------------------------


def in_order_of(
    theirs: ControlSet,
    their_steps: Sequence[float | None],
    found: ControlSet,
    steps: Sequence[float | None],
    generator: Generator,
    progress: Progress | None = None,
) -> ControlSet:
    """``found`` in the order of ``theirs``, and turned as they are: control by control, those that change pictures most
    alike stand at the same place (:func:`explorer.comparison.matching.match`). What matches none of them comes last."""
    first, second = shared(progress, (1.0, 1.0))
    wanted = effects(generator, theirs.controls, their_steps, first)
    matched = match([wanted, effects(generator, found.controls, steps, second)])[1]
    naming = [control.card.name for control, step in zip(theirs.controls, their_steps, strict=True) if step is not None]
    made: list[Control] = []
    for index in matched.order:
        control, row, sign = found.controls[index], int(matched.rows[index]), float(matched.signs[index])
        if 0 <= row < len(naming):
            turned = ", turned round" if sign < 0 else ""
            said = f"most like '{naming[row]}' of {theirs.title}: cosine {matched.cosines[index]:.2f}{turned}"
            control = with_card(control, details=(*control.card.details, said))
        made.append(scaled(control, sign) if sign < 0 else control)
    return replace(found, controls=tuple(made), note=_joined(found.note, f"In the order of {theirs.title}."))


def effects(
    generator: Generator,
    controls: Sequence[Control],
    steps: Sequence[float | None],
    progress: Progress | None = None,
) -> Floats:
    """(K, S) what each control does: the features of the picture at +``step`` less those at -``step``, point after
    point; 0 where there is no step."""
    points = next(drawn_latents(generator, POINTS, POINTS_SEED, POINTS))
    living = [(index, step) for index, step in enumerate(steps) if step is not None]
    jobs = [
        Job(row, (index,), (sign * step,)) for index, step in living for sign in (1, -1) for row in range(points.batch)
    ]
    kind, seen = output_of(generator.card), []
    for outputs in draw(generator, controls, points, jobs, measured_quality(generator.card)):
        seen.append(kind.features(outputs).double().cpu())
        if progress is not None:
            progress(min(1.0, len(seen) * BATCH / len(jobs)))
    if not seen:
        return np.zeros((len(controls), 1))
    read = torch.cat(seen).reshape(len(living), 2, -1)
    found = np.zeros((len(controls), read.shape[-1]))
    found[[index for index, _ in living]] = (read[:, 0] - read[:, 1]).numpy()
    return found


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names)


def _joined(note: str, more: str) -> str:
    return f"{note} {more}".strip()
