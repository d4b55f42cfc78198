"""A generator with a causal latent imagines: through its own points, its own model, and the place of its factors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from explorer.causal.coding import Axis, Coding
from explorer.causal.interventions import Hard
from explorer.causal.model import StructuralModel
from explorer.errors import ExplorerError
from explorer.generators.base import Latent, specimen
from explorer.metrics.counterfactual_trial import Trial
from explorer.metrics.counterfactuals import faithfulness
from explorer.metrics.imagination import GeneratorImagination
from explorer.scene.cards import SpaceCard
from explorer.scene.model import Quality
from explorer.training.batch import as_images
from explorer.worlds.pendulum import WORLD as PENDULUM

GREY = 0.3  # how much darker a picture is for a unit of the first coordinate


class Camera:
    """Points (6,): a shade, the four factors of `pendulum`, nothing. Pictures are rendered and read by the world."""

    def __init__(self, capabilities: tuple[str, ...] = ("encode", "causes")) -> None:
        self.card = specimen("camera", {"x": SpaceCard(shape=(6,))}, capabilities)
        self.device = torch.device("cpu")

    def structural_model(self) -> StructuralModel:
        return PENDULUM.model

    def coding(self) -> Coding:
        return Coding({name: Axis(1 + k, 2.0, 3.0 + k) for k, name in enumerate(PENDULUM.names)}, 6)

    def sample(self, seeds: Sequence[int], truncation_psi: float = 1.0) -> Latent:
        rows = torch.from_numpy(PENDULUM.sample(len(seeds), 99)).double()
        shades = torch.tensor([[seed % 7 / 3.0] for seed in seeds], dtype=torch.float64)
        return Latent({"x": torch.cat([shades, (rows - 2.0) / torch.arange(3.0, 7.0), 0 * shades], dim=1).float()})

    def encode(self, outputs: Tensor) -> Latent:
        levels = (outputs.permute(0, 2, 3, 1).numpy() + 1) * 127.5
        shade = 1 - levels[:, :2].max(axis=(1, 2, 3)) / self.brightest
        plain = levels / (1 - shade[:, None, None, None])
        factors = torch.from_numpy(PENDULUM.measure((plain + 0.5).astype(np.uint8))).double()
        factors[:, 2] = torch.where(
            factors[:, 2] < 3.02, 3.0 - 1e-6, factors[:, 2]
        )  # as float32 has it, not above the shortest
        coordinates = (factors - 2.0) / torch.arange(3.0, 7.0)
        ends = torch.from_numpy(np.stack([shade / GREY, 0 * shade]))
        return Latent({"x": torch.cat([ends[:1].T, coordinates, ends[1:].T], dim=1).float()})

    brightest = PENDULUM.render(PENDULUM.sample(1, 0))[0, :2].max().astype(float)

    def render(self, latent: Latent, quality: Quality) -> Tensor:
        point = latent.tensors["x"].double()
        drawn = PENDULUM.render((point[:, 1:5] * torch.arange(3.0, 7.0) + 2.0).numpy().astype(np.float32))
        dim = 1 - GREY * point[:, 0].numpy()
        return as_images((drawn * dim[:, None, None, None] + 0.5).astype(np.uint8))


def made(**changes: Any) -> GeneratorImagination:
    return GeneratorImagination(Camera(**changes))  # type: ignore[arg-type]


def test_a_camera_that_knows_the_worlds_model_imagines_what_is_true() -> None:
    trial = Trial(PENDULUM, 64, 150, seed=1)  # more than one batch
    found = faithfulness(made(), trial)
    for root, errors in found.do.items():
        assert (
            errors.factors["shadow_length"]
            < 0.05
            < found.baselines[root]["propagate with noise 0"].factors["shadow_length"]
        )
        assert errors.factors["shadow_position"] < 0.02
        assert errors.psnr > 45
        assert found.reversal[root] > 39  # a shadow at its shortest loses its noise
    assert all(errors.factors[leaf] < 0.03 for leaf, errors in found.leaves.items())
    assert found.composition[1] > found.composition[10] > 36
    assert 0.8 < found.coverage["shadow_length"] < 0.98


def test_the_pictures_own_noise_is_what_is_no_factor() -> None:
    dark = (PENDULUM.render(PENDULUM.sample(8, 4)) * 0.8).astype(np.uint8)
    kept = made().imagine(dark, {})
    lost = made().imagine(dark, {}, own_noise=False)
    assert np.abs(kept.astype(int) - dark).mean() < 1
    assert lost.mean() / dark.mean() == pytest.approx(1.25, rel=0.02)


def test_pictures_of_its_own_show_what_do_leads_to_in_its_model() -> None:
    do = {"angle": np.linspace(-30.0, 30.0, 120)}
    drawn = made().drawn(do, 5)
    assert (made().drawn(do, 5) == drawn).all()
    assert (made().drawn(do, 6) != drawn).any()
    noises = PENDULUM.model.noises(120, 5)
    rows = PENDULUM.rows_of(PENDULUM.model.predict(noises, {"angle": Hard(torch.from_numpy(do["angle"]))}))
    plain = PENDULUM.render(rows)
    dim = 1 - GREY * np.array([(5 * 120 + row) % 7 / 3.0 for row in range(120)])[:, None, None, None]
    assert np.abs(drawn - plain * dim).mean() < 0.6  # of rounding
    assert np.abs(made().drawn(do, 5, own_noise=False).astype(int) - plain).mean() < 0.1


def test_outcomes_are_rows_of_draws_in_the_order_of_the_pictures() -> None:
    factors = PENDULUM.sample(120, 9)
    do = {"angle": np.linspace(-30.0, 30.0, 120)}
    drawn = made().outcomes(PENDULUM.render(factors), do, 7, 3)
    assert {name: values.shape for name, values in drawn.items()} == dict.fromkeys(PENDULUM.names, (120, 7))
    assert (drawn["angle"] == do["angle"][:, None]).all()
    assert np.abs(drawn["light"] - factors[:, 1:2]).max() < 1
    unique = np.isfinite(PENDULUM.abduct(factors)).all(axis=1)
    spread = drawn["shadow_length"].std(axis=1)
    assert spread[unique & (factors[:, 2] > 3.05)].max() < 1e-9
    assert (spread[~unique] > 0.05).mean() > 0.3  # the others end at the shortest again


@pytest.mark.parametrize("capabilities", [("encode",), ("causes",)])
def test_a_model_without_encoder_or_causes_is_refused_in_one_sentence(capabilities: tuple[str, ...]) -> None:
    with pytest.raises(ExplorerError, match="'camera' does not; choose a model with a causal latent"):
        made(capabilities=capabilities)
