"""The pictures of a contact sheet: where each row's control stands in each column, by amounts or by a range."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
import torch
from torch import Tensor

from explorer.controls.base import Control
from explorer.controls.control_set import ControlSet, quantities
from explorer.engine.engine import Engine
from explorer.engine.origins import latent_of
from explorer.errors import ExportError
from explorer.export import ranges
from explorer.export.options import SheetOptions
from explorer.export.ranges import Spread
from explorer.generators.base import Generator, Progress
from explorer.generators.editing import placed
from explorer.metrics import latent_activity
from explorer.metrics.latent_activity import SELF_ENCODED, LatentActivity
from explorer.numerics.gaussian_posterior import along
from explorer.scene.cards import ControlCard
from explorer.scene.edit_text import NO_EFFECT, tau_text, unit_text
from explorer.scene.editing import with_edit
from explorer.scene.model import Edit, Origin, Pane, Scene, Seed, Start, View, view_of
from explorer.scene.origin_text import origin_text

PICTURES = 1000
"""The model's own pictures that are encoded for the ranges of codes, where none of data came with the model."""


@dataclass(frozen=True)
class Cell:
    """One picture of a contact sheet; without a view it stays empty."""

    row: str
    column: str
    view: View | None


@dataclass(frozen=True)
class Grid:
    """``cells`` row by row, ``columns`` of them in each."""

    title: str
    cells: tuple[Cell, ...]
    columns: int


@dataclass(frozen=True)
class _Row:
    label: str
    control: Control
    origin: Origin


def grid(
    engine: Engine, scene: Scene, sheet: SheetOptions, pane: int, controls: ControlSet, progress: Progress | None = None
) -> Grid:
    """The cells of ``sheet`` on ``pane``, whose control set is ``controls``.

    Raises :class:`ExportError` with one sentence where the options do not fit. ``progress`` hears of pictures that are
    encoded for a range.
    """
    base = scene.panes[pane]
    rows, title = _rows(scene, sheet, pane, controls)
    if sheet.range == "amounts":
        if not sheet.amounts:
            raise ExportError("A contact sheet needs at least one amount for its columns.")
        # Columns are amounts of all rows: in units of equal effect of those that have an effect, and the others say so.
        unit = next((said for row in rows if (said := unit_text(base.controls, row.control.card))), "")
        headings = tuple(f"{amount:+g}{unit}" if amount else "0" for amount in sheet.amounts)
        title = f"{title} · {tau_text(base.controls.tau, base.controls.calibration)}" if unit else title
        amounts: list[tuple[float, ...]] = [sheet.amounts] * len(rows)  # values of the controls that show values
    else:
        amounts, source = _ranged(engine, scene, sheet, pane, controls, rows, progress)
        headings = ranges.labels(sheet.range, max(map(len, amounts)))
        title = f"{title} · {ranges.range_named(sheet.range).title.lower()}{source}"
    cells = []
    for row, own in zip(rows, amounts, strict=True):
        name = row.control.card.name
        shown = msgspec.structs.replace(base, origin=row.origin, view="image")
        if sheet.base:
            cells.append(Cell(row.label, "base", _view(scene, shown)))
        for column, heading in enumerate(headings):
            if column < len(own):
                edit = Edit.of(name, own[column], row.control.card.shows)
                cells.append(Cell(row.label, heading, _view(scene, with_edit(shown, edit))))
            else:  # a codebook with fewer values than another row's
                cells.append(Cell(row.label, heading, None))
    name = engine.card(scene.model_of(pane)).name
    return Grid(f"{name} · {controls.title} · {title}", tuple(cells), len(headings) + sheet.base)


def _rows(scene: Scene, sheet: SheetOptions, pane: int, controls: ControlSet) -> tuple[list[_Row], str]:
    """The rows, and what the title says that they have in common."""
    base = scene.panes[pane]
    origin = scene.origin_of(pane)
    if sheet.rows == "controls":
        chosen = [controls.control(name) for name in sheet.controls] or quantities(controls.controls)
        described = _name if sheet.range == "amounts" else _described
        return [_Row(described(control.card), control, origin) for control in chosen], origin_text(origin)
    if not sheet.seeds:
        raise ExportError("A contact sheet of seeds needs at least one seed for its rows.")
    moving = [edit.control for edit in base.edits]
    control = controls.control((*sheet.controls, *moving, *(one.card.name for one in controls.controls))[0])
    return [_Row(f"seed {seed}", control, Seed(seed)) for seed in sheet.seeds], control.card.name


def _name(card: ControlCard) -> str:
    return f"{card.name} · {NO_EFFECT}" if NO_EFFECT in card.details else card.name


def _described(card: ControlCard) -> str:
    """``z4 · 3.71 nat · active``."""
    return " · ".join(part for part in (card.name, card.figure, card.badge) if part)


def _view(scene: Scene, pane: Pane) -> View:
    return view_of(msgspec.structs.replace(scene, panes=(pane,)), 0)


# --- ranges ----------------------------------------------------------------------------------------------------------


def _ranged(
    engine: Engine,
    scene: Scene,
    sheet: SheetOptions,
    pane: int,
    controls: ControlSet,
    rows: Sequence[_Row],
    progress: Progress | None,
) -> tuple[list[tuple[float, ...]], str]:
    """The amounts of each row that lead from its point to the range's positions, and what the title says of their
    source."""
    base = scene.panes[pane]
    generator = engine.shared(scene.model_of(pane))
    if reason := ranges.obstacle(sheet.range, generator.card, [row.control.card for row in rows]):
        raise ExportError(reason)
    moved: dict[str, Control] = {row.control.card.name: row.control for row in rows}
    spreads: dict[str, Spread] = {}
    source = ""
    if ranges.range_named(sheet.range).needs == "codes":
        spreads, source = _spreads(generator, moved, progress)
    amounts = []
    for row in rows:
        place = row.control.place
        if place is None:
            raise ExportError(f"Points have no place along '{row.control.card.name}'; choose a range of amounts.")
        name = row.control.card.name
        positions = ranges.positions(sheet.range, len(place.stops()) or sheet.columns, spreads.get(name))
        point = _point(generator, scene, base, row, controls)
        if row.control.card.shows == "value":
            amounts.append(positions)
            continue
        led = place.amount_to(point.expand(len(positions), -1), torch.tensor(positions, dtype=torch.float64))
        amounts.append(tuple(led.tolist()))
    return amounts, source


def _point(generator: Generator, scene: Scene, base: Pane, row: _Row, controls: ControlSet) -> Tensor:
    """Where the row's picture stands (1, width) in its control's space, with the other edits but without its own."""
    space = row.control.card.space
    latent = latent_of(generator, Start(row.origin, scene.truncation_psi, base.condition or scene.condition))
    if space not in latent.tensors:
        raise ExportError(
            f"The picture starts from a stored point that is not in space '{space}'; choose a seed, or amounts."
        )
    others = [move for move in controls.moves(base.edits) if move.control is not row.control]
    return placed(generator, latent, [move for move in others if move.control.card.space == space]).tensors[space]


def _spreads(
    generator: Generator, moved: dict[str, Control], progress: Progress | None
) -> tuple[dict[str, Spread], str]:
    """How codes lie along each control: of data where its figures came with the model and every control is an axis,
    else of the model's own pictures, encoded again."""
    directions: dict[str, Tensor] = {}
    for name, control in moved.items():
        if control.offset is None:
            raise ExportError(f"Codes have no range along '{name}', which is no direction; choose another range.")
        direction = control.offset.double()
        directions[name] = direction / direction.norm()
    axes = [_axis(direction) for direction in directions.values()]
    found = latent_activity.stored(generator)
    if found is not None and found.mean_of_mean and None not in axes:
        columns = [axis for axis in axes if axis is not None]
        return _by_name(directions, found, columns), f", from {found.n} pictures of {found.data}"
    mean, log_variance = latent_activity.self_encoded(generator, PICTURES, progress=progress)
    projected = along(mean, log_variance, torch.stack(list(directions.values())))
    found = latent_activity.from_posterior(*projected, SELF_ENCODED)
    return _by_name(directions, found, range(len(directions))), f", from {found.n} of its own pictures"


def _axis(direction: Tensor) -> int | None:
    """The axis that a unit direction is, or None."""
    axis = int(direction.abs().argmax())
    return axis if float(direction[axis]) == 1.0 and int(direction.count_nonzero()) == 1 else None


def _by_name(names: dict[str, Tensor], found: LatentActivity, columns: Sequence[int]) -> dict[str, Spread]:
    return {
        name: Spread(
            mean=found.mean_of_mean[column],
            deviation=math.sqrt(found.mean_variance[column] + found.variance_of_mean[column]),
            lowest=found.lowest_mean[column],
            highest=found.highest_mean[column],
        )
        for name, column in zip(names, columns, strict=True)
    }
