"""A conditional VAE whose folder says how its factors come about: a deep structural causal model."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import msgspec
import pytest
import safetensors.torch
import torch
from torch import nn

from explorer.causal import model_file
from explorer.causal.interventions import Hard
from explorer.causal.learning import Lesson, Rows
from explorer.causal.mechanisms.floored import Floored
from explorer.causal.mechanisms.linear import LinearGaussian
from explorer.causal.model import StructuralModel
from explorer.controls.base import WEIGHTS, WeightEdit
from explorer.controls.intervention import InterventionControl
from explorer.controls.weights import WeightsControl
from explorer.errors import ModelError
from explorer.generators import registry
from explorer.generators.autoencoder_family import save_autoencoder
from explorer.generators.causes import CAUSES, at_ends, ends_of
from explorer.generators.conditions import Condition
from explorer.generators.cvae_network import ConditionalVaeConfig, ConditionalVaeNetwork
from explorer.metrics.imagination import GeneratorImagination
from explorer.scene.cards import ControlCard
from explorer.scene.causal_graph import CausalGraph, Variable
from explorer.scene.model import Quality
from explorer.worlds.base import Factor

CPU = torch.device("cpu")
FLOOR = 0.7
CONDITIONS = (
    Condition(factor=Factor("push", (-2.0, 0.0, 2.0)), mean=0.1, deviation=0.9, error=0.01),
    Condition(factor=Factor("reach", (FLOOR, 2.0, 5.0)), mean=1.3, deviation=0.7, error=0.02),
)
CONFIG = ConditionalVaeConfig(size=16, latents=2, widths=(4, 6), hidden=8, conditions=CONDITIONS, rows=4)


@pytest.fixture(scope="module")
def causes() -> StructuralModel:
    """reach = max(.7, push + .2 · noise), learned."""
    source = torch.Generator().manual_seed(0)
    push, noise = torch.randn(2, 4000, generator=source, dtype=torch.float64)
    reach = (push + 0.2 * noise).clamp(min=FLOOR)
    variables = tuple(msgspec.structs.replace(c.factor.variable, low=None, high=None) for c in CONDITIONS)
    graph = CausalGraph(variables=variables, edges=(("push", "reach"),))

    def lesson(variable: Variable, causes: tuple[Variable, ...], parents: torch.Tensor, values: torch.Tensor) -> Lesson:
        rows, checked = (Rows(parents[part], values[part]) for part in (slice(0, 3000), slice(3000, None)))
        return Lesson(variable, causes, rows, checked, (8,), 0, lambda share: None)

    mechanisms = {
        "push": LinearGaussian.learn(lesson(variables[0], (), push.new_empty(4000, 0), push)),
        "reach": Floored.learn(lesson(variables[1], variables[:1], push[:, None], reach)),
    }
    return StructuralModel(graph, mechanisms)


@pytest.fixture
def folder(tmp_path: Path, causes: StructuralModel) -> Path:
    torch.manual_seed(0)
    save_autoencoder(ConditionalVaeNetwork(CONFIG), tmp_path / "own")
    model_file.save(causes, tmp_path / "own" / CAUSES)
    return tmp_path / "own"


def generator_of(path: Path) -> Any:
    return registry.load(str(path), CPU)


def test_the_file_in_the_folder_makes_it_causal_and_part_of_its_fingerprint(folder: Path) -> None:
    card = registry.describe(str(folder))
    assert "causes" in card.capabilities
    assert generator_of(folder).card == card
    (folder / CAUSES).unlink()
    plain = registry.describe(str(folder))
    assert "causes" not in plain.capabilities
    assert plain.fingerprint != card.fingerprint
    with pytest.raises(ModelError, match=f"no '{CAUSES}'"):
        generator_of(folder).structural_model()


def test_factors_lie_where_the_point_has_them_and_at_the_floor_exactly(folder: Path) -> None:
    generator = generator_of(folder)
    coding = generator.coding()
    assert (coding.width, coding.own) == (4, 2)  # behind the picture's own noise
    assert coding.axes["reach"].ends == (FLOOR,) == ends_of(generator.structural_model().mechanisms["reach"])
    assert coding.axes["push"].ends == ()
    point = torch.tensor([[9.0, 9.0, 1.0, (FLOOR - 1.3) / 0.7], [9.0, 9.0, -2.0, 1.0]])
    values = coding.values(point)
    assert values["push"].tolist() == pytest.approx([1.0, -1.7])
    assert float(values["reach"][0]) == FLOOR  # although no coordinate of 32 bits is
    assert float(point[0, 3].double() * 0.7 + 1.3) != FLOOR
    assert float(values["reach"][1]) == pytest.approx(2.0)


def test_what_is_read_as_barely_off_the_floor_is_at_it_unless_its_cause_says_otherwise(
    folder: Path, causes: StructuralModel
) -> None:
    generator = generator_of(folder)
    reach = torch.tensor([FLOOR + 0.03, FLOOR - 0.03, FLOOR + 0.03, 1.5])
    push = torch.tensor([-1.0, -1.0, 1.5, 1.5])
    point = torch.stack([torch.zeros(4), torch.ones(4), (push - 0.1) / 0.9, (reach - 1.3) / 0.7], dim=1)
    there = at_ends(point, generator.coding(), causes, {"push": 0.01, "reach": 0.02})
    values = generator.coding().values(there)
    assert values["reach"][:2].tolist() == [FLOOR, FLOOR]
    assert float(values["reach"][2]) == pytest.approx(FLOOR + 0.03)  # 4 deviations off, where the floor would be 4.2
    assert torch.equal(there[:, :3], point[:, :3])
    assert torch.equal(there[2:], point[2:])


def test_do_moves_the_factors_as_the_mechanisms_say_and_not_the_latents(folder: Path, causes: StructuralModel) -> None:
    generator = generator_of(folder)
    point = generator.sample([3]).tensors["z"]
    point[0, 2:] = torch.tensor([(1.5 - 0.1) / 0.9, (1.8 - 1.3) / 0.7])
    control = InterventionControl(
        ControlCard(name="push", space="z"), "push", generator.structural_model(), generator.coding()
    )
    values = generator.coding().values(point)
    moved = control.move(point, torch.tensor([1.0]))
    expected = causes.counterfactual(values, {"push": Hard(values["push"] + 1.0)})
    assert float(generator.coding().values(moved)["reach"]) == pytest.approx(float(expected["reach"]), abs=1e-6)
    assert float(expected["reach"]) > 2.5
    assert torch.equal(moved[:, :2], point[:, :2])
    assert torch.equal(control.move(point, torch.tensor([0.0])), point)


def test_it_imagines_pictures_of_its_own_making(folder: Path) -> None:
    generator = generator_of(folder)
    drawn = generator.render(generator.sample([0, 1, 2]), Quality())
    pictures = ((drawn + 1) * 127.5).round().to(torch.uint8).permute(0, 2, 3, 1).numpy()
    model = GeneratorImagination(generator)
    values = {"push": torch.tensor([0.0, 1.0, 2.0], dtype=torch.float64).numpy()}
    assert model.imagine(pictures, values).shape == pictures.shape
    assert (model.imagine(pictures, {}) != model.imagine(pictures, {}, own_noise=False)).any()


def test_changed_weights_keep_the_causes(folder: Path) -> None:
    generator = generator_of(folder)
    own = cast(nn.Module, generator._network)
    control = WeightsControl(
        ControlCard(name="w", space=WEIGHTS), {"output.weight": 0.1 * own.state_dict()["output.weight"]}
    )
    other = generator.reweighted((WeightEdit(control, 1.0),))
    assert other is not generator
    assert other.structural_model() is generator.structural_model()


def test_causes_of_other_factors_are_refused_in_one_sentence(folder: Path, causes: StructuralModel) -> None:
    graph = causes.graph.changed("push", msgspec.structs.replace(causes.graph.variables[0], name="pull"))
    reach = causes.mechanisms["reach"]
    assert isinstance(reach, Floored)
    renamed = Floored(("pull",), reach.function, reach.deviation, reach.floor)
    other = StructuralModel(graph, {"pull": causes.mechanisms["push"], "reach": renamed})
    model_file.save(other, folder / CAUSES)
    with pytest.raises(ModelError, match="is about pull, reach, but the model draws push, reach"):
        registry.load(str(folder), CPU)


def test_a_damaged_file_of_causes_is_named(folder: Path) -> None:
    (folder / CAUSES).write_bytes((folder / CAUSES).read_bytes()[:100])
    with pytest.raises(ModelError, match=CAUSES):
        registry.load(str(folder), CPU)
    (folder / CAUSES).write_bytes(safetensors.torch.save({"x": torch.ones(1)}))
    with pytest.raises(ModelError, match="not a causal model"):
        registry.load(str(folder), CPU)
