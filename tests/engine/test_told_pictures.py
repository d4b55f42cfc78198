"""What a model is told to draw is part of where a picture starts; what is kept of one start is of that one alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from official_files import exported, own_stylegan2, write_official

from explorer.engine.engine import Engine
from explorer.scene.model import Condition, ControlSetRef, Edit, ModelRef, Seed, Start, View

CPU = torch.device("cpu")
AXES = ControlSetRef(method="pca", k=1)


def test_the_same_seed_told_another_class_is_another_picture(tmp_path: Path) -> None:
    """Plain and moved, one after the other in one engine and both at once, as in an engine that drew nothing else."""
    torch.manual_seed(1)
    path = write_official(tmp_path / "a.pkl", exported(own_stylegan2(classes=3, label_width=4)), {})
    model, engine = ModelRef(path=str(path)), Engine(CPU)
    (name,) = (control.card.name for control in engine.control_set(model, AXES).controls)
    views = [
        View(
            model=model,
            start=Start(Seed(3), 1.0, Condition(classes=classes)),
            controls=AXES,
            edits=(Edit(name, amount),),
        )
        for classes in (((0, 1.0),), ((2, 1.0),))
        for amount in (0.0, 1.5)
    ]
    told = [engine.render([view])[0].bgrx.astype(int) for view in views]
    assert len({picture.tobytes() for picture in told}) == 4
    at_once = [picture.bgrx.astype(int) for picture in Engine(CPU).render(views)]
    for view, drawn, batched in zip(views, told, at_once, strict=True):
        alone = Engine(CPU).render([view])[0].bgrx.astype(int)
        assert np.abs(drawn - alone).max() <= 1
        assert np.abs(batched - alone).max() <= 1
