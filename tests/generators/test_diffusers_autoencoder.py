"""The autoencoder of a pipeline by itself: it opens as a model that encodes and decodes, as diffusers does both."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny_pipelines import change_json, save_latent, tiny_kl, tiny_taesd, tiny_unet, tiny_vq

from explorer.errors import ModelError
from explorer.generators.diffusers_autoencoder import FAMILY
from explorer.generators.registry import identify, load
from explorer.scene.model import Quality

CPU = torch.device("cpu")
MADE: dict[str, Any] = {"AutoencoderKL": lambda: tiny_kl(scaling_factor=0.4, shift_factor=0.2),
                        "VQModel": tiny_vq, "AutoencoderTiny": tiny_taesd}  # fmt: skip


def save(folder: Path, kind: str = "AutoencoderKL", **card: Any) -> Path:
    MADE[kind]().save_pretrained(folder)
    (folder / "card.json").write_text(json.dumps({"size": 16, **card}))
    return folder


@pytest.mark.parametrize("kind", MADE)
@torch.no_grad()
def test_pictures_and_latents_are_those_of_diffusers(tmp_path: Path, kind: str) -> None:
    folder = save(tmp_path / "vae", kind)
    assert identify(folder).family == "diffusers_autoencoder"
    generator = load(str(folder), CPU)
    assert (generator.card.size, generator.card.spaces["z"].shape) == ((16, 16), (4, 8, 8))
    network, config = MADE[kind]().eval(), MADE[kind]().config
    scale, shift = config.scaling_factor, config.get("shift_factor") or 0.0
    latent = generator.sample([3])
    made = generator.render(latent, Quality())
    expected = network.decode(latent.tensors["z"] / scale + shift).sample.clamp(-1, 1)
    torch.testing.assert_close(made, expected, atol=1e-5, rtol=0)
    found = network.encode(made)
    z = found.latent_dist.mean if hasattr(found, "latent_dist") else found.latents
    again = FAMILY.load(folder, CPU).encode(made).tensors["z"]  # type: ignore[attr-defined]
    torch.testing.assert_close(again, (z - shift) * scale, atol=1e-5, rtol=0)


def test_mean_and_deviation_of_latents_are_undone(tmp_path: Path) -> None:
    network = tiny_kl(scaling_factor=0.4, latents_mean=[0.1, -0.2, 0.3, 0.0], latents_std=[1.0, 2.0, 0.5, 1.5])
    network.save_pretrained(tmp_path / "vae")
    generator = load(str(tmp_path / "vae"), CPU)
    z = generator.sample([1]).tensors["z"]
    mean = torch.tensor([0.1, -0.2, 0.3, 0.0]).view(1, 4, 1, 1)
    deviation = torch.tensor([1.0, 2.0, 0.5, 1.5]).view(1, 4, 1, 1)
    with torch.no_grad():
        expected = network.eval().decode(z * deviation / 0.4 + mean).sample.clamp(-1, 1)
    torch.testing.assert_close(generator.render(generator.sample([1]), Quality()), expected, atol=1e-5, rtol=0)


def test_the_folder_inside_a_pipeline_opens_by_itself(tmp_path: Path) -> None:
    folder = save_latent(tmp_path / "model")
    assert identify(folder).family == "diffusion"
    assert identify(folder / "vqvae").family == "diffusers_autoencoder"
    assert load(str(folder / "vqvae"), CPU).card.size == (16, 16)  # sample_size of its config


def test_what_is_no_autoencoder_is_not_mine(tmp_path: Path) -> None:
    tiny_unet().save_pretrained(tmp_path / "unet")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "config.json").write_text("[]")
    for path in (tmp_path / "unet", tmp_path / "other", tmp_path / "absent"):
        assert not FAMILY.identify(path).mine


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda folder: change_json(folder / "card.json", size=17), "'size' is 17"),
        (lambda folder: change_json(folder / "config.json", layers_per_block=3), "belong together"),
        (lambda folder: (folder / "diffusion_pytorch_model.safetensors").unlink(), "lacks its weights"),
        (lambda folder: change_json(folder / "config.json", block_out_channels=[8, 8, 8]), "multiple|describe|belong"),
    ],
)
def test_broken_ones_are_refused_in_one_sentence(tmp_path: Path, change: Any, words: str) -> None:
    folder = save(tmp_path / "vae")
    change(folder)
    with pytest.raises(ModelError, match=words) as caught:
        load(str(folder), CPU, family="diffusers_autoencoder")
    assert str(caught.value).endswith(".")
    shutil.rmtree(folder)
