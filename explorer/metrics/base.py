"""What a measure of codes is, and the chance level that stands beside every one of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from explorer.errors import ExplorerError
from explorer.generators.base import Progress
from explorer.scene.measures import Group, Score

Floats = NDArray[np.float64]
Labels = NDArray[np.int64]


@dataclass(frozen=True)
class Codes:
    """Codes of n pictures and the truth about these pictures. All rows belong together.

    ``codes`` (n, D): the mean representation, or quantised values where ``discrete``; ``labels`` (n, K): the index of
    each factor's level, 0 .. levels - 1; ``sampled`` (n, D): draws from the posterior; ``kl`` (D,): E KL(q(z_j|x) ‖
    N(0, 1)) in nats. ``latents`` and ``factors`` name the columns.
    """

    codes: Floats
    labels: Labels
    latents: tuple[str, ...]
    factors: tuple[str, ...]
    sampled: Floats | None = None
    kl: Floats | None = None
    discrete: bool = False

    def __post_init__(self) -> None:
        """Raises ValueError where shapes contradict one another or codes are not finite."""
        if self.codes.shape != (len(self.labels), len(self.latents)) or self.labels.shape[1] != len(self.factors):
            raise ValueError(
                f"codes {self.codes.shape} and labels {self.labels.shape} do not fit {len(self.latents)} latents and "
                f"{len(self.factors)} factors"
            )
        if not np.isfinite(self.codes).all():
            raise ValueError("codes must be finite")

    @property
    def n(self) -> int:
        """Pictures."""
        return len(self.codes)

    def shuffled(self, source: np.random.Generator) -> Codes:
        """Codes and factors permuted against each other: nothing about a factor can be read from them, while codes keep
        their joint distribution, and so do factors."""
        return replace(self, labels=self.labels[source.permutation(self.n)])

    def only(self, columns: Sequence[int]) -> Codes:
        """The same with these latents alone."""
        chosen = list(columns)
        return replace(
            self,
            codes=self.codes[:, chosen],
            latents=tuple(self.latents[j] for j in chosen),
            sampled=None if self.sampled is None else self.sampled[:, chosen],
            kl=None if self.kl is None else self.kl[chosen],
        )


@dataclass(frozen=True)
class Outcome:
    """One number of a measure, without its null. ``value`` None: not defined for these codes, as ``note`` says."""

    value: float | None
    title: str
    parts: Mapping[str, float | None] = field(default_factory=dict)
    note: str = ""


class Measure(Protocol):
    """Found by :mod:`explorer.metrics.registry` as the module-level ``MEASURE`` of a file in this folder.

    ``minimum``: pictures below which chance swamps the measure, so that it is refused; ``permutations``: how often the
    null is drawn (fewer where one evaluation is dear); ``cost``: about how many seconds one takes on a core at 5,000
    pictures, for the share of work that is done; ``needs``: what ``Codes`` must hold besides codes and labels;
    ``titles``: the names of its numbers, for JSON, and how tables call them.
    """

    name: str
    paper: str
    better: Literal["higher", "lower", ""]
    group: Group
    minimum: int
    permutations: int
    cost: float = 0.2
    needs: tuple[Literal["sampled", "kl"], ...]
    titles: ClassVar[Mapping[str, str]]

    def __call__(self, data: Codes, seed: int, progress: Progress | None = None) -> dict[str, Outcome]:
        """The numbers by name, for JSON: ``infom``, ``dci_disentanglement``. Repeatable for a seed; never NaN.

        What takes more than a few seconds tells ``progress`` the finished share, 0..1, which may raise to stop it.
        """

    def estimator(self, data: Codes) -> str:
        """How it was estimated: bins, neighbours, pruning, counts; one line."""

    def shuffled(self, data: Codes, source: np.random.Generator) -> Codes:
        """Data on which the measure is at its chance level: :meth:`Codes.shuffled`, unless it says otherwise."""
        return data.shuffled(source)


def shared(progress: Progress | None, weights: Sequence[float]) -> list[Progress]:
    """For each part of a work, by its weight in the whole, what takes that part's own share, 0..1."""
    ends = np.cumsum(weights) / np.sum(weights)

    def part(start: float, end: float) -> Progress:
        return lambda share: None if progress is None else progress(float(start + (end - start) * share))

    return [part(start, end) for start, end in zip((0.0, *ends[:-1]), ends, strict=True)]


def check_count(measure: Measure, n: int) -> None:
    """Raise :class:`ExplorerError` where ``n`` pictures are fewer than the measure's ``minimum``."""
    if n < measure.minimum:
        raise ExplorerError(f"'{measure.name}' needs at least {measure.minimum} pictures, not {n}; raise n.")


def scored(
    measure: Measure, data: Codes, seed: int = 0, permutations: int | None = None, progress: Progress | None = None
) -> dict[str, Score]:
    """The measure's numbers with the mean and the 95th percentile of ``permutations`` draws of its null.

    Raises :class:`ExplorerError` below the measure's ``minimum`` of pictures and where the data lack what it needs.
    """
    check_count(measure, data.n)
    for need in measure.needs:
        if getattr(data, need) is None:
            raise ExplorerError(f"'{measure.name}' needs a model with a posterior variance.")
    count = measure.permutations if permutations is None else permutations
    first, *shares = shared(progress, (1.0,) * (count + 1))
    found = measure(data, seed, first)
    first(1.0)
    nulls: dict[str, list[float]] = {name: [] for name in found}
    for draw, share in enumerate(shares):
        source = np.random.default_rng([seed, draw, 7])
        for name, outcome in measure(measure.shuffled(data, source), seed + 1 + draw, share).items():
            if outcome.value is not None:
                nulls[name].append(outcome.value)
        share(1.0)
    return {
        name: Score(
            value=outcome.value,
            null=float(np.mean(nulls[name])) if nulls[name] else None,
            # One draw has no percentiles.
            null_high=float(np.quantile(nulls[name], 0.95)) if len(nulls[name]) > 1 else None,
            title=outcome.title,
            paper=measure.paper,
            better=measure.better,
            group=measure.group,
            estimator=f"{measure.estimator(data)}; chance: {count} {'draw' if count == 1 else 'draws'}",
            n=data.n,
            parts=dict(outcome.parts),
            note=outcome.note,
        )
        for name, outcome in found.items()
    }
