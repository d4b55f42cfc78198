"""An open model is nothing to the files that it came from: these may be rewritten, as a training does, or cut."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from causal_folders import write_causal_diffusion, write_causal_vae
from official_files import SMALL_STYLEGAN3, exported_stylegan3, own_stylegan3, write_official
from onnx_files import save_linear
from tiny_pipelines import save_latent, tiny_kl, tiny_unet
from vae_writers import burgess_folder

import explorer
from explorer.files import package_folder
from explorer.generators import own_folder, registry
from explorer.generators.autoencoder_family import save_autoencoder
from explorer.generators.base import Generator
from explorer.generators.conditions import Condition
from explorer.generators.cvae_network import ConditionalVaeConfig, ConditionalVaeNetwork
from explorer.generators.known_factors import write_known_factors
from explorer.scene.model import Quality
from explorer.worlds.base import Factor

CPU = torch.device("cpu")


def shipped(name: str) -> Callable[[Path], Path]:
    return lambda folder: Path(shutil.copytree(package_folder("models") / name, folder))


def known_factors(folder: Path) -> Path:
    write_known_factors(folder, "equal", size=8)
    return folder


def perceptron(folder: Path) -> Path:
    folder.mkdir()
    torch.manual_seed(0)
    layers = torch.nn.Sequential(torch.nn.Linear(4, 6), torch.nn.ReLU(), torch.nn.Linear(6, 16))
    torch.save(layers.state_dict(), folder / "gan.pt")
    return folder / "gan.pt"


def convolutional(folder: Path) -> Path:
    folder.mkdir()
    torch.manual_seed(0)
    layers = [torch.nn.ConvTranspose2d(4, 6, 4), torch.nn.BatchNorm2d(6), torch.nn.ReLU()]
    network = torch.nn.Sequential(*layers, torch.nn.ConvTranspose2d(6, 3, 4, 2, 1))
    torch.save({"netG_state_dict": network.state_dict()}, folder / "gan.tar")
    return folder / "gan.tar"


def conditional(folder: Path) -> Path:
    torch.manual_seed(0)
    size = Condition(factor=Factor("size", (1.0, 2.0, 3.0)), mean=2.0, deviation=0.5)
    config = ConditionalVaeConfig(size=16, channels=3, latents=2, widths=(4, 6), hidden=8, conditions=(size,), rows=4)
    save_autoencoder(ConditionalVaeNetwork(config), folder)
    return folder


def alias_free(folder: Path) -> Path:
    folder.mkdir()
    return write_official(folder / "a.pkl", exported_stylegan3(own_stylegan3()), SMALL_STYLEGAN3)


def graph(folder: Path) -> Path:
    folder.mkdir()
    return save_linear(folder / "a.onnx", save_as_external_data=True, location="weights.bin")


FAMILIES: dict[str, Callable[[Path], Path]] = {
    "stylegan2": shipped("faces-stylegan2"),
    "stylegan3": alias_free,
    "vae": shipped("shapes-btcvae"),
    "cvae": conditional,
    "causal_vae": write_causal_vae,
    "causal_diffusion": write_causal_diffusion,
    "qlae": shipped("shapes-qlae"),
    "diffusion": save_latent,
    "diffusers_autoencoder": lambda folder: tiny_kl().save_pretrained(folder) or folder,
    "known_factors": known_factors,
    "mlp_gan": perceptron,
    "dcgan": convolutional,
    "vae_checkpoint": burgess_folder,
    "onnx": graph,
}


def files_in(path: Path) -> list[Path]:
    return [path] if path.is_file() else sorted(one for one in path.rglob("*") if one.is_file())


def rewrite(path: Path) -> None:
    """Other bytes in the same file: who has it mapped sees them."""
    with path.open("r+b") as file:
        start = min(path.stat().st_size // 2, 4096)
        file.seek(start)
        file.write(b"\x3f" * (path.stat().st_size - start))


def cut(path: Path) -> None:
    with path.open("r+b") as file:
        file.truncate(0)


def pictures(generator: Generator) -> torch.Tensor:
    with torch.no_grad():
        latent = generator.sample([0, 1], 1.0)
        return generator.render(latent, Quality(steps=2)).clone()


def test_every_family_is_looked_at() -> None:
    assert set(FAMILIES) == set(registry.families())


@pytest.mark.parametrize("family", FAMILIES)
def test_files_that_are_rewritten_and_cut_change_nothing(family: str, tmp_path: Path) -> None:
    path = FAMILIES[family](tmp_path / "model")
    generator = registry.load(str(path), CPU)
    assert generator.card.family == family
    before, fingerprint = pictures(generator), generator.card.fingerprint
    for damage in (rewrite, cut):
        for file in files_in(path):
            damage(file)
        assert torch.equal(pictures(generator), before)
        assert generator.card.fingerprint == fingerprint


@pytest.mark.parametrize("family", ["vae", "stylegan2", "diffusion", "known_factors"])
def test_a_fingerprint_is_that_of_the_bytes_that_were_loaded(
    family: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another model is put in place of the first between its card and its weights."""
    path = FAMILIES[family](tmp_path / "model")
    old = pictures(registry.load(str(path), CPU))
    fingerprint = registry.describe(str(path)).fingerprint
    describe = own_folder.describe

    def and_then_rewritten(*arguments: object, **named: object) -> object:
        card = describe(*arguments, **named)  # type: ignore[arg-type]
        for file in files_in(path):
            rewrite(file)
        return card

    monkeypatch.setattr(own_folder, "describe", and_then_rewritten)
    generator = registry.load(str(path), CPU)
    assert generator.card.fingerprint == fingerprint
    assert torch.equal(pictures(generator), old)


@pytest.mark.parametrize("blocks", [("KDownBlock2D", "KUpBlock2D"), ("AttnDownBlock2D", "AttnUpBlock2D")])
@pytest.mark.parametrize("old_names", [False, True])
def test_a_unet_computes_what_it_computes_in_diffusers(
    blocks: tuple[str, str], old_names: bool, tmp_path: Path
) -> None:
    """Also one that has numbers which no file holds, and one whose attention has the names of before 0.14."""
    import safetensors.torch
    from diffusers import DDPMPipeline, DDPMScheduler, UNet2DModel

    unet = tiny_unet(block_out_channels=(32, 32), down_block_types=(blocks[0],) * 2, up_block_types=(blocks[1],) * 2)
    DDPMPipeline(unet, DDPMScheduler()).save_pretrained(tmp_path / "model")
    weights = tmp_path / "model" / "unet" / "diffusion_pytorch_model.safetensors"
    if old_names:
        names = {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}
        pattern = re.compile("|".join(map(re.escape, names)))
        tensors = safetensors.torch.load_file(weights)
        renamed = {pattern.sub(lambda match: names[match[0]], name): one for name, one in tensors.items()}
        safetensors.torch.save_file(renamed, weights, metadata={"format": "pt"})
    expected = UNet2DModel.from_pretrained(weights.parent, low_cpu_mem_usage=False)
    generator = registry.load(str(tmp_path / "model"), CPU)
    x = torch.randn(2, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        own = generator._unet(x, 7).sample  # type: ignore[attr-defined]
        assert torch.allclose(own, expected(x, 7).sample, atol=1e-5)


ALLOWED = {"training/folder.py", "service/frames.py"}
"""The prepared pictures of a training, which may be larger than the memory: a file of the program's own, under a name
that says its content, written once and put in place whole; and memory that the window shares with its engine."""


def test_nobody_maps_files_or_lets_a_library_read_them() -> None:
    """One reader (explorer/reading.py) owns the bytes and digests them."""
    other = re.compile(
        r"safe_open|\bload_file\b|mmap|memmap|from_pretrained|\bfrom_file\b|InferenceSession\(str|fromfile"
    )
    package = Path(explorer.__file__).parent
    guilty = {
        str(path.relative_to(package))
        for path in package.rglob("*.py")
        if any(other.search(line.partition("#")[0]) for line in path.read_text().splitlines())
    }
    assert guilty == ALLOWED
