"""What a training refuses before it begins, and that nothing the user had is lost by it."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, cast

import msgspec
import numpy as np
import pytest
import torch
from PIL import Image
from small_disk import small_disk

from explorer.errors import ExplorerError
from explorer.generators.devices import choose_device
from explorer.training.base import Recipe, changed, read_recipe
from explorer.training.card import origin_of
from explorer.training.data import source_of
from explorer.training.folder import FolderSource, pictures_below, prepare
from explorer.training.loop import _Keeper, train

CPU = torch.device("cpu")
SETTINGS: dict[str, dict[str, object]] = {
    "vae": {"widths": [4, 4, 4], "hidden": 8, "latents": 3, "evaluation": 4, "warm_up": 1},
    "diffusion": {"autoencoder_steps": 0, "unet_widths": [4, 4], "evaluation": 2, "full_steps": 1},
    "stylegan2": {
        "channels": [4, 4, 4, 4], "z_dim": 4, "w_dim": 4, "mapping_width": 4, "encoder_channels": [4, 4, 4],
        "discriminator_channels": [4, 4, 4],
    },
    "predictor": {"widths": [4, 4, 4], "features": 4},
}  # fmt: skip


def recipe(trainer: str, **settings: object) -> Recipe:
    asked = {
        "name": "toy", "trainer": trainer, "data": "digits", "steps": 2, "batch": 2, "checkpoint_every": 1,
        "settings": {**SETTINGS[trainer], **settings},
    }  # fmt: skip
    return msgspec.convert(asked, Recipe)


@pytest.mark.parametrize(
    ("trainer", "name", "value"),
    [
        ("vae", "learning_rate", -0.1),
        ("vae", "learning_rate", 3e38),
        ("vae", "evaluation", 0),
        ("vae", "warm_up", -1),
        ("vae", "beta", -4.0),
        ("vae", "loss", ["beta"]),
        ("diffusion", "learning_rate", -1.0),
        ("diffusion", "unet_widths", []),
        ("diffusion", "unet_widths", [1, 4]),
        ("diffusion", "draws", 0),
        ("diffusion", "full_steps", 0),
        ("diffusion", "interactive_steps", 1001),
        ("diffusion", "average", 1.5),
        ("diffusion", "h_window", [10]),
        ("diffusion", "h_window", [10, 990]),
        ("diffusion", "evaluation", 1),
        ("stylegan2", "channels", []),
        ("stylegan2", "r1_every", 0),
        ("stylegan2", "flow_updates", 0),
        ("stylegan2", "ada_kimg", 0.0),
        ("stylegan2", "small_steps", [1, 1, 1, 1]),
        ("stylegan2", "adversarial_rate", -1.0),
        ("predictor", "evaluation", 0),
        ("predictor", "learning_rate", -1.0),
    ],
)
def test_impossible_numbers_are_refused_before_anything_is_written(
    tmp_path: Path, trainer: str, name: str, value: object
) -> None:
    with pytest.raises(ExplorerError, match=r"The (settings of )?recipe 'toy'"):
        train(recipe(trainer, **{name: value}), tmp_path / "run", CPU)
    assert not (tmp_path / "run").exists()


def test_a_discriminator_of_no_units_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ExplorerError, match="discriminator_width"):
        train(recipe("vae", loss="factor", discriminator_width=0), tmp_path, CPU)


@pytest.mark.parametrize("number", ["nan", "inf", "[1.0, nan]"])
def test_numbers_that_are_not_finite_are_refused(tmp_path: Path, number: str) -> None:
    path = tmp_path / "toy.toml"
    path.write_text(
        f'name = "t"\ntrainer = "vae"\ndata = "digits"\nsteps = 1\nbatch = 2\n[settings]\nlearning_rate = {number}\n'
    )
    with pytest.raises(ExplorerError, match=r"learning_rate is (nan|inf), and numbers are finite"):
        read_recipe(str(path))


def test_no_data_is_not_the_current_folder() -> None:
    with pytest.raises(ExplorerError, match="data cannot be ''"):
        changed(recipe("vae"), "data", "")


@pytest.mark.parametrize("name", ["x" * 300, "/proc/self/mem"])
def test_what_the_system_does_not_read_is_one_sentence(name: str) -> None:
    with pytest.raises(ExplorerError, match="cannot be read"):
        read_recipe(name)


@pytest.mark.parametrize("name", ["x" * 300, "a\udcff"])
def test_folders_that_cannot_be_named_are_one_sentence(tmp_path: Path, name: str) -> None:
    with pytest.raises(ExplorerError, match=r"cannot be read|has a name that is no text"):
        train(msgspec.structs.replace(recipe("vae"), data=name), tmp_path, CPU)


@pytest.mark.parametrize("name", ["abacus", "meta", "cuda:99"])
def test_a_device_that_does_not_compute_is_named(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("LATENT_EXPLORER_DEVICE", name)
    with pytest.raises(ExplorerError, match=f"The device '{name}' cannot be used here"):
        choose_device()


@pytest.mark.parametrize("name", ["samples.png", "log.jsonl", "checkpoint.pt", "model/card.json"])
def test_a_folder_of_other_files_is_not_written_over(tmp_path: Path, name: str) -> None:
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text("mine")
    with pytest.raises(ExplorerError, match=r"holds '.*' but no 'recipe\.json'"):
        train(recipe("vae"), tmp_path, CPU)
    assert (tmp_path / name).read_text() == "mine"
    assert len(list(tmp_path.iterdir())) == 1


def test_a_run_does_not_lie_among_its_pictures(tmp_path: Path) -> None:
    _pictures(tmp_path)
    before = sorted(tmp_path.iterdir())
    for place in (tmp_path, tmp_path / "run"):
        with pytest.raises(ExplorerError, match="lies in the folder of the pictures"):
            train(msgspec.structs.replace(recipe("vae"), data=str(tmp_path), size=32), place, CPU)
    assert sorted(tmp_path.iterdir()) == before


def test_a_state_that_is_not_finite_is_not_kept(tmp_path: Path) -> None:
    """The losses of a step are those before its weights: they may be finite and the weights not."""

    class Trainer:
        def state(self) -> dict[str, object]:
            return {"network": {"weight": torch.ones(2)}, "moments": [{"average": torch.tensor([0.0, torch.nan])}]}

    with pytest.raises(ExplorerError, match=r"diverged at step 3 .*; nothing was kept\. Lower"):
        _Keeper(tmp_path, cast("Any", Trainer())).save(3, {"loss": 1.0})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("trainer", ["vae", "diffusion"])
def test_a_disk_that_fills_while_the_model_is_written_is_one_sentence(tmp_path: Path, trainer: str) -> None:
    train(recipe(trainer), tmp_path, CPU)
    before = (tmp_path / "checkpoint.pt").read_bytes()
    with small_disk(2048), pytest.raises(ExplorerError, match="The last checkpoint is whole"):
        train(recipe(trainer), tmp_path, CPU)
    assert (tmp_path / "checkpoint.pt").read_bytes() == before
    assert train(recipe(trainer), tmp_path, CPU).is_dir()


def test_every_card_says_what_its_model_was_trained_on(tmp_path: Path) -> None:
    card = json.loads((train(recipe("diffusion"), tmp_path, CPU) / "card.json").read_text())
    assert card["data"].startswith("digits, 32 pixels")


def test_a_disk_that_fills_while_pictures_are_prepared_leaves_nothing(tmp_path: Path) -> None:
    _pictures(tmp_path)
    with small_disk(20_000), pytest.raises(ExplorerError, match="Free some space"):
        FolderSource(tmp_path, 32)
    assert list((Path(os.environ["LATENT_EXPLORER_HOME"]) / "cache" / "pictures").iterdir()) == []


def test_prepared_pictures_are_those_of_the_files(tmp_path: Path) -> None:
    _pictures(tmp_path)
    drawn = FolderSource(tmp_path, 32).held_out(200, 0).images
    found = {((picture + 1) * 127.5).round().byte().numpy().tobytes() for picture in drawn}
    files = {np.asarray(Image.open(path)).transpose(2, 0, 1).tobytes() for path in tmp_path.iterdir()}
    assert found == files


def test_names_that_are_no_text_are_still_said(tmp_path: Path) -> None:
    _pictures(tmp_path)
    bad = os.fsencode(tmp_path) + b"/bad\xff.png"
    try:
        with open(bad, "wb"):
            pass
    except OSError:
        pytest.skip("this file system takes text alone")
    (tmp_path / "two\nlines.png").write_bytes(b"")
    lines = [line for line in FolderSource(tmp_path, 32).notes if line.startswith("skipped")]
    assert [line.split("'")[1] for line in lines] == ["bad\\udcff.png", "two\\nlines.png"]


def test_what_is_left_out_is_said(tmp_path: Path) -> None:
    _pictures(tmp_path)
    for name in ("a.heic", "b.HEIC", "c.txt"):
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "gone.png").symlink_to(tmp_path / "nothing")
    (tmp_path / "linked").symlink_to(tmp_path)
    lines = FolderSource(tmp_path, 32).notes
    assert lines[1:] == (
        "skipped 'gone.png': is no file, or a link to nothing",
        "skipped 'linked': is a link to a folder",
        "left out, no pictures by their names: 2 .heic, 1 .txt",
    )


def test_a_folder_that_cannot_be_looked_into_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _pictures(tmp_path)
    (tmp_path / "closed").mkdir()
    scan = os.scandir

    def refuse(path: str) -> object:
        if str(path).endswith("closed"):
            raise PermissionError(13, "Permission denied", str(path))
        return scan(path)

    monkeypatch.setattr(os, "scandir", refuse)
    assert pictures_below(tmp_path).closed == [("closed", "cannot be read (Permission denied)")]


def test_the_first_of_several_pictures_is_used_and_said(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (16, 16), (200 * index, 0, 0)) for index in (0, 1)]
    for name in ("moving.png", "pages.tiff"):
        frames[0].save(tmp_path / name, save_all=True, append_images=frames[1:])
        found = prepare(tmp_path / name, 16)
        assert found.why == "the first of several pictures"
        assert found.pixels is not None
        assert not found.pixels.any()


def test_numbers_that_are_none_are_not_drawn(tmp_path: Path) -> None:
    values = np.full((16, 16), 0.5, np.float32)
    values[3, 4] = np.nan
    Image.fromarray(values).save(tmp_path / "a.tiff")
    assert prepare(tmp_path / "a.tiff", 16) == (None, False, "holds numbers that are not finite")


def _pictures(folder: Path) -> None:
    random = np.random.default_rng(0)
    for index in range(16):
        Image.fromarray(random.integers(0, 256, (32, 32, 3), np.uint8)).save(folder / f"{index:02}.png")


def test_a_card_names_the_command_of_a_shipped_recipe_alone() -> None:
    shipped = read_recipe("shapes-qlae")
    assert origin_of(shipped) == "latent-explorer train shapes-qlae"
    changed_since = msgspec.structs.replace(shipped, steps=shipped.steps + 1)
    assert origin_of(changed_since) == "trained by the recipe in this card"
    assert origin_of(msgspec.structs.replace(shipped, name="mine")) == "trained by the recipe in this card"


def test_a_world_is_not_mistaken_for_a_folder_of_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert source_of(read_recipe("pendulum-vae")).notes == ()
    (tmp_path / "pendulum").mkdir()
    (note,) = source_of(read_recipe("pendulum-vae")).notes
    assert "'./pendulum'" in note
