"""Active, mixed and passive variables: closed forms, the published thresholds, and other people's models."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
import torch
from toys import ToyVae

from explorer.errors import ModelError
from explorer.files import package_folder
from explorer.generators import registry
from explorer.metrics.encoding import encoded
from explorer.metrics.latent_activity import (
    OF_WORLD,
    OWN,
    LatentActivity,
    from_generator,
    from_posterior,
    from_record,
)
from explorer.scene.model import Quality
from explorer.worlds.sprites import WORLD as SPRITES

CPU = torch.device("cpu")


def activity(mean_variance: float, variance_of_variance: float) -> str:
    return LatentActivity((0.0,), (mean_variance,), (variance_of_variance,), (0.0,), n=10, data="").badge(0)


@pytest.mark.parametrize(
    ("mean_variance", "variance_of_variance", "badge"),
    [
        (0.0, 0.0, "active"),
        (0.1, 0.0999, "active"),
        (0.1001, 0.0, "mixed"),
        (0.5, 0.0, "mixed"),
        (0.8999, 0.0, "mixed"),
        (0.9, 0.0, "passive"),
        (1.1, 0.0999, "passive"),
        (1.1001, 0.0, "mixed"),
        (0.05, 0.1, "mixed"),
        (1.0, 0.1, "mixed"),
    ],
)
def test_thresholds_are_the_authors(mean_variance: float, variance_of_variance: float, badge: str) -> None:
    assert activity(mean_variance, variance_of_variance) == badge


def test_closed_forms() -> None:
    """Three axes: always precise, always the prior, and precise for half of the pictures (Var σ² = (1 - s)² / 4)."""
    s = 0.01
    mean = torch.tensor([[1.0, 0.0, 1.0], [-1.0, 0.0, 0.0]]).repeat(50, 1)
    variance = torch.tensor([[s, 1.0, s], [s, 1.0, 1.0]]).repeat(50, 1)
    found = from_posterior(mean, variance.log(), "faces")
    assert found.badges == ("active", "passive", "mixed")
    precise = (1 + s - math.log(s) - 1) / 2
    assert found.kl == pytest.approx((precise, 0.0, precise / 2), abs=1e-6)
    assert found.mean_variance == pytest.approx((s, 1.0, (1 + s) / 2))
    assert found.variance_of_variance == pytest.approx((0.0, 0.0, (1 - s) ** 2 / 4), abs=1e-9)
    assert found.variance_of_mean == pytest.approx((1.0, 0.0, 0.25))
    assert found.by_kl() == (0, 2, 1)
    assert found.counts == {"active": 1, "mixed": 1, "passive": 1}
    assert found.details(0) == "KL 2.31 nats · E[σ²] 0.010 · Var[σ²] 0.0000 · Var[μ] 1.00 · n = 100 pictures of faces"


@pytest.mark.parametrize("shape", [(4,), (1, 3)])
def test_impossible_posteriors_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="must both be"):
        from_posterior(torch.zeros(shape), torch.zeros(shape))
    with pytest.raises(ValueError, match="finite"):
        from_posterior(torch.full((2, 1), math.nan), torch.zeros(2, 1))


def test_a_generator_is_measured_on_its_own_samples() -> None:
    variances = (0.01, 1.0, 0.05, 1.0, 0.001, 0.4)
    shares: list[float] = []
    found = from_generator(ToyVae(variances), n=300, seed=3, progress=shares.append)
    assert found.badges == ("active", "passive", "active", "passive", "active", "mixed")
    assert found.mean_variance == pytest.approx(variances, rel=1e-5)
    assert found.data == "self-encoded"
    assert found.n == 300
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    # Of its own samples an active axis has the prior's mean and variance: KL = (1 + s - log s - 1) / 2 in expectation.
    assert found.kl[4] == pytest.approx((0.001 - math.log(0.001)) / 2, abs=0.2)
    assert found == from_generator(ToyVae(variances), n=300, seed=3)


def test_the_tool_tip_says_what_was_measured() -> None:
    assert "n = 300 of its own samples, encoded again · Of data" in from_generator(ToyVae(), n=300).details(0)


@pytest.mark.parametrize("damage", [{"recipe": {"data": "sprites"}}, {}])
def test_a_model_that_names_its_world_is_measured_on_it(damage: dict[str, object], tmp_path: Path) -> None:
    """Without figures of its own that are believed: on pictures of the world, which give what training had measured."""
    folder = package_folder("models") / "sprites-btcvae"
    for name in ("config.json", "model.safetensors"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    (tmp_path / "card.json").write_text(json.dumps(damage))
    generator = registry.load(str(tmp_path), CPU)
    found = from_generator(generator)
    if not damage:
        assert (found.data, found.n) == ("self-encoded", OWN)
        return
    assert (found.data, found.n) == ("sprites", OF_WORLD)
    trained = from_record(json.loads((folder / "card.json").read_text())["latent_activity"])
    assert found.badges == trained.badges
    assert found.kl == pytest.approx(trained.kl, abs=0.08)
    measured = encoded(generator, SPRITES, OF_WORLD, 0).activity
    assert measured is not None
    assert found.kl == pytest.approx(measured.kl, abs=1e-5), "as measures say"


def test_a_generator_without_an_encoder_is_refused() -> None:
    from toys import ToyGenerator

    with pytest.raises(ModelError, match="no encoder"):
        from_generator(ToyGenerator())


def test_a_damaged_record_is_refused_with_its_reason() -> None:
    whole = {"kl": [1.0], "mean_variance": [0.1], "variance_of_variance": [0.0], "variance_of_mean": [1.0], "n": 5,
             "data": "shapes"}  # fmt: skip
    old = from_record(json.loads(json.dumps(whole)))
    assert (old.badges, old.mean_of_mean) == (("active",), ())
    later = {**whole, "mean_of_mean": [0.1], "lowest_mean": [-2.0], "highest_mean": [3]}
    assert from_record(later).highest_mean == (3.0,)
    with pytest.raises(ModelError, match="latent_activity"):
        from_record({**later, "lowest_mean": [1.0, 2.0]})
    for damage in ({"kl": None}, {"kl": [1.0, 2.0]}, {"n": "many"}, {"kl": ["a"]}):
        with pytest.raises(ModelError, match="latent_activity"):
            from_record({**whole, **damage})


@pytest.mark.real
def test_dsprites_checkpoint_reproduces_its_training_log_and_has_five_active_axes(real_models: Path) -> None:
    """KL per axis as logged when it was trained (axes 8, 4, 2, 3, 6), on our own sprites."""
    generator = registry.load(str(real_models / "btcvae_dsprites"), CPU)
    factors = SPRITES.independent(1000, 0)
    pictures = torch.from_numpy(SPRITES.render(factors)).movedim(-1, 1) / 255
    outputs = pictures * 2 - 1
    mean, log_variance = generator.posterior(outputs)  # type: ignore[attr-defined]
    found = from_posterior(mean, log_variance, "sprites")
    assert found.counts == {"active": 5, "mixed": 0, "passive": 5}
    logged = {8: 3.793, 4: 3.809, 2: 2.516, 3: 2.021, 6: 1.452}
    for axis, nats in logged.items():
        assert found.kl[axis] == pytest.approx(nats, rel=0.05)
    assert all(found.kl[axis] < 0.003 for axis in set(range(10)) - set(logged))
    # x and y lie rotated by 45 degrees in axes 4 and 8.
    x, y = torch.from_numpy(factors[:, 3:5]).T
    for axis, sign in ((4, 1.0), (8, -1.0)):
        assert torch.corrcoef(torch.stack([mean[:, axis], -(x + sign * y)]))[0, 1] > 0.97
    again = (generator.render(generator.encode(outputs), Quality()) + 1) / 2  # type: ignore[attr-defined]
    assert ((again > 0.5) == (pictures > 0.5)).float().mean() > 0.99


@pytest.mark.real
@pytest.mark.parametrize(("name", "active", "passive"), [("btcvae_dsprites", 5, 5), ("btcvae_celeba", 10, 0)])
def test_real_checkpoints_measured_on_their_own_samples(
    real_models: Path, name: str, active: int, passive: int
) -> None:
    found = from_generator(registry.load(str(real_models / name), CPU), n=400)
    assert found.counts == {"active": active, "mixed": 0, "passive": passive}
