"""Pictures whose numbers are not finite are not drawn as colours that nothing has: a sentence says so."""

from __future__ import annotations

import msgspec
import pytest
import torch

from explorer.engine.engine import Engine
from explorer.errors import LONGEST_SENTENCE, SceneError
from explorer.scene.model import ControlSetRef, Edit, ModelRef, Seed, Start, View

MODEL = ModelRef(path="shapes-btcvae")
RANDOM = ControlSetRef(method="random_orthogonal", k=4, seed=1)


def view(*edits: Edit) -> View:
    return View(model=MODEL, start=Start(Seed(3), 1.0), controls=RANDOM, edits=edits)


@pytest.mark.parametrize("shown", ["image", "difference", "before_after"])
def test_a_slider_that_is_moved_too_far_is_named(shown: str) -> None:
    engine = Engine(torch.device("cpu"))
    near = engine.render([view(Edit("random 1", 2.0))])[0].bgrx
    far = msgspec.structs.replace(view(Edit("random 1", 1e38)), view=shown)
    with pytest.raises(SceneError, match=r"nothing to see: moved so far \('random 1' at 1e\+38\)") as caught:
        engine.render([view(Edit("random 1", 2.0)), far], exact=True)
    assert len(str(caught.value)) <= LONGEST_SENTENCE
    assert (engine.render([view(Edit("random 1", 2.0))])[0].bgrx == near).all()
    with pytest.raises(SceneError):  # it was not kept as a picture
        engine.render([far])
