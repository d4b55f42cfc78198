"""The best point so far: it never worsens, whatever a way offers, and is kept when the search is cancelled."""

from __future__ import annotations

import io
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from torch import Tensor
from toys import ToyGenerator

from explorer.errors import Cancelled, ExplorerError
from explorer.generators.base import Latent
from explorer.inversion.base import Attempt, psnr
from explorer.inversion.invert import invert
from explorer.scene.inversion import InversionOptions
from explorer.training.batch import as_images

TOY = ToyGenerator()


def picture(seed: int) -> Tensor:
    return TOY.render(TOY.advance(TOY.sample([seed]), "w_plus"), quality=None)  # type: ignore[arg-type]


def png(pictures: Tensor) -> bytes:
    """The PNG file of the first of ``pictures``."""
    pixels = ((pictures[0].permute(1, 2, 0) + 1) * 127.5).round().byte().numpy()
    written = io.BytesIO()
    Image.fromarray(pixels).save(written, "PNG")
    return written.getvalue()


def test_psnr_is_that_of_its_definition() -> None:
    one, other = picture(1), picture(2)
    mse = float(np.mean(((one.numpy() - other.numpy()) / 2.0) ** 2))
    assert psnr(one, other)[0] == pytest.approx(10 * math.log10(1 / mse), abs=1e-4)
    assert psnr(one, one)[0] > 100


@settings(max_examples=40, deadline=None)
@given(st.lists(st.lists(st.integers(0, 60), min_size=1, max_size=3), min_size=1, max_size=6), st.integers(0, 60))
def test_the_best_never_worsens(batches: list[list[int]], target: int) -> None:
    heard: list[float] = []
    attempt = Attempt(TOY, picture(target), preview=lambda shown, figure: heard.append(figure))
    offered: list[float] = []
    for seeds in batches:
        latent = TOY.advance(TOY.sample(seeds), "w_plus")
        attempt.offer(Latent({"w_plus": latent.tensors["w_plus"]}))
        offered += [psnr(picture(seed), attempt.target)[0] for seed in seeds]
        assert attempt.psnr == pytest.approx(max(offered), abs=1e-3)
    assert heard == sorted(set(heard))
    assert psnr(TOY.render(attempt.best_found(), None), attempt.target)[0] == pytest.approx(attempt.psnr, abs=1e-3)  # type: ignore[arg-type]


@pytest.mark.parametrize("calls", [1, 12, 30])
def test_a_cancelled_search_keeps_the_best_so_far(calls: int) -> None:
    heard: list[float] = []
    shares: list[float] = []

    def progress(share: float) -> None:
        shares.append(share)
        if len(shares) == calls:
            raise Cancelled

    found = invert(
        TOY, png(picture(3)), "own.png", InversionOptions(steps=60), progress, lambda _, one: heard.append(one)
    )
    assert found.stopped
    assert shares == sorted(shares)
    assert heard == sorted(heard)
    assert found.own.psnr == round(heard[-1], 2)
    point = torch.frombuffer(bytearray(found.point.data), dtype=torch.float32).reshape(1, *found.point.shape)
    again = TOY.render(Latent({found.point.space: point}), None)  # type: ignore[arg-type]
    seen = as_images(np.asarray(Image.open(io.BytesIO(found.own.png)))[None])
    assert psnr(again, seen)[0] == pytest.approx(found.own.psnr, abs=0.02)


def test_cancelled_before_anything_was_found_is_cancelled() -> None:
    def stop(share: float) -> None:
        raise Cancelled

    class Silent:
        name, title, description, place = "silent", "nothing", "", 0

        def refusal(self, model: object) -> str:
            return ""

        def steps(self, model: object) -> int:
            return 0

        def run(self, attempt: Attempt, options: InversionOptions) -> None:
            attempt.report(0.0)

    from explorer.inversion import registry

    registry.inversions()["silent"] = Silent()  # type: ignore[assignment]
    try:
        with pytest.raises(Cancelled):
            invert(TOY, png(picture(3)), "own.png", InversionOptions(way="silent"), stop)
        with pytest.raises(ExplorerError, match="gave no picture"):
            invert(TOY, png(picture(3)), "own.png", InversionOptions(way="silent"))
    finally:
        registry.inversions.cache_clear()


def test_more_steps_come_nearer_and_the_same_seed_finds_the_same_point() -> None:
    few = invert(TOY, png(picture(5)), "a", InversionOptions(steps=5))
    many = invert(TOY, png(picture(5)), "a", InversionOptions(steps=150))
    assert many.own.psnr > few.own.psnr + 3
    assert many.own.psnr > 35
    assert invert(TOY, png(picture(5)), "a", InversionOptions(steps=5)).point == few.point
