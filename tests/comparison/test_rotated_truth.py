"""A real decoder whose true directions are known: two latents of it hold x and y rotated by 45°, and the attributes are
read from the moments of its pictures, by no network."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from explorer.attributes.base import Attribute, Values
from explorer.comparison.evidence import Stage, evidence, stage
from explorer.discovery.registry import method
from explorer.generators import registry as generators
from explorer.metrics.directions import figures
from explorer.worlds.sprites import WORLD

BASES, OBSERVED, TAU = 10, 500, 0.06


@dataclass(frozen=True)
class Moments:
    """Where the sprite is; positions only, as the latents in question hold these."""

    name: str = "moments"
    attributes: tuple[Attribute, ...] = (Attribute("x"), Attribute("y"))
    digest: str = "moments of sprites"

    def read(self, pictures: Tensor) -> Values:
        shown = ((pictures.cpu() + 1) * 127.5).round().to(torch.uint8).permute(0, 2, 3, 1).numpy()
        return WORLD.measure(shown)[:, 3:5].astype(float)


@pytest.fixture(scope="module")
def common(real_models: Path) -> Stage:
    generator = generators.load(str(real_models / "btcvae_dsprites"), torch.device("cpu"))
    return stage(generator, Moments(), BASES, OBSERVED, TAU)


def scored(on: Stage, angle: float) -> dict[str, float | None]:
    """What the table says of the two axes turned by ``angle`` degrees, and of nothing else."""
    settings = {"first": 4, "second": 8, "angle": angle, "pictures": 300}
    found = method("rotated_axes").discover(on.generator, on.generator.card.spaces["z"].shape[0], settings=settings)
    pair = tuple(one for one in found.controls if one.card.name.rstrip("'") in ("z4", "z8"))
    assert len(pair) == 2
    seen = evidence(on, replace(found, controls=pair))
    return {name: one.value for name, one in figures([seen], (), 2).items()}


@pytest.mark.real
def test_the_table_sees_the_turn_that_gives_a_real_decoder_its_x_and_y(common: Stage) -> None:
    plain, turned = scored(common, 0.0), scored(common, 45.0)
    for column, most, least in (
        ("modularity", 0.1, 0.45),
        ("compactness", 0.1, 0.45),
        ("information_modularity", 0.15, 0.9),
        ("information_compactness", 0.15, 0.9),
    ):
        before, after = plain[column], turned[column]
        assert before is not None
        assert after is not None
        assert before < most, column
        assert after > least, column
    assert (plain["coverage"], turned["coverage"]) == (0.5, 1.0)
