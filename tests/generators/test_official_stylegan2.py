"""StyleGAN2 as others write it: pictures of the official code's, from files whose own code is never run."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import pytest
import torch
from official_files import (
    assert_nothing_ran,
    exported,
    golden,
    own_stylegan2,
    write_official,
    write_rosinality,
)
from torch import Tensor

from explorer.controls.base import Move
from explorer.discovery import registry as methods
from explorer.engine.origins import latent_of
from explorer.errors import SceneError
from explorer.generators import registry
from explorer.generators.base import Latent
from explorer.generators.class_labels import drawn_labels
from explorer.generators.editing import edited
from explorer.generators.stylegan2 import StyleGAN2Generator
from explorer.generators.weights import changed
from explorer.scene.model import Blend, Condition, Seed, Start

CPU = torch.device("cpu")
NETWORKS = ("sg2_uncond_64", "sg2ada_cond_64")


def loaded(name: str, folder: Path) -> StyleGAN2Generator:
    network = golden(name)
    path = write_official(folder / "network-snapshot-000100.pkl", network.state, network.arguments)
    generator = registry.load(str(path), CPU)
    assert isinstance(generator, StyleGAN2Generator)
    return generator


def pictures(generator: StyleGAN2Generator, z: Tensor, label: Tensor | None, psi: float) -> Tensor:
    """Not clamped, unlike what :meth:`render` gives."""
    latent = Latent({"z": z}, torch.full((len(z),), psi), label)
    with torch.no_grad():
        return generator.network.synthesis(generator.advance(latent, "style").tensors["style"])


@pytest.mark.parametrize("name", NETWORKS)
def test_pictures_are_those_of_the_official_code(name: str, tmp_path: Path) -> None:
    reference = golden(name).reference
    generator = loaded(name, tmp_path)
    label = reference["c"] if reference["c"].shape[1] else None
    whole = Latent({"z": reference["z"]}, torch.ones(4), label)
    assert torch.allclose(generator.advance(whole, "w").tensors["w"], reference["w"], atol=2e-5)
    z, label = reference["z"][:2], None if label is None else label[:2]
    span = float(reference["img_psi1"].max() - reference["img_psi1"].min())
    for key, psi in (("img_psi1", 1.0), ("img_psi07", 0.7)):
        assert float((pictures(generator, z, label, psi) - reference[key]).abs().max()) < 1e-4 * span, key
    silent = {
        name: -tensor for name, tensor in generator.network.state_dict().items() if name.endswith("noise_strength")
    }
    assert any(bool(tensor) for tensor in silent.values())
    generator.network = changed(generator.network, silent)
    difference = pictures(generator, z, label, 1.0) - reference["img_nonoise"]
    assert float(difference.abs().max()) < 1e-4 * span
    assert_nothing_ran()


KINDS: dict[str, dict[str, Any]] = {
    "skip": {},
    "residual": {"architecture": "resnet"},
    "grey": {"picture_channels": 1},
    "conditional": {"classes": 3, "label_width": 4},
    "clamped": {"architecture": "resnet", "clamp": 0.8},
    "of one block": {"resolution": 4, "channels": (6,)},
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("arguments", ["nested", "flat", "attributes"])
def test_every_kind_is_read_from_every_way_of_writing_it(kind: str, arguments: str, tmp_path: Path) -> None:
    """StyleGAN2-ADA makes its network with nested arguments, StyleGAN3 with flat ones; layers may say it themselves."""
    network = own_stylegan2(**KINDS[kind])
    clamp = {"conv_clamp": network.config.clamp}
    told: dict[str, Any] = {"nested": {"synthesis_kwargs": clamp}, "flat": clamp, "attributes": {}}[arguments]
    attributes = {"conv1": clamp} if arguments == "attributes" else {}
    path = write_official(tmp_path / "a.pkl", exported(network), told, attributes)
    generator = registry.load(str(path), CPU)
    assert isinstance(generator, StyleGAN2Generator)
    assert generator.network.config == network.config
    for name, tensor in network.state_dict().items():
        assert torch.equal(generator.network.state_dict()[name], tensor) or name == "w_std", name
    assert generator.card == registry.describe(str(path))
    assert generator.card.classes == network.config.classes
    with torch.no_grad():
        styles = generator.advance(generator.sample([1, 2], 0.7), "style").tensors["style"]
        assert torch.equal(generator.network.synthesis(styles), network.synthesis(styles))
    assert_nothing_ran()


def test_a_large_one_is_as_exact_as_float64(tmp_path: Path) -> None:
    network = own_stylegan2(resolution=256, channels=(16, 16, 16, 16, 12, 8, 8))
    generator = registry.load(str(write_official(tmp_path / "a.pkl", exported(network), {})), CPU)
    assert isinstance(generator, StyleGAN2Generator)
    z = generator.sample([5]).tensors["z"]
    drawn = pictures(generator, z, None, 0.7)
    exact = network.double()
    with torch.no_grad():
        w = exact.truncate(exact.mapping(z.double()), torch.tensor([0.7]).double())
        expected = exact.synthesis(exact.styles(exact.broadcast(w)), dtype=torch.float64)
    assert float((drawn - expected).abs().max()) < 1e-4 * float(expected.max() - expected.min())


def test_classes_are_drawn_by_the_seed_and_can_be_blended(tmp_path: Path) -> None:
    path = write_official(tmp_path / "a.pkl", exported(own_stylegan2(classes=3, label_width=4)), {})
    generator = registry.load(str(path), CPU)
    assert generator.card.classes == 3
    latent = generator.sample(range(64))
    assert latent.label is not None
    assert latent.label.sum(0).gt(8).all()
    assert torch.equal(latent.label, drawn_labels(range(64), 3))
    assert torch.equal(generator.sample([9]).label, latent.label[9:10])  # type: ignore[arg-type]
    z = latent.tensors["z"][:1].expand(3, -1)
    w = generator.advance(Latent({"z": z}, label=torch.eye(3)), "w").tensors["w"]
    assert (w[0] - w[1]).abs().max() > 1e-3
    blended = generator.advance(Latent({"z": z[:1]}, label=torch.tensor([[0.5, 0.5, 0]])), "w").tensors["w"]
    assert all((blended - w[k]).abs().max() > 1e-4 for k in range(3))
    first = generator.advance(Latent({"z": z[:1]}), "w").tensors["w"]  # of z alone: the first class
    assert torch.allclose(first, w[:1], atol=1e-6)


def test_a_condition_chooses_classes_in_place_of_the_seed(tmp_path: Path) -> None:
    path = write_official(tmp_path / "a.pkl", exported(own_stylegan2(classes=3, label_width=4)), {})
    generator = registry.load(str(path), CPU)
    drawn = generator.sample([4], 0.7)
    blend = Condition(classes=((2, 0.25), (0, 0.75)))
    latent = latent_of(generator, Start(Seed(4), 0.7, blend))
    assert torch.equal(latent.tensors["z"], drawn.tensors["z"])
    assert latent.label is not None
    assert latent.label.tolist() == [[0.75, 0.0, 0.25]]
    between = latent_of(generator, Start(Blend((Seed(4), Seed(5)), (0.5, 0.5)), 0.7, blend))
    assert between.label is not None
    assert between.label.tolist() == [[0.75, 0.0, 0.25]]
    told = latent_of(generator, Start(Seed(4), 0.7, Condition(prompt="no class")))
    assert torch.equal(told.label, drawn.label)  # type: ignore[arg-type]
    with pytest.raises(SceneError, match=r"has the classes 0 to 2, and not 3; choose one of these"):
        latent_of(generator, Start(Seed(4), 0.7, Condition(classes=((3, 1.0),))))


def test_sliders_choose_and_blend_classes(tmp_path: Path) -> None:
    """Through all that edits are made with: at 1 it is the class, whatever the seed's own; moves go on from there."""
    path = write_official(tmp_path / "a.pkl", exported(own_stylegan2(classes=3, label_width=4)), {})
    generator = registry.load(str(path), CPU)
    controls = methods.method("classes").discover(generator, 3).controls
    start = generator.sample([4], 0.7)

    def w(*amounts: float) -> Tensor:
        moves = [Move(one, torch.tensor([amount])) for one, amount in zip(controls, amounts, strict=True)]
        return generator.advance(edited(generator, start, moves), "w").tensors["w"]

    own = generator.advance(start, "w").tensors["w"]
    assert torch.equal(w(0, 0, 0), own)
    for number in range(3):
        chosen = Latent(start.tensors, start.truncation_psi, torch.eye(3)[number : number + 1])
        expected = generator.advance(chosen, "w").tensors["w"]
        assert torch.allclose(w(*(float(number == k) for k in range(3))), expected, atol=1e-6)
    half = Latent(start.tensors, start.truncation_psi, torch.tensor([[0.5, 0.2, 0.3]]))
    assert torch.allclose(w(0.5, 0.2, 0.3), generator.advance(half, "w").tensors["w"], atol=1e-5)
    assert torch.allclose(w(1, 0.4, 0.6), w(0.5, 0.2, 0.3), atol=1e-5)  # shares
    push = methods.method("pca").discover(generator, 1).controls[0]
    after = edited(generator, start, [Move(controls[1], torch.ones(1)), Move(push, torch.ones(1))])
    assert torch.allclose(after.tensors["w"], push.move(w(0, 1, 0), torch.ones(1)), atol=1e-6)


# stylegan2-pytorch


def test_pictures_from_stylegan2_pytorch_are_those_of_the_official_code(tmp_path: Path) -> None:
    network = golden("sg2_uncond_64")
    mean = network.state["mapping.w_avg"]
    generator = registry.load(str(write_rosinality(tmp_path / "a.pt", network.state, latent_avg=mean)), CPU)
    assert isinstance(generator, StyleGAN2Generator)
    span = float(network.reference["img_psi07"].max() - network.reference["img_psi07"].min())
    drawn = pictures(generator, network.reference["z"][:2], None, 0.7)
    assert float((drawn - network.reference["img_psi07"]).abs().max()) < 1e-4 * span


def test_a_checkpoint_of_a_training_is_read_and_its_options_are_not_believed(tmp_path: Path) -> None:
    """It holds no mean of w, but the options of the program that wrote it, which are an object."""
    network = own_stylegan2(mapping_width=5, z_dim=5)
    options = argparse.Namespace(size=16, ckpt="x")
    path = write_rosinality(
        tmp_path / "010000.pt", exported(network), args=options, g_optim={"state": {}}, ada_aug_p=0.1
    )
    generator = registry.load(str(path), CPU)
    assert isinstance(generator, StyleGAN2Generator)
    for name, tensor in network.state_dict().items():
        if name not in ("w_mean", "w_std"):
            assert torch.equal(generator.network.state_dict()[name], tensor), name
    with torch.no_grad():
        many = network.mapping(torch.randn(20_000, 5, generator=torch.Generator().manual_seed(1)))
    error = (generator.network.get_buffer("w_mean") - many.mean(0)).abs()
    assert bool((error < 6 * many.std(0) / 4096**0.5).all())
