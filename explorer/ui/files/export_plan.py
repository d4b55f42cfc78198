"""What an export will be, before it is started: kinds, sizes, counts, names, obstacles. Plain values, no Qt."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from explorer.export.options import ExportKind, ExportOptions
from explorer.export.ranges import even, longest_codebook
from explorer.files import expanded
from explorer.outputs.sizes import at_height
from explorer.scene.cards import ControlSetCard, ModelCard
from explorer.scene.editing import is_table
from explorer.scene.model import Scene, Seed
from explorer.scene.steps import steps_at_rest, steps_text
from explorer.scene.timeline import frame_times


@dataclass(frozen=True)
class Kind:
    """A kind of export as the dialog lists it."""

    kind: ExportKind
    title: str
    suffix: str  # empty: a folder
    moves: bool = False  # it follows the timeline
    is_sheet: bool = False


KINDS = (
    Kind("mp4", "Video (MP4)", ".mp4", moves=True),
    Kind("gif", "Animated GIF", ".gif", moves=True),
    Kind("png", "Picture (PNG)", ".png"),
    Kind("png_sequence", "Frames (a folder of PNGs)", "", moves=True),
    Kind("sheet_png", "Contact sheet (PNG)", ".png", is_sheet=True),
    Kind("sheet_pdf", "Contact sheet (PDF)", ".pdf", is_sheet=True),
)
MOST_SEEDS = 200  # of a sheet; a higher one cannot be read
SEQUENCE_MARK = "provenance.json"  # in a folder of frames that an earlier export wrote, and may replace


def even_amounts(low: float, high: float, count: int) -> tuple[float, ...]:
    """``count`` amounts from ``low`` to ``high``, evenly spaced; one is the middle."""
    return tuple(round(amount, 6) for amount in even(low, high, count))


def default_height(card: ModelCard | None) -> int:
    """The smallest whole multiple of the model's own height from 512 pixels on: where pixels are squares, all are of
    one size."""
    own = card.size[0] if card else 512
    return own * max(1, -(-512 // own))


def default_name(scene: Scene, card: ModelCard | None, kind: Kind) -> str:
    """``shapes-btcvae-azimuth.mp4``: the model, and what moves; safe on every file system."""
    parts = [card.name if card else Path(scene.model.path).name]
    if kind.is_sheet:
        parts.append("sheet")
    elif kind.moves:
        names = list(dict.fromkeys(track.control for track in scene.timeline.amounts))
        parts += names if len(names) <= 2 else ["timeline"]
        parts += ["seeds"] if len(scene.timeline.origin.keys) > 1 else []
    else:
        origins = set(map(scene.origin_of, range(len(scene.panes))))
        parts += [f"seed{origin.seed}" for origin in origins if isinstance(origin, Seed) and len(origins) == 1]
    return re.sub(r"[^\w.+-]+", "-", "-".join(parts)).strip("-.") + kind.suffix


def free_path(folder: Path, name: str) -> Path:
    """``name`` in ``folder``, with a number where that exists already."""
    path = folder / name
    number = 2
    while path.exists():
        path = folder / f"{Path(name).stem}-{number}{Path(name).suffix}"
        number += 1
    return path


def with_suffix(text: str, kind: Kind) -> str:
    """The typed path with the extension that ``kind`` needs, in place of that of another kind."""
    if not text.strip():
        return text
    path = Path(text)
    known = {one.suffix for one in KINDS}
    stem = path.with_suffix("") if path.suffix.lower() in known else path
    return str(stem) + kind.suffix


def obstacle(scene: Scene, kind: Kind, path_text: str) -> str:
    """Why this cannot be written there, in one sentence; empty when nothing is in the way."""
    if kind.moves and not (scene.timeline.amounts or scene.timeline.origin.keys):
        return "Nothing moves yet: set keyframes in the timeline (K), or choose a picture or a contact sheet."
    if not path_text.strip():
        return "Choose where to write the file."
    path = expanded(path_text)
    if path.suffix.lower() != kind.suffix:
        wanted = f"end in {kind.suffix}" if kind.suffix else "be that of a folder, without an extension"
        return f"The name must {wanted} for this kind of export."
    if kind.suffix and path.is_dir():
        return f"'{path}' is a folder; add a file name."
    if not kind.suffix and path.is_dir() and any(path.iterdir()) and not (path / SEQUENCE_MARK).exists():
        return f"The folder '{path.name}' holds other files; choose a new one."
    if not kind.suffix and path.is_file():
        return f"'{path.name}' is a file; the frames need a folder."
    folder = path.absolute().parent
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    if not folder.is_dir():
        return f"'{folder}' is not a folder; choose another place."
    if not os.access(folder, os.W_OK):
        return f"The folder '{folder}' cannot be written; choose another one."
    return ""


def summary(
    scene: Scene, kind: Kind, options: ExportOptions, cards: list[ModelCard | None], controls: ControlSetCard | None
) -> str:
    """``192 frames · 8.0 s at 24 fps · 1036 × 590 pixels``. ``cards``: the model of each pane."""
    if kind.is_sheet:
        return _sheet_summary(scene, options, cards, controls)
    from explorer.export.compose import grid  # Pillow's import is not for the start of the window

    panes = [options.pane] if options.pane >= 0 else list(range(len(scene.panes)))
    sizes = [card.size for pane in panes if (card := cards[pane]) is not None]
    parts = []
    if kind.moves:
        count, fps = len(frame_times(scene.timeline)), scene.timeline.fps
        parts.append(f"{count} frame{'s' * (count != 1)}")
        parts.append(f"{count / fps:.1f} s at {fps} fps")
    if len(sizes) == len(panes):
        columns = scene.columns if len(panes) == len(scene.panes) else 0
        height, width = grid(sizes, options.labels, options.height, columns, bool(columns) and is_table(scene)).size
        if kind.kind == "mp4":  # video asks for even sizes
            height, width = height + height % 2, width + width % 2
        parts.append(f"{width} × {height} pixels")
    return " · ".join([*parts, *_drawn(scene, [cards[pane] for pane in panes])])


def _drawn(scene: Scene, cards: list[ModelCard | None]) -> list[str]:
    """In how many sampler steps the pictures are made, where these are not the model's own number."""
    texts = [steps_text(card, steps_at_rest(card, scene.quality)) for card in cards if card is not None]
    return list(dict.fromkeys(filter(None, texts)))


def _sheet_summary(
    scene: Scene, options: ExportOptions, cards: list[ModelCard | None], controls: ControlSetCard | None
) -> str:
    sheet = options.sheet
    known = len(sheet.controls) or (len(controls.controls) if controls else 0)
    rows = len(sheet.seeds) if sheet.rows == "seeds" else known
    if sheet.range == "codebook":
        columns = longest_codebook(controls.controls if controls else ())
    else:
        columns = len(sheet.amounts) if sheet.range == "amounts" else sheet.columns
    columns += sheet.base
    parts = [f"{rows} row{'s' * (rows != 1)} × {columns} column{'s' * (columns != 1)}"]
    card = cards[options.pane if options.pane >= 0 else scene.selected]
    if card is not None:
        height, width = at_height(card.size, options.height)
        parts.append(f"each {width} × {height} pixels")
    return " · ".join([*parts, *_drawn(scene, [card])])
