"""The loop that every trainer shares: resume bit for bit, refuse what does not belong together, leave nothing half."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest
import torch

from explorer.errors import Cancelled, ExplorerError
from explorer.training.base import Recipe, read_recipe
from explorer.training.data import source_of
from explorer.training.loop import batch_of, train

CPU = torch.device("cpu")
TOY = Recipe(
    name="toy",
    trainer="vae",
    data="shapes",
    steps=4,
    batch=4,
    seed=5,
    checkpoint_every=2,
    settings={"widths": [4, 4, 4, 4], "hidden": 8, "latents": 3, "evaluation": 20, "warm_up": 2},
)


def weights(folder: Path) -> bytes:
    return (folder / "model" / "model.safetensors").read_bytes()


@pytest.fixture(scope="module")
def straight(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "straight"
    assert train(TOY, folder, CPU) == folder / "model"
    return folder


@pytest.mark.parametrize("stop", [1, 2, 3])
def test_a_run_that_was_stopped_and_resumed_equals_a_straight_one(straight: Path, tmp_path: Path, stop: int) -> None:
    train(TOY, tmp_path, CPU, stop_after=stop)
    assert not (tmp_path / "model").exists()
    train(TOY, tmp_path, CPU)
    assert weights(tmp_path) == weights(straight)


def test_a_run_that_was_cancelled_resumes_from_its_last_checkpoint(straight: Path, tmp_path: Path) -> None:
    def cancel(done: int, steps: int, losses: dict[str, float], speed: float) -> None:
        if done == 3:
            raise Cancelled

    with pytest.raises(Cancelled):
        train(TOY, tmp_path, CPU, cancel)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        ".lock", "checkpoint.pt", "log.jsonl", "recipe.json", "samples.png",
    ]  # fmt: skip
    train(TOY, tmp_path, CPU)
    assert weights(tmp_path) == weights(straight)


def test_two_runs_do_not_share_a_folder(straight: Path, tmp_path: Path) -> None:
    """And what a killed run left half written goes away."""
    (tmp_path / ".checkpoint-x1y2.pt").write_bytes(b"half")
    refused: list[str] = []

    def begin_another(done: int, steps: int, losses: dict[str, float], speed: float) -> None:
        with pytest.raises(ExplorerError) as caught:
            train(TOY, tmp_path, CPU)
        refused.append(str(caught.value))

    train(TOY, tmp_path, CPU, begin_another)
    assert len(refused) == TOY.steps
    assert "Another training is under way" in refused[0]
    assert weights(tmp_path) == weights(straight)
    assert not list(tmp_path.glob(".checkpoint-*"))


def test_a_finished_run_is_exported_again_unchanged(straight: Path) -> None:
    before = weights(straight)
    train(TOY, straight, CPU)
    assert weights(straight) == before


def test_another_seed_gives_other_weights(straight: Path, tmp_path: Path) -> None:
    train(msgspec.structs.replace(TOY, seed=6), tmp_path, CPU)
    assert weights(tmp_path) != weights(straight)


def test_progress_and_log_name_every_loss(tmp_path: Path) -> None:
    seen = []
    train(TOY, tmp_path, CPU, lambda done, steps, losses, speed: seen.append((done, steps, sorted(losses), speed > 0)))
    names = ["dimension_wise", "loss", "mutual_information", "reconstruction", "total_correlation"]
    assert seen == [(done, 4, names, True) for done in (1, 2, 3, 4)]
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [2, 4]


def test_a_folder_with_another_recipes_run_is_refused(tmp_path: Path) -> None:
    train(TOY, tmp_path, CPU, stop_after=1)
    with pytest.raises(ExplorerError, match=r"another recipe \(batch: 4, now 6\)"):
        train(msgspec.structs.replace(TOY, batch=6), tmp_path, CPU)


def test_a_recipe_with_wrong_settings_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    wrong = msgspec.structs.replace(TOY, settings={"widths": [4, 4]})
    with pytest.raises(ExplorerError, match="2 widths do not make 64 pixels"):
        train(wrong, tmp_path, CPU)
    with pytest.raises(ExplorerError, match="betta"):
        train(msgspec.structs.replace(TOY, settings={"betta": 1.0}), tmp_path, CPU)
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_checkpoint_is_named(tmp_path: Path) -> None:
    train(TOY, tmp_path, CPU, stop_after=1)
    whole = (tmp_path / "checkpoint.pt").read_bytes()
    (tmp_path / "checkpoint.pt").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ExplorerError, match=r"checkpoint\.pt' is damaged"):
        train(TOY, tmp_path, CPU)


def test_a_diverged_run_stops_and_keeps_its_last_good_state(tmp_path: Path) -> None:
    broken = msgspec.structs.replace(TOY, settings={**TOY.settings, "learning_rate": 1e30})
    with pytest.raises(ExplorerError, match="diverged at step"):
        train(broken, tmp_path, CPU)
    assert not (tmp_path / "model").exists()


def test_batches_depend_on_seed_and_step_alone() -> None:
    source = source_of(TOY)
    images = batch_of(source, TOY, 3).images
    assert images.shape == (4, 3, 64, 64)
    assert images.min() >= -1
    assert images.max() <= 1
    assert torch.equal(images, batch_of(source, TOY, 3).images)
    assert not torch.equal(images, batch_of(source, TOY, 4).images)


def test_unknown_trainers_worlds_and_recipes_are_named(tmp_path: Path) -> None:
    with pytest.raises(ExplorerError, match=r"no trainer 'magic'; there are: .*vae"):
        train(msgspec.structs.replace(TOY, trainer="magic"), tmp_path, CPU)
    with pytest.raises(ExplorerError, match=r"no trainer 'base'"):
        train(msgspec.structs.replace(TOY, trainer="base"), tmp_path, CPU)
    with pytest.raises(ExplorerError, match=r"neither a world nor a folder 'atlantis'.* shapes"):
        train(msgspec.structs.replace(TOY, data="atlantis"), tmp_path, CPU)
    with pytest.raises(ExplorerError, match=r"no recipe 'cake'; give a \.toml file or one of: .*shapes-btcvae"):
        read_recipe("cake")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("name = ", "Invalid value"),
        ('name = "a"', "missing required field"),
        ('name = "a"\ntrainer = "vae"\ndata = "shapes"\nsteps = 0\nbatch = 4', "steps"),
        ('name = "a"\ntrainer = "vae"\ndata = "shapes"\nsteps = 1\nbatch = 4\ncolour = 1', "unknown field"),
    ],
)
def test_a_bad_recipe_is_refused_with_its_reason(tmp_path: Path, text: str, reason: str) -> None:
    path = tmp_path / "recipe.toml"
    path.write_text(text)
    with pytest.raises(ExplorerError, match=reason):
        read_recipe(str(path))
