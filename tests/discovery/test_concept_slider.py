"""Concept sliders: the losses against ones that are written out, the sliders on a world whose factors are known."""

from __future__ import annotations

import itertools
import math
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
import torch
from diffusers import DDPMScheduler, FlowMatchEulerDiscreteScheduler
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from tiny_pipelines import save_ddim, save_flow, save_latent, tiny_unet
from tiny_texts import save_stable, tiny_text_unet
from torch import Tensor
from torch.nn import functional
from toys import ToyDiffusion

from explorer.attributes.base import Attribute
from explorer.controls.base import WEIGHTS, Move
from explorer.controls.low_rank import LowRankControl
from explorer.discovery import attribute_data, base, slider_prompts
from explorer.discovery.adapter_network import AdapterNetwork, chosen_layers
from explorer.discovery.base import Watch
from explorer.discovery.concept_slider import METHOD
from explorer.discovery.own_pairs import files_in, own_pairs
from explorer.discovery.slider_losses import Prompted, noised_pairs, picture_pair_loss, prompt_loss
from explorer.discovery.slider_pairs import alike
from explorer.engine.control_store import digest_of_files
from explorer.engine.named_files import named_in
from explorer.errors import Cancelled, ControlError, ExplorerError
from explorer.export import references
from explorer.export.carried import restored
from explorer.generators import registry as generators
from explorer.generators.base import Generator, Latent
from explorer.generators.editing import rendered
from explorer.scene.model import Condition, ControlSetRef, ModelRef, Pane, Quality, Scalar, Scene, StepWindow

CPU = torch.device("cpu")
QUICK: dict[str, Scalar] = {"samples": 24, "share": 0.5, "steps": 4, "batch": 2, "rank": 2}


class BrightReader:
    """How bright a picture is, and how red."""

    name = "bright"
    digest = "1" * 64
    attributes = (Attribute("bright"), Attribute("red"))

    def read(self, pictures: Tensor) -> Any:
        means = pictures.double().mean((2, 3)).numpy()
        return np.stack([means.mean(1), means[:, 0] - means[:, 1:].mean(1)], axis=1)


@pytest.fixture
def brightness(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attribute_data, "open_reader", lambda text, model, generator: BrightReader())


def opened(folder: Path) -> Generator:
    """Its pictures finished in few steps."""
    generator = generators.load(str(folder), CPU)
    generator.card = msgspec.structs.replace(generator.card, full_steps=4, interactive_steps=2)
    return generator


def normal(seed: int, *shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


# --- losses -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("prediction", ["epsilon", "v_prediction", "sample", "flow"])
def test_pairs_are_noised_alike_and_aimed_at_as_diffusers_does(prediction: str, tmp_path: Path) -> None:
    flow = prediction == "flow"
    folder = save_flow(tmp_path / "m") if flow else save_ddim(tmp_path / "m", prediction_type=prediction)
    schedule = opened(folder).samplers.schedule  # type: ignore[attr-defined]
    low, high = normal(1, 6, 3, 4, 4), normal(2, 6, 3, 4, 4)
    noised = noised_pairs(schedule, low, high, torch.Generator().manual_seed(3))
    noise = torch.randn(low.shape, generator=torch.Generator().manual_seed(3))
    times = noised.times
    assert len(set(times.tolist())) > 1
    if flow:
        theirs = FlowMatchEulerDiscreteScheduler()
        share = (times / theirs.config.num_train_timesteps).reshape(-1, 1, 1, 1)
        mixed, aims = [(1 - share) * one + share * noise for one in (low, high)], [noise - low, noise - high]
    else:
        ddpm = DDPMScheduler()
        mixed = [ddpm.add_noise(one, noise, times) for one in (low, high)]
        aims = {
            "epsilon": [noise, noise],
            "sample": [low, high],
            "v_prediction": [ddpm.get_velocity(one, noise, times) for one in (low, high)],
        }[prediction]
    for ours, expected in zip(noised[:4], (*mixed, *aims), strict=True):
        torch.testing.assert_close(ours, expected, atol=1e-5, rtol=1e-5)


def test_the_loss_of_pictures_is_that_of_the_merged_networks(tmp_path: Path) -> None:
    """By diffusers' own U-Net, into which ± the product was merged."""
    generator = opened(save_ddim(tmp_path / "m"))
    weights = chosen_layers(dict(tiny_unet().named_parameters()), "noxattn")
    network = AdapterNetwork(weights, 3, 1.5, torch.Generator().manual_seed(0))
    for up in network.up:
        up.data.normal_(std=0.2)
    low, high = normal(1, 3, 3, 16, 16), normal(2, 3, 3, 16, 16)
    noised = noised_pairs(generator.samplers.schedule, low, high, torch.Generator().manual_seed(3))  # type: ignore[attr-defined]
    told = generator.sample([0, 1, 2])

    def predicted(x: Tensor, times: Tensor, point: Latent, amount: float) -> Tensor:
        return generator.predicted(x, times, point, network.changes(amount))  # type: ignore[attr-defined, no-any-return]

    ours = picture_pair_loss(predicted, noised, told, told)
    ours.backward()  # type: ignore[no-untyped-call]
    errors = []
    for sign, x, aim in ((1, noised.high, noised.high_aim), (-1, noised.low, noised.low_aim)):
        unet = tiny_unet().eval()
        for name, down, up in zip(network.names, network.down, network.up, strict=True):
            product = torch.einsum("or,ri->oi", up.flatten(1), down.flatten(1)) * 1.5 / 3
            weight = unet.get_parameter(name)
            weight.data.add_(sign * product.reshape(weight.shape).detach())
        errors.append(functional.mse_loss(unet(x, noised.times).sample, aim))
    torch.testing.assert_close(ours.detach(), ((errors[0] + errors[1]) / 2).detach(), atol=1e-5, rtol=1e-5)
    assert all(one.grad is not None and bool(one.grad.abs().sum() > 0) for one in network.up)
    assert all(one.grad is None for one in generator._unet.parameters())  # type: ignore[attr-defined]


@settings(max_examples=20, deadline=None)
@given(st.floats(0, 8), st.integers(1, 3), st.integers(0, 99))
def test_the_loss_of_prompts_is_equation_8(strength: float, kept: int, seed: int) -> None:
    """ε(x, c_t) + η Σ_p (ε(x, c+, p) - ε(x, c-, p)), of a network that is linear in what it is told."""
    x, matrix, learned = normal(seed, 2, 3), normal(seed + 1, 3, 3), normal(seed + 2, 3, 3)
    told = [Latent({"x_T": normal(seed + 3 + index, 2, 3)}) for index in range(1 + 2 * kept)]
    target, ends = told[0], [(told[1 + 2 * index], told[2 + 2 * index]) for index in range(kept)]

    def predicted(sample: Tensor, times: Tensor, point: Latent, amount: float) -> Tensor:
        return (sample + point.tensors["x_T"]) @ (matrix + amount * learned)

    ours = prompt_loss(predicted, x, torch.zeros(2), Prompted(target, ends), strength)
    aim = (x + target.tensors["x_T"]) @ matrix
    for positive, negative in ends:
        aim = aim + strength * (positive.tensors["x_T"] - negative.tensors["x_T"]) @ matrix
    expected = ((x + target.tensors["x_T"]) @ (matrix + learned) - aim).square().mean()
    torch.testing.assert_close(ours, expected, atol=1e-3, rtol=1e-4)


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 6), st.integers(0, 99))
def test_pairs_are_those_of_the_least_distance_of_all(count: int, seed: int) -> None:
    values = np.random.default_rng(seed).normal(size=(2 * count, 2)) * [1, 100]
    low, high = np.arange(count), np.arange(count, 2 * count)
    scaled = values / values.std(0)

    def distance(order: Any) -> float:
        return float(np.square(scaled[low] - scaled[np.array(order)]).sum())

    best = min(distance(order) for order in itertools.permutations(high))
    assert math.isclose(distance(alike(low, high, values)), best, rel_tol=1e-9)
    assert (alike(low, high, np.empty((2 * count, 0))) == high).all()


def test_layers_are_those_of_the_published_program() -> None:
    weights = dict(tiny_text_unet().named_parameters())
    every, text, own, most = (set(chosen_layers(weights, one)) for one in ("full", "xattn", "selfattn", "noxattn"))
    assert text
    assert own
    assert all("attn2" in name for name in text)
    assert all("attn1" in name for name in own)
    assert not most & text
    assert own < most
    assert every - most - text == {name for name in every if name.startswith("time_embedding")}
    assert "conv_in.weight" not in every
    assert chosen_layers(dict(tiny_unet().named_parameters()), "xattn") == {}


# --- the method ---------------------------------------------------------------------------------------------------


def trained(generator: Generator, progress: Any = None, k: int = 1, **more: Scalar) -> list[LowRankControl]:
    found = METHOD.discover(generator, k, settings={**QUICK, **more}, progress=progress)
    assert found.space == WEIGHTS
    return [one for one in found.controls if isinstance(one, LowRankControl)]


def same(one: LowRankControl, other: LowRankControl) -> bool:
    return all(all(map(torch.equal, pair, other.factors[name])) for name, pair in one.factors.items())


@pytest.mark.usefixtures("brightness")
@pytest.mark.parametrize("save", [save_ddim, save_latent, save_flow])
def test_nothing_changes_at_0_and_windows_leave_steps_alone(save: Any, tmp_path: Path) -> None:
    generator = opened(save(tmp_path / "m"))
    (control,) = trained(generator, attribute="bright")
    assert control.card.name == "bright"
    assert (control.card.low, control.card.high, control.card.unit) == (-3, 3, "strength")
    point, quality = generator.sample([3, 4]), Quality(steps=5)
    plain = generator.render(point, quality)

    def at(amount: float, window: StepWindow | None = None) -> Tensor:
        return rendered(generator, [(point, [Move(control, torch.full((2,), amount), window=window)])], quality)

    assert torch.equal(at(0.0), plain)
    assert not torch.equal(at(1.0), plain)
    assert not torch.equal(at(1.0, StepWindow(0.8, 0.0)), at(1.0))
    assert torch.equal(at(1.0, StepWindow(1.0, 0.0)), at(1.0))


@pytest.mark.usefixtures("brightness")
def test_an_interrupted_search_goes_on_to_the_same_bits(tmp_path: Path) -> None:
    generator, checkpoint = opened(save_ddim(tmp_path / "m")), tmp_path / "search.pt"
    whole = trained(generator, k=2)
    assert [one.card.name for one in whole] == ["bright", "red"]

    def stop(share: float) -> None:
        if share > 0.6:
            raise Cancelled

    with pytest.raises(Cancelled):
        trained(generator, Watch(stop, checkpoint=checkpoint), k=2)
    assert checkpoint.is_file()
    shares: list[float] = []
    again = trained(generator, Watch(shares.append, checkpoint=checkpoint), k=2)
    assert all(map(same, whole, again))
    assert not checkpoint.exists()
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    other = METHOD.discover(generator, 2, seed=1, settings=QUICK).controls
    assert not same(whole[0], other[0])  # type: ignore[arg-type]


@pytest.mark.usefixtures("brightness")
def test_previews_show_what_is_learned_so_far(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base, "PREVIEW_EVERY", 0.0)
    seen: list[Any] = []
    trained(opened(save_ddim(tmp_path / "m")), Watch(preview=seen.append), attribute="red")
    assert len(seen) == QUICK["steps"]
    first, last = seen[0].controls[0], seen[-1].controls[0]
    assert first.card.name == "red"
    assert not same(first, last)


@pytest.mark.usefixtures("brightness")
def test_classes_are_told_as_they_were_drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every picture under its own class."""
    generator = opened(save_flow(tmp_path / "m", num_class_embeds=3))
    heard: list[Tensor] = []
    predicted = generator.predicted  # type: ignore[attr-defined]

    def listening(x: Tensor, times: Tensor, told: Latent, *rest: Any) -> Any:
        assert told.label is not None
        heard.append(told.label)
        return predicted(x, times, told, *rest)

    monkeypatch.setattr(generator, "predicted", listening)
    trained(generator, attribute="bright", steps=6, batch=8)
    assert len(torch.cat(heard).argmax(1).unique()) == 3


@pytest.mark.usefixtures("brightness")
def test_a_text_slider_is_led_by_prompts_and_by_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """More of the slider lies where the positive prompt does."""
    monkeypatch.setattr(slider_prompts, "PROMPT_STEPS", 4)
    generator = opened(save_stable(tmp_path / "m"))
    words: dict[str, Scalar] = {"positive": "red", "negative": "blue", "target": "cat", "preserve": "cat | red cat"}
    found = METHOD.discover(generator, 1, settings={**QUICK, **words, "steps": 60, "rate": 0.005, "guidance": 8.0})
    (control,) = found.controls
    assert isinstance(control, LowRankControl)
    assert control.card.name == "red"
    assert "keeps cat, red cat" in control.card.details
    assert found.cost["labels"] == 0

    def said(prompt: str, amount: float, x: Tensor, times: Tensor) -> Tensor:
        point = generator.conditioned(generator.sample([0] * len(x)), Condition(prompt=prompt))  # type: ignore[attr-defined]
        return generator.predicted(x, times, point, control.weight_changes(amount))  # type: ignore[attr-defined, no-any-return]

    x, times = normal(5, 8, 4, 8, 8), torch.full((8,), 500)
    way = sum(said(f"red, {kept}", 0.0, x, times) - said(f"blue, {kept}", 0.0, x, times) for kept in ("cat", "red cat"))
    change = said("cat", 1.0, x, times) - said("cat", 0.0, x, times)
    assert float(functional.cosine_similarity(change.flatten(1), way.flatten(1)).mean()) > 0.3
    with pytest.raises(ControlError, match="there is one slider; ask for one control"):
        METHOD.discover(generator, 2, settings={**QUICK, **words})
    with pytest.raises(ControlError, match="are the same"):
        METHOD.discover(generator, 1, settings={**QUICK, "positive": "red", "negative": "red"})


@pytest.mark.usefixtures("brightness")
def test_what_cannot_be_learned_is_one_sentence(tmp_path: Path) -> None:
    generator = opened(save_ddim(tmp_path / "m"))
    with pytest.raises(ControlError, match="is none that takes any"):
        METHOD.discover(ToyDiffusion(), 1)
    with pytest.raises(ControlError, match="reads no text, so it has no prompt to move; leave the prompts out"):
        METHOD.discover(generator, 1, settings={**QUICK, "positive": "red"})
    with pytest.raises(ControlError, match="no layers of the sort 'xattn'"):
        METHOD.discover(generator, 1, settings={**QUICK, "layers": "xattn"})
    with pytest.raises(ControlError, match="has no attribute 'size'"):
        METHOD.discover(generator, 1, settings={**QUICK, "attribute": "size"})
    found = METHOD.discover(generator, 5, settings=QUICK)
    assert "2 of 5 controls" in found.note


def test_on_shapes_the_slider_changes_the_size_and_the_right_way() -> None:
    """The world's own predictor reads it in pictures that were not learned from, in every one of 16 (chance: half)."""
    shapes = generators.load("shapes-diffusion", CPU)
    found = METHOD.discover(
        shapes, 1, settings={"attribute": "scale", "samples": 96, "share": 0.15, "steps": 50, "batch": 4, "rate": 0.002}
    )
    (control,) = found.controls
    assert control.card.name == "scale"
    share = float(control.card.figure.rstrip("%"))
    assert share >= 87.5  # of 16; 14 or more by chance: 0.002
    assert f"more of it in {control.card.figure} of 16 fresh pictures" in control.card.details[0]


# --- pictures of one's own ----------------------------------------------------------------------------------------


def folder_of(place: Path, low: dict[str, int], high: dict[str, int]) -> Path:
    """Flat pictures of these levels, larger than the model's and not square."""
    for end, levels in (("low", low), ("high", high)):
        (place / end).mkdir(parents=True)
        for name, level in levels.items():
            Image.new("RGB", (40, 24), (level, level, level)).save(place / end / name)
    return place


def test_a_slider_is_learned_from_pictures_of_one_s_own(tmp_path: Path) -> None:
    """Dark pictures and bright ones: the network takes noisy pictures for brighter ones."""
    generator = opened(save_ddim(tmp_path / "m", prediction_type="sample"))
    pairs = folder_of(tmp_path / "sun", {"a.png": 20, "b.jpg": 40}, {"b.png": 220, "a.webp": 240})
    read = own_pairs(str(pairs), generator.card, lambda share: None)
    assert (read.name, len(read)) == ("sun", 2)
    torch.testing.assert_close(read.low.mean((1, 2, 3)), torch.tensor([20, 40]) / 127.5 - 1, atol=0.02, rtol=0)
    torch.testing.assert_close(read.high.mean((1, 2, 3)), torch.tensor([240, 220]) / 127.5 - 1, atol=0.02, rtol=0)
    found = METHOD.discover(generator, 1, settings={**QUICK, "folder": str(pairs), "steps": 60, "rate": 0.01})
    (control,) = found.controls
    assert isinstance(control, LowRankControl)
    assert (control.card.name, found.cost["labels"]) == ("sun", 0)
    x, times, told = normal(3, 8, 3, 16, 16), torch.full((8,), 600), generator.sample(range(8))
    schedule = generator.samplers.schedule  # type: ignore[attr-defined]
    dark, bright = (
        schedule.clean(x, generator.predicted(x, times, told, control.weight_changes(amount)), 600)  # type: ignore[attr-defined]
        for amount in (-1.0, 1.0)
    )
    assert (bright.mean((1, 2, 3)) > dark.mean((1, 2, 3)) + 0.1).all()


def test_pairs_that_are_none_are_one_sentence(tmp_path: Path) -> None:
    generator = opened(save_ddim(tmp_path / "m"))

    def refused(folder: Path, reason: str, **more: Scalar) -> None:
        with pytest.raises(ExplorerError, match=reason):
            METHOD.discover(generator, int(more.pop("k", 1)), settings={**QUICK, "folder": str(folder), **more})

    refused(tmp_path / "none", "holds no pictures in the folder 'low'; put those")
    refused(folder_of(tmp_path / "half", {"a.png": 1}, {}), "holds no pictures in the folder 'high'")
    odd = folder_of(tmp_path / "odd", {"a.png": 1, "b.png": 2}, {"a.png": 3})
    refused(odd, "'b' is in the folder 'low' of '.*odd' and not in 'high'; name them alike")
    good = folder_of(tmp_path / "good", {"a.png": 1}, {"a.png": 3})
    refused(good, "leave one of them out", positive="red")
    refused(good, "Between two folders there is one slider", k=2)
    (good / "low" / "a.png").write_bytes(b"no picture")
    refused(good, r"'a\.png' .*choose another picture")
    classes = opened(save_flow(tmp_path / "classes", num_class_embeds=3))
    with pytest.raises(ControlError, match="is told a class, and pictures of one's own have none"):
        METHOD.discover(classes, 1, settings={**QUICK, "folder": str(odd)})


def test_a_set_is_another_when_its_pictures_are(tmp_path: Path) -> None:
    """And they travel with an export as other files of a user's own do."""
    pairs = folder_of(tmp_path / "sun", {"a.png": 20}, {"a.png": 220})
    ref = ControlSetRef(method="concept_slider", k=1, settings=(("folder", str(pairs)),))
    (named,) = named_in(ref)
    assert (named.noun, named.paths) == ("folder of pictures", (pairs / "low" / "a.png", pairs / "high" / "a.png"))
    before = digest_of_files(ref)
    Image.new("RGB", (40, 24), (9, 9, 9)).save(pairs / "low" / "a.png")
    assert digest_of_files(ref) != before
    model = save_ddim(tmp_path / "m")
    (carried,) = references.files_of(ModelRef(path=str(model)), ref)
    assert (carried.noun, carried.entry) == ("folder of pictures", "sun")
    assert [one.name for one in carried.files] == ["sun/low/a.png", "sun/high/a.png"]
    scene = Scene(model=ModelRef(path=str(model)), panes=(Pane(controls=ref),))
    assert restored(scene, (carried,), lambda *_: "")[0] == scene  # while they are there
    pairs.rename(tmp_path / "elsewhere")
    back, missing = restored(scene, (carried,), lambda *_: "")
    folder = dict(back.panes[0].controls.settings)["folder"]
    assert (folder != str(pairs), missing) == (True, ())
    assert [one.read_bytes() for one in files_in(str(folder))] == [one.data for one in carried.files]
