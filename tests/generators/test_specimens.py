"""What the families say of all their models is what their models say; and which methods fit them follows from it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from causal_folders import write_causal_diffusion, write_causal_vae
from diffusers import FlowMatchEulerDiscreteScheduler
from official_files import SMALL_STYLEGAN3, exported, exported_stylegan3, own_stylegan2, own_stylegan3, write_official
from onnx import helper
from onnx_files import save_encoder, save_graph, save_linear
from tiny_pipelines import save_ddim, save_flow, save_latent, tiny_kl, tiny_unet
from tiny_texts import save_stable
from vae_writers import burgess_folder

from explorer.causal import model_file
from explorer.causal.mechanisms.linear import LinearGaussian
from explorer.causal.model import StructuralModel
from explorer.discovery import registry as methods
from explorer.discovery.request import LAYER_SETTINGS, CheckedMethod, checked_settings
from explorer.generators import registry
from explorer.generators.autoencoder_family import save_autoencoder
from explorer.generators.causes import CAUSES
from explorer.generators.conditions import Condition
from explorer.generators.cvae_network import ConditionalVaeConfig, ConditionalVaeNetwork
from explorer.generators.known_factors import VARIANTS, write_known_factors
from explorer.generators.qlae_network import QlaeConfig, QlaeNetwork
from explorer.generators.stylegan2 import save_stylegan2
from explorer.generators.stylegan2_network import NetworkConfig, StyleGAN2
from explorer.generators.vae_network import VaeConfig, VaeNetwork
from explorer.scene.cards import ModelCard
from explorer.scene.causal_graph import CausalGraph, Variable
from explorer.worlds.base import Factor

TRUNK = {"size": 16, "channels": 3, "latents": 3, "widths": (4, 6), "hidden": 8}


def _vae(folder: Path) -> None:
    save_autoencoder(VaeNetwork(VaeConfig(**TRUNK)), folder)


def _qlae(folder: Path) -> None:
    save_autoencoder(QlaeNetwork(QlaeConfig(**TRUNK, codes=4)), folder)


def _cvae(folder: Path) -> None:
    condition = Condition(factor=Factor("size", (1.0, 2.0, 3.0)), mean=2.0, deviation=0.5)
    save_autoencoder(ConditionalVaeNetwork(ConditionalVaeConfig(**TRUNK, conditions=(condition,), rows=4)), folder)


def _cvae_with_causes(folder: Path) -> None:
    _cvae(folder)
    size = Variable(name="size")
    law = LinearGaussian.of((), (), 2.0, 0.5)
    model_file.save(StructuralModel(CausalGraph(variables=(size,)), {"size": law}), folder / CAUSES)


def _vae_checkpoint(folder: Path) -> None:
    burgess_folder(folder)


def _stylegan2(folder: Path) -> None:
    shape = {"z_dim": 6, "w_dim": 5, "mapping_layers": 2, "mapping_width": 7}
    save_stylegan2(StyleGAN2(NetworkConfig(resolution=8, channels=(6, 4), **shape)), folder)


def _conditional_stylegan2(folder: Path) -> None:
    folder.mkdir()
    write_official(folder / "network.pkl", exported(own_stylegan2(classes=2, label_width=3)), {})


def _stylegan3(folder: Path, **settings: int) -> None:
    folder.mkdir()
    write_official(folder / "network.pkl", exported_stylegan3(own_stylegan3(**settings)), SMALL_STYLEGAN3)


def _mlp_gan(folder: Path) -> None:
    folder.mkdir()
    layers = {"0.weight": torch.ones(6, 5), "0.bias": torch.ones(6), "2.weight": torch.ones(16, 6)}
    torch.save({**layers, "2.bias": torch.ones(16)}, folder / "gan.ckpt")


def _dcgan(folder: Path) -> None:
    folder.mkdir()
    layers = [torch.nn.ConvTranspose2d(5, 4, 4, 1, 0), torch.nn.BatchNorm2d(4), torch.nn.ReLU()]
    torch.save(torch.nn.Sequential(*layers, torch.nn.ConvTranspose2d(4, 1, 4, 2, 1)).state_dict(), folder / "gan.tar")


def _without_bottleneck(folder: Path) -> None:
    save_ddim(folder)
    tiny_unet(mid_block_type=None).save_pretrained(folder / "unet")


def _graph(folder: Path, shape: tuple[int, ...] = (4,), name: str = "z", about: object = None, **more: Any) -> None:
    """A picture that is the sum of all that is fed, with inputs of ``more`` beside the first: name → shape."""
    folder.mkdir()
    inputs = {name: shape, **more}
    weights = {
        "blank": np.zeros((1, 64), np.float32),
        "one": np.array([1], np.int64),
        "size": np.array([-1, 1, 8, 8], np.int64),
    }
    nodes, total = [], "blank"
    for number, own in enumerate(inputs):
        nodes += [
            helper.make_node("Flatten", [own], [f"flat {number}"], axis=1),
            helper.make_node("ReduceSum", [f"flat {number}", "one"], [f"sum {number}"], keepdims=1),
            helper.make_node("Add", [total, f"sum {number}"], [f"total {number}"]),
        ]
        total = f"total {number}"
    nodes.append(helper.make_node("Reshape", [total, "size"], ["y"]))
    fed = [(own, 1, ["n", *inner]) for own, inner in inputs.items()]
    save_graph(folder / "a.onnx", nodes, fed, [("y", 1, ["n", 1, 8, 8])], weights)
    (folder / "a.json").write_text(json.dumps(about or {}))


def _graph_pair(folder: Path) -> None:
    folder.mkdir()
    save_linear(folder / "decoder.onnx")
    save_encoder(folder / "encoder.onnx", ("mean", "log"), (0.0, 1.0))


def _of_classes(folder: Path, **unet: object) -> None:
    save_ddim(folder)
    tiny_unet(num_class_embeds=3, **unet).save_pretrained(folder / "unet")


TINY: dict[str, tuple[Callable[[Path], object], ...]] = {
    "vae_checkpoint": (_vae_checkpoint,),
    "causal_diffusion": (write_causal_diffusion,),
    "causal_vae": (write_causal_vae, lambda folder: write_causal_vae(folder, with_causes=False)),
    "cvae": (_cvae, _cvae_with_causes),
    "dcgan": (_dcgan,),
    "diffusers_autoencoder": (lambda folder: tiny_kl().save_pretrained(folder),),
    "diffusion": (
        save_ddim,
        save_latent,
        _without_bottleneck,
        _of_classes,
        lambda folder: _of_classes(folder, mid_block_type=None),
        save_stable,
        lambda folder: save_stable(folder, mid_block_type=None),
        save_flow,
        lambda folder: save_flow(folder, mid_block_type=None),
        lambda folder: save_flow(folder, num_class_embeds=3),
        lambda folder: save_flow(folder, num_class_embeds=3, mid_block_type=None),
        lambda folder: save_stable(folder, FlowMatchEulerDiscreteScheduler()),
        lambda folder: save_stable(folder, FlowMatchEulerDiscreteScheduler(), mid_block_type=None),
    ),
    "known_factors": tuple(
        lambda folder, variant=variant: write_known_factors(folder, variant, size=8) for variant in VARIANTS
    ),
    "mlp_gan": (_mlp_gan,),
    "onnx": (
        _graph,
        lambda folder: _graph(folder, (3, 4, 4), "x_T"),
        lambda folder: _graph(folder, name="w", about={"inputs": {"w": {"deviation": 2}}}),
        lambda folder: _graph(folder, label=(5,)),
        lambda folder: _graph(folder, angle=(2,)),
        _graph_pair,
    ),
    "qlae": (_qlae,),
    "stylegan2": (_stylegan2, _conditional_stylegan2),
    "stylegan3": (_stylegan3, lambda folder: _stylegan3(folder, classes=2, label_width=3)),
    "vae": (_vae,),
}
"""Family → what writes its small models: one of every kind that it reads."""


@pytest.fixture(scope="module")
def cards(tmp_path_factory: pytest.TempPathFactory) -> list[ModelCard]:
    """Every model that ships, and small ones of every family and kind."""
    found = [registry.describe(name) for name in registry.shipped_models()]
    for family, writers in TINY.items():
        for number, write in enumerate(writers):
            folder = tmp_path_factory.mktemp(family) / str(number)
            write(folder)
            found.append(registry.describe(str(folder)))
            assert found[-1].family == family
    return found


def _abilities(card: ModelCard) -> tuple[object, ...]:
    spaces = {name: (len(one.shape), one.prior, one.layers > 0) for name, one in card.spaces.items()}
    return tuple(spaces.items()), frozenset(card.capabilities)


def test_every_family_has_small_models_here() -> None:
    assert set(TINY) == set(registry.families())


def test_specimens_are_the_kinds_of_models_that_there_are(cards: list[ModelCard]) -> None:
    for name, family in registry.families().items():
        described = {_abilities(card) for card in cards if card.family == name}
        assert described == {_abilities(one) for one in family.specimens()}, name
        assert {one.family for one in family.specimens()} == {name}


def test_a_method_names_the_families_that_have_a_model_it_fits(cards: list[ModelCard]) -> None:
    for card in methods.cards():
        method = methods.method(card.name)
        assert set(card.families) == {one.family for one in cards if not method.refusal(one)}, card.name


def test_a_method_names_the_spaces_in_which_it_looks(cards: list[ModelCard]) -> None:
    layered = {setting.name for setting in LAYER_SETTINGS}
    for card in methods.cards():
        method = methods.method(card.name)
        assert isinstance(method, CheckedMethod)
        settings = checked_settings(method.card, {})
        fit = [one for one in cards if not method.refusal(one)]
        assert {method.where(one, settings) for one in fit} - {"weights"} <= set(card.spaces), card.name
        assert set(card.spaces) <= {space for one in fit for space in one.spaces}, card.name
        layers = layered <= settings.keys() and any("w_plus" in one.spaces for one in fit)
        assert not layers or "w_plus" in card.spaces, card.name


def test_families_are_called_by_titles(cards: list[ModelCard]) -> None:
    for card in cards:
        assert card.family_title == registry.families()[card.family].short_title
        assert "_" not in card.family_title
