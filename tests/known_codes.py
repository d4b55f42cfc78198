"""Codes whose disentanglement is known, for tests of measures."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from explorer.metrics.base import Codes, Floats, Labels

SPRITES = (3, 6, 40, 32, 32)  # levels of the factors of the dSprites data set


def labels_of(sizes: tuple[int, ...], n: int, seed: int = 0) -> Labels:
    """(n, K) independent, uniform levels."""
    source = np.random.default_rng(seed)
    return np.stack([source.integers(size, size=n) for size in sizes], axis=1)


def grid(sizes: tuple[int, ...]) -> Labels:
    """Every combination of levels once, the last factor fastest."""
    return np.stack([axis.reshape(-1) for axis in np.meshgrid(*map(np.arange, sizes), indexing="ij")], axis=1)


def data_of(codes: Floats, labels: Labels, discrete: bool = False) -> Codes:
    """Named ``z0``, ``z1`` … and ``f0``, ``f1`` …."""
    latents = tuple(f"z{j}" for j in range(codes.shape[1]))
    return Codes(codes, labels, latents, tuple(f"f{k}" for k in range(labels.shape[1])), discrete=discrete)


def standard(labels: Labels) -> Floats:
    """Levels with mean 0 and variance 1."""
    return np.asarray((labels - labels.mean(axis=0)) / labels.std(axis=0))


def perfect(sizes: tuple[int, ...] = SPRITES, n: int = 2000, latents: int = 10, seed: int = 0, noise: float = 0.01,
            dead: float = 0.01) -> Codes:  # fmt: skip
    """A latent a factor, standardised, with a little noise; the other latents vary by ``dead`` and carry nothing."""
    labels = labels_of(sizes, n, seed)
    source = np.random.default_rng([seed, 1])
    codes = dead * source.standard_normal((n, latents))
    codes[:, : len(sizes)] = standard(labels) + noise * source.standard_normal(labels.shape)
    return data_of(codes, labels)


def noise(sizes: tuple[int, ...] = SPRITES, n: int = 2000, latents: int = 10, seed: int = 0) -> Codes:
    """Standard normal codes that carry nothing."""
    return data_of(np.random.default_rng([seed, 2]).standard_normal((n, latents)), labels_of(sizes, n, seed))


def rotated(data: Codes, first: int, second: int, degrees: float = 45.0) -> Codes:
    """Two latents turned against each other."""
    angle = np.deg2rad(degrees)
    codes = data.codes.copy()
    codes[:, first] = np.cos(angle) * data.codes[:, first] + np.sin(angle) * data.codes[:, second]
    codes[:, second] = np.cos(angle) * data.codes[:, second] - np.sin(angle) * data.codes[:, first]
    return replace(data, codes=codes)
