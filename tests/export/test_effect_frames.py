"""Exported effects of do(): what stands under them, and the scale of their colours."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from toys import ToyCausesFamily

from explorer.engine.engine import Engine
from explorer.export.compose import Caption, compose
from explorer.export.frames import shoot
from explorer.export.options import ExportOptions
from explorer.generators import registry
from explorer.outputs import signed_scale
from explorer.scene.model import ControlSetRef, Edit, ModelRef, Pane, Scene


@pytest.fixture
def captions(monkeypatch: pytest.MonkeyPatch) -> list[Caption]:
    """Of all frames that are composed."""
    seen: list[Caption] = []

    def noted(pictures: object, under: list[Caption], *more: object) -> np.ndarray:
        seen.extend(under)
        return compose(pictures, under, *more)  # type: ignore[arg-type]

    monkeypatch.setattr("explorer.export.frames.compose", noted)
    return seen


def test_captions_say_which_effect_it_is_and_the_scale_stands_beside_what_moves(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, captions: list[Caption]
) -> None:
    monkeypatch.setattr(registry, "families", lambda: {"toy_causes": ToyCausesFamily()})
    (tmp_path / "toy").mkdir()
    (tmp_path / "toy" / "toy.txt").write_text("0")
    causes, edits = ControlSetRef(method="causes", k=3), (Edit("a", value=2.0),)
    views = ("image", "unmoved", "total_effect", "direct_effect", "indirect_effect")
    scene = Scene(
        model=ModelRef(path=str(tmp_path / "toy")),
        panes=tuple(Pane(controls=causes, edits=edits, view=view) for view in views),
    )
    (frame,) = shoot(Engine(torch.device("cpu")), scene, ExportOptions(kind="png", height=160, labels=True)).frames()
    assert [one.name.partition(", rms")[0] for one in captions] == [
        "Causes · counterfactual", "Causes · factual", "Causes · total effect", "Causes · direct effect",
        "Causes · indirect effect",
    ]  # fmt: skip
    assert [one.moved for one in captions] == ["a = 2", "", "a = 2", "a = 2", "a = 2"]
    assert [one.is_signed for one in captions] == [False, False, True, True, True]
    colours = {tuple(pixel) for pixel in frame.reshape(-1, 3)}
    assert signed_scale.STOPS[0] in colours
    assert signed_scale.STOPS[-1] in colours


@pytest.mark.parametrize("side", [16, 64, 300])
def test_the_scale_stays_within_its_picture(side: int) -> None:
    """Also where there is hardly room for it."""
    grey = np.full((side, side, 3), 90, np.uint8)
    plain, signed = (compose([grey, grey], [Caption("x", "y", flag), Caption("z")]) for flag in (False, True))
    changed = np.nonzero((plain != signed).any(axis=(0, 2)))[0]
    assert len(changed) > 4
    assert changed.max() < plain.shape[1] // 2
    assert (plain[:side] == signed[:side]).all()
