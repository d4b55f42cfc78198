"""An engine that knows toy generators, and a scene in which something moves."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from toys import ToyFamily

from explorer.engine.engine import Engine
from explorer.generators import registry
from explorer.scene.model import (
    AmountKey,
    AmountTrack,
    ControlSetRef,
    Edit,
    ModelRef,
    OriginKey,
    OriginTrack,
    Pane,
    Scene,
    Seed,
    Timeline,
)

RANDOM = ControlSetRef(method="random_orthogonal", k=4, seed=1)


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Engine:
    families = {"toy": ToyFamily()}
    monkeypatch.setattr(registry, "families", lambda: families)
    folder = tmp_path / "models" / "toy0"
    folder.mkdir(parents=True)
    (folder / "toy.txt").write_text("0")
    monkeypatch.chdir(tmp_path / "models")
    return Engine(torch.device("cpu"))


@pytest.fixture
def scene(engine: Engine) -> Scene:
    """Two panes of one toy; a control of the first moves, and so does the origin. 20 frames."""
    model = ModelRef(path="toy0")
    first, second = (control.card.name for control in engine.control_set(model, RANDOM).controls[:2])
    return Scene(
        model=model,
        panes=(
            Pane(name="left", controls=RANDOM, edits=(Edit(first, 1.0), Edit(second, -0.5))),
            Pane(name="right", controls=RANDOM, view="difference", edits=(Edit(second, 2.0),)),
        ),
        timeline=Timeline(
            duration=1.0,
            fps=10,
            loop="ping_pong",
            origin=OriginTrack(keys=(OriginKey(0.0, Seed(1)), OriginKey(1.0, Seed(2)))),
            amounts=(AmountTrack(pane=0, control=first, keys=(AmountKey(0.0, -2.0), AmountKey(1.0, 2.0))),),
        ),
    )
