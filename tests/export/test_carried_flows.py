"""What is made with a flow of another program is replayed where its checkpoint is not."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path

import pytest
import torch

from explorer.engine.engine import Engine
from explorer.export.options import ExportOptions
from explorer.export.replay import verify
from explorer.export.run import run
from explorer.reading import sha256_of
from explorer.scene.model import ControlSetRef, Edit, ModelRef, Pane, Scene

WIDTH, COUNT, SUPPORTS = 10, 2, 6  # of w of toy0


@pytest.mark.parametrize("gamma", [0.05, 0.4])
def test_a_picture_carries_the_checkpoint_the_trainers_settings_and_the_answers(
    gamma: float, engine: Engine, tmp_path: Path
) -> None:
    source = torch.Generator().manual_seed(0)
    folder = tmp_path / "experiment"
    (folder / "models").mkdir(parents=True)
    state = {
        "SUPPORT_SETS": torch.randn(COUNT, SUPPORTS * WIDTH, generator=source),
        "ALPHAS": torch.tensor([1.0, -1.0]).repeat(COUNT, SUPPORTS // 2),
        "LOGGAMMA": torch.full((COUNT, 1), math.log(3.0)),
    }
    path = folder / "models" / "support_sets.pt"
    torch.save(state, path)
    (folder / "args.json").write_text(json.dumps({"gan_type": "ProgGAN", "learn_gammas": False, "gamma": gamma}))
    answers = (("space", "w"), ("eps", 0.5), ("layers", "1-2"))
    controls = ControlSetRef(path=str(path), digest=sha256_of(path), settings=answers)
    pane = Pane(controls=controls, edits=(Edit("path 0", 4.0), Edit("path 1", -3.0)))
    scene = Scene(model=ModelRef(path="toy0"), panes=(pane,))
    found = engine.control_set(scene.model, controls)
    assert [one.card.layers for one in found.controls] == [(1, 2)] * COUNT
    assert f"γ = {gamma:g}" in found.controls[0].card.details
    picture = run(engine, scene, tmp_path / "picture.png", ExportOptions(kind="png", labels=False))
    shutil.rmtree(folder)
    assert verify(Engine(torch.device("cpu")), picture).identical
