"""Exports of diffusion models say in how many sampler steps they were made, where that is not the model's own."""

from __future__ import annotations

import pytest
import torch
from msgspec.structs import replace

from explorer.engine.engine import Engine
from explorer.export import frames as frame_module
from explorer.export.frames import shoot
from explorer.export.options import ExportOptions, SheetOptions
from explorer.scene.model import ControlSetRef, ModelRef, Pane, Quality, Scene, Seed
from explorer.ui.files.export_plan import KINDS, summary

SCENE = Scene(
    model=ModelRef(path="shapes-diffusion"),
    origin=Seed(3),
    panes=(Pane(controls=ControlSetRef(method="random_orthogonal")),),
)


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine(torch.device("cpu"))


def captions(engine: Engine, scene: Scene, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What stands below the pictures of a still."""
    titles: list[str] = []
    compose = frame_module.compose

    def listening(pictures, said, *others):  # type: ignore[no-untyped-def]
        titles.extend(caption.name for caption in said)
        return compose(pictures, said, *others)

    monkeypatch.setattr(frame_module, "compose", listening)
    list(shoot(engine, scene, ExportOptions(kind="png", labels=True)).frames())
    return titles


def test_a_picture_in_fewer_steps_says_so_below_it(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    (title,) = captions(engine, replace(SCENE, quality=Quality(steps=3)), monkeypatch)
    assert title == "Random directions · 3 of 50 steps"


def test_a_picture_in_the_models_own_number_of_steps_says_nothing(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    (title,) = captions(engine, replace(SCENE, quality=Quality(steps=50)), monkeypatch)
    assert title == "Random directions"


def test_a_sheet_says_it_in_its_title_and_the_dialog_before(engine: Engine) -> None:
    scene = replace(
        SCENE, quality=Quality(steps=3), panes=(Pane(controls=ControlSetRef(method="random_orthogonal", k=2)),)
    )
    asked = ExportOptions(kind="sheet_png", sheet=SheetOptions(amounts=(0.0,), rows="seeds", seeds=(1,)))
    assert shoot(engine, scene, asked).title.endswith(" · 3 of 50 steps")
    assert "steps" not in shoot(engine, replace(scene, quality=Quality()), asked).title
    cards = [engine.card(scene.model)]
    for kind in KINDS:
        told = summary(scene, kind, replace(asked, kind=kind.kind), cards, None)
        assert told.endswith(" · 3 of 50 steps")
