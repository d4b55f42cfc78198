"""The trainer of causal diffusion autoencoders: what the U-Net is told, a bit-exact resume, and what it exports."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from explorer.errors import ExplorerError
from explorer.generators import registry
from explorer.generators.conditions import coordinates_of
from explorer.scene.model import Quality
from explorer.training.base import Recipe, read_recipe
from explorer.training.causal_diffusion import CausalDiffusionTrainer
from explorer.training.data import source_of
from explorer.training.loop import batch_of, train

CPU = torch.device("cpu")
SMALL = {
    "autoencoder_steps": 2, "autoencoder_widths": [8, 8], "unet_widths": [8, 16], "hidden": 8, "full_steps": 3,
    "interactive_steps": 2, "evaluation": 6, "causes": 400,
}  # fmt: skip
RECIPE = Recipe(
    name="toy-causaldiffae", trainer="causal_diffusion", data="pendulum", steps=4, batch=4, checkpoint_every=2,
    settings=SMALL,
)  # fmt: skip


def made(**settings: object) -> CausalDiffusionTrainer:
    recipe = msgspec.structs.replace(RECIPE, settings={**SMALL, **settings})
    return CausalDiffusionTrainer(recipe, source_of(recipe), CPU)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("causal-diffusion")
    train(RECIPE, folder, CPU)
    return folder


def test_the_unet_is_told_all_some_or_none() -> None:
    everything = made(withheld=0.0, labels=1.0).told(0, 500)
    assert bool(everything.all())
    some = made(withheld=0.2).told(0, 4000).double()
    assert some.mean(dim=0).tolist() == pytest.approx([0.9] * 4, abs=0.02)
    assert some.all(dim=1).double().mean().item() == pytest.approx(0.8 + 0.2 / 16, abs=0.02)
    # Each by a coin of its own: where one is withheld, another is as often as not.
    without = some[some[:, 0] == 0]
    assert without[:, 1].mean().item() == pytest.approx(0.5, abs=0.07)
    few = made(withheld=0.0, labels=0.3).told(1, 4000)
    assert torch.equal(few.all(dim=1), few.any(dim=1))
    assert few.double().mean().item() == pytest.approx(0.3, abs=0.03)
    assert not torch.equal(made(withheld=0.2).told(1, 4000), made(withheld=0.2).told(0, 4000))


def test_the_unet_learns_v_of_what_it_is_told() -> None:
    trainer = made(draws=2, withheld=0.0)
    batch = batch_of(source_of(RECIPE), RECIPE, 0)
    assert batch.factors is not None
    noisy, times = torch.randn(8, *trainer.latent_shape), torch.arange(8) * 100
    rows = coordinates_of(trainer.conditions, batch.factors).float().repeat(2, 1)
    with torch.no_grad():
        expected = trainer.unet(noisy, times, rows, torch.ones(8, 4))
        assert torch.equal(trainer.predicted(3, noisy, times, batch.factors), expected)


def test_latents_are_standard_and_decode_to_what_was_encoded() -> None:
    settings = {**SMALL, "autoencoder_steps": 60, "autoencoder_widths": [16, 16], "autoencoder_learning_rate": 5e-3}
    recipe = msgspec.structs.replace(RECIPE, settings={**settings, "warm_up": 5}, steps=61, batch=8)
    trainer = CausalDiffusionTrainer(recipe, source_of(recipe), CPU)
    batch = batch_of(source_of(recipe), recipe, 0)
    errors = [trainer.step(number, batch)["psnr_db"] for number in range(60)]
    assert errors[-1] > errors[0] + 6
    z = trainer.encoded(batch.images)
    assert z.shape == (8, 4, 16, 16)
    assert z.mean(dim=(0, 2, 3)).abs().max() < 0.3
    assert z.std(dim=(0, 2, 3)).min() > 0.7
    before = {key: value.clone() for key, value in trainer.autoencoder.state_dict().items()}
    trainer.step(60, batch)  # the U-Net's first: the autoencoder is finished
    assert all(torch.equal(value, before[key]) for key, value in trainer.autoencoder.state_dict().items())


@pytest.mark.parametrize("stop", [1, 3])
def test_a_resumed_run_repeats_every_bit(run: Path, tmp_path: Path, stop: int) -> None:
    train(RECIPE, tmp_path, CPU, stop_after=stop)
    resumed = train(RECIPE, tmp_path, CPU)
    for name in ("model.safetensors", "config.json", "samples.png"):
        assert (resumed / name).read_bytes() == (run / "model" / name).read_bytes()
    causes, others = (load_file(folder / "causes.safetensors") for folder in (resumed, run / "model"))
    assert all(torch.equal(tensor, others[name]) for name, tensor in causes.items())


def test_the_export_is_loaded_by_its_family_and_shows_the_same_pictures(run: Path) -> None:
    generator = registry.load(str(run / "model"), CPU)
    assert (generator.card.family, generator.card.full_steps) == ("causal_diffusion", 3)
    sheet = np.asarray(Image.open(run / "model" / "samples.png"))
    picture = generator.render(generator.sample([9]), Quality())[0]
    levels = ((picture.permute(1, 2, 0) + 1) * 127.5).round().byte().numpy()
    assert np.abs(levels.astype(int) - sheet[66 : 66 + 64, 66 : 66 + 64]).max() <= 1


def test_the_export_says_what_causes_what_and_how_wrong_its_reader_is(run: Path) -> None:
    generator = registry.load(str(run / "model"), CPU)
    graph = generator.structural_model().graph  # type: ignore[attr-defined]
    assert set(graph.edges) == {(a, b) for a in ("angle", "light") for b in ("shadow_length", "shadow_position")}
    conditions = generator._network.config.conditions  # type: ignore[attr-defined]
    batch = source_of(RECIPE).held_out(6, 0)
    assert batch.factors is not None
    read = generator._network.reader.read(generator._network.reader(batch.images))  # type: ignore[attr-defined]
    wrong = np.sqrt(np.square(read - batch.factors.numpy()).mean(axis=0))
    assert [one.error for one in conditions] == pytest.approx(wrong.tolist(), abs=1e-4)


def test_the_card_holds_the_error_of_the_way_to_noise_and_back(run: Path) -> None:
    figures = json.loads((run / "model" / "card.json").read_text())["figures"]
    generator = registry.load(str(run / "model"), CPU)
    images = source_of(RECIPE).held_out(6, 0).images
    back = generator.render(generator.encode(images), Quality())  # type: ignore[attr-defined]
    squared = ((back - images) / 2).square().mean().item()
    assert figures["round_trip_psnr_db"] == pytest.approx(-10 * np.log10(squared), abs=0.2)
    assert figures["inverted_noise_deviation"] > 0


def test_impossible_recipes_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ExplorerError, match="predicts no v"):
        made(prediction="epsilon")
    with pytest.raises(ExplorerError, match="multiple of 8"):
        made(unet_widths=[12, 16])
    with pytest.raises(ExplorerError, match="change 'size'"):
        train(msgspec.structs.replace(RECIPE, size=96), tmp_path / "large", CPU)
    for index in range(20):
        (tmp_path / "pictures").mkdir(exist_ok=True)
        Image.new("RGB", (16, 16), (index * 10, 0, 0)).save(tmp_path / "pictures" / f"{index}.png")
    with pytest.raises(ExplorerError, match="a folder of images has none"):
        train(msgspec.structs.replace(RECIPE, data=str(tmp_path / "pictures"), size=16), tmp_path / "run", CPU)


def test_the_shipped_recipe_is_one_that_its_trainer_takes() -> None:
    recipe = read_recipe("pendulum-causaldiffae")
    trainer = CausalDiffusionTrainer(recipe, source_of(recipe), CPU)
    assert trainer.latent_shape == (4, 16, 16)
