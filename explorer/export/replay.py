"""Rendering an exported file again, and saying whether the frames are the same to the last bit."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec
import torch

from explorer.engine.engine import Engine
from explorer.engine.named_files import CONTROLS, MODEL
from explorer.errors import ExportError, ModelError
from explorer.export import run as export
from explorer.export.carried import needed, restored, texts_in
from explorer.export.compose import Frame
from explorer.export.embed import Contents, contents_of
from explorer.export.frames import shoot
from explorer.export.options import ExportOptions
from explorer.export.png_file import pixels_in
from explorer.export.provenance import Digester, FigureProvenance, FrameDigests, Provenance
from explorer.export.stills import sequence_files
from explorer.export.video import read_mp4
from explorer.files import set_file
from explorer.generators import registry as generators
from explorer.generators.base import Progress
from explorer.reading import foreign, sha256_of
from explorer.scene.model import Scene
from explorer.scene.order import OTHER_ORDER, order_mattered
from explorer.scene.store import ORDERED, drawn_panes

__all__ = ["Comparison", "Places", "compare", "frames", "read", "rerun", "verify"]


OPTIONS = {MODEL: "--model", CONTROLS: "--controls"}
"""What a replay is told with where something lies."""


@dataclass(frozen=True)
class Comparison:
    """Two renderings of one scene. ``first``/``last``: the frames among which the first difference lies."""

    identical: bool
    count: int
    first: int = -1
    last: int = -1
    cause: str = ""

    @property
    def sentence(self) -> str:
        """One line for the user."""
        number = f"{self.count} frame{'s' if self.count != 1 else ''}"
        if self.identical:
            return f"bit-identical: {number}"
        where = f"frame {self.first}" if self.first == self.last else f"frames {self.first} to {self.last}"
        return f"different: the first difference is in {where} of {number}{f' ({self.cause})' if self.cause else ''}"


def compare(old: FrameDigests, new: FrameDigests, cause: str = "") -> Comparison:
    """Where two renderings differ, from their digests."""
    if old.sha256 == new.sha256 and old.count == new.count:
        return Comparison(True, new.count)
    if (old.count, old.block) != (new.count, new.block):
        return Comparison(False, new.count, 0, new.count - 1, f"there were {old.count} frames")
    if (old.height, old.width) != (new.height, new.width):
        return Comparison(False, new.count, 0, 0, f"their size was {old.width} × {old.height}")
    differing = next(i for i, (a, b) in enumerate(zip(old.blocks, new.blocks, strict=True)) if a != b)
    first = differing * old.block
    return Comparison(False, new.count, first, min(new.count, first + old.block) - 1, cause)


@dataclass(frozen=True)
class Places:
    """Where the scene's own model and the control set files are on this machine; empty: where they were."""

    model: str = ""
    controls: str = ""

    def applied(self, scene: Scene) -> Scene:
        """``scene`` with the new places; fingerprints and digests stay, so that another file is found out."""
        if self.model:
            moved = msgspec.structs.replace(scene.model, path=self.model)
            scene = msgspec.structs.replace(scene, model=moved)
        if not self.controls:
            return scene
        panes = (
            msgspec.structs.replace(pane, controls=msgspec.structs.replace(pane.controls, path=self.controls))
            if pane.controls.path
            else pane
            for pane in scene.panes
        )
        return msgspec.structs.replace(scene, panes=tuple(panes))


def read(path: Path) -> tuple[Scene, ExportOptions, Provenance | None]:
    """As :func:`explorer.export.embed.read`. Raises :class:`ExportError` for a figure, which has no frames."""
    contents, provenance = _of_frames(path)
    return contents.scene, contents.options, provenance


def _of_frames(path: Path) -> tuple[Contents, Provenance | None]:
    """What ``path`` carries, and how its frames were made; raises as :func:`read`."""
    contents = contents_of(path)
    if isinstance(contents.provenance, FigureProvenance):
        raise ExportError(
            f"'{Path(path).name}' is a figure, {contents.provenance.shows}, and has no frames to render again; open it "
            "in the window to get the scene that it was drawn of."
        )
    return contents, contents.provenance


def frames(
    engine: Engine, path: Path, progress: Progress | None = None, places: Places | None = None
) -> Iterator[Frame]:
    """The frames of the exported file ``path``, rendered again from the scene that it carries.

    Raises :class:`explorer.errors.SceneError` when it carries none, :class:`ModelError` when a generator has changed.
    """
    contents, provenance = _of_frames(path)
    scene, options = _here(contents, path, places), contents.options
    if provenance is None:
        yield from shoot(engine, scene, options, progress=progress).frames()
        return
    require_generators(engine, scene)
    with _threads(provenance.threads):
        yield from shoot(engine, scene, options, provenance.batch, progress).frames()


def _here(contents: Contents, path: Path, places: Places | None) -> Scene:
    """The scene of ``contents``, what the file ``path`` carries, at its ``places``, with what is carried where that is
    not there. Raises :class:`ExportError` naming what its pictures need and what is neither there nor carried."""
    scene = (places or Places()).applied(contents.scene)
    needed_for_pictures = texts_in(msgspec.structs.replace(scene, bookmarks=(), marks=()))
    scene, missing = restored(scene, contents.references, generators.shipped_name)
    if missing := tuple(reference for reference in missing if reference.text in needed_for_pictures):
        options = [option for noun, option in OPTIONS.items() if any(one.noun == noun for one in missing)]
        elsewhere = f", or say with {' and '.join(options)} where it is" if options else ""
        raise ExportError(f"{needed(missing, path.name).removesuffix('.')}{elsewhere}.")
    return scene


def verify(engine: Engine, path: Path, progress: Progress | None = None, places: Places | None = None) -> Comparison:
    """Render ``path`` again and compare with its digests; where it stores the pixels without loss, those too.

    Raises :class:`ExportError` for a scene file, which records no frames.
    """
    _, _, provenance = read(path)
    if provenance is None:
        raise ExportError(f"'{path.name}' is a scene, not an export, so there are no frames to compare with.")
    stored = _stored(Path(path), provenance)
    if stored is not None:
        with foreign(path, "an export whose pictures can be read", ExportError):
            kept = _digests(stored, provenance.frames.count)
        if kept.sha256 != provenance.frames.sha256:
            return compare(provenance.frames, kept, "the file's own pixels were changed after it was written")
    digester = Digester(provenance.frames.count)
    for frame in frames(engine, path, progress, places):
        digester.add(frame)
        if progress is not None:
            progress(digester.count / provenance.frames.count)
    return compare(provenance.frames, digester.result(), _cause(engine, provenance))


def rerun(
    engine: Engine,
    path: Path,
    out: Path,
    progress: Progress | None = None,
    options: ExportOptions | None = None,
    places: Places | None = None,
) -> Comparison | None:
    """Export the scene that ``path`` carries to ``out``, as it was exported, or as ``options`` say.

    Returns how the new frames compare with the old ones; None where there is nothing to compare: ``path`` is a scene
    file, or other pictures were asked for.
    """
    contents, provenance = _of_frames(path)
    scene, old_options = _here(contents, path, places), contents.options
    chosen = options or for_path(old_options, out)
    if provenance is None:
        export.run(engine, scene, out, chosen, progress)
        return None
    require_generators(engine, scene)
    with _threads(provenance.threads):
        export.run(engine, scene, out, chosen, progress, provenance.batch)
    _, _, renewed = read(out)
    if renewed is None or _pictures(chosen) != _pictures(old_options):
        return None
    return compare(provenance.frames, renewed.frames, _cause(engine, provenance))


def for_path(options: ExportOptions, out: Path) -> ExportOptions:
    """``options`` with the kind that ``out`` asks for, if it is not the one they have. Raises :class:`ExportError`."""
    kind = export.kind_of(out)
    if export.SUFFIXES[options.kind] == out.suffix.lower():
        return options
    return msgspec.structs.replace(options, kind=kind)


def require_generators(engine: Engine, scene: Scene) -> None:
    """Raise :class:`ModelError` or :class:`ExportError` unless models and control set files are the scene's."""
    references = {scene.model: None, **{pane.model: None for pane in scene.panes if pane.model}}
    for reference in references:
        card = engine.card(reference)
        if reference.fingerprint and card.fingerprint != reference.fingerprint:
            raise ModelError(
                f"The scene was made with another '{card.name}' (fingerprint {reference.fingerprint[:12]}…, here "
                f"{card.fingerprint[:12]}…); put the model it was made with at '{reference.path}', or say where it is."
            )
    for pane in scene.panes:
        controls = pane.controls
        place = set_file(controls.path)
        if controls.path and controls.digest and place.is_file():
            digest = sha256_of(place)
            if digest != controls.digest:
                raise ExportError(f"The control set '{controls.path}' has changed since; put the old file back.")


def other_order(engine: Engine, path: Path, places: Places | None = None) -> str:
    """What is to be said of the scene that ``path`` carries, if it was drawn in another order of its controls than it
    is now (:data:`OTHER_ORDER`); else nothing."""
    contents = contents_of(path)
    scene = (places or Places()).applied(contents.scene)
    for (model, controls), names in zip(drawn_panes(scene)[: len(scene.panes)], contents.touched, strict=False):
        if len(names) > 1:
            card = engine.control_set(model, controls).card
            if order_mattered(names, card):
                return OTHER_ORDER
    return ""


def _pictures(options: ExportOptions) -> ExportOptions:
    """``options`` without what changes the encoding alone, to tell whether two exports show the same frames."""
    groups = {"gif": "mp4", "png_sequence": "mp4", "sheet_pdf": "sheet_png"}
    labels = options.labels and not options.kind.startswith("sheet")  # a sheet's labels are not part of its pictures
    kind = groups.get(options.kind, options.kind)
    return msgspec.structs.replace(options, kind=kind, crf=18, labels=labels)


def _stored(path: Path, provenance: Provenance) -> Iterator[Frame] | None:
    options = provenance.options
    height, width = provenance.frames.height, provenance.frames.width
    if options.kind in ("png", "png_sequence"):
        files = [path] if options.kind == "png" else sequence_files(path)
        return (_stored_pixels(file, (height, width)) for file in files)
    if options.kind == "mp4" and options.crf == 0:
        return (frame[:height, :width] for frame in read_mp4(path))  # without what made the size even
    return None


def _stored_pixels(path: Path, size: tuple[int, int]) -> Frame:
    with foreign(path, "the picture that was exported", ExportError):
        return pixels_in(path, size)


def _digests(stored: Iterator[Frame], count: int) -> FrameDigests:
    digester = Digester(count)
    for frame in stored:
        digester.add(frame)
    return digester.result()


def _cause(engine: Engine, provenance: Provenance) -> str:
    """What is known to change the last bits."""
    if str(engine.device) != provenance.device:
        return f"made on {provenance.device}, rendered again on {engine.device}"
    if str(torch.__version__) != provenance.torch:
        return f"made with torch {provenance.torch}, rendered again with {torch.__version__}"
    if provenance.scene.get("version", ORDERED) < ORDERED:
        return "made by a version that moved and listed sliders in the order in which they had been touched"
    return ""


@contextmanager
def _threads(count: int) -> Iterator[None]:
    """The last bit of a sum depends on how many threads share it: use as many as the first time."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
