"""The control sets that come with the shipped models: they fit, say how they were found, and move pictures."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
import torch

from explorer.discovery import registry as methods
from explorer.discovery.request import checked_settings
from explorer.engine.engine import Engine
from explorer.files import set_file
from explorer.generators import registry
from explorer.scene.model import ControlSetRef, Edit, ModelRef, Seed, Start, View

NAMES = ("faces-stylegan2/labelled-fields", "faces-stylegan2/labelled-flows", "shapes-btcvae/labelled-fields")

QUIET = "Next to nothing"
"""The name of a control that hardly changes pictures."""


def shipped() -> Iterator[str]:
    for name, folder in registry.shipped_models().items():
        yield from (f"{name}/{path.stem}" for path in sorted((folder / "controls").glob("*")))


def test_these_come_with_the_program() -> None:
    assert tuple(shipped()) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_shipped_set_fits_and_moves_its_model(name: str) -> None:
    engine = Engine(torch.device("cpu"))
    model, _, stem = name.partition("/")
    reference = ModelRef(path=model)
    ready = next(one for one in engine.describe(reference).ready if one.name == stem)
    assert ready.problem == ""
    assert ready.controls.path == f"{name.replace('/', '/controls/')}.safetensors"
    data = set_file(ready.controls.path).read_bytes()
    assert not re.search(rb"/(home|root|work|tmp|Users)/", data)
    found = engine.control_set(reference, ready.controls)
    assert found.title not in {card.title for card in methods.cards()}  # so that it is not taken for a search
    assert "strips show" in found.note
    assert found.cost["seconds"] > 0
    checked_settings(methods.method(found.method).card, found.settings)

    def picture(*edits: Edit, controls: ControlSetRef = ready.controls) -> torch.Tensor:
        view = View(model=reference, start=Start(Seed(7), 0.7), controls=controls, edits=edits)
        (drawn,) = engine.render([view])
        return torch.from_numpy(drawn.bgrx[..., :3].astype("float32"))

    unmoved, moved = picture(), dict[str, float]()
    for control in found.controls:
        assert control.card.laws.composes is (control.card.field is not None and control.card.field.times is None)
        there, back = (picture(Edit(control.card.name, end)) for end in (control.card.high, control.card.low))
        moved[control.card.name] = float((there - unmoved).abs().mean())
        assert (there - back).abs().mean() > moved[control.card.name] / 2, control.card.name
    quiet = moved.pop(QUIET, 0.0)
    assert min(moved.values()) > max(1.0, 2 * quiet)
