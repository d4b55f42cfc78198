"""The truth beside a counterfactual: what the model's world says and draws."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np
import pytest
import torch
from torch import Tensor
from toys import ToyCauses

from explorer.causal.coding import Axis, Coding
from explorer.causal.mechanisms.closed_form import ClosedForm
from explorer.causal.model import StructuralModel
from explorer.causal.noise_laws import uniform_between
from explorer.controls.control_set import ControlSet
from explorer.discovery.causes import do
from explorer.engine.truth import true_picture
from explorer.errors import CausalError
from explorer.generators.base import Latent
from explorer.outputs.image import OUTPUT as IMAGE
from explorer.scene.cards import ModelCard, SpaceCard
from explorer.scene.model import Edit, Quality
from explorer.training.batch import as_images
from explorer.worlds.pendulum import WORLD

AXES = {name: Axis(index) for index, name in enumerate(WORLD.names)}


class PendulumCodes:
    """A generator whose latent is the four factors of the pendulum; it draws nothing."""

    def __init__(self, folder: Path, size: int = 64) -> None:
        self.device = torch.device("cpu")
        self.card = ModelCard(
            name="codes", family="toy", path=str(folder), output=IMAGE.card((3, size, size)),
            spaces={"z": SpaceCard(shape=(4,))}, fingerprint="d" * 64, capabilities=("causes",),
        )  # fmt: skip

    def sample(self, seeds: Sequence[int], truncation_psi: float = 1.0) -> Latent:
        raise AssertionError

    def advance(self, latent: Latent, space: str) -> Latent:
        return latent

    def render(self, latent: Latent, quality: Quality) -> Tensor:
        raise AssertionError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "card.json").write_text('{"recipe": {"data": "pendulum"}}')
    return tmp_path


def controls(generator: PendulumCodes) -> ControlSet:
    made = tuple(do(name, WORLD.model, Coding(AXES, 4), "z") for name in WORLD.names)
    return ControlSet(method="causes", title="Causes", fingerprint=generator.card.fingerprint, space="z", controls=made)


def unclipped(count: int) -> np.ndarray:
    rows = WORLD.sample(200, 3)
    return rows[~WORLD.clipped(rows)][:count]


def test_it_is_the_world_s_own_counterfactual_drawn_by_the_world(folder: Path) -> None:
    generator = PendulumCodes(folder)
    for row in unclipped(5):
        start = Latent({"z": torch.from_numpy(row)[None]})
        for edits in ((), (Edit("light", value=75.0),), (Edit("angle", value=-10.0), Edit("shadow_length", value=8.0))):
            wanted = WORLD.counterfactual(row[None], {edit.control: edit.number for edit in edits})
            drawn = true_picture(generator, controls(generator), start, edits)
            assert torch.equal(drawn, as_images(WORLD.render(wanted, 64)))


def test_it_is_the_world_s_truth_whatever_the_model_makes_of_it(folder: Path) -> None:
    """A model that knows no arrows leaves the shadow where it is; the world does not."""
    apart = StructuralModel(
        msgspec.structs.replace(WORLD.model.graph, edges=()),
        {name: ClosedForm((), uniform_between(-200.0, 200.0)) for name in WORLD.names},
    )
    generator, row = PendulumCodes(folder), unclipped(1)
    made = tuple(do(name, apart, Coding(AXES, 4), "z") for name in WORLD.names)
    own = ControlSet(method="causes", title="Causes", fingerprint=generator.card.fingerprint, space="z", controls=made)
    drawn = true_picture(generator, own, Latent({"z": torch.from_numpy(row)}), (Edit("light", value=75.0),))
    assert torch.equal(drawn, as_images(WORLD.render(WORLD.counterfactual(row, {"light": 75.0}), 64)))


def test_where_the_noise_is_hidden_the_middle_is_drawn(folder: Path) -> None:
    generator = PendulumCodes(folder)
    rows = WORLD.sample(400, 4)
    row = rows[WORLD.clipped(rows)][0]
    start = Latent({"z": torch.from_numpy(row)[None]})
    drawn = true_picture(generator, controls(generator), start, (Edit("angle", value=-36.0),))
    found = WORLD.measure(((drawn + 1) * 127.5).round().byte().permute(0, 2, 3, 1).numpy())
    middle = float(WORLD.model.predict(
        {name: torch.zeros(1, 1, dtype=torch.float64) for name in WORLD.names[2:]}
        | {name: torch.tensor([[value]], dtype=torch.float64) for name, value in (("angle", -36.0), ("light", row[1]))}
    )["shadow_length"])  # fmt: skip
    assert found[0, 2] == pytest.approx(middle, abs=0.4)  # two deviations of the noise


def test_without_a_world_or_with_another_there_is_no_truth(folder: Path, tmp_path: Path) -> None:
    generator = PendulumCodes(folder, size=32)
    start = Latent({"z": torch.from_numpy(unclipped(1))})
    with pytest.raises(CausalError, match="does not draw 32 × 32"):
        true_picture(generator, controls(generator), start, ())
    (folder / "card.json").write_text('{"recipe": {"data": "flow"}}')
    with pytest.raises(CausalError, match="angle, light"):
        true_picture(PendulumCodes(folder), controls(generator), start, ())
    toy = ToyCauses()
    toy.card = msgspec.structs.replace(toy.card, path=str(tmp_path / "nowhere"))
    made = tuple(do(name, toy.model, toy.coding(), "z") for name in "abc")
    own = ControlSet(method="causes", title="Causes", fingerprint=toy.card.fingerprint, space="z", controls=made)
    with pytest.raises(CausalError, match="truth is not known"):
        true_picture(toy, own, toy.sample([1]), ())
