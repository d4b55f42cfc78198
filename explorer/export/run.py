"""One entry for every export: checks what is asked, renders, writes the file whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import torch

from explorer.engine.engine import Engine
from explorer.errors import ExportError
from explorer.export.carried import Reference
from explorer.export.compose import Frame
from explorer.export.frames import Shoot, pinned, shoot
from explorer.export.gif import PALETTE_FRAMES, write_gif
from explorer.export.options import MOST_COLUMNS, TALLEST, ExportKind, ExportOptions
from explorer.export.provenance import Digester, FrameDigests, GeneratorRecord, Provenance
from explorer.export.references import gathered
from explorer.export.sheet import Sheet, document, draw
from explorer.export.stills import write_png, write_sequence
from explorer.export.video import write_mp4
from explorer.files import atomic_path, expanded
from explorer.generators.base import Progress
from explorer.scene.model import Scene
from explorer.scene.store import encode_scene
from explorer.scene.validate import check_amount, check_seed, validate_scene

SUFFIXES: dict[ExportKind, str] = {
    "mp4": ".mp4",
    "gif": ".gif",
    "png": ".png",
    "png_sequence": "",
    "sheet_png": ".png",
    "sheet_pdf": ".pdf",
}
KIND_OF: dict[str, ExportKind] = {
    ".mp4": "mp4",
    ".gif": "gif",
    ".png": "png",
    ".pdf": "sheet_pdf",
    "": "png_sequence",
}


def kind_of(path: Path) -> ExportKind:
    """What a path's extension asks for; none means a folder of frames. Raises :class:`ExportError` for any other."""
    kind = KIND_OF.get(path.suffix.lower())
    if kind is None:
        raise ExportError(
            f"'{path.name}' has an unknown extension; use .mp4, .gif, .png, .pdf (a contact sheet) or none (a folder)."
        )
    return kind


def run(
    engine: Engine,
    scene: Scene,
    path: Path,
    options: ExportOptions,
    progress: Progress | None = None,
    batch: int = 0,
) -> Path:
    """Export ``scene`` to ``path`` and return it.

    ``progress`` hears the finished share after every frame, and may raise :class:`explorer.errors.Cancelled`: then, as
    after any failure, nothing half written stays.

    Raises :class:`ExportError` (or another :class:`explorer.errors.ExplorerError`) with one sentence. ``batch``: views
    rendered together; 0 chooses (a replay gives the number of the first run).
    """
    path = expanded(path)
    validate_scene(scene)
    check(path, options)
    report = progress or (lambda share: None)
    report(0.0)
    scene = pinned(engine, scene)
    references = gathered(scene)
    job = shoot(engine, scene, options, batch, progress)
    digester = Digester(job.count)
    threads = torch.get_num_threads()

    def frames() -> Iterator[Frame]:
        for frame in job.frames():
            digester.add(frame)
            yield frame
            report(digester.count / job.count)

    def provenance() -> Provenance:
        return _describe(engine, scene, options, job.batch, threads, digester.result(), references)

    if options.kind == "png_sequence":
        write_sequence(path, frames(), job.count, scene, provenance)
        return path
    fps, title = scene.timeline.fps, engine.card(scene.model).name
    with atomic_path(path) as temporary:
        match options.kind:
            case "mp4":
                write_mp4(temporary, frames(), fps, options.crf, title, provenance)
            case "gif":
                write_gif(temporary, frames(), job.sample(PALETTE_FRAMES), fps, provenance)
            case "png":
                (picture,) = frames()
                write_png(temporary, picture, provenance())
            case "sheet_png":
                sheet = _sheet(job, list(frames()))
                write_png(temporary, draw(sheet, options.labels), provenance())
            case "sheet_pdf":
                sheet = _sheet(job, list(frames()))
                temporary.write_bytes(document(sheet, provenance(), options.labels))
    return path


def _describe(
    engine: Engine,
    scene: Scene,
    options: ExportOptions,
    batch: int,
    threads: int,
    frames: FrameDigests,
    references: tuple[Reference, ...],
) -> Provenance:
    used = {scene.model: None, **{pane.model: None for pane in scene.panes if pane.model}}
    cards = [engine.card(model) for model in used]
    return Provenance(
        torch=str(torch.__version__),
        device=str(engine.device),
        threads=threads,
        batch=batch,
        generators=tuple(
            GeneratorRecord(
                name=card.name, family=card.family, path=card.called(card.path), fingerprint=card.fingerprint
            )
            for card in cards
        ),
        options=options,
        frames=frames,
        references=references,
        scene=msgspec.json.decode(encode_scene(scene)),
    )


def check(path: Path, options: ExportOptions) -> None:
    """Raise :class:`ExportError` when the options are out of range or do not fit the name of the file."""
    suffix = SUFFIXES[options.kind]
    if path.suffix.lower() != suffix:
        kind_of(path)
        wanted = f"end in {suffix}" if suffix else "be a folder's name, without an extension"
        raise ExportError(f"'{path.name}' does not fit: for this kind of export the name must {wanted}.")
    if not 0 <= options.crf <= 51:
        raise ExportError(f"The video quality (crf) is {options.crf}; it must be between 0 (lossless) and 51.")
    if not 0 <= options.height <= TALLEST:
        raise ExportError(
            f"The height is {options.height} pixels; it must be between 0 (the model's own) and {TALLEST}."
        )
    if not 1 <= options.sheet.columns <= MOST_COLUMNS:
        raise ExportError(f"The sheet has {options.sheet.columns} columns; it must have between 1 and {MOST_COLUMNS}.")
    for amount in options.sheet.amounts:
        check_amount(amount, "sheet.amounts")
    for seed in options.sheet.seeds:
        check_seed(seed, "sheet.seeds")


def _sheet(job: Shoot, cells: list[Frame]) -> Sheet:
    columns = tuple(cell.column for cell in job.cells[: job.columns])
    rows = tuple(cell.row for cell in job.cells[:: job.columns])
    return Sheet(job.title, rows, columns, cells)
