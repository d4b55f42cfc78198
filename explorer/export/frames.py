"""The frames of an export before any encoding: which views they need, rendered in chunks of a fixed size."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import msgspec
import numpy as np

from explorer.controls.control_set import ControlSet
from explorer.discovery import registry as methods
from explorer.engine.engine import Engine, Picture
from explorer.errors import ExportError
from explorer.export import traversal
from explorer.export.carried import by_name
from explorer.export.compose import Caption, Frame, compose, grid, rgb, scaled
from explorer.export.options import MOST_PIXELS, ExportOptions
from explorer.export.traversal import Cell
from explorer.files import set_file
from explorer.generators import registry as generators
from explorer.generators.base import Progress
from explorer.outputs.sizes import at_height
from explorer.scene.cards import ControlSetCard, ModelCard
from explorer.scene.causes import ANSWERS, rung_of
from explorer.scene.edit_text import edit_text, tau_text, unit_text
from explorer.scene.editing import is_table
from explorer.scene.model import ControlSetRef, ModelRef, Pane, Scene, Seed, own_picture, view_of
from explorer.scene.model_text import distinct_names
from explorer.scene.own_pictures import fidelity_text
from explorer.scene.steps import steps_at_rest, steps_text
from explorer.scene.timeline import at, frame_times
from explorer.scene.two_models import has_several
from explorer.scene.views import EFFECTS, UNEDITED, VIEWS, WITH_RMS, title_of_do

BATCH = 16
"""Views rendered together. Fixed, and kept in the provenance: the last bit of a float depends on its batch."""

BATCH_OF_SAMPLERS = 4
"""The same for generators that take many steps a picture: a cancel and the live view wait for one batch at most."""


Item = TypeVar("Item")


@dataclass(frozen=True)
class Shoot:
    """The frames of an export: ``frames()`` renders them one after the other, each time anew.

    ``count`` of them; ``cells`` and ``title`` describe a contact sheet, whose frames are its pictures row by row.
    ``sample(n)`` renders at most ``n`` frames spread over the whole.
    """

    count: int
    frames: Callable[[], Iterator[Frame]]
    sample: Callable[[int], Iterator[Frame]]
    batch: int
    title: str = ""
    cells: tuple[Cell, ...] = ()
    columns: int = 0


def pinned(engine: Engine, scene: Scene) -> Scene:
    """``scene`` with the fingerprints of its generators and the digests of its control set files written in, and with
    shipped models by their names."""
    scene = by_name(scene, generators.shipped_name)

    def model(reference: ModelRef) -> ModelRef:
        return msgspec.structs.replace(reference, fingerprint=engine.card(reference).fingerprint)

    def controls(used: ModelRef, reference: ControlSetRef) -> ControlSetRef:
        like = reference.like and controls(used, reference.like)
        return msgspec.structs.replace(reference, digest=engine.digest_of(used, reference), like=like)

    def pane(old: Pane) -> Pane:
        own = controls(old.model or scene.model, old.controls)
        return msgspec.structs.replace(old, controls=own, model=old.model and model(old.model))

    return msgspec.structs.replace(scene, model=model(scene.model), panes=tuple(pane(one) for one in scene.panes))


def shoot(
    engine: Engine, scene: Scene, options: ExportOptions, batch: int = 0, progress: Progress | None = None
) -> Shoot:
    """What ``options`` ask of ``scene``. ``batch`` 0: as the generator needs. ``progress`` hears of discoveries.

    Raises :class:`ExportError` with one sentence where the options do not fit the scene.
    """
    panes = _panes(scene, options)
    cards: dict[int, ControlSetCard] = {}
    for index in panes:
        moved = scene.panes[index].edits or any(track.pane == index for track in scene.timeline.amounts)
        if moved or options.kind.startswith("sheet"):
            cards[index] = _controls(engine, scene, index, progress).card
    models = {index: engine.card(scene.model_of(index)) for index in panes}
    if not batch:
        batch = BATCH_OF_SAMPLERS if any(model.full_steps for model in models.values()) else BATCH
    if options.kind in ("sheet_png", "sheet_pdf"):
        return _sheet(engine, scene, options, panes[0], batch, progress)
    if options.kind == "png":
        times: tuple[float | None, ...] = (None,)
    else:
        if not scene.timeline.amounts and not scene.timeline.origin.keys:
            raise ExportError("Nothing moves in this scene; set keyframes in the timeline first, or export a PNG.")
        times = frame_times(scene.timeline)
    names = [_pane_name(engine, scene, index) for index in panes]
    columns = scene.columns if len(panes) == len(scene.panes) else 0
    headings = names[:columns] if columns and is_table(scene) else []
    height = options.height or max(model.size[0] for model in models.values())  # as the panes are laid out
    sizes = [models[index].size for index in panes]
    _check_pixels(*grid(sizes, options.labels, options.height, columns, bool(headings)).size)

    def rendered(moments: Sequence[float | None]) -> Iterator[Frame]:
        for chunk in _chunks(moments, max(1, batch // len(panes))):
            moved = [scene if time is None else at(scene, time) for time in chunk]
            views = [view_of(one, index) for one in moved for index in panes]
            pictures = engine.render(views, exact=True, height=height)
            for number, one in enumerate(moved):
                own = pictures[number * len(panes) : (number + 1) * len(panes)]
                called = [] if headings else names
                captions = _captions(one, panes, called, own, cards, models) if options.labels else None
                shown = [rgb(picture.bgrx) for picture in own]
                yield compose(shown, captions, options.height, columns, headings, options.scaling)

    def sample(count: int) -> Iterator[Frame]:
        return rendered(times[:: max(1, -(-len(times) // count))])

    return Shoot(len(times), lambda: rendered(times), sample, batch)


def _sheet(
    engine: Engine, scene: Scene, options: ExportOptions, pane: int, batch: int, progress: Progress | None
) -> Shoot:
    table = traversal.grid(engine, scene, options.sheet, pane, _controls(engine, scene, pane, None), _heard(progress))
    model = engine.card(scene.model_of(pane))
    cell = at_height(model.size, options.height or model.size[0])
    _check_pixels(len(table.cells) * cell[0], cell[1])
    drawn = steps_text(model, steps_at_rest(model, scene.quality))
    empty = scaled(np.full((*model.size, 3), 255, np.uint8), options.height)

    def frames(which: Sequence[Cell]) -> Iterator[Frame]:
        for chunk in _chunks(which, batch):
            views = [cell.view for cell in chunk if cell.view is not None]
            pictures = iter(engine.render(views, exact=True, height=options.height) if views else ())
            for cell in chunk:
                if cell.view is None:
                    yield empty
                else:
                    yield scaled(rgb(next(pictures).bgrx), options.height, options.scaling)

    cells = table.cells
    return Shoot(
        len(cells),
        lambda: frames(cells),
        lambda count: frames(cells[:: max(1, -(-len(cells) // count))]),
        batch,
        " · ".join(filter(None, (table.title, drawn))),
        cells,
        table.columns,
    )


def _check_pixels(height: int, width: int) -> None:
    """Raise :class:`ExportError` where a picture of so many pixels is more than can be written and read again."""
    if height * width > MOST_PIXELS:
        raise ExportError(
            f"The picture would have {height * width / 1e6:.0f} million pixels, and at most {MOST_PIXELS // 10**6} "
            "million can be exported at once; choose a smaller height, or export fewer panes or cells."
        )


def _panes(scene: Scene, options: ExportOptions) -> list[int]:
    if options.pane >= len(scene.panes):
        raise ExportError(f"There is no pane {options.pane}; the scene has panes 0 to {len(scene.panes) - 1}.")
    if options.pane >= 0:
        return [options.pane]
    return [scene.selected] if options.kind.startswith("sheet") else list(range(len(scene.panes)))


def _controls(engine: Engine, scene: Scene, pane: int, progress: Progress | None) -> ControlSet:
    chosen = scene.panes[pane]
    heard = _heard(progress)
    waiting = None if heard is None else lambda: heard(0.0)
    return engine.control_set(scene.model_of(pane), chosen.controls, heard, waiting)


def _heard(progress: Progress | None) -> Progress | None:
    """For work before the first frame: its share is not that of the export, but it can be cancelled."""
    return None if progress is None else lambda _share: progress(0.0)


def _pane_name(engine: Engine, scene: Scene, index: int) -> str:
    pane = scene.panes[index]
    if pane.name:
        return pane.name
    known = methods.methods().get(pane.controls.method)
    title = known.card.title if known and not pane.controls.path else _path(pane.controls).stem
    if not has_several(scene):
        return title
    models = [scene.model_of(number) for number in range(len(scene.panes))]
    called = distinct_names({model.path: engine.card(model).name for model in models})
    return f"{called[scene.model_of(index).path]} · {title}"


def _captions(
    scene: Scene,
    panes: Sequence[int],
    names: Sequence[str],
    pictures: Sequence[Picture],
    cards: Mapping[int, ControlSetCard],
    models: Mapping[int, ModelCard],
) -> list[Caption]:
    """What stands below each picture. ``names``: of the panes; empty where the columns are named above them. ``cards``:
    of the control sets that move something, and ``models``: those of the models, by pane."""
    captions = []
    for number, (index, picture) in enumerate(zip(panes, pictures, strict=True)):
        pane = scene.panes[index]
        shown = own_picture(pane.origin or scene.origin)
        parts = [names[number]] if names and pane.view != "original" else []
        if isinstance(pane.origin, Seed):
            parts.append(f"seed {pane.origin.seed}")
        own = cards.get(index)
        if pane.view in WITH_RMS:
            parts.append(f"{VIEWS[pane.view].note.removeprefix('rms ')}, rms {picture.rms:.3f}")
        elif own is not None and own.graph is not None and pane.view != "truth":
            parts.append(title_of_do(pane.view, ANSWERS[rung_of(own.controls, pane.edits)]).lower())
        elif pane.view == "original" and shown is not None:
            parts.append(f"{VIEWS[pane.view].note}: {shown.name}")
        elif note := VIEWS[pane.view].note:
            parts.append(note)
        elif shown is not None and not pane.edits:
            parts.append(fidelity_text(shown))
        if pane.view != "original" and (drawn := steps_text(models[index], picture.steps)):
            parts.append(drawn)
        known = {card.name: card for card in own.controls} if own is not None else {}
        # Tracks too, whose amounts may pass through 0: the line must not come and go in a film.
        tracked = (track.control for track in scene.timeline.amounts if track.pane == index)
        if any(
            unit_text(pane.controls, known.get(name)) for name in (*(edit.control for edit in pane.edits), *tracked)
        ):
            parts.append(tau_text(pane.controls.tau, pane.controls.calibration))
        edits = pane.edits if pane.view not in UNEDITED else ()
        moved = ", ".join(edit_text(scene, pane.controls, edit, known.get(edit.control)) for edit in edits)
        captions.append(Caption(" · ".join(parts), moved, is_signed=pane.view in EFFECTS))
    return captions


def _path(controls: ControlSetRef) -> Path:
    return set_file(controls.path)


def _chunks(items: Sequence[Item], length: int) -> Iterator[Sequence[Item]]:
    return (items[start : start + length] for start in range(0, len(items), length))
