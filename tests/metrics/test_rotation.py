"""Turning a pair of latents: a rotation there and back, the pair that was mixed, and what is refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from known_codes import perfect, rotated, standard

from explorer.errors import ExplorerError
from explorer.metrics.infomec import unpruned
from explorer.metrics.rotation import best_rotation, rotate
from explorer.scene.measures import Rotation


@pytest.mark.parametrize("degrees", [-90.0, -30.0, 0.0, 17.0, 45.0, 90.0])
def test_a_rotation_and_its_inverse_leave_standardised_codes(degrees: float) -> None:
    data = replace(perfect(n=200), sampled=perfect(n=200, seed=3).codes, kl=np.ones(10))
    turned = rotate(data, Rotation(first="z4", second="z1", degrees=degrees))
    assert turned.latents[4] == "z4'"
    assert turned.latents[1] == "z1'"
    assert turned.kl is None
    others = [0, 2, 3, 5, 6, 7, 8, 9]
    np.testing.assert_array_equal(turned.codes[:, others], data.codes[:, others])
    size = np.sqrt((data.codes[:, 4].var() + data.codes[:, 1].var()) / 2)
    scaled = size * data.codes[:, [4, 1]] / data.codes[:, [4, 1]].std(axis=0)
    by_complex_numbers = (scaled[:, 0] + 1j * scaled[:, 1]) * np.exp(-1j * np.deg2rad(degrees))
    np.testing.assert_allclose(turned.codes[:, 4], by_complex_numbers.real, atol=1e-12)
    np.testing.assert_allclose(turned.codes[:, 1], by_complex_numbers.imag, atol=1e-12)
    # Draws are turned by the scale of the codes, not by their own.
    assert turned.sampled is not None
    draws = size * data.sampled[:, 4] / data.codes[:, 4].std() + 1j * size * data.sampled[:, 1] / data.codes[:, 1].std()  # type: ignore[index]
    np.testing.assert_allclose(turned.sampled[:, 4], (draws * np.exp(-1j * np.deg2rad(degrees))).real, atol=1e-12)


def test_a_pair_that_hardly_varies_is_pruned_after_the_turn_too() -> None:
    data = perfect((3, 6, 6), n=500, latents=6, noise=0.05)
    codes = data.codes.copy()
    codes[:, 4:] = 0.01 * np.random.default_rng(0).standard_normal((500, 2))
    data = replace(data, codes=codes)
    turned = rotate(data, Rotation(first="z4", second="z5"))
    assert not unpruned(data)[4:].any()
    np.testing.assert_array_equal(unpruned(turned), unpruned(data))
    np.testing.assert_allclose(turned.codes[:, 4:].var(axis=0).sum(), codes[:, 4:].var(axis=0).sum(), rtol=1e-9)


@pytest.mark.parametrize("degrees", [0.0, 20.0, 45.0, 60.0, 80.0])
def test_the_best_rotation_undoes_the_one_that_mixed_two_factors(degrees: float) -> None:
    data = perfect((3, 12, 12), n=1500, latents=4, noise=0.05)
    mixed = rotated(replace(data, codes=standard(data.codes)), 1, 2, degrees)  # type: ignore[arg-type]
    found = best_rotation(mixed, "z1", "z2")
    assert -22.5 < found <= 67.5
    away = (found + degrees) % 90
    assert min(away, 90 - away) <= 2.0


def test_unknown_equal_and_constant_latents_are_refused() -> None:
    data = perfect(n=100, dead=0.0)
    for first, second, reason in (("z0", "w", "no latent 'w'"), ("z1", "z1", "Two different"), ("z0", "z9", "one val")):
        with pytest.raises(ExplorerError, match=reason):
            rotate(data, Rotation(first=first, second=second))
        with pytest.raises(ExplorerError, match=reason):
            best_rotation(data, first, second)
