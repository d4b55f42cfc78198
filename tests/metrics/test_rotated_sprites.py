"""Someone else's VAE in which x and y lie rotated by 45° in two latents: what measures see before and after."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from explorer.generators import registry
from explorer.metrics.base import Codes
from explorer.metrics.encoding import encoded
from explorer.metrics.infomec import MEASURE as INFOMEC
from explorer.metrics.infomec import unpruned
from explorer.metrics.information import discretise, nmi_matrix
from explorer.metrics.mig import MEASURE as MIG
from explorer.metrics.rotation import best_rotation, rotate
from explorer.metrics.unsupervised import MEASURE as DEPENDENCE
from explorer.scene.measures import Rotation
from explorer.worlds.sprites import WORLD

ACTIVE = [2, 3, 4, 6, 8]
TURN = Rotation(first="z4", second="z8", degrees=45.0)


@pytest.fixture(scope="module")
def sprites(real_models: Path) -> Codes:
    return encoded(registry.load(str(real_models / "btcvae_dsprites"), torch.device("cpu")), WORLD, 5000, 0).codes


@pytest.mark.real
def test_rotating_the_pair_reveals_x_and_y(sprites: Codes) -> None:
    """What other code found in this checkpoint with 3,000 pictures: InfoM .423 to .661, InfoC .442 to .691; the largest
    NMI of x .11 to .77, of y .12 to .79, MIG .143 to .378, which is met with positions told apart in 20 steps."""
    np.testing.assert_array_equal(np.flatnonzero(unpruned(sprites)), ACTIVE)
    assert best_rotation(sprites, "z4", "z8") == pytest.approx(45.0, abs=2.0)
    active = sprites.only(ACTIVE)
    before, after = INFOMEC(active, 0), INFOMEC(rotate(active, TURN), 0)
    assert before["infom"].value == pytest.approx(0.423, abs=0.03)
    assert after["infom"].value == pytest.approx(0.661, abs=0.03)
    assert before["infoc"].value == pytest.approx(0.442, abs=0.03)
    assert after["infoc"].value == pytest.approx(0.691, abs=0.03)
    assert after["infoe"].value == pytest.approx(before["infoe"].value, abs=0.02)
    steps = replace(active, labels=discretise(active.labels))
    for data, x, y, mig in ((steps, 0.11, 0.12, 0.143), (rotate(steps, TURN), 0.77, 0.79, 0.378)):
        nmi = nmi_matrix(data)
        assert nmi[3].max() == pytest.approx(x, abs=0.04)
        assert nmi[4].max() == pytest.approx(y, abs=0.04)
        assert MIG(data, 0)["mig"].value == pytest.approx(mig, abs=0.02)
    # With all 32 steps the larger entropy of the positions lowers the shares, not the finding.
    assert MIG(rotate(active, TURN), 0)["mig"].value > MIG(active, 0)["mig"].value + 0.2  # type: ignore[operator]


@pytest.mark.real
def test_no_unsupervised_number_sees_the_rotation_and_passive_latents_are_dependent_in_the_mean(sprites: Codes) -> None:
    """Gaussian total correlation 2.5 of mean codes, .011 of draws, .004 of the active latents' means."""
    found, turned = DEPENDENCE(sprites, 0), DEPENDENCE(rotate(sprites, TURN), 0)
    assert found["total_correlation_mean"].value == pytest.approx(2.5, abs=0.15)
    assert found["total_correlation_sampled"].value < 0.015  # type: ignore[operator]
    assert DEPENDENCE(sprites.only(ACTIVE), 0)["total_correlation_mean"].value < 0.006  # type: ignore[operator]
    assert turned["total_correlation_mean"].value == pytest.approx(found["total_correlation_mean"].value, abs=0.01)
