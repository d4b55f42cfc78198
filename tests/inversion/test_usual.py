"""How near a model comes to pictures of its own, and which pictures of others are told from those by it."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from explorer.errors import Cancelled
from explorer.generators.base import Generator
from explorer.generators.registry import load
from explorer.inversion import registry
from explorer.inversion.base import psnr
from explorer.inversion.invert import invert
from explorer.inversion.usual import FIRST_SEED, SEEDS, usual
from explorer.scene.inversion import InversionOptions
from explorer.scene.model import Quality
from explorer.scene.usual_text import is_unusual, unusual_text
from explorer.worlds.registry import world


@pytest.fixture(scope="module")
def dscm() -> Generator:
    return load("pendulum-dscm", torch.device("cpu"))


def png(pixels: NDArray[np.uint8]) -> bytes:
    written = io.BytesIO()
    Image.fromarray(pixels).save(written, "PNG")
    return written.getvalue()


def test_it_is_the_least_of_pictures_that_the_model_drew(dscm: Generator) -> None:
    told = usual(dscm, registry.chosen("", dscm.card))
    assert told is not None
    with torch.no_grad():
        drawn = dscm.render(dscm.sample(list(range(FIRST_SEED, FIRST_SEED + SEEDS)), 1.0), Quality())
        back = dscm.render(dscm.encode(drawn), Quality())  # type: ignore[attr-defined]
    figures = [psnr(back[row : row + 1], drawn[row : row + 1])[0] for row in range(SEEDS)]
    assert told.pictures == SEEDS
    assert told.least == pytest.approx(min(figures), abs=0.02)


def test_pictures_of_the_world_are_told_from_others(dscm: Generator) -> None:
    """64 that the model has never seen, and what is not of it: plain, noise, upside down, a mixture of many."""
    scene = world("pendulum")
    real = scene.render(scene.sample(64, seed=5))
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    others = [np.full((64, 64, 3), 128, np.uint8), noise, real[0, ::-1], real.mean(0).astype(np.uint8)]

    def unusual(pixels: NDArray[np.uint8]) -> bool:
        own = invert(dscm, png(np.ascontiguousarray(pixels)), "own.png", InversionOptions()).own
        assert bool(unusual_text(own)) == is_unusual(own)
        return is_unusual(own)

    assert sum(map(unusual, real)) <= 3
    assert all(map(unusual, others))


def test_it_is_kept_and_what_was_found_stays_found_when_it_is_cancelled(dscm: Generator) -> None:
    way = registry.chosen("", dscm.card)
    first = usual(dscm, way)

    def never(share: float) -> None:
        raise AssertionError(share)

    assert usual(dscm, way, never) is first
    fresh = load("pendulum-dscm", torch.device("cpu"))

    def cancelled(share: float) -> None:
        if share > 0:  # the picture's own point is there
            raise Cancelled

    found = invert(fresh, png(np.zeros((64, 64, 3), np.uint8)), "own.png", InversionOptions(), cancelled)
    assert (found.stopped, found.own.usual, unusual_text(found.own)) == (False, None, "")
    assert usual(fresh, way) == first


def test_ways_that_go_in_steps_are_not_waited_for() -> None:
    generator = load("shapes-stylegan2", torch.device("cpu"))
    assert usual(generator, registry.chosen("", generator.card)) is None
