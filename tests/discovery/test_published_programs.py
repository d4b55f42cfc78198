"""What the authors' programs compute, by other means: the estimator of GANSpace, the machine of InterFaceGAN."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import LinearConstraint, minimize
from sklearn.decomposition import IncrementalPCA
from toys import ToyGenerator

from explorer.controls.linear import LinearControl
from explorer.discovery import pca
from explorer.discovery.attribute_data import Target
from explorer.discovery.extremes import SAMPLES_A_DIMENSION, TRAINED, extremes
from explorer.discovery.interfacegan import boundary
from explorer.discovery.sampling import drawn_latents

SAMPLES, BLOCK = 4000, 1000


def test_components_are_those_of_the_incremental_estimator_of_ganspace() -> None:
    """The program of GANSpace feeds blocks of w to an incremental estimator; ours merges their exact moments."""
    generator = ToyGenerator()
    blocks = [
        generator.advance(latent, "w").tensors["w"].double().numpy()
        for latent in drawn_latents(generator, SAMPLES, 7, BLOCK)
    ]
    estimator = IncrementalPCA(n_components=10)
    for block in blocks:
        estimator.partial_fit(block)
    found = pca.METHOD.discover(generator, 10, seed=7, settings={"samples": SAMPLES})
    for control, component, variance in zip(
        found.controls, estimator.components_, estimator.explained_variance_, strict=True
    ):
        assert isinstance(control, LinearControl)
        direction = control.direction.double().numpy()
        deviation = np.linalg.norm(direction)
        assert abs(direction @ component) / deviation > 1 - 1e-4
        assert deviation == pytest.approx(np.sqrt(variance), rel=0.02)


@pytest.mark.parametrize("overlap", [0.2, 1.0])
def test_the_normal_is_that_of_the_quadratic_programme(overlap: float) -> None:
    """The dual of a soft-margin machine, max Σα − ½ ‖Σ α y x‖² with 0 ≤ α ≤ C = 1 and Σ α y = 0, solved directly on the
    split that InterFaceGAN's program makes: the share with most and with least, 70 % of either."""
    source = np.random.default_rng(3)
    latents = source.standard_normal((120, 3))
    scores = latents @ np.array([1.0, -2.0, 0.5]) + overlap * source.standard_normal(120)
    target = Target("score", scores)
    found = boundary(latents, target, 0.2, seed=5)
    assert found is not None
    wanted = max(int(np.ceil(0.2 * len(latents))), SAMPLES_A_DIMENSION * 3)
    low, high = extremes(target, wanted, np.random.default_rng([5, 2]))
    fitted = int(TRAINED * len(low))
    x = np.concatenate([latents[high[:fitted]], latents[low[:fitted]]])
    y = np.repeat([1.0, -1.0], fitted)
    signed = x * y[:, None]
    solved = minimize(
        lambda alpha: 0.5 * float(np.sum((alpha @ signed) ** 2)) - float(alpha.sum()),
        np.full(len(y), 0.01),
        jac=lambda alpha: signed @ (alpha @ signed) - 1,
        bounds=[(0, 1)] * len(y),
        constraints=LinearConstraint(y, 0, 0),
        method="SLSQP",
        options={"maxiter": 2000, "ftol": 1e-12},
    )
    assert solved.success, solved.message
    normal = solved.x @ signed
    assert found.normal @ (normal / np.linalg.norm(normal)) > 0.9999  # the sign matters: more of the attribute is +
