"""Controls applied: to latents, space by space, and to the weights of the network that draws them; latents put together
into one batch.

Moves come in the order of their control set. Within a space they are made group by group (:func:`grouped`): a group is
what moves together, and most controls are one of their own. Changes of weights are a group, too, whose move is another
network.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import replace
from typing import Any, cast

import torch
from torch import Tensor

from explorer.controls.base import (
    WEIGHTS,
    Control,
    Joint,
    Move,
    Moves,
    Remarking,
    StartBound,
    Stepped,
    WeightChange,
    WeightEdit,
    WeightEdits,
)
from explorer.controls.scaled import unscaled
from explorer.errors import ControlError, ExplorerError
from explorer.generators.base import Generator, Latent, Reweightable
from explorer.generators.phases import acting, apart, overlap
from explorer.scene.cards import ModelCard, Remark
from explorer.scene.model import Quality, StepWindow

Prepare = Callable[[StartBound, Generator, Latent], Control]
"""Gives the control for a start; the engine's keeps those of the last starts."""


def prepared_anew(control: StartBound, generator: Generator, latent: Latent) -> Control:
    """The control for this start, kept nowhere."""
    return control.prepare(generator, latent)


def rendered(generator: Generator, edits: Sequence[tuple[Latent, Moves]], quality: Quality) -> Tensor:
    """(N, *shape): the outputs of all points of ``edits``, each latent moved by its own moves, in their order.

    Points that the network draws as it is are one batch; those drawn with other weights are one batch for every set of
    weights, and start from the first space that they hold: what lies behind it came from the weights of before.
    """
    batches: dict[WeightEdits, list[tuple[list[int], Latent, Moves]]] = {}
    count = 0
    for latent, moves in edits:
        for weights, rows in by_weights(moves, latent.batch).items():
            part = latent if len(rows) == latent.batch else rows_of(latent, rows)
            own = moves if part is latent else [move._replace(number=move.number[rows]) for move in moves]
            batches.setdefault(weights, []).append(([count + row for row in rows], part, own))
        count += latent.batch
    drawn, places = [], []
    for weights, members in batches.items():
        drawing = reweighted(generator, weights)
        moved = [edited(drawing, _start(drawing, part) if weights else part, own) for _, part, own in members]
        drawn.append(drawing.render(stacked(drawing, moved), quality))
        places += [place for rows, _, _ in members for place in rows]
    if len(drawn) == 1:
        return drawn[0]
    return torch.cat(drawn)[torch.tensor(places).argsort().to(drawn[0].device)]


def grouped(moves: Moves) -> list[tuple[Hashable, list[Move]]]:
    """``moves`` in groups that are made together, each with its key: :data:`WEIGHTS` for all changes of weights, the
    group of a :class:`Joint` control within its space, else the control itself. In the order in which the groups
    begin, and within each in that of ``moves``; controls in another unit come as what they scale."""
    groups: dict[Hashable, list[Move]] = {}
    for move in map(unscaled, moves):
        control, space = move.control, move.control.card.space
        key: Hashable = cast(Hashable, control)
        if space == WEIGHTS:
            key = WEIGHTS
        elif isinstance(control, Joint):
            key = (space, control.group)
        groups.setdefault(key, []).append(move)
    return list(groups.items())


def by_weights(moves: Moves, count: int) -> dict[WeightEdits, list[int]]:
    """Which of ``count`` points that are moved by ``moves`` are drawn with which changes of weights."""
    changes = [(move, move.number.tolist()) for move in dict(grouped(moves)).get(WEIGHTS, [])]
    if not changes:
        return {(): list(range(count))}
    rows: dict[WeightEdits, list[int]] = {}
    for row in range(count):
        edits = tuple(
            WeightEdit(cast(WeightChange, move.control), amounts[row], move.window)
            for move, amounts in changes
            if amounts[row] != 0
        )
        rows.setdefault(edits, []).append(row)
    return rows


def reweighted(generator: Generator, weights: WeightEdits) -> Generator:
    """``generator`` with changed weights; itself where nothing changes. Raises :class:`ControlError` where its weights
    cannot be changed, or not like this."""
    if not weights:
        return generator
    if "weights" not in generator.card.capabilities:
        raise ControlError(f"The weights of '{generator.card.name}' cannot be changed; choose another control.")
    if any(edit.window is not None for edit in weights):
        _check_steps(generator)
    return cast(Reweightable, generator).reweighted(weights)


def _start(generator: Generator, latent: Latent) -> Latent:
    """The points of ``latent`` in the first space that it holds, alone."""
    first = next(name for name in generator.card.spaces if name in latent.tensors)
    return latent.holding({first: latent.tensors[first]})


def edited(
    generator: Generator,
    latent: Latent,
    moves: Moves,
    prepare: Prepare = prepared_anew,
    remarks: dict[str, Remark] | None = None,
) -> Latent:
    """``latent`` with ``moves`` made, in the order of the generator's spaces and, within one space, group by group in
    the order of ``moves``. Spaces behind an edited one are dropped: they came from the unedited point, and the
    generator computes them anew. Controls that change weights move no point: :func:`rendered` and :func:`reweighted`
    are for them.

    Where a space is reached, before anything is moved in it, is where its values are read and its controls prepared: so
    neither depends on what else is moved there. Raises :class:`ExplorerError` where a control's space comes before all
    that ``latent`` holds, or a control that knows no values is sent to one.

    Moves with a window, and those of :class:`Stepped` controls, are made in those steps of the sampler alone: the
    latent then has phases. Raises :class:`ControlError` for one where pictures are not made in steps.

    ``remarks`` hears what has to be known of controls: name → what :class:`Remarking` says. Of one point only.
    """
    moves = _taken_apart(moves)
    windows = {move.window for move in moves if move.window is not None and move.control.card.space != WEIGHTS}
    point = _edited(generator, latent, [move for move in moves if move.window is None], prepare, remarks)
    if not windows:
        return point
    _check_steps(generator)
    return replace(
        point,
        phases=tuple(
            (stretch, _edited(generator, latent, acting(moves, stretch), prepare, remarks))
            for stretch in apart(windows)
        ),
    )


def placed(generator: Generator, latent: Latent, moves: Moves) -> Latent:
    """Where ``moves`` lead ``latent``, for what looks at the point and draws no picture of it: whatever their windows,
    and :class:`Stepped` controls by what they do on average. Raises as :func:`edited`."""
    everywhere = [move._replace(window=None) for move in moves]
    return _edited(generator, latent, everywhere, prepared_anew, None)


def _taken_apart(moves: Moves) -> list[Move]:
    """``moves``, with what each of a :class:`Stepped` control is in its steps, as far as they lie in the move's own
    window, in its place."""
    parts: list[Move] = []
    for move in moves:
        inner = unscaled(move)
        if not isinstance(inner.control, Stepped):
            parts.append(move)
            continue
        _check_place(move)
        own = move.window or StepWindow()
        both = [(overlap(window, own), control) for window, control in inner.control.steps()]
        parts += [inner._replace(control=control, window=window) for window, control in both if window is not None]
    return parts


def _check_steps(generator: Generator) -> None:
    if "steps" not in generator.card.capabilities:
        raise ControlError(
            f"'{generator.card.name}' draws a picture in one go, so no control can act in some of its steps alone."
        )


def _edited(
    generator: Generator, latent: Latent, moves: Moves, prepare: Prepare, remarks: dict[str, Remark] | None
) -> Latent:
    """:func:`edited` with ``moves`` that are all made in every step."""
    names = list(generator.card.spaces)
    for depth, space in enumerate(names):
        here = [move for move in moves if move.control.card.space == space]
        if not here:
            continue
        is_behind = space not in latent.tensors and depth < max(names.index(name) for name in latent.tensors)
        if is_behind and (layered := layers_of(generator.card, latent, space)) and not _looks_at_start(here):
            latent = latent.holding({layered: _moved_in_layers(latent.tensors[layered], here, generator)})
            continue
        latent = advanced_for(here[0].control, generator, latent)
        start = tensor = latent.tensors[space]
        for _, group in grouped(here):
            prepared = [ready(move, generator, latent, prepare) for move in group]
            if remarks is not None and isinstance(first := prepared[0].control, Remarking):
                each = zip(prepared, first.remarks(tensor, prepared), strict=True)
                remarks |= {move.control.card.name: remark for move, remark in each if remark}
            tensor = _moved(tensor, start, prepared)
        kept = {name: value for name, value in latent.tensors.items() if names.index(name) < depth}
        latent = latent.holding({**kept, space: tensor})
    return latent


def advanced_for(control: Control, generator: Generator, latent: Latent) -> Latent:
    """``latent`` with the space of ``control`` filled in. Raises :class:`ExplorerError` where that comes before all
    that ``latent`` holds, as where a picture starts from a stored point."""
    space, names = control.card.space, list(generator.card.spaces)
    if space not in latent.tensors and names.index(space) < max(names.index(name) for name in latent.tensors):
        raise ExplorerError(
            f"The picture starts from a stored point of a later space than '{space}', "
            f"so '{control.card.name}' cannot move it; choose a control of that space, or a seed."
        )
    return generator.advance(latent, space)


def layers_of(card: ModelCard, latent: Latent, space: str) -> str:
    """The space in which ``latent`` holds a point of ``space`` for every layer, as one that was found for a picture of
    the user's own does; empty where there is none. A point of ``space`` is one whose layers are alike there, so what
    moves it moves every layer."""
    behind = list(card.spaces)[list(card.spaces).index(space) + 1 :]
    name, shape = behind[0], card.spaces[space].shape
    return name if name in latent.tensors and card.spaces[name].shape == (card.spaces[name].layers, *shape) else ""


def _looks_at_start(moves: Moves) -> bool:
    """Whether what one of ``moves`` does depends on where the point stands, which is elsewhere in every layer."""
    return any(isinstance(move.control, StartBound) or move.absolute for move in moves)


def _moved_in_layers(tensor: Tensor, moves: Moves, generator: Generator) -> Tensor:
    """``tensor`` (B, layers, *shape) with ``moves`` made in every layer."""
    batch, layers = tensor.shape[:2]
    start = rows = tensor.flatten(0, 1)
    for _, group in grouped(moves):
        each = [move._replace(number=move.number.to(generator.device).repeat_interleave(layers)) for move in group]
        rows = _moved(rows, start, each)
    return rows.reshape(batch, layers, *tensor.shape[2:])


def ready(move: Move, generator: Generator, latent: Latent, prepare: Prepare = prepared_anew) -> Move:
    """``move`` on the device of ``generator``, its control prepared for ``latent`` where it has to be."""
    number = move.number.to(generator.device)
    if isinstance(move.control, StartBound):
        return move._replace(control=prepare(move.control, generator, latent), number=number)
    return move._replace(number=number)


def _moved(tensor: Tensor, start: Tensor, group: Moves) -> Tensor:
    """``tensor`` with one group of moves made; ``start``: the points before anything was moved in their space."""
    for move in group:
        _check_place(move)
    first = group[0]
    control = first.control
    if isinstance(control, Joint):
        return control.move_together(tensor, group)
    number = first.number
    if first.absolute and control.place is not None:
        number = control.place.amount_to(start, number)
    return control.move(tensor, number)


def _check_place(move: Move) -> None:
    if move.absolute and move.control.place is None:
        raise ControlError(
            f"Points have no value along '{move.control.card.name}', so it cannot be sent to one; give it an amount."
        )


def stacked(generator: Generator, latents: Sequence[Latent]) -> Latent:
    """``latents`` as one batch, all advanced to the deepest space that any of them holds; at least one latent.

    Spaces that not all of them hold are left out, and of what travels along what one of them has not. In every phase
    that one of them has, the others are what they are then.
    """
    windows = {window for latent in latents for window, _ in latent.phases}
    phases = tuple(
        (stretch, _stacked(generator, [latent.at((stretch.low + stretch.high) / 2) for latent in latents]))
        for stretch in apart(windows)
    )
    return replace(_stacked(generator, latents), phases=phases)


def _stacked(generator: Generator, latents: Sequence[Latent]) -> Latent:
    names = list(generator.card.spaces)
    deepest = max((name for latent in latents for name in latent.tensors), key=names.index)
    rows = [generator.advance(latent, deepest) for latent in latents]
    shared = [name for name in names if all(name in row.tensors for row in rows)]
    tensors = {name: torch.cat([row.tensors[name] for row in rows]) for name in shared}
    travelling: dict[str, Any] = {name: _joined([row.travelling[name] for row in rows]) for name in rows[0].travelling}
    return Latent(tensors, **travelling)


def _joined(parts: Sequence[Tensor | None]) -> Tensor | None:
    """``parts`` side by side; None where one of them is."""
    there = [part for part in parts if part is not None]
    return torch.cat(there) if len(there) == len(parts) else None


def rows_of(latent: Latent, rows: Sequence[int] | slice | Tensor) -> Latent:
    """The points of ``latent`` that ``rows`` picks (indices, a slice or a tensor of indices), in that order."""
    return latent.each(lambda tensor: tensor[rows])
