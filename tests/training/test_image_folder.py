"""Training on a folder of the user's images: used, converted or skipped by name, never silently."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path

import msgspec
import numpy as np
import pytest
import torch
from mutations import mutations
from PIL import Image
from small_disk import small_disk

from explorer.errors import Cancelled, ExplorerError
from explorer.training.base import Recipe, changed, read_recipe
from explorer.training.data import source_of
from explorer.training.folder import FEWEST, FolderSource, prepare
from explorer.training.loop import train

CPU = torch.device("cpu")
TOY = Recipe(
    name="toy", trainer="vae", data="shapes", steps=4, batch=4, checkpoint_every=2,
    settings={"widths": [4, 4], "hidden": 8, "latents": 3, "evaluation": 20, "warm_up": 2},
)  # fmt: skip


def picture(seed: int, width: int = 40, height: int = 32) -> Image.Image:
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    return Image.fromarray(pixels)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Eighteen colour pictures, two of them in a folder of their own."""
    home = tmp_path / "pictures"
    (home / "more").mkdir(parents=True)
    for index in range(18):
        picture(index).save((home / "more" if index > 15 else home) / f"{index:02}.png")
    return home


def test_pictures_are_drawn_by_the_seed_alone(folder: Path) -> None:
    source = FolderSource(folder, 16)
    assert (source.size, source.channels, source.count, source.world) == (16, 3, 18, None)
    first = source.draw(5, 3)
    assert first.factors is None
    assert first.images.shape == (5, 3, 16, 16)
    assert torch.equal(first.images, FolderSource(folder, 16).draw(5, 3).images)
    assert not torch.equal(first.images, source.draw(5, 4).images)


def test_the_middle_square_is_averaged_down(folder: Path) -> None:
    found = prepare(folder / "00.png", 16)
    whole = np.asarray(Image.open(folder / "00.png"), float)[:, 4:36]
    means = whole.reshape(16, 2, 16, 2, 3).mean(axis=(1, 3))
    assert found.pixels is not None
    assert np.abs(found.pixels - means).max() <= 1
    assert found.why == "cropped to the middle square"


def test_whatever_is_wrong_with_a_file_is_said_by_name(folder: Path) -> None:
    (folder / "cut.png").write_bytes((folder / "00.png").read_bytes()[:300])
    (folder / "words.jpg").write_text("not a picture")
    (folder / "empty.gif").write_bytes(b"")
    picture(0, 15, 40).save(folder / "narrow.png")
    (folder / "read me.txt").write_text("no picture by its name")
    source = FolderSource(folder, 16)
    skipped = dict(source.listing.skipped)
    assert sorted(skipped) == ["cut.png", "empty.gif", "narrow.png", "words.jpg"]
    assert skipped["narrow.png"] == "is 15×40, smaller than 16 pixels"
    assert all("cannot be read" in skipped[name] for name in ("cut.png", "words.jpg", "empty.gif"))
    assert len(source.listing.used) == 18
    lines = source.notes
    assert lines[0] == f"18 pictures in '{folder}'"
    assert "18 converted: cropped to the middle square" in lines
    assert any(line.startswith("skipped 'words.jpg': cannot be read") for line in lines)


def test_every_kind_of_pixel_becomes_eight_bit_colour(tmp_path: Path) -> None:
    ramp = np.tile(np.arange(16, dtype=np.uint8) * 17, (16, 1))
    grey = Image.fromarray(ramp)
    colour = Image.merge("RGB", (grey, grey, Image.new("L", (16, 16), 200)))
    cases = {
        "grey.png": (grey, ""),
        "palette.gif": (grey.convert("P"), "from P"),
        "deep.png": (Image.fromarray(ramp.astype(np.uint16) * 257), "16 bit or deeper to 8 bit"),
        "float.tiff": (Image.fromarray((ramp / 255).astype(np.float32)), "16 bit or deeper to 8 bit"),
        "print.jpg": (colour.convert("CMYK"), "from CMYK"),
        "bits.png": (grey.convert("1"), "from 1"),
    }
    for name, (image, why) in cases.items():
        image.save(tmp_path / name)
        found = prepare(tmp_path / name, 16)
        assert found.pixels is not None, name
        assert found.pixels.shape == (16, 16, 3)
        assert found.why == why, name
        assert found.grey == (name != "print.jpg"), name
    for name in ("grey.png", "deep.png", "float.tiff"):
        got = prepare(tmp_path / name, 16).pixels
        assert got is not None
        assert np.abs(got[..., 0].astype(int) - ramp).max() <= 1, name
    clear = Image.new("RGBA", (16, 16), (10, 20, 30, 0))
    clear.save(tmp_path / "clear.png")
    found = prepare(tmp_path / "clear.png", 16)
    assert found.why == "transparency over white"
    assert found.pixels is not None
    assert (found.pixels == 255).all()


def test_a_picture_that_was_turned_by_its_camera_is_turned_back(tmp_path: Path) -> None:
    upright = picture(1, 16, 16)
    exif = Image.Exif()
    exif[0x0112] = 6  # shown turned by a quarter clockwise
    upright.rotate(90).save(tmp_path / "turned.png", exif=exif)
    found = prepare(tmp_path / "turned.png", 16)
    assert found.pixels is not None
    assert (found.pixels == np.asarray(upright)).all()


def test_grey_folders_train_in_grey(tmp_path: Path) -> None:
    for index in range(FEWEST):
        picture(index).convert("L").save(tmp_path / f"{index}.png")
    source = FolderSource(tmp_path, 16)
    assert source.channels == 1
    assert source.draw(3, 0).images.shape == (3, 1, 16, 16)
    picture(99).save(tmp_path / "colour.png")
    assert FolderSource(tmp_path, 16).channels == 3


def test_large_folders_hold_pictures_out(tmp_path: Path) -> None:
    for index in range(200):
        Image.new("RGB", (16, 16), (index, 0, 0)).save(tmp_path / f"{index:03}.png")
    source = FolderSource(tmp_path, 16)
    red = [((part.images[:, 0, 0, 0] + 1) * 127.5).round().int().tolist() for part in
           (source.draw(3000, 0), source.held_out(300, 0))]  # fmt: skip
    assert (set(red[0]) | set(red[1]), set(red[0]) & set(red[1])) == (set(range(200)), set())
    assert set(red[1]) == set(range(0, 200, 20))
    assert "10 more held out" in source.description


@pytest.mark.parametrize(
    ("files", "words"), [(0, "has no images; put files of these kinds"), (3, "has 3 usable images of 16 pixels")]
)
def test_too_few_pictures_are_one_sentence(tmp_path: Path, files: int, words: str) -> None:
    (tmp_path / "pictures").mkdir()
    for index in range(files):
        picture(index).save(tmp_path / "pictures" / f"{index}.png")
    with pytest.raises(ExplorerError, match=words):
        FolderSource(tmp_path / "pictures", 16)


def test_preparing_can_be_cancelled_and_leaves_nothing(folder: Path) -> None:
    def stop(share: float) -> None:
        if share > 0.4:
            raise Cancelled

    with pytest.raises(Cancelled):
        FolderSource(folder, 16, stop)
    home = Path(os.environ["LATENT_EXPLORER_HOME"]) / "cache" / "pictures"
    assert list(home.iterdir()) == []
    assert FolderSource(folder, 16).count == 18


@pytest.mark.parametrize("ending", [".npy", ".kept"])
def test_prepared_pictures_that_are_damaged_are_prepared_again(folder: Path, ending: str) -> None:
    """Whatever the damage: what is trained on is what the files show."""
    first = FolderSource(folder, 16)
    drawn = first.draw(50, 0).images
    (kept,) = (Path(os.environ["LATENT_EXPLORER_HOME"]) / "cache" / "pictures").glob(f"*{ending}")
    whole = kept.read_bytes()
    for damaged in mutations(whole, 60):
        kept.unlink()  # it is mapped
        kept.write_bytes(damaged)
        again = FolderSource(folder, 16)
        assert again.listing == first.listing
        assert torch.equal(again.draw(50, 0).images, drawn)
        assert kept.read_bytes().startswith(whole)  # more behind its end is of no matter


def test_pictures_are_prepared_for_this_run_where_nothing_can_be_kept(
    folder: Path, file_for_home: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    own = tmp_path / "temporary"
    own.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(own))
    source = FolderSource(folder, 16)
    (line,) = [record.getMessage() for record in caplog.records]
    assert line.startswith(f"'{file_for_home / 'cache' / 'pictures'}' cannot be written")
    assert list(own.iterdir()) == []  # nothing is left behind
    drawn = source.draw(6, seed=3)
    monkeypatch.setenv("LATENT_EXPLORER_HOME", str(tmp_path / "other"))
    assert torch.equal(drawn.images, FolderSource(folder, 16).draw(6, seed=3).images)


def test_a_run_on_a_folder_resumes_bit_for_bit_and_refuses_other_pictures(folder: Path, tmp_path: Path) -> None:
    recipe = changed(changed(TOY, "data", str(folder)), "size", 16)
    told: list[str] = []
    straight = train(recipe, tmp_path / "straight", CPU, announce=told.extend)
    assert told[0].startswith("18 pictures in")
    assert (tmp_path / "straight" / "pictures.txt").read_text().splitlines() == told
    train(recipe, tmp_path / "resumed", CPU, stop_after=1)
    picture(77).save(folder / "03.png")
    with pytest.raises(ExplorerError, match=r"a run of another recipe \(pictures: .*, now "):
        train(recipe, tmp_path / "resumed", CPU)
    picture(3).save(folder / "03.png")
    resumed = train(recipe, tmp_path / "resumed", CPU)
    assert (resumed / "model.safetensors").read_bytes() == (straight / "model.safetensors").read_bytes()
    assert "18 colour pictures of the user's" in json.loads((straight / "card.json").read_text())["data"]


def test_a_disk_that_fills_leaves_the_last_checkpoint(tmp_path: Path) -> None:
    recipe = msgspec.structs.replace(TOY, settings={**TOY.settings, "widths": [4, 4, 4, 4]})
    train(recipe, tmp_path, CPU, stop_after=1)
    before = (tmp_path / "checkpoint.pt").read_bytes()
    with (
        small_disk(len(before) // 2),
        pytest.raises(ExplorerError, match="The last checkpoint is whole") as caught,
    ):
        train(recipe, tmp_path, CPU)
    assert "Free some space" in str(caught.value)
    assert (tmp_path / "checkpoint.pt").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == [".lock"]
    assert train(recipe, tmp_path, CPU).is_dir()


def test_all_differences_of_a_resumed_recipe_are_named(tmp_path: Path) -> None:
    recipe = msgspec.structs.replace(TOY, settings={**TOY.settings, "widths": [4, 4, 4, 4]})
    train(recipe, tmp_path, CPU, stop_after=1)
    other = msgspec.structs.replace(recipe, batch=6, settings={**recipe.settings, "beta": 2.0})
    with pytest.raises(ExplorerError, match=r"batch: 4, now 6; beta: not set, now 2\.0"):
        train(other, tmp_path, CPU)


def test_what_is_neither_world_nor_folder_is_said() -> None:
    with pytest.raises(ExplorerError, match=r"neither a world nor a folder 'atlantis'.* shapes"):
        source_of(changed(TOY, "data", "atlantis"))
    with pytest.raises(ExplorerError, match="draws 64 or 32 pixels, not 48"):
        source_of(changed(TOY, "size", 48))
    with pytest.raises(ExplorerError, match="The recipe's steps cannot be 0"):
        changed(read_recipe("shapes-btcvae"), "steps", 0)
