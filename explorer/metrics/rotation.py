"""Two latents turned against each other before measuring: whether a pair is disentangled up to a rotation."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from explorer.errors import ExplorerError, instead
from explorer.metrics.base import Codes
from explorer.metrics.information import nmi_matrix
from explorer.scene.measures import Rotation

# A quarter turn swaps the two latents, so a range of 90° holds every rotation. This one has 0° and 45°, the likely
# answers, away from its ends.
LOWEST, HIGHEST = -22.5, 67.5
COARSE, FINE = 5.0, 0.5  # degrees between tried rotations
SCANNED = 3000  # pictures the rotation is sought on, at most


def rotate(data: Codes, rotation: Rotation) -> Codes:
    """``data`` with the pair scaled to unit variance and turned, as :class:`Rotation` says; other latents as they were.
    Turned, the pair gets its mean variance back: what hardly varied still hardly varies, and is pruned as before.

    The turned latents are named like ``z4'``. Draws are turned with the same matrix. ``kl`` becomes None, because
    the divergence of a turned latent cannot be told from those of the two; the codes no longer count as discrete.
    Raises :class:`ExplorerError` for an unknown latent, twice the same, or one that does not vary.
    """
    pair = _columns(data, rotation.first, rotation.second)
    codes, matrix = data.codes.copy(), np.array(rotation.matrix)
    scale = data.codes[:, pair].std(axis=0)
    matrix = float(np.sqrt(np.mean(scale**2))) * matrix
    codes[:, pair] = data.codes[:, pair] / scale @ matrix.T
    sampled = None
    if data.sampled is not None:
        sampled = data.sampled.copy()
        sampled[:, pair] = data.sampled[:, pair] / scale @ matrix.T
    turned = dict(zip((rotation.first, rotation.second), rotation.names, strict=True))
    latents = tuple(turned.get(name, name) for name in data.latents)
    return replace(data, codes=codes, sampled=sampled, kl=None, latents=latents, discrete=False)


def best_rotation(data: Codes, first: str, second: str, seed: int = 0) -> float:
    """The rotation in degrees, above −22.5 and at most 67.5, after which the two latents share the factors out most
    clearly: Σ over factors of |NMI(factor; first) − NMI(factor; second)| is largest, in steps of 0.5.

    A quarter turn more does the same with the latents swapped. Of more than 3,000 pictures 3,000 are drawn to seek on.
    Raises :class:`ExplorerError` as :func:`rotate` does.
    """
    pair = data.only(_columns(data, first, second))
    if data.n > SCANNED:
        rows = np.random.default_rng([seed, 19]).choice(data.n, SCANNED, replace=False)
        pair = replace(pair, codes=pair.codes[rows], labels=pair.labels[rows])
    pair = replace(pair, sampled=None, kl=None)

    def gap(degrees: float) -> float:
        nmi = nmi_matrix(rotate(pair, Rotation(first=first, second=second, degrees=degrees)), seed)
        return float(np.abs(nmi[:, 0] - nmi[:, 1]).sum())

    coarse = max(np.arange(LOWEST + COARSE, HIGHEST + COARSE / 2, COARSE), key=gap)
    steps = round(COARSE / FINE) - 1
    best = float(max(coarse + FINE * np.arange(-steps, steps + 1), key=gap))
    return best if best <= HIGHEST else best - 90.0


def _columns(data: Codes, first: str, second: str) -> list[int]:
    for name in (first, second):
        if name not in data.latents:
            raise ExplorerError(f"There is no latent '{name}' to turn; {instead(name, data.latents)}")
        column = data.codes[:, data.latents.index(name)]
        if column.max() == column.min():
            raise ExplorerError(f"The latent '{name}' has one value for all pictures; choose one that varies.")
    if first == second:
        raise ExplorerError(f"Two different latents are needed for a rotation, not '{first}' twice.")
    return [data.latents.index(first), data.latents.index(second)]
