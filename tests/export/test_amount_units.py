"""Exported frames say in which unit amounts are, as the sliders do, and of which model they are."""

from __future__ import annotations

import shutil

import msgspec
import numpy as np
import pytest

from explorer.comparison import derive
from explorer.controls.base import Control
from explorer.engine.engine import Engine
from explorer.export import frames as frame_module
from explorer.export.compose import Caption, Frame, compose
from explorer.export.frames import shoot
from explorer.export.lettering import line
from explorer.export.options import ExportOptions, Scaling, SheetOptions
from explorer.generators.base import Generator, Progress
from explorer.scene.model import (
    AmountKey,
    AmountTrack,
    Calibration,
    ControlSetRef,
    Edit,
    ModelRef,
    Pane,
    Scene,
    Timeline,
)

EFFECT = ControlSetRef(method="latent_axes", k=2, units="effect", tau=0.02)


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """The second control has no effect."""

    def found(
        generator: Generator,
        controls: list[Control],
        tau: float,
        progress: Progress | None = None,
        calibration: Calibration = "chord",
    ) -> list[float | None]:
        assert tau == EFFECT.tau
        return [0.5, None]

    monkeypatch.setattr(derive, "calibrated", found)


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[Caption]:
    """The captions of all frames."""
    found: list[Caption] = []

    def noted(
        pictures: list[Frame],
        captions: list[Caption] | None,
        height: int,
        columns: int,
        headings: list[str],
        scaling: Scaling,
    ) -> Frame:
        found.extend(captions or ())
        return compose(pictures, captions, height, columns, headings, scaling)

    monkeypatch.setattr(frame_module, "compose", noted)
    return found


def test_every_picture_of_two_models_says_which_it_is_of(engine: Engine, scene: Scene, said: list[Caption]) -> None:
    shutil.copytree("toy0", "toy1")
    own, other = (Pane(controls=scene.panes[0].controls, model=model) for model in (None, ModelRef(path="toy1")))
    (_,) = shoot(engine, Scene(model=scene.model, panes=(own, other)), ExportOptions(kind="png")).frames()
    first, second = (engine.card(model).name for model in (scene.model, ModelRef(path="toy1")))
    assert [caption.name.split(" · ")[0] for caption in said] == [first, second]


@pytest.fixture
def calibrated(engine: Engine, scene: Scene, steps: None) -> Scene:
    """Three panes: one in units of equal effect, one whose control has none, one in units of its own."""
    model = scene.model
    names = [one.card.name for one in engine.control_set(model, EFFECT).controls]
    native = msgspec.structs.replace(EFFECT, units="native")
    return Scene(
        model=model,
        panes=(
            Pane(name="a", controls=EFFECT, edits=(Edit(names[0], 1.0), Edit(names[1], -2.0))),
            Pane(name="b", controls=EFFECT, edits=(Edit(names[1], 1.0),)),
            Pane(name="c", controls=native, edits=(Edit(names[0], 0.5),)),
            Pane(name="d", controls=EFFECT),
        ),
        timeline=Timeline(
            duration=0.2,
            fps=10,
            amounts=(AmountTrack(pane=3, control=names[0], keys=(AmountKey(0.0, 0.0), AmountKey(0.2, 2.0))),),
        ),
    )


def test_captions_say_the_unit_and_what_it_is(engine: Engine, calibrated: Scene, said: list[Caption]) -> None:
    (_,) = shoot(engine, calibrated, ExportOptions(kind="png")).frames()
    first, second = (one.card.name for one in engine.control_set(calibrated.model, EFFECT).controls)
    assert [one.moved for one in said] == [f"{first} +1.00 τ, {second} −2.00", f"{second} +1.00", f"{first} +0.50", ""]
    assert [one.name.split(" · ")[-1] for one in said] == ["τ = 0.02", "b", "c", "τ = 0.02"]


def test_units_along_the_path_say_so(engine: Engine, calibrated: Scene, said: list[Caption]) -> None:
    along = msgspec.structs.replace(EFFECT, units="arc")
    pane = msgspec.structs.replace(calibrated.panes[0], controls=along)
    scene = msgspec.structs.replace(calibrated, panes=(pane,), timeline=Timeline())
    (_,) = shoot(engine, scene, ExportOptions(kind="png")).frames()
    assert said[0].name.endswith("τ = 0.02 along the path")
    assert "+1.00 τ" in said[0].moved
    sheet = SheetOptions(amounts=(1.0,))
    shot = shoot(engine, scene, ExportOptions(kind="sheet_png", pane=0, sheet=sheet))
    assert [cell.column for cell in shot.cells] == ["+1 τ"] * 2


def test_a_film_says_it_from_beginning_to_end(engine: Engine, calibrated: Scene, said: list[Caption]) -> None:
    frames = list(shoot(engine, calibrated, ExportOptions(kind="png_sequence", pane=3)).frames())
    first = engine.control_set(calibrated.model, EFFECT).controls[0].card.name
    assert len(said) == len(frames) > 1
    assert said[0].moved == ""  # an amount of 0 has no unit
    assert said[-1].moved.startswith(f"{first} +")
    assert said[-1].moved.endswith(" τ")
    assert {one.name for one in said} == {"d · τ = 0.02"}


def test_sheets_say_it_above_their_columns(engine: Engine, calibrated: Scene) -> None:
    first, second = (one.card.name for one in engine.control_set(calibrated.model, EFFECT).controls)
    sheet = SheetOptions(amounts=(-1.0, 0.0, 1.5))
    shot = shoot(engine, calibrated, ExportOptions(kind="sheet_png", pane=0, sheet=sheet))
    assert [cell.column for cell in shot.cells[:3]] == ["-1 τ", "0", "+1.5 τ"]
    assert [cell.row for cell in shot.cells[::3]] == [first, f"{second} · no visible effect"]
    assert shot.title.endswith(" · seed 0 · τ = 0.02")
    dead = msgspec.structs.replace(sheet, controls=(second,))
    shot = shoot(engine, calibrated, ExportOptions(kind="sheet_png", pane=0, sheet=dead))
    assert [cell.column for cell in shot.cells] == ["-1", "0", "+1.5"]
    assert "τ" not in shot.title
    native = shoot(engine, calibrated, ExportOptions(kind="sheet_png", pane=2, sheet=sheet))
    assert [cell.column for cell in native.cells[:3]] == ["-1", "0", "+1.5"]
    assert "τ" not in native.title


def test_unit_and_sign_are_written_the_same_on_every_machine() -> None:
    """Pillow's own font lacks both, and which others there are depends on the machine."""
    np.testing.assert_array_equal(line("smile +1.00 τ", 14), line("smile +1.00 tau", 14))
    np.testing.assert_array_equal(line("smile −1.00 τ", 14), line("smile -1.00 tau", 14))
