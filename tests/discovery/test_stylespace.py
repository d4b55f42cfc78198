"""StyleSpace: the channels of a constructed network are found, and a real one's layers are told apart."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from test_stylegan2_methods import generator as tiny_stylegan2
from toys import ToyGenerator

from explorer.attributes.base import Attribute, Values
from explorer.discovery import attribute_data as data_module
from explorer.discovery import stylespace as module
from explorer.discovery.regions import region_mask
from explorer.discovery.registry import method
from explorer.discovery.stylespace import energies, separations, style_layers
from explorer.errors import ControlError
from explorer.generators.base import Latent, standard_normal
from explorer.generators.stylegan2 import StyleGAN2Generator
from explorer.outputs.image import OUTPUT as IMAGE
from explorer.scene.cards import ModelCard, SpaceCard
from explorer.scene.model import Quality

tiny = tiny_stylegan2
LEFT, STILL, COLOUR = 5, 3, 8  # channels: of the left half, of nothing at all, and of a layer to colours


class ToyStyles:
    """z (10) → style (10): six channels of a convolution, four of a layer to colours. The left half shows channel 5
    (less the brighter) and channel 8, the right half the mean of channels 0 to 2; channel 3 never varies."""

    def __init__(self) -> None:
        self.device = torch.device("cpu")
        self.scale = torch.linspace(0.5, 2.0, 10)
        self.scale[STILL] = 0.0
        self.card = ModelCard(
            name="toy-styles",
            family="toy",
            path="toy-styles",
            output=IMAGE.card((1, 8, 8)),
            spaces={"z": SpaceCard(shape=(10,), prior="normal"), "style": SpaceCard(shape=(10,))},
            fingerprint="9" * 64,
        )

    def style_layers(self) -> list[tuple[int, bool]]:
        return [(6, False), (4, True)]

    def sample(self, seeds: list[int], truncation_psi: float = 1.0) -> Latent:
        return Latent({"z": standard_normal(seeds, (10,))})

    def advance(self, latent: Latent, space: str) -> Latent:
        if space in latent.tensors:
            return latent
        return latent.with_space("style", 1 + latent.tensors["z"] * self.scale)

    def render(self, latent: Latent, quality: Quality) -> torch.Tensor:
        styles = self.advance(latent, "style").tensors["style"] - 1
        left = torch.tanh(0.5 * styles[:, COLOUR] - styles[:, LEFT])
        right = torch.tanh(styles[:, :3].mean(1))
        return torch.stack([left, right], 1).repeat_interleave(4, 1)[:, None, None].expand(-1, 1, 8, -1)


class Halves:
    name, digest, attributes = "halves", "4" * 64, (Attribute("left"), Attribute("right"), Attribute("still"))

    def read(self, pictures: torch.Tensor) -> Values:
        means = [pictures[..., :4].mean((1, 2, 3)), pictures[..., 4:].mean((1, 2, 3)), torch.zeros(len(pictures))]
        return torch.stack(means, 1).double().numpy()


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch) -> ToyStyles:
    monkeypatch.setattr(data_module, "open_reader", lambda text, model, generator: Halves())
    return ToyStyles()


def test_examples_find_the_channel_that_an_attribute_hangs_on(toy: ToyStyles) -> None:
    shares: list[float] = []
    found = method("stylespace").discover(
        toy, 1, settings={"attribute": "left", "samples": 600}, progress=shares.append
    )
    found.check(toy.card)
    (one,) = found.controls
    assert (one.card.name, one.card.space, one.card.figure) == ("style 0·5", "style", "left")
    assert (one.card.low, one.card.high) == (-10, 10)
    direction = one.tensors()["direction"]
    # The more of the channel the darker: the control is turned, so that more is brighter.
    assert direction[LEFT] == pytest.approx(-float(toy.scale[LEFT]), rel=0.1)
    assert int((direction != 0).sum()) == 1
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    # Five channels vary and may be chosen; each is tried on eight points, both ways.
    assert (found.cost["generator_evaluations"], found.cost["labels"]) == (600 + 5 * 16, 600)
    assert "moves left by" in one.card.details[0]
    published = method("stylespace").discover(toy, 1, settings={"attribute": "left", "samples": 600, "tried": 0})
    assert published.controls[0].card.name == "style 0·5"
    assert published.controls[0].tensors()["direction"].equal(direction)
    assert published.cost["generator_evaluations"] == 600


def test_what_only_comes_with_an_attribute_is_not_chosen(toy: ToyStyles, monkeypatch: pytest.MonkeyPatch) -> None:
    # Channel 4 copies channel 5, with no effect of its own and no noise: examples alone cannot tell the two apart.
    def advance(latent: Latent, space: str) -> Latent:
        found = ToyStyles.advance(toy, latent, space)
        if space not in latent.tensors:
            found.tensors["style"][:, 4] = found.tensors["style"][:, LEFT]
        return found

    monkeypatch.setattr(toy, "advance", advance)
    asked = {"attribute": "left", "samples": 600}
    alone = method("stylespace").discover(toy, 2, settings=asked | {"tried": 0})
    assert {one.card.name for one in alone.controls} == {"style 0·4", "style 0·5"}
    tried = method("stylespace").discover(toy, 1, settings=asked)
    assert tried.controls[0].card.name == "style 0·5"


def test_several_attributes_take_turns(toy: ToyStyles) -> None:
    found = method("stylespace").discover(toy, 4, settings={"samples": 600})
    assert [one.card.figure for one in found.controls] == ["right", "left", "right", "left"]
    assert found.controls[1].card.name == "style 0·5"
    assert found.controls[0].card.name in {f"style 0·{channel}" for channel in range(3)}
    assert "still never varies" in found.note
    # A channel that never varies, and those of the layers to colours, are no candidates.
    everything = method("stylespace").discover(toy, 10, settings={"samples": 600})
    assert {one.card.name for one in everything.controls} == {f"style 0·{channel}" for channel in (0, 1, 2, 4, 5)}
    assert "5 of 10 controls" in everything.note
    coloured = method("stylespace").discover(toy, 9, settings={"samples": 600, "to_picture": True})
    assert "style 1·2" in {one.card.name for one in coloured.controls}


def test_a_region_finds_the_channel_that_acts_there(toy: ToyStyles) -> None:
    found = method("stylespace").discover(toy, 1, settings={"region": "0,0,0.5,1"})
    assert found.controls[0].card.name == "style 0·5"
    assert found.controls[0].card.figure == "100%"
    assert found.cost["labels"] == 0
    assert found.cost["generator_evaluations"] > 0
    right = method("stylespace").discover(toy, 3, settings={"region": "0.5,0.25,1,0.75"})
    assert {one.card.name for one in right.controls} == {f"style 0·{channel}" for channel in range(3)}
    coloured = method("stylespace").discover(toy, 2, settings={"region": "0,0,0.5,1", "to_picture": True})
    assert {one.card.name for one in coloured.controls} == {"style 0·5", "style 1·2"}
    again = method("stylespace").discover(toy, 3, settings={"region": "0.5,0.25,1,0.75"})
    assert [one.card for one in again.controls] == [one.card for one in right.controls]


def test_separation_is_the_published_ratio() -> None:
    source = np.random.default_rng(0)
    styles = source.standard_normal((500, 3)) * [1.0, 5.0, 0.0]
    examples = styles[:20] + np.array([2.0, 0.0, 0.0])
    population = styles.std(axis=0, ddof=1)
    expected = (examples[:, 0] - styles[:, 0].mean()) / population[0]
    found = separations(styles, examples, np.where(population > 0, population, 0.0))
    assert found[0] == pytest.approx(expected.mean() / expected.std(ddof=1))
    assert found[0] > 5 * abs(found[1])
    assert found[2] == 0


def test_energies_are_those_of_differences(tiny: StyleGAN2Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PROBES", 16)
    inside = region_mask("0.25,0.25,0.75,0.75", tiny.card.size)
    found = energies(tiny, inside, 0, lambda share: None)
    seeds = [int(one) for one in np.random.default_rng(1).integers(0, 2**32, module.PICTURES)]
    styles = tiny.advance(tiny.sample(seeds), "style").tensors["style"]
    steps = 1e-2 * torch.eye(styles.shape[1])
    expected = np.zeros_like(found)
    with torch.no_grad():
        for channel, step in enumerate(steps):
            up, down = (tiny.render(Latent({"style": styles + sign * step}), Quality()) for sign in (1, -1))
            slope = ((up - down) / 2e-2).double().square().sum((0, 1)) / module.PICTURES
            expected[:, channel] = [float(slope[mask].sum() / mask.sum()) for mask in (inside, ~inside)]
    used = expected.min(0) > 1e-12
    assert used.mean() > 0.9
    ratio = np.log(found[:, used] / expected[:, used])
    assert np.abs(ratio.mean()) < 0.05
    assert np.corrcoef(np.log(found[:, used]).ravel(), np.log(expected[:, used]).ravel())[0, 1] > 0.98


def test_the_layers_of_a_stylegan2(tiny: StyleGAN2Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    layers = style_layers(tiny)
    assert [layer.width for layer in layers] == tiny.network.style_widths
    assert [layer.to_picture for layer in layers] == [False, True, False, False, True, False, False, True]
    assert [layer.start for layer in layers] == [0, *np.cumsum(tiny.network.style_widths)[:-1]]
    found = method("stylespace").discover(tiny, 5, settings={"region": "0.25,0.25,0.75,0.75"})
    found.check(tiny.card)
    for one in found.controls:
        layer, channel = map(int, one.card.name.removeprefix("style ").split("·"))
        assert not layers[layer].to_picture
        assert one.tensors()["direction"].nonzero().item() == layers[layer].start + channel


def test_what_cannot_be(toy: ToyStyles) -> None:
    stylespace = method("stylespace")
    assert "has no space 'style'" in stylespace.refusal(ToyGenerator().card)
    with pytest.raises(ControlError, match="has no space 'style'"):
        stylespace.discover(ToyGenerator(), 2)
    for region, sentence in (
        ("left", "is no part of the picture"),
        ("0,0,1", "is no part of the picture"),
        ("0.6,0,0.4,1", "is no part of the picture"),
        ("0,0,nan,1", "is no part of the picture"),
        ("0,0,1,1", "holds no pixel, or all of them"),
        ("0.5,0.5,0.51,0.51", "holds no pixel, or all of them"),
    ):
        with pytest.raises(ControlError, match=sentence):
            stylespace.discover(toy, 1, settings={"region": region})
    with pytest.raises(ControlError, match="11 controls"):
        stylespace.discover(toy, 11)
