"""Every way to invert, on the models that ship: how near it comes, and on which models."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from tiny_pipelines import save_flow, save_pixels, tiny_unet
from torch import Tensor
from torch.nn import functional

from explorer.errors import ExplorerError
from explorer.generators.base import Generator
from explorer.generators.registry import families, load
from explorer.inversion import registry
from explorer.inversion.backwards import backwards, told
from explorer.inversion.base import Attempt, psnr
from explorer.inversion.invert import Inverted, invert
from explorer.inversion.likeness import Likeness, pyramid, random_filters
from explorer.scene.inversion import InversionOptions
from explorer.scene.model import Condition, Quality
from explorer.training.batch import as_images
from explorer.worlds.registry import world


def model(name: str) -> Generator:
    return load(name, torch.device("cpu"))


def png(pictures: Tensor) -> bytes:
    pixels = ((pictures[0].permute(1, 2, 0) + 1) * 127.5).round().byte().numpy()
    written = io.BytesIO()
    Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels).save(written, "PNG")
    return written.getvalue()


@torch.no_grad()
def sample(generator: Generator, seed: int) -> Tensor:
    return generator.render(generator.sample([seed], 0.7), Quality())


def rendered(generator: Generator, found: Inverted) -> Tensor:
    point = torch.frombuffer(bytearray(found.point.data), dtype=torch.float32).reshape(1, *found.point.shape)
    latent = generator.sample([0]).holding({found.point.space: point})
    return generator.render(latent, Quality()).detach()


def test_all_of_the_package_are_there_and_described() -> None:
    found = registry.inversions()
    assert {"encoder", "ddim", "w_plus", "w", "z"} <= set(found)
    assert [way.place for way in found.values()] == sorted(way.place for way in found.values())
    for name, way in found.items():
        assert (way.name, bool(way.title), bool(way.description)) == (name, True, True)


def test_every_family_of_pictures_has_a_way_or_says_why_not() -> None:
    for family in families().values():
        for card in family.specimens():
            fit = registry.with_inversions(card).inversions
            for way in registry.inversions().values():
                reason = registry.refusal(way, card)
                assert bool(reason) != (way.name in {one.name for one in fit}), (family.name, way.name)
                assert not reason or reason.endswith("."), reason
            if not fit:
                with pytest.raises(ExplorerError, match="No point of"):
                    registry.chosen("", card)
            else:
                assert registry.chosen("", card).name == fit[0].name


USUAL = {
    "faces-stylegan2": "w_plus", "shapes-btcvae": "encoder", "faces-diffusion": "ddim", "faces-dscm": "encoder",
    "shapes-qlae": "encoder", "pendulum-causaldiffae": "encoder", "known-ring": "z",
}  # fmt: skip


@pytest.mark.parametrize("name", USUAL)
def test_the_usual_way(name: str) -> None:
    assert registry.chosen("", model(name).card).name == USUAL[name]


def test_an_unknown_way_and_one_that_does_not_fit_are_refused() -> None:
    card = model("faces-stylegan2").card
    with pytest.raises(ExplorerError, match="did you mean 'w_plus'"):
        registry.chosen("w_pluss", card)
    with pytest.raises(ExplorerError, match=r"has no encoder\. Ways that fit: w_plus, w\."):
        registry.chosen("encoder", card)


@pytest.mark.parametrize(("way", "least"), [("w_plus", 32.0), ("w", 30.0)])
def test_a_sample_of_a_stylegan_is_found_again(way: str, least: float) -> None:
    """Five hundred steps, as they are usual, come beyond 45 dB; a quarter of them has to do here."""
    generator, heard = model("faces-stylegan2"), list[float]()
    target = sample(generator, 17)
    options = InversionOptions(way=way, steps=120)
    found = invert(generator, png(target), "own.png", options, preview=lambda _, one: heard.append(one))
    assert found.point.space == way
    assert heard == sorted(heard)
    assert found.own.psnr >= least
    assert psnr(rendered(generator, found), as_images(pixels(found)))[0] == pytest.approx(found.own.psnr, abs=0.02)
    assert 0.5 < found.own.distance < 1.5


def pixels(found: Inverted) -> np.ndarray:
    read = np.asarray(Image.open(io.BytesIO(found.own.png)))
    return read.reshape(1, *read.shape[:2], -1)


def test_a_drawn_face_is_met_better_with_a_w_for_every_layer() -> None:
    generator, faces = model("faces-stylegan2"), world("faces")
    picture = as_images(faces.render(faces.sample(1, 5), 64))
    ways = {
        way: invert(generator, png(picture), "own.png", InversionOptions(way=way, steps=60)) for way in ("w_plus", "w")
    }
    assert ways["w_plus"].own.psnr > ways["w"].own.psnr + 0.5
    assert ways["w_plus"].own.psnr > 28


def test_an_encoder_is_what_the_model_says_of_the_picture() -> None:
    generator = model("shapes-btcvae")
    target = sample(generator, 3)
    found = invert(generator, png(target), "own.png", InversionOptions())
    mean = generator.posterior(as_images(pixels(found)))[0]  # type: ignore[attr-defined]
    assert np.allclose(np.frombuffer(found.point.data, "<f4"), mean[0].detach().numpy(), atol=1e-6)
    assert psnr(rendered(generator, found), as_images(pixels(found)))[0] == pytest.approx(found.own.psnr, abs=0.02)


def test_optimisation_begins_where_the_encoder_is() -> None:
    generator = model("shapes-btcvae")
    picture = png(sample(generator, 3))
    read = invert(generator, picture, "own.png", InversionOptions(way="encoder"))
    found = invert(generator, picture, "own.png", InversionOptions(way="z", steps=20))
    assert found.own.psnr > read.own.psnr


@pytest.mark.parametrize("name", ["shapes-diffusion", "faces-diffusion"])
def test_a_fixed_point_comes_nearer_than_plain_inversion(name: str) -> None:
    """Over four pictures at 20 steps the mean gain is at least 7 dB (10.5 and 17.6 were measured)."""
    generator, quality = model(name), Quality(steps=20)
    with torch.no_grad():
        targets = generator.render(generator.sample(range(4)), Quality())
        figures = {
            refinements: [
                psnr(made[None], target[None])[0]
                for made, target in zip(
                    generator.render(generator.encode(targets, 20, refinements), quality), targets, strict=True
                )
            ]
            for refinements in (0, 5)
        }
    assert np.mean(figures[5]) >= np.mean(figures[0]) + 7.0, figures


def test_the_way_by_ddim_shows_the_plain_inversion_first() -> None:
    generator, heard = model("shapes-diffusion"), list[float]()
    picture, shares = png(sample(generator, 2)), list[float]()
    found = invert(
        generator, picture, "own.png", InversionOptions(steps=10), shares.append, lambda _, one: heard.append(one)
    )
    assert len(heard) == 2
    assert heard[1] > heard[0]
    assert (found.point.space, found.own.psnr) == ("x_T", round(heard[1], 2))
    assert shares == sorted(shares)
    assert shares[-1] == 1.0


@pytest.mark.parametrize("name", ["mnist_gan_mlp/G--300.ckpt", "dcgan_digiface/weights.tar"])
def test_gans_that_have_z_alone(name: str, real_models: Path) -> None:
    generator = model(str(real_models / name))
    found = invert(generator, png(sample(generator, 3)), "own.png", InversionOptions(steps=100))
    with torch.no_grad():
        drawn = max(psnr(generator.render(generator.sample(range(100, 164)), Quality()), as_images(pixels(found))))
    assert found.point.space == "z"
    assert found.own.psnr > drawn + 4
    assert found.own.distance < 1.3


def test_a_pyramid_adds_up_and_a_picture_is_like_itself() -> None:
    source = torch.Generator().manual_seed(0)
    picture = torch.rand(2, 3, 37, 50, generator=source) * 2 - 1
    total = torch.zeros(1)
    for level in reversed(pyramid(picture)):
        size = level.shape[-2:]
        total = level if total.ndim == 1 else level + functional.interpolate(total, size, mode="bilinear")
    assert torch.allclose(total, picture, atol=1e-5)
    loss = Likeness(picture[:1])
    assert loss(picture)[0] < 1e-12
    assert loss(picture)[1] > 0
    assert loss(picture[:1] * 0.9)[0] < loss(picture[1:])[0]


def test_the_random_filters_are_always_the_same_and_see_in_all_directions() -> None:
    one, other = random_filters(3, torch.device("cpu")), random_filters(3, torch.device("cpu"))
    for a, b in zip(one, other, strict=True):
        assert torch.equal(a, b)
        rows = a.flatten(1)
        gram = rows @ rows.T / 2.0
        assert torch.allclose(gram, torch.eye(len(rows)), atol=1e-5)
    (grey, *_) = random_filters(1, torch.device("cpu"))
    assert torch.linalg.matrix_rank(grey.flatten(1)) == 9


def test_a_flow_is_run_backwards(tmp_path: Path) -> None:
    generator, heard = load(str(save_flow(tmp_path / "flow")), torch.device("cpu")), list[float]()
    with torch.no_grad():
        target = generator.render(generator.sample([2]), Quality(steps=8))
    found = invert(
        generator, png(target), "own.png", InversionOptions(steps=8), preview=lambda _, one: heard.append(one)
    )
    assert registry.chosen("", generator.card).name == "flow"
    assert (found.point.space, found.own.psnr) == ("x_T", round(max(heard), 2))
    assert found.own.psnr > 25


def test_a_conditional_model_goes_back_under_what_it_is_told(tmp_path: Path) -> None:
    folder = save_pixels(tmp_path / "classes", beta_schedule="squaredcos_cap_v2", clip_sample=False)
    tiny_unet(num_class_embeds=4).save_pretrained(folder / "unet")
    generator, condition = load(str(folder), torch.device("cpu")), Condition(classes=((2, 1.0),))
    like = told(generator, condition)
    assert like is not None
    assert told(generator, Condition()) is None
    with torch.no_grad():
        target = generator.render(like, Quality(steps=8))
        after = generator.encode(target, 8, 5, like).tensors["x_T"]  # type: ignore[attr-defined]
        plain = generator.encode(target, 8, 5).tensors["x_T"]  # type: ignore[attr-defined]
    assert not torch.allclose(after, plain, atol=1e-3)
    seen = []
    attempt = Attempt(generator, target)
    offer = attempt.offer
    attempt.offer = lambda latent: (seen.append(latent), offer(latent))  # type: ignore[assignment,func-returns-value]
    backwards(attempt, InversionOptions(steps=8, condition=condition), (0, 5))
    assert torch.allclose(seen[-1].tensors["x_T"], after)
    assert seen[-1].label is not None
    assert seen[-1].label.argmax().item() == 2
