"""The causal diffusion autoencoder: points and pictures, guidance in two strengths, the way back to the noise, do()."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from causal_folders import CONDITIONS, DIFFUSION, ROWS, SLOPE, diffusion_network, write_causal_diffusion

from explorer.controls.base import Move
from explorer.controls.intervention import InterventionControl
from explorer.controls.noise import NoiseControl
from explorer.discovery.latent_axes import METHOD
from explorer.errors import ModelError
from explorer.generators import registry
from explorer.generators.causal_diffusion_generator import SPACE
from explorer.generators.causal_diffusion_network import Guidance
from explorer.scene.cards import ControlCard
from explorer.scene.choices import case_of_seed
from explorer.scene.model import Quality

CPU = torch.device("cpu")
NOISE = 2 * 4 * 4
FACTORS, BEFORE, GUIDANCE = slice(NOISE, NOISE + 2), slice(NOISE + 2, NOISE + 4), slice(NOISE + 4, NOISE + 6)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_causal_diffusion(tmp_path / "own")


@pytest.fixture(scope="module")
def generator(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return registry.load(str(write_causal_diffusion(tmp_path_factory.mktemp("diffusion") / "own")), CPU)


def numbers(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def test_points_hold_noise_and_factors_that_occur_together(generator: Any) -> None:
    points = generator.sample(range(400)).tensors[SPACE]
    assert points.shape == (400, NOISE + 6)
    which = (points[:, None, FACTORS] == ROWS).all(dim=2)
    assert bool(which.any(dim=1).all())
    assert which.double().mean(dim=0).min() > 0.15
    assert torch.equal(points[:, FACTORS], points[:, BEFORE])
    assert not points[:, GUIDANCE].any()
    noise = points[:, :NOISE].double()
    assert abs(noise.mean()) < 0.05
    assert noise.std().item() == pytest.approx(1.0, abs=0.05)
    for row in range(4):  # the noise knows nothing of the row
        assert noise[which[:, row]].mean(dim=0).abs().max() < 0.5
    assert torch.equal(points[7:8], generator.sample([7]).tensors[SPACE])


def test_the_card_says_what_it_can_do_and_counts_what_was_trained(generator: Any, folder: Path) -> None:
    card = registry.describe(str(folder))
    assert {"steps", "encode", "causes"} <= set(card.capabilities)
    assert (card.full_steps, card.interactive_steps, card.most_steps) == (4, 2, 1000)
    assert card.spaces[SPACE].shape == (DIFFUSION.point_width,)
    assert not card.has_codes  # a table of thousands of numbers of noise would say nothing
    assert card.parameters == sum(parameter.numel() for parameter in diffusion_network().parameters())
    assert len(generator.steps(Quality())) == 4
    assert len(generator.steps(Quality(steps=7))) == 7


def test_pictures_follow_noise_and_factors_and_are_differentiable(generator: Any) -> None:
    latent = generator.sample([1, 2])
    point = latent.tensors[SPACE].clone().requires_grad_()
    pictures = generator.render(latent.with_space(SPACE, point), Quality())
    assert pictures.shape == (2, 3, 16, 16)
    assert pictures.abs().max() <= 1
    heard: list[int] = []
    again = generator.render(latent, Quality(), callback=lambda done, x: heard.append(done))
    assert heard == [1, 2, 3, 4]
    assert torch.equal(again, pictures)
    pictures.square().sum().backward()
    assert point.grad is not None
    assert bool((point.grad[:, :NOISE] != 0).any(dim=1).all())
    assert bool((point.grad[:, FACTORS] != 0).all())


def test_guidance_of_one_is_none_and_else_adds_what_factors_add() -> None:
    network = diffusion_network()
    x, rows, t = numbers(3, 2, 4, 4), numbers(3, 2, seed=1), 300
    changed = torch.tensor([[True, False], [False, False], [True, True]])

    def v(present: list[list[float]]) -> torch.Tensor:
        return network.unet(x, torch.tensor([t]), rows, torch.tensor(present))

    with torch.no_grad():
        plain = network.guided(x, t, rows, None)
        assert torch.equal(plain, v([[1.0, 1.0]] * 3))
        assert torch.equal(network.guided(x, t, rows, Guidance(changed, torch.ones(3, 2))), plain)
        one = torch.tensor([[1.0, 1.0], [2.0, 1.0], [1.0, 1.0]])
        torch.testing.assert_close(network.guided(x, t, rows, Guidance(changed, one))[[0, 2]], plain[[0, 2]])
        strengths = torch.tensor([[2.5, 0.7]]).expand(3, 2)
        guided = network.guided(x, t, rows, Guidance(changed, strengths))
        none = v([[0.0, 0.0]] * 3)
        kept = v([[0.0, 1.0], [1.0, 1.0], [0.0, 0.0]])
        expected = none + 0.7 * (kept - none) + 2.5 * (plain - kept)
        torch.testing.assert_close(guided, expected, rtol=1e-4, atol=1e-5)
        nothing = network.guided(x, t, rows, Guidance(changed, torch.zeros(3, 2)))
        torch.testing.assert_close(nothing, none)


def test_guidance_is_for_factors_that_are_not_as_they_were(generator: Any) -> None:
    latent = generator.sample([3])
    plain = latent.tensors[SPACE]
    strong = plain.clone()
    strong[:, GUIDANCE] = torch.tensor([1.5, 0.0])
    picture = generator.render(latent, Quality())
    # As long as nothing is set, what changes is nothing, and its strength has no say.
    torch.testing.assert_close(generator.render(latent.with_space(SPACE, strong), Quality()), picture)
    for point in (plain, strong):
        point[:, NOISE] += 1.0
    set_plainly, set_strongly = (generator.render(latent.with_space(SPACE, one), Quality()) for one in (plain, strong))
    assert (set_plainly - set_strongly).abs().max() > 1e-4


@torch.no_grad()
def test_a_picture_is_encoded_as_its_factors_and_the_noise_that_leads_back(generator: Any) -> None:
    network = diffusion_network()
    pictures = generator.render(generator.sample([5, 6]), Quality())
    latent = generator.encode(pictures, refinements=30)
    point = latent.tensors[SPACE]
    torch.testing.assert_close(point[:, FACTORS], network.read(pictures), rtol=1e-4, atol=1e-5)
    assert torch.equal(point[:, FACTORS], point[:, BEFORE])
    there = network.autoencoder.decode(network.autoencoder.encode(pictures)).clamp(-1, 1)
    torch.testing.assert_close(generator.render(latent, Quality()), there, rtol=1e-3, atol=1e-3)
    with pytest.raises(ModelError, match="resize them first"):
        generator.encode(pictures[..., :8])


def test_do_moves_the_effects_and_leaves_the_noise(generator: Any) -> None:
    model, coding = generator.structural_model(), generator.coding()
    control = InterventionControl(ControlCard(name="height", space=SPACE), "height", model, coding)
    point = generator.sample([1, 2]).tensors[SPACE]
    before = coding.values(point)
    torch.testing.assert_close(before["shade"].float(), point[:, NOISE + 1] * 4.0 + 10.0)
    moved = control.move_together(point, [Move(control, torch.tensor([0.5, 0.5]))])
    after = coding.values(moved)
    torch.testing.assert_close(after["height"], before["height"] + 0.5, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(after["shade"], before["shade"] + SLOPE * 0.5, rtol=1e-5, atol=1e-5)
    for part in (slice(0, NOISE), BEFORE, GUIDANCE):
        assert torch.equal(moved[:, part], point[:, part])


def test_the_noise_of_the_picture_is_drawn_anew_or_another_one_s_and_all_else_stays(generator: Any) -> None:
    model, coding = generator.structural_model(), generator.coding()
    assert coding.own == NOISE
    control = NoiseControl(ControlCard(name="noise", space=SPACE), "", model, coding)
    start = generator.sample([1])
    point, ready = start.tensors[SPACE], control.prepare(generator, start)
    drawn, taken = (ready.move(point, torch.tensor([amount])) for amount in (2.0, float(case_of_seed(7))))
    assert torch.equal(drawn[:, NOISE:], point[:, NOISE:])
    assert torch.equal(taken[:, NOISE:], point[:, NOISE:])
    assert torch.equal(taken[:, :NOISE], generator.sample([7]).tensors[SPACE][:, :NOISE])
    assert float(drawn[:, :NOISE].std()) == pytest.approx(1.0, abs=0.2)
    assert not torch.equal(drawn, ready.move(point, torch.tensor([3.0])))


def test_observed_are_the_rows_in_their_own_units(generator: Any) -> None:
    observed = generator.observed()
    assert observed["height"].tolist() == pytest.approx((ROWS[:, 0] * 0.5 + 2.0).tolist())
    assert observed["shade"].tolist() == pytest.approx((ROWS[:, 1] * 4.0 + 10.0).tolist())


def test_sliders_are_the_factors_and_the_two_strengths(generator: Any) -> None:
    found = METHOD.discover(generator, 9)
    found.check(generator.card)
    names = [control.card.name for control in found.controls]
    assert names == ["height", "shade", "guidance of what changes", "guidance of what stays"]
    point = torch.zeros(1, NOISE + 6)
    shade, changes = found.controls[1], found.controls[2]
    assert shade.card.unit == "°"
    assert shade.move(point, torch.tensor([2.0]))[0, FACTORS].tolist() == [0.0, 0.5]
    assert changes.move(point, torch.tensor([0.5]))[0, GUIDANCE].tolist() == [0.5, 0.0]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"conditions": []}, "reads other factors"),
        ({"unet_widths": [8, 12]}, "multiple of 8"),
        ({"autoencoder_widths": [8, 8, 8, 8, 8]}, "cannot be halved"),
        ({"full_steps": 0}, "1..1000 steps"),
        ({"octaves": 17}, "octaves 0..16"),
        ({"rows": 0}, "rows of factors"),
        ({"rows": 5}, "has shape"),
        ({"format": 2}, "newer program"),
        ({"latent_channels": 3}, "has shape"),
        ({"size": "large"}, "Expected `int`"),
    ],
)
def test_a_wrong_configuration_is_named(folder: Path, change: dict[str, Any], sentence: str) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, **change}))
    with pytest.raises(ModelError, match=sentence) as caught:
        registry.load(str(folder), CPU)
    assert "\n" not in str(caught.value)


def test_a_reader_of_other_factors_is_refused(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    config["reader"]["factors"].reverse()
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(ModelError, match="its reader reads other factors"):
        registry.describe(str(folder))


def test_without_causes_it_is_incomplete(folder: Path) -> None:
    (folder / "causes.safetensors").unlink()
    with pytest.raises(ModelError, match=r"causes\.safetensors"):
        registry.load(str(folder), CPU)
    assert len(CONDITIONS) == 2
