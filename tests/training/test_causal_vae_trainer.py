"""The trainer of CausalVAEs: the losses of its causal layer, arrows that are found, a bit-exact resume, the export."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from explorer.causal.mechanisms.floored import Floored
from explorer.errors import ExplorerError
from explorer.generators import registry
from explorer.training.base import Recipe, read_recipe
from explorer.training.causal_vae import NEARLY, CausalVaeTrainer
from explorer.training.causes import rows_of
from explorer.training.data import WorldSource, source_of
from explorer.training.loop import batch_of, train
from explorer.worlds import pendulum

CPU = torch.device("cpu")
SMALL = {
    "widths": [8, 8, 8, 8], "hidden": 8, "latents": 8, "own": 2, "mechanism": 16, "evaluation": 40, "causes": 400,
    "likelihood": "gaussian",
}  # fmt: skip
RECIPE = Recipe(
    name="toy-causalvae", trainer="causal_vae", data="pendulum", steps=4, batch=8, checkpoint_every=2, settings=SMALL
)


def made(recipe: Recipe = RECIPE, **settings: object) -> CausalVaeTrainer:
    recipe = msgspec.structs.replace(recipe, settings={**SMALL, **settings})
    return CausalVaeTrainer(recipe, source_of(recipe), CPU)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("causal-vae")
    train(RECIPE, folder, CPU)
    return folder


def test_the_loss_is_the_sum_of_its_terms() -> None:
    batch = batch_of(source_of(RECIPE), RECIPE, 0)
    trainer = made(sparsity=0.5, decay=0.25, beta=3.0, reading=7.0)
    layer = trainer.network.causal
    expected = {
        "arrows": 0.5 * 6.0,  # of four factors six arrows, each 1 in the beginning
        "decay": 0.25 * (layer.first.square().sum() + layer.second.square().sum()).item(),
    }
    found = trainer.step(0, batch)
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, rel=1e-5)
    parts = found["reconstruction"] + 3 * found["kl"] + 7 * found["factors"]
    assert found["loss"] == pytest.approx(parts + found["causal"] + found["arrows"] + found["decay"], rel=1e-5)


def test_what_was_read_near_a_floor_is_taken_to_be_there() -> None:
    few, full = made(labels=0.5), made()
    floor = few._standard_floors[2]
    assert floor is not None
    assert [one is None for one in few._standard_floors] == [True, True, False, True]
    read = torch.tensor([[0.0, 0.0, floor + NEARLY / 2, 0.0], [0.0, 0.0, floor - 0.1, 0.0], [0.0, 0.0, floor + 1, 0.0]])
    there = torch.tensor(floor)
    assert torch.equal(few._at_floors(read)[:2, 2], there.expand(2))
    assert few._at_floors(read)[2, 2] == floor + 1
    assert torch.equal(full._at_floors(read), read)


def test_the_layer_finds_the_arrows_of_the_pendulum() -> None:
    """Told the order alone; trained on rows, without the pictures, as the trainer trains it."""
    recipe = msgspec.structs.replace(RECIPE, steps=700, batch=32)
    trainer = made(recipe, mechanism=32)
    source = source_of(recipe)
    assert isinstance(source, WorldSource)
    names, own = trainer.names, trainer.network.causal.parameters()
    optimiser = torch.optim.Adam(own, lr=1e-2)
    for step in range(700):
        for group in optimiser.param_groups:
            group["lr"] = 1e-2 * (1 - step / 700)
        rows = trainer.coordinates(torch.from_numpy(source.factors(64, step))).float()
        loss = torch.stack(list(trainer.further(step, rows).values())).sum()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    trainer.average = None
    learned = trainer.learned(rows_of(source, names, 3000, 0))
    assert set(learned.model.graph.edges) == {
        (cause, effect) for cause in ("angle", "light") for effect in ("shadow_length", "shadow_position")
    }
    mechanism = learned.model.mechanisms["shadow_length"]
    assert isinstance(mechanism, Floored)
    assert mechanism.floor == pendulum.SHORTEST
    rows = torch.from_numpy(source.factors(500, 12345)).double()
    truth = pendulum.unclipped_length(rows[:, 0], rows[:, 1])
    expected = mechanism.function(rows[:, :2])[:, 0]
    away = (expected - truth)[truth > pendulum.SHORTEST]
    assert away.square().mean().sqrt() < 0.15 * rows[:, 2].std()
    assert mechanism.deviation < 0.2 * rows[:, 2].std()


def test_arrows_are_cut_once() -> None:
    trainer = made(cut_at=0.5, least_arrow=1.0)
    with torch.no_grad():
        trainer.network.causal.adjacency[0, 3] = 0.4
    for number in range(4):
        trainer.step(number, batch_of(source_of(RECIPE), RECIPE, number))
        count = int(trainer.network.causal.counted.sum())
        assert count == 6 if number < 2 else count < 6


@pytest.mark.parametrize("stop", [1, 3])
def test_a_resumed_run_repeats_every_bit(run: Path, tmp_path: Path, stop: int) -> None:
    train(RECIPE, tmp_path, CPU, stop_after=stop)
    resumed = train(RECIPE, tmp_path, CPU)
    for name in ("model.safetensors", "config.json", "samples.png"):
        assert (resumed / name).read_bytes() == (run / "model" / name).read_bytes()
    causes, others = (load_file(folder / "causes.safetensors") for folder in (resumed, run / "model"))
    assert all(torch.equal(tensor, others[name]) for name, tensor in causes.items())


def test_the_export_is_a_model_whose_causes_are_its_layer(run: Path) -> None:
    generator = registry.load(str(run / "model"), CPU)
    assert (generator.card.family, generator.card.spaces["z"].shape) == ("causal_vae", (12,))
    layer = generator._network.causal  # type: ignore[attr-defined]
    model = generator.structural_model()  # type: ignore[attr-defined]
    names = model.graph.names
    assert set(model.graph.edges) == {(names[i], names[j]) for j in range(4) for i in layer.causes_of(j)}
    rows = torch.from_numpy(source_of(RECIPE).held_out(5, 0).factors.numpy())  # type: ignore[union-attr]
    conditions = generator._network.config.conditions  # type: ignore[attr-defined]
    coordinates = torch.stack([(rows[:, k] - one.mean) / one.deviation for k, one in enumerate(conditions)], dim=1)
    expected = layer(coordinates)
    effect = names.index("shadow_position")
    values = {name: rows[:, k].double() for k, name in enumerate(names)}
    causes = model.causes_of("shadow_position", values)
    found = model.mechanisms["shadow_position"].function(causes)[:, 0]
    scale = conditions[effect]
    torch.testing.assert_close(found.float(), expected[:, effect] * scale.deviation + scale.mean, rtol=1e-3, atol=1e-3)


def test_the_card_names_every_arrow_with_its_weight(run: Path) -> None:
    card = json.loads((run / "model" / "card.json").read_text())
    layer = registry.load(str(run / "model"), CPU)._network.causal  # type: ignore[attr-defined]
    assert len(card["arrows"]) == 6 + 1  # and the weights' fingerprint
    assert card["arrows"]["angle → shadow_position"] == pytest.approx(layer.weights[0, 3].item(), abs=1e-3)
    assert "angle → shadow_position" in card["notes"]
    assert all(np.isfinite(value) for value in card["figures"].values() if isinstance(value, float))


def test_impossible_recipes_are_refused() -> None:
    with pytest.raises(ExplorerError, match="9 latents are not 2 for each of 4 factors"):
        made(latents=9)
    shapes = msgspec.structs.replace(RECIPE, data="shapes", uniform=True)
    with pytest.raises(ExplorerError, match="is no plain number"):
        made(shapes, latents=12)


def test_the_shipped_recipe_is_one_that_its_trainer_takes() -> None:
    recipe = read_recipe("pendulum-causalvae")
    trainer = CausalVaeTrainer(recipe, source_of(recipe), CPU)
    assert trainer.network.config.latents == 12
