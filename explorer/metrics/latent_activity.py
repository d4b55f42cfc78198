"""Active, mixed and passive latent variables of a VAE (Bonheme and Grzes 2022, "Be More Active!").

A variable is *active* when its posterior's variance is near 0 for every picture, *passive* when the posterior equals
the prior for every picture, *mixed* otherwise. The authors' operational rule looks at the mean and the variance, over
pictures, of the posterior's variance σ²_j(x); the posterior's mean is not used.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

import torch
from torch import Tensor

from explorer.checkpoint import read_card
from explorer.errors import ExplorerError, ModelError
from explorer.generators.base import Generator, Progress
from explorer.metrics.world_pictures import BATCH, check_fits, pictures, world_for
from explorer.numerics.gaussian_posterior import posterior_statistics
from explorer.scene.model import Quality

Activity = Literal["active", "mixed", "passive"]

VARIANCE_THRESHOLD = 0.1  # of Var σ²: above it the variable is active for some pictures and passive for others
MEAN_ERROR = 0.1  # how far E σ² may be from 0 (active) or from 1 (passive)
SELF_ENCODED = "self-encoded"
OWN, OF_WORLD = 1000, 400
"""Pictures by which an encoder is looked at: of its own as many as nobody waits for; drawing a world's takes longer,
and 400 give a KL within some per cent."""
_ALWAYS = ("kl", "mean_variance", "variance_of_variance", "variance_of_mean")
_LATER = ("mean_of_mean", "lowest_mean", "highest_mean")  # not in the cards of models that were trained before


@dataclass(frozen=True)
class LatentActivity:
    """Statistics of the posterior per latent axis, over ``n`` pictures of ``data``. Tuples of floats, one an axis.

    ``kl``: E KL(q(z_j|x) ‖ N(0, 1)) in nats; ``mean_variance``: E σ²; ``variance_of_variance``: Var σ²;
    ``variance_of_mean``: Var μ; ``mean_of_mean``: E μ; ``lowest_mean``, ``highest_mean``: the range of μ, these three
    empty where a model was measured before they were kept. ``data`` is ``self-encoded`` when the pictures were drawn
    from the generator itself.
    """

    kl: tuple[float, ...]
    mean_variance: tuple[float, ...]
    variance_of_variance: tuple[float, ...]
    variance_of_mean: tuple[float, ...]
    n: int
    data: str
    mean_of_mean: tuple[float, ...] = ()
    lowest_mean: tuple[float, ...] = ()
    highest_mean: tuple[float, ...] = ()

    def badge(self, axis: int) -> Activity:
        """``active``, ``mixed`` or ``passive``; every axis is exactly one of them."""
        mean, spread = self.mean_variance[axis], self.variance_of_variance[axis]
        if spread < VARIANCE_THRESHOLD and 1.0 - MEAN_ERROR <= mean <= 1.0 + MEAN_ERROR:
            return "passive"
        if spread < VARIANCE_THRESHOLD and mean <= MEAN_ERROR:
            return "active"
        return "mixed"

    @property
    def badges(self) -> tuple[Activity, ...]:
        """The badge of every axis."""
        return tuple(self.badge(axis) for axis in range(len(self.kl)))

    @property
    def counts(self) -> dict[Activity, int]:
        """How many axes are active, mixed and passive."""
        found = Counter(self.badges)
        return {"active": found["active"], "mixed": found["mixed"], "passive": found["passive"]}

    def by_kl(self) -> tuple[int, ...]:
        """The axes, most informative first; equal ones in their own order."""
        return tuple(sorted(range(len(self.kl)), key=lambda axis: -self.kl[axis]))

    def details(self, axis: int) -> str:
        """One line for a tool tip: every figure with its unit, and on how many pictures of what it was taken."""
        own = "of its own samples, encoded again · Of data the figures may differ, most for weak latents"
        of = own if self.data == SELF_ENCODED else f"pictures of {self.data}"
        return (
            f"KL {self.kl[axis]:.2f} nats · E[σ²] {self.mean_variance[axis]:.3f} · "
            f"Var[σ²] {self.variance_of_variance[axis]:.4f} · Var[μ] {self.variance_of_mean[axis]:.2f} · "
            f"n = {self.n} {of}"
        )


class Encoder(Protocol):
    """A generator with the capability ``posterior``."""

    def posterior(self, outputs: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log-variance, each (B, L)."""


def from_posterior(mean: Tensor, log_variance: Tensor, data: str = "") -> LatentActivity:
    """Activity from the posteriors (n, L) of n ≥ 2 pictures. Raises ValueError for other shapes or infinite numbers."""
    if mean.ndim != 2 or mean.shape != log_variance.shape or len(mean) < 2:
        raise ValueError(f"mean and log-variance must both be (n ≥ 2, L), got {mean.shape} and {log_variance.shape}")
    if not bool(torch.isfinite(mean).all() and torch.isfinite(log_variance).all()):
        raise ValueError("mean and log-variance must be finite")
    found = posterior_statistics(mean, log_variance)
    columns = {name: tuple(values.tolist()) for name, values in found._asdict().items()}
    return LatentActivity(**columns, n=len(mean), data=data)


def from_generator(generator: Generator, n: int = 0, seed: int = 0, progress: Progress | None = None) -> LatentActivity:
    """Activity of a VAE: what training measured and stored in ``card.json``, else by its :func:`posteriors`.

    Stored figures count only for exactly these weights (their fingerprint is stored with them). Raises
    :class:`ModelError` for a generator without an encoder.
    """
    if "posterior" not in generator.card.capabilities:
        raise ModelError(f"'{generator.card.name}' has no encoder with a variance, so no axis is active or passive.")
    if (found := stored(generator)) is not None:
        return found
    measured = posteriors(generator, n, seed, progress)
    return from_posterior(measured.mean, measured.log_variance, measured.data)


@dataclass(frozen=True)
class Posteriors:
    """``mean`` and ``log_variance``, each (n, L), of pictures of ``data``: a world, or :data:`SELF_ENCODED`."""

    mean: Tensor
    log_variance: Tensor
    data: str


def posteriors(generator: Generator, n: int = 0, seed: int = 0, progress: Progress | None = None) -> Posteriors:
    """The posteriors of ``n`` pictures, or where that is 0 of :data:`OF_WORLD` or :data:`OWN`, the same for a seed.

    They are of the world that the model was trained on, its factors drawn independently as measures draw them, where
    its files name one whose pictures it takes; else of its own samples, encoded again. These are no data: what comes
    back of a latent that the decoder hardly uses may be far from what data give it. The generator must have the
    capability ``posterior``.
    """
    try:
        world = world_for(generator)
        check_fits(generator, world)
    except ExplorerError:  # it names none, or these pictures do not fit
        return Posteriors(*self_encoded(generator, n or OWN, seed, progress), SELF_ENCODED)
    encoder: Encoder = generator  # type: ignore[assignment]
    count = max(2, n or OF_WORLD)
    found: list[tuple[Tensor, Tensor]] = []
    with torch.inference_mode():
        for batch in pictures(world, world.independent(count, seed), generator):
            mean, log_variance = encoder.posterior(batch.to(generator.device))
            found.append((mean.cpu(), log_variance.cpu()))
            if progress is not None:
                progress(min(1.0, len(found) * BATCH / count))
    means, log_variances = (torch.cat(parts) for parts in zip(*found, strict=True))
    return Posteriors(means, log_variances, world.name)


def self_encoded(
    generator: Generator, n: int = 1000, seed: int = 0, progress: Progress | None = None
) -> tuple[Tensor, Tensor]:
    """Mean and log-variance, each (n, L), of ``n`` of the generator's own pictures, drawn from the prior; it must have
    the capability ``posterior``."""
    encoder: Encoder = generator  # type: ignore[assignment]
    means, log_variances = [], []
    with torch.inference_mode():
        for start in range(0, n, BATCH):
            seeds = [(seed + index) % 2**32 for index in range(start, min(start + BATCH, n))]
            mean, log_variance = encoder.posterior(generator.render(generator.sample(seeds), Quality()))
            means.append(mean.cpu())
            log_variances.append(log_variance.cpu())
            if progress is not None:
                progress(min(1.0, (start + BATCH) / n))
    return torch.cat(means), torch.cat(log_variances)


def from_record(record: dict[str, Any]) -> LatentActivity:
    """The ``latent_activity`` entry of a ``card.json``. Raises :class:`ModelError` when it is damaged."""
    try:
        columns = {
            name: tuple(float(value) for value in record[name])
            for name in (*_ALWAYS, *(name for name in _LATER if name in record))
        }
        if len({len(column) for column in columns.values()}) != 1:
            raise ValueError("its lists differ in length")
        return LatentActivity(**columns, n=int(record["n"]), data=str(record["data"]))
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(
            f"'latent_activity' in a model's card.json is damaged ({error}); delete the entry to measure again."
        ) from error


def stored(generator: Generator) -> LatentActivity | None:
    """What training measured on data and kept in ``card.json``, if that is of exactly these weights. Raises
    :class:`ModelError` when it is damaged."""
    record = read_card(Path(generator.card.path)).get("latent_activity")
    if not isinstance(record, dict) or record.get("fingerprint") != generator.card.fingerprint:
        return None
    found = from_record(record)
    return found if len(found.kl) == generator.card.spaces["z"].shape[0] else None
