"""Controls that are read from a file are moved once before anybody does: those that lead nowhere are said to."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch

from explorer.controls import control_set
from explorer.controls.base import Control
from explorer.controls.codebook import CodebookControl
from explorer.controls.control_set import ControlSet
from explorer.controls.linear import LinearControl
from explorer.controls.scaled import ScaledControl
from explorer.engine.engine import Engine
from explorer.errors import LONGEST_SENTENCE, ControlError
from explorer.generators import first_picture
from explorer.generators.base import Latent
from explorer.generators.first_picture import DRAWN, MOVED, check_first_moves
from explorer.scene.cards import ControlCard
from explorer.scene.model import ControlSetRef, ModelRef, Quality

MODEL = ModelRef(path="known-ring")


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine(torch.device("cpu"))


def along(length: float, name: str = "way", low: float = -3.0, high: float = 3.0) -> LinearControl:
    direction = torch.zeros(8)
    direction[0] = length
    return LinearControl(ControlCard(name=name, space="z", low=low, high=high), direction)


def opened(engine: Engine, controls: list[Control], file: Path) -> ControlSet:
    card = engine.card(MODEL)
    found = ControlSet("own", "Own", card.fingerprint, "z", tuple(controls))
    control_set.save(found, file)
    return engine.control_set(MODEL, ControlSetRef(path=str(file)))


FAR: dict[str, list[Control]] = {
    "a direction": [along(1e30)],
    "the largest number": [along(3e38)],
    "the end of a slider": [along(1.0, high=1e308)],
    "the other end": [along(1.0, low=-1e30)],
    "a unit": [ScaledControl(ControlCard(name="way", space="z"), along(1.0), 1e300)],
    "one of many": [*(along(1.0, f"way {index}") for index in range(500)), along(1e20, "the last")],
}


@pytest.mark.parametrize("case", FAR)
def test_controls_that_lead_nowhere_are_refused(case: str, engine: Engine, tmp_path: Path) -> None:
    said_is = r"in 'set\.safetensors' moves pictures to numbers that are not finite"
    with pytest.raises(ControlError, match=said_is) as said:
        opened(engine, FAR[case], tmp_path / "set.safetensors")
    assert len(str(said.value)) <= LONGEST_SENTENCE


def test_controls_that_lead_somewhere_are_not(engine: Engine, tmp_path: Path) -> None:
    assert len(opened(engine, [along(1.0), along(100.0, "far")], tmp_path / "set.safetensors").controls) == 2
    assert opened(engine, [], tmp_path / "none.safetensors").controls == ()


def test_what_is_drawn_is_looked_at(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A point that is near may lead a network to numbers that are not finite."""
    generator = engine.generator(MODEL)
    render = generator.render

    def bursting(latent: Latent, quality: Quality) -> torch.Tensor:
        return render(latent, quality) * (math.nan if float(latent.tensors["z"].max()) > 20.0 else 1.0)

    monkeypatch.setattr(generator, "render", bursting)
    with pytest.raises(ControlError, match="not finite"):
        opened(engine, [along(10.0)], tmp_path / "set.safetensors")


def test_of_many_controls_a_few_are_tried(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    pictures, moves = [], []
    rendered, placed = first_picture.rendered, first_picture.placed
    monkeypatch.setattr(first_picture, "rendered", lambda *given: pictures.append(1) or rendered(*given))
    monkeypatch.setattr(first_picture, "placed", lambda *given: moves.append(1) or placed(*given))
    steps = [
        CodebookControl(ControlCard(name=f"step {index}", space="z"), torch.arange(5.0), 0, 8) for index in range(1000)
    ]
    check_first_moves(engine.generator(MODEL), steps, "file")
    assert len(pictures) == DRAWN
    assert DRAWN + MOVED <= len(moves) / 2 <= 2 * DRAWN + MOVED
