"""Scenes: their own files, what carries one, their replay, and the session that a window left."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from functools import partial
from pathlib import Path

from tests.hostile.entry import Entry, Refusal
from tests.hostile.workshop import engine, once

KINDS = {"png": "a.png", "png_sequence": "a", "gif": "a.gif", "sheet_pdf": "a.pdf", "mp4": "a.mp4"}
MODEL = "known-arc"
"""A shipped model that draws at once."""


def scene():
    """Two panes in which something moves, with a bookmark."""
    from explorer.scene.model import (
        AmountKey,
        AmountTrack,
        Bookmark,
        ControlSetRef,
        Edit,
        ModelRef,
        OriginKey,
        OriginTrack,
        Pane,
        Scene,
        Seed,
        Timeline,
    )  # fmt: skip

    model, controls = ModelRef(path=MODEL), ControlSetRef(method="random_orthogonal", k=3, seed=1)
    name = engine().control_set(model, controls).controls[0].card.name
    panes = (
        Pane(name="left", controls=controls, edits=(Edit(name, 1.0),)),
        Pane(name="right", controls=controls, view="difference", edits=(Edit(name, 0.5),)),
    )
    timeline = Timeline(
        duration=0.4, fps=5, origin=OriginTrack(keys=(OriginKey(0.0, Seed(1)), OriginKey(0.4, Seed(2)))),
        amounts=(AmountTrack(pane=0, control=name, keys=(AmountKey(0.0, -1.0), AmountKey(0.4, 1.0))),),
    )  # fmt: skip
    marks = (Bookmark(name="here", model=model, origin=Seed(9), truncation_psi=0.5, panes=panes),)
    return Scene(model=model, panes=panes, timeline=timeline, bookmarks=marks)


def _scene(folder: Path) -> Path:
    from explorer.scene.store import save_scene

    save_scene(scene(), folder / "a.scene.json")
    return folder / "a.scene.json"


def _scene_with_files(folder: Path) -> Path:
    """Carries a control set that it names, and that is not there."""
    from explorer.controls import control_set
    from explorer.discovery import registry as methods
    from explorer.export.references import gathered
    from explorer.scene.model import ControlSetRef, ModelRef, OriginKey, OriginTrack, Pane, Scene, Seed, Timeline
    from explorer.scene.store import save_scene

    model = ModelRef(path=MODEL)
    place = folder / "set.safetensors"
    control_set.save(methods.method("random_orthogonal").discover(engine().generator(model), 2), place)
    origin = OriginTrack(keys=(OriginKey(0.0, Seed(1)), OriginKey(0.4, Seed(2))))
    named = Scene(
        model=model,
        panes=(Pane(controls=ControlSetRef(path=str(place))),),
        timeline=Timeline(duration=0.4, fps=5, origin=origin),
    )
    save_scene(named, folder / "a.scene.json", gathered(named))
    place.unlink()
    return folder / "a.scene.json"


def _exported(kind: str, folder: Path) -> Path:
    def write(place: Path) -> None:
        from explorer.export.options import ExportOptions, SheetOptions
        from explorer.export.run import run

        options = ExportOptions(kind=kind, height=32, crf=0, sheet=SheetOptions(amounts=(-1.0, 1.0)))
        run(engine(), scene(), place / KINDS[kind], options)

    made = once(f"exported {kind}", write) / KINDS[kind]
    if made.is_dir():
        shutil.copytree(made, folder / made.name)
    else:
        shutil.copy(made, folder)
    return folder / made.name


def _figure(folder: Path) -> Path:
    """An SVG that carries a scene."""
    from explorer.export.embed import with_svg_metadata
    from explorer.export.provenance import encode
    from explorer.export.replay import read as read_export

    _, _, provenance = read_export(_exported("png", folder))
    (folder / "a.png").unlink()
    drawn = b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"><path d="M0 0"/></svg>\n'
    (folder / "a.svg").write_bytes(with_svg_metadata(drawn, encode(provenance)))
    return folder / "a.svg"


def opened(path: Path) -> Iterable[str]:
    """Read the scene, what it carries, and in which order it was drawn; put what is carried where it can be used."""
    from explorer.export.carried import restored
    from explorer.export.embed import carries_scene, contents_of, not_carried
    from explorer.generators.registry import shipped_name

    carries_scene(path)
    contents = contents_of(path)
    not_carried(path)
    restored(contents.scene, contents.references, shipped_name)
    return ()


def replayed(path: Path) -> None:
    """Render the file again, and compare."""
    from explorer.export import replay

    if path.name.endswith(".json"):
        for number, _ in enumerate(replay.frames(engine(), path)):
            if number == 2:
                break
    else:
        replay.verify(engine(), path)


def _session(folder: Path) -> Path:
    from explorer.scene.store import encode_scene

    head = b'{"format":"latent-explorer-session","version":1,"path":"","modified":true,"scene":'
    (folder / "last-session.json").write_bytes(head + encode_scene(scene()) + b"}")
    return folder / "last-session.json"


def session(path: Path) -> None:
    """What a window left."""
    from explorer.ui.state.session import kept_session

    if kept_session(path) is None:
        raise Refusal("It is damaged and is not used.")  # what is said of it is said once a file, in the log


SEEDS = {kind: partial(_exported, kind) for kind in KINDS}
ENTRIES = (
    Entry("scene", {"plain": _scene, "with files": _scene_with_files}, opened),
    *(Entry(f"scene in {kind}", {kind: seed}, opened) for kind, seed in SEEDS.items()),
    Entry("scene in svg", {"svg": _figure}, opened),
    Entry("replay of a scene", {"plain": _scene, "with files": _scene_with_files}, replayed, names=True),
    Entry("replay of a film", SEEDS, replayed, names=True),
    Entry("session", {"session": _session}, session, writes=True),
)
