"""Adaptive discriminator augmentation: each transformation by its definition, the probability by its closed form."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from explorer.training.augment import EVERY, GROUPS, SHIFT, Adaptive, augment


def random(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def pictures() -> Tensor:
    """(200, 3, 16, 16): all the same smooth picture without symmetry."""
    coarse = torch.rand(1, 3, 4, 4, generator=random(7)) * 1.6 - 0.8
    return torch.nn.functional.interpolate(coarse, size=16, mode="bilinear").expand(200, -1, -1, -1).contiguous()


def share(seen: Tensor, expected: Tensor) -> float:
    """Of the pictures (n, …), how many equal ``expected``."""
    return float((seen - expected).abs().flatten(1).amax(1).lt(1e-5).float().mean())


@pytest.mark.parametrize("groups", [GROUPS, ("geometry",), ()])
def test_without_probability_or_groups_nothing_changes(pictures: Tensor, groups: tuple[str, ...]) -> None:
    assert torch.equal(augment(pictures, 0.0, groups, random()), pictures)
    assert torch.equal(augment(pictures, 1.0, (), random()), pictures)


def test_the_same_seed_gives_the_same(pictures: Tensor) -> None:
    first, again, other = (augment(pictures, 0.7, GROUPS, random(seed)) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_half_of_the_chosen_are_mirrored(pictures: Tensor) -> None:
    mirrored = pictures[0].flip(2)
    seen = augment(pictures, 0.6, ["flip"], random())
    assert share(seen, mirrored) == pytest.approx(0.3, abs=0.1)
    assert share(seen, mirrored) + share(seen, pictures[0]) == pytest.approx(1.0)


def test_turns_are_the_four_quarters(pictures: Tensor) -> None:
    seen = augment(pictures, 1.0, ["turn"], random())
    shares = [share(seen, torch.rot90(pictures[0], k, (1, 2))) for k in range(4)]
    assert sum(shares) == pytest.approx(1.0)
    assert all(one == pytest.approx(0.25, abs=0.1) for one in shares)


def test_shifts_are_whole_pixels_with_reflection(pictures: Tensor) -> None:
    """Both border pixels stay single: position -1 shows position 1."""
    seen = augment(pictures, 1.0, ["shift"], random())
    most = round(SHIFT * 16)
    padded = torch.nn.functional.pad(pictures[:1], (most,) * 4, mode="reflect")[0]
    moves = {
        (dy, dx): share(seen, padded[:, most + dy : most + dy + 16, most + dx : most + dx + 16])
        for dy in range(-most, most + 1) for dx in range(-most, most + 1)
    }  # fmt: skip
    assert sum(moves.values()) == pytest.approx(1.0)
    assert sum(one > 0 for one in moves.values()) > 20  # of 25


def test_geometry_keeps_the_levels_and_is_left_out_as_often_as_it_should(pictures: Tensor) -> None:
    flat = torch.full((8, 3, 16, 16), 0.25)
    assert torch.allclose(augment(flat, 1.0, ["geometry"], random()), flat, atol=1e-6)
    # Scale, both rotations (together p), other scale, shift: untouched with probability (1 - p)^4.
    seen = augment(pictures.repeat(5, 1, 1, 1), 0.3, ["geometry"], random())
    assert share(seen, pictures[0]) == pytest.approx(0.7**4, abs=0.05)
    assert float(seen.min()) >= float(pictures.min()) - 1e-5
    assert float(seen.max()) <= float(pictures.max()) + 1e-5


def test_geometry_is_centred(pictures: Tensor) -> None:
    """A dot in the middle stays there in the mean: no transformation prefers a side."""
    dots = torch.zeros(4000, 1, 16, 16)
    dots[:, :, 7:9, 7:9] = 1.0
    mean = augment(dots, 0.5, ["geometry"], random())[:, 0].mean(0)
    place = torch.arange(16) - 7.5
    assert abs(float((mean.sum(0) * place).sum() / mean.sum())) < 0.15
    assert abs(float((mean.sum(1) * place).sum() / mean.sum())) < 0.15


def test_colour_of_grey_pictures_stays_grey_and_agrees_with_one_channel() -> None:
    grey = torch.rand(500, 1, 4, 4, generator=random(3)) * 2 - 1
    tinted = augment(grey.expand(-1, 3, -1, -1), 1.0, ["colour"], random())
    assert torch.allclose(tinted[:, :1].expand_as(tinted), tinted, atol=1e-5)
    one = augment(grey, 1.0, ["colour"], random())
    # x → ±c (x + b) with c = 2^N(0, 0.5²) and b = N(0, 0.2²): read c and b back from two pixels.
    slope = (one[:, 0, 0, 0] - one[:, 0, 0, 1]) / (grey[:, 0, 0, 0] - grey[:, 0, 0, 1])
    exponent = slope.abs().log2()
    shift = one[:, 0, 0, 0] / slope - grey[:, 0, 0, 0]
    assert float(exponent.mean()) == pytest.approx(0.0, abs=0.07)
    assert float(exponent.std()) == pytest.approx(0.5, rel=0.1)
    assert float(shift.std()) == pytest.approx(0.2, rel=0.1)
    assert float((slope < 0).float().mean()) == pytest.approx(0.5, abs=0.07)


def test_hue_rotates_about_grey_and_keeps_what_a_rotation_keeps() -> None:
    """Of the colour maps only brightness and contrast change the luma; with both undone its size is the same."""
    colours = torch.rand(400, 3, 1, 1, generator=random(3)) * 2 - 1
    black = augment(torch.zeros(400, 3, 1, 1), 1.0, ["colour"], random())  # what brightness makes of black
    seen = augment(colours, 1.0, ["colour"], random()) - black  # linear in the colour
    luma_ratio = (seen.mean(1) / colours.mean(1)).flatten()
    chroma = [(x - x.mean(1, keepdim=True)).flatten(1).norm(dim=1) for x in (colours, seen)]
    # The chroma's gain is contrast x saturation, the luma's ± contrast: their ratio is 2^N(0, 1).
    saturation = (chroma[1] / chroma[0] / luma_ratio.abs()).log2()
    assert float(saturation.mean()) == pytest.approx(0.0, abs=0.15)
    assert float(saturation.std()) == pytest.approx(1.0, rel=0.1)


def test_gradients_reach_the_pictures(pictures: Tensor) -> None:
    """The map is linear up to an offset, so the gradient of <y, augment(x)> gives the change along any direction."""
    x = pictures[:6].double().requires_grad_(True)
    y, along = (torch.randn(x.shape, generator=random(seed), dtype=torch.float64) for seed in (1, 2))
    (augment(x, 0.9, GROUPS, random(5)) * y).sum().backward()
    assert x.grad is not None
    change = (
        (augment(x.detach() + along, 0.9, GROUPS, random(5)) - augment(x.detach(), 0.9, GROUPS, random(5))) * y
    ).sum()
    assert float((x.grad * along).sum()) == pytest.approx(float(change), rel=1e-4)
    assert all(float(part.abs().sum()) > 0 for part in x.grad)


def test_p_follows_its_closed_form() -> None:
    adaptive = Adaptive(target=0.6, kimg=1.0)
    sure, unsure = torch.tensor([1.0] * 9 + [-1.0]), torch.tensor([1.0] * 7 + [-1.0] * 3)  # r = 0.8 and 0.4
    step = EVERY * 10 / 1000.0
    for count in range(1, 3 * EVERY + 1):
        adaptive.observe(sure)
        assert adaptive.p == pytest.approx(count // EVERY * step)
    assert adaptive.r == pytest.approx(0.8)
    for _ in range(2 * EVERY):
        adaptive.observe(unsure)
    assert adaptive.p == pytest.approx(step)
    assert adaptive.r == pytest.approx(0.4)
    for _ in range(20 * EVERY):
        adaptive.observe(unsure)
    assert adaptive.p == 0.0
    for _ in range(100 * EVERY):
        adaptive.observe(sure)
    assert adaptive.p == 1.0


def test_p_resumes_in_the_middle_of_its_four_steps() -> None:
    whole, first, second = (Adaptive(0.6, 0.5) for _ in range(3))
    logits = [torch.randn(8, generator=random(seed)) + 0.7 for seed in range(11)]
    for one in logits:
        whole.observe(one)
    for one in logits[:6]:
        first.observe(one)
    second.restore(first.state())
    for one in logits[6:]:
        second.observe(one)
    assert second.state() == whole.state()


def test_without_a_target_p_stays_zero() -> None:
    adaptive = Adaptive(0.0, 1.0)
    for _ in range(3 * EVERY):
        adaptive.observe(torch.ones(8))
    assert adaptive.p == 0.0
    assert math.isclose(adaptive.r, 0.0)
