"""The autoencoders that come with the program are the ones that their cards describe."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from explorer.controls.codebook import CodebookControl
from explorer.discovery.latent_axes import METHOD
from explorer.files import package_folder
from explorer.generators import registry
from explorer.metrics import infomec, latent_activity
from explorer.metrics.base import Codes
from explorer.scene.model import Quality
from explorer.training.batch import as_images
from explorer.worlds import registry as worlds

WORLDS = {"shapes-btcvae": "shapes", "shapes-qlae": "shapes", "pendulum-vae": "pendulum", "sprites-btcvae": "sprites"}
FAMILIES = {"shapes-qlae": "qlae"}
VAES = [name for name in WORLDS if name not in FAMILIES]
PICTURES = 300


class Shipped:
    """One of them, loaded, with pictures of its world that it may or may not have seen."""

    def __init__(self, name: str) -> None:
        self.name, self.world = name, worlds.world(WORLDS[name])
        self.folder: Path = package_folder("models") / name
        self.card: dict[str, Any] = json.loads((self.folder / "card.json").read_text())
        self.generator: Any = registry.load(name, torch.device("cpu"))
        uniform = self.card["recipe"].get("uniform", False)
        draw = self.world.independent if uniform else self.world.sample
        self.factors: NDArray[np.float32] = draw(PICTURES, 1234)
        self.pictures = as_images(self.world.render(self.factors, self.generator.card.size[0]))

    def drawn(self, n: int, seed: int) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
        """Factors and codes of pictures drawn by the world's own mechanisms."""
        factors = self.world.sample(n, seed)
        pictures = as_images(self.world.render(factors, self.generator.card.size[0]))
        code = torch.cat([self.generator.encode(part).tensors["z"] for part in pictures.split(200)])
        return factors, code.double().numpy()


_LOADED: dict[str, Shipped] = {}


@pytest.fixture(params=list(WORLDS))
def shipped(request: pytest.FixtureRequest) -> Shipped:
    if request.param not in _LOADED:
        _LOADED[request.param] = Shipped(request.param)
    return _LOADED[request.param]


def test_it_is_small_and_documented(shipped: Shipped) -> None:
    assert sum(path.stat().st_size for path in shipped.folder.rglob("*") if path.is_file()) <= 4_000_000
    assert {path.name for path in shipped.folder.iterdir() if path.name != "controls"} == {
        "README.md", "card.json", "config.json", "model.safetensors", "samples.png",
    }  # fmt: skip
    card = registry.describe(shipped.name)
    assert (card.family, card.size, card.licence) == (FAMILIES.get(shipped.name, "vae"), (64, 64), "Apache-2.0")
    assert card.shape[0] == shipped.world.channels
    assert f"latent-explorer train {shipped.name}" in (shipped.folder / "README.md").read_text()


def test_it_reconstructs_as_well_as_its_card_says(shipped: Shipped) -> None:
    again = shipped.generator.render(shipped.generator.encode(shipped.pictures), Quality())
    error = ((again - shipped.pictures) / 2).square().mean().item()
    assert error == pytest.approx(shipped.card["figures"]["reconstruction_mse"], rel=0.15)


def test_its_sample_sheet_shows_its_samples(shipped: Shipped) -> None:
    sheet = np.asarray(Image.open(shipped.folder / "samples.png"))
    pictures = shipped.generator.render(shipped.generator.sample(range(8)), Quality())
    levels = ((pictures.clamp(-1, 1) + 1) * 127.5).round().byte().permute(0, 2, 3, 1).numpy()
    for index, picture in enumerate(levels):
        shown = sheet[:64, index * 66 : index * 66 + 64].reshape(picture.shape)
        assert np.abs(shown.astype(int) - picture).max() <= 2  # another processor rounds the last bits differently


@pytest.mark.parametrize("shipped", VAES, indirect=True)
def test_its_axes_are_as_active_as_its_card_says(shipped: Shipped) -> None:
    stored = latent_activity.from_generator(shipped.generator)
    assert (stored.data, stored.n) == (shipped.world.name, 10_000)
    measured = latent_activity.from_posterior(*shipped.generator.posterior(shipped.pictures))
    assert measured.kl == pytest.approx(stored.kl, abs=0.25)


def left_over(features: NDArray[np.float64], targets: NDArray[np.float64]) -> NDArray[np.float64]:
    """Share of each target's variance that least squares on the first three quarters leaves in the last quarter."""
    split = 3 * len(features) // 4
    features = np.concatenate([np.ones((len(features), 1)), features], axis=1)
    weights = np.linalg.lstsq(features[:split], targets[:split], rcond=None)[0]
    unexplained = (targets[split:] - features[split:] @ weights).var(axis=0)
    return np.asarray(unexplained / targets[split:].var(axis=0))


def polynomials(code: NDArray[np.float64]) -> NDArray[np.float64]:
    """The code, its products and its cubes."""
    products = [code[:, i : i + 1] * code[:, i:] for i in range(code.shape[1])]
    return np.concatenate([code, code**3, *products], axis=1)


def circles(factors: NDArray[np.float32], shipped: Shipped) -> NDArray[np.float64]:
    """Every number as it is, every cyclic number as cosine and sine; categories left out."""
    columns = []
    for column, factor in zip(factors.T.astype(float), shipped.world.factors, strict=True):
        if factor.cyclic:
            angle = 2 * np.pi * column / factor.period
            columns += [np.cos(angle), np.sin(angle)]
        elif factor.kind == "number":
            columns.append(column)
    return np.stack(columns, axis=1)


@pytest.mark.parametrize("shipped", ["shapes-btcvae"], indirect=True)
def test_every_factor_of_shapes_can_be_read_from_its_code(shipped: Shipped) -> None:
    factors, code = shipped.drawn(1600, 77)
    assert (left_over(polynomials(code), circles(factors, shipped)) < 0.15).all()
    assert latent_activity.from_generator(shipped.generator).counts["active"] >= 6


@pytest.mark.parametrize("shipped", ["shapes-qlae"], indirect=True)
def test_quantised_latents_hold_every_factor_and_little_else_each(shipped: Shipped) -> None:
    factors, code = shipped.drawn(1600, 77)
    indices = np.stack([np.unique(column, return_inverse=True)[1] for column in code.T], axis=1)
    one_hot = np.concatenate([np.eye(10)[column] for column in indices.T], axis=1)
    assert (left_over(one_hot, circles(factors, shipped)) < 0.15).all()
    data = Codes(
        codes=code,
        labels=shipped.world.levels_of(factors),
        latents=tuple(f"z{latent}" for latent in range(12)),
        factors=shipped.world.names,
        discrete=True,
    )
    found = infomec.MEASURE(data, 0)
    assert found["infom"].value is not None
    assert found["infom"].value > 0.6


@pytest.mark.parametrize("shipped", ["shapes-qlae"], indirect=True)
def test_its_code_usage_is_that_of_its_data(shipped: Shipped) -> None:
    _, code = shipped.drawn(1600, 77)
    shares = (torch.from_numpy(code).float()[:, :, None] == shipped.generator.codebook).double().mean(dim=0)
    assert (shares - shipped.generator.usage).abs().max() < 0.05
    controls = METHOD.discover(shipped.generator, 12).controls
    assert all(isinstance(control, CodebookControl) and len(control.card.detents) > 1 for control in controls)


@pytest.mark.parametrize("shipped", ["pendulum-vae"], indirect=True)
def test_causes_and_effects_can_be_read_from_the_pendulums_code(shipped: Shipped) -> None:
    """The length of the shadow is clipped, so a polynomial follows it less closely."""
    factors, code = shipped.drawn(1600, 77)
    angle, light, length, position = left_over(polynomials(code), circles(factors, shipped))
    assert max(angle, light, position) < 0.03
    assert length < 0.2
