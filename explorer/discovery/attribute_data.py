"""What supervised methods learn from: samples of a generator, and what a reader says of the attributes of each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import cast
from weakref import WeakKeyDictionary

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from explorer.attributes.base import Attribute, AttributeReader, Values
from explorer.attributes.registry import open_reader
from explorer.discovery.request import Request, names_in
from explorer.discovery.sampling import BottleneckShown, drawn_latents
from explorer.errors import ControlError, instead
from explorer.generators.base import Generator, Latent
from explorer.numerics.linalg import principal_components
from explorer.scene.cards import SettingCard
from explorer.scene.model import Quality

SAMPLES = 2_000
SAMPLED_PICTURES = 256  # diffusion: each is a whole run of the sampler
FEWEST = 10  # samples of each of two kinds, without which nothing is learned about the difference
DRAWN = 0.9  # share of a search that drawing takes
_CHUNK, _CHUNK_SAMPLER = 64, 8
SAMPLES_KEPT = 2
Moved = Callable[[Latent, int], Latent]
"""Points that were drawn, and the number of the first of them → these as they are to be read."""
_Sampled = dict[tuple[str, str, int, int, str], tuple[Values, Values]]
_DRAWN: WeakKeyDictionary[Generator, _Sampled] = WeakKeyDictionary()
"""Generator → digest of the reader, space, count, seed and what moved them → what was drawn and read. Of this very
generator: others of its fingerprint may draw with other weights."""
_STILL = 1e-9  # a spread below this share of the values is rounding

ATTRIBUTE_SETTINGS = (
    SettingCard(
        name="attributes",
        title="Attributes from",
        default="",
        kind="attributes",
        empty="the model's own world",
        help="A world, a classifier (.onnx) or labels (.json), several with + between; empty: the model's own world.",
    ),
    SettingCard(
        name="attribute",
        title="Attribute",
        default="",
        kind="attribute",
        empty="all that vary",
        help="The attribute to learn, several with a comma between; empty: all that vary.",
    ),
    SettingCard(
        name="samples",
        title="Samples",
        default=0,
        low=0,
        high=1_000_000,
        empty="by itself",
        help=f"Pictures to learn from; 0: {SAMPLES}, {SAMPLED_PICTURES} for a diffusion model.",
    ),
)


@dataclass(frozen=True)
class Classes:
    """The levels of a category: what each is called, and the number (n,) of that which a sample shows, -1 where it is
    not known or another."""

    names: tuple[str, ...]
    numbers: NDArray[np.intp]


@dataclass(frozen=True)
class Target:
    """One attribute as one number a sample, in ``values`` (n,), NaN where it is not known. ``towards``: what more of it
    means, where that is not plain from the name: one of its levels, a place on its circle.
    """

    name: str
    values: Values
    towards: str = ""
    number: Callable[[Values], Values] = np.asarray
    """What makes the number of values (m,) of the attribute as they are read."""
    classes: Classes | None = None
    """Of an attribute with more than two levels, of which ``values`` tell one from the others."""

    @property
    def known(self) -> NDArray[np.bool_]:
        """(n,) which samples have a value."""
        return ~np.isnan(self.values)

    @property
    def lines(self) -> tuple[str, ...]:
        """For a control's details."""
        return (f"more is towards {self.towards}",) if self.towards else ()


@dataclass(frozen=True)
class Whitened:
    """Samples (n, r) in coordinates of mean 0, variance 1 and no correlation; ``axes`` (r, d): what one unit of each is
    in the space."""

    rows: Values
    axes: Values


@dataclass(frozen=True)
class AttributeData:
    """``latents`` (n, d): samples of a space, flattened; ``targets``: the attributes that vary over them; ``left_out``:
    why the others are missing, in one sentence or none; ``labels``: how many values were read.
    """

    latents: Values
    targets: tuple[Target, ...]
    left_out: str
    evaluations: int
    labels: int
    reader: AttributeReader

    def read(self, pictures: Tensor) -> Values:
        """(B, targets) the numbers of the targets in other pictures."""
        names, read = [one.name for one in self.reader.attributes], self.reader.read(pictures)
        return np.stack([one.number(read[:, names.index(one.name)]) for one in self.targets], axis=1)

    @cached_property
    def whitened(self) -> Whitened:
        """The samples in their principal components: all, or the first of them where there are not four samples to
        each, because fewer fit any labels."""
        return whitened(self.latents)

    def deviation(self, direction: Values) -> float:
        """The standard deviation of the samples along the unit vector ``direction`` (d,)."""
        return float((self.latents @ direction).std(ddof=1))


@dataclass(frozen=True)
class AttributeSample:
    """``latents`` (n, d): samples of a space, flattened; ``values`` (n, A): what ``reader`` reads of ``attributes``
    from their pictures, NaN where one is not shown."""

    latents: Values
    attributes: tuple[Attribute, ...]
    values: Values
    reader: AttributeReader


def attribute_data(request: Request, generator: Generator, also: Sequence[str] = ()) -> AttributeData:
    """Draw samples, render them, and read the attributes that the settings of ``request`` name, and those of ``also``.

    The latents are of the request's space; in ``h`` they are what the bottleneck holds. Progress ends at :data:`DRAWN`.
    Raises :class:`explorer.errors.ExplorerError` for a reader that cannot be opened, an attribute that it does not
    read, and an attribute asked for by name that does not vary.
    """
    named = [*names_in(request.text("attribute")), *also]
    sample = sampled(request, generator, also)
    latents, read, count = sample.latents, sample.values, len(sample.values)
    targets, why = varying(sample.attributes, read, latents)
    check_varying(named, [target.name for target in targets], why, f"{count} samples of '{generator.card.name}'")
    left_out = "; ".join(f"{name} {reason}" for name, reason in why.items())
    return AttributeData(
        latents=latents,
        targets=targets,
        left_out=f"Left out: {left_out}." if left_out else "",
        evaluations=count * (2 if request.space == "h" else 1),
        labels=int((~np.isnan(read)).sum()),
        reader=sample.reader,
    )


def check_varying(named: Sequence[str], varying_names: Sequence[str], why: Mapping[str, str], samples: str) -> None:
    """Raise :class:`ControlError` where one that is ``named`` does not vary over ``samples``, or none does. ``why``: as
    of :func:`varying`."""
    if lost := next((name for name in named if name in why), ""):
        raise ControlError(
            f"'{lost}' {why[lost]} over {samples}, so nothing can be learned about it; choose another attribute."
        )
    if not varying_names:
        raise ControlError(f"No attribute varies over {samples}; choose other attributes, or raise 'samples'.")


def sampled(
    request: Request, generator: Generator, also: Sequence[str] = (), moved: Moved | None = None, moved_by: str = ""
) -> AttributeSample:
    """Draw samples, render them, and read what the settings of ``request`` and ``also`` name. The last samples are
    kept: another graph of the same attributes, another attribute, is asked of the same pictures. ``moved``: what moves
    points of the request's space before they are rendered, told from others by ``moved_by``. Raises as
    :func:`attribute_data` for a reader and names."""
    reader = open_reader(request.text("attributes"), generator.card, generator)
    named = [*names_in(request.text("attribute")), *also]
    wanted = _columns(named, bool(request.text("attribute").strip()), reader)
    count = sample_count(request, generator)
    key = (reader.digest, request.space, count, request.seed, moved_by)
    samples = _DRAWN.setdefault(generator, {})
    drawn = samples.pop(key, None)
    if drawn is None:
        drawn = _draw(request, generator, reader, count, moved)
    samples[key] = drawn
    for oldest in list(samples)[:-SAMPLES_KEPT]:
        samples.pop(oldest, None)
    latents, read = drawn
    columns = [index for index, _ in wanted]
    return AttributeSample(latents, tuple(one for _, one in wanted), read[:, columns], reader)


def sample_count(request: Request, generator: Generator) -> int:
    """How many samples ``request`` asks for. Raises :class:`ControlError` where these are too few."""
    few = "steps" in generator.card.capabilities
    count = request.number("samples") or (SAMPLED_PICTURES if few else SAMPLES)
    if count < 2 * FEWEST:
        raise ControlError(f"{count} samples are too few to learn an attribute from; raise 'samples' to {2 * FEWEST}.")
    return count


def _draw(
    request: Request, generator: Generator, reader: AttributeReader, count: int, moved: Moved | None
) -> tuple[Values, Values]:
    """Latents (n, d), and all that ``reader`` reads (n, A)."""
    quality = Quality(steps=generator.card.interactive_steps)
    chunk = _CHUNK_SAMPLER if "steps" in generator.card.capabilities else _CHUNK
    points: list[Values] = []
    values: list[Values] = []
    with torch.no_grad():
        for latent in drawn_latents(generator, count, request.seed, chunk, lambda share: request.watch(DRAWN * share)):
            if moved is not None:
                latent = moved(latent, sum(map(len, points)))
            points.append(_points(generator, latent, request.space, quality))
            values.append(reader.read(generator.render(latent, quality)))
    return np.concatenate(points), np.concatenate(values)


def _columns(named: Sequence[str], only: bool, reader: AttributeReader) -> list[tuple[int, Attribute]]:
    """(column, attribute) of those that are ``named``, or of all unless ``only`` these are wanted.

    Raises :class:`ControlError` for a name that ``reader`` does not have.
    """
    known = {one.name: (index, one) for index, one in enumerate(reader.attributes)}
    for name in named:
        if name not in known:
            raise ControlError(f"'{reader.name}' has no attribute '{name}'; {instead(name, known)}")
    return [known[name] for name in dict.fromkeys(named)] if only else list(known.values())


def varying(
    attributes: Sequence[Attribute], values: Values, latents: Values
) -> tuple[tuple[Target, ...], dict[str, str]]:
    """The columns of ``values`` (n, A) as numbers to be learned from ``latents`` (n, d), and name → why the others are
    none, as the end of a sentence.

    A cyclic attribute becomes its projection on one diameter of its circle, a category with more than two levels one
    level against the others: those that a linear map of the latents predicts best.
    """
    targets, why = [], {}
    basis = whitened(latents).rows
    for attribute, column in zip(attributes, values.T, strict=True):
        known = ~np.isnan(column)
        shown = column[known]
        if known.sum() < 2 * FEWEST:
            why[attribute.name] = f"is shown by {int(known.sum())}"
        elif np.ptp(shown) <= _STILL * max(1.0, float(np.abs(shown).max())):
            why[attribute.name] = "never varies"
        else:
            target = _target(attribute, column, known, basis)
            # What has two values only needs some of each; what has more is ranked.
            levels, counts = np.unique(target.values[known], return_counts=True)
            if len(levels) == 2 and counts.min() < FEWEST:
                why[attribute.name] = f"is the same in all but {int(counts.min())}"
            else:
                targets.append(target)
    return tuple(targets), why


def whitened(latents: Values) -> Whitened:
    """Samples (n, d) in whitened coordinates; see :attr:`AttributeData.whitened`."""
    count, width = latents.shape
    found = principal_components(torch.from_numpy(latents), max(1, min(width, count // 4)))
    spread = found.variances.sqrt()
    kept = spread > 1e-6 * spread[0].clamp_min(1e-30)
    axes = found.components[kept] * spread[kept][:, None]
    rows = (torch.from_numpy(latents) - found.mean) @ (found.components[kept] / spread[kept][:, None]).T
    return Whitened(rows.numpy(), axes.numpy())


def _target(attribute: Attribute, column: Values, known: NDArray[np.bool_], basis: Values) -> Target:
    if attribute.period:
        place = _on_circle(column, attribute.period)
        centred = place[known] - place[known].mean(0)
        # Most of whose variance is predicted: the first canonical correlation of the circle's plane and the latents.
        total, predicted = centred.T @ centred, _predicted(basis[known], centred)
        root = np.linalg.cholesky(np.linalg.inv(total + _STILL * np.eye(2)))
        _, vectors = np.linalg.eigh(root.T @ predicted.T @ predicted @ root)
        along = root @ vectors[:, -1]
        along = along * np.sign(along[np.abs(along).argmax()]) / np.linalg.norm(along)
        phase = float(np.arctan2(along[1], along[0]) / (2 * np.pi) % 1.0) * attribute.period
        towards = f"{phase:.3g} of {attribute.period:.3g} {attribute.unit}".strip()
        return _named(attribute, column, towards, lambda read: _on_circle(read, attribute.period) @ along)
    if attribute.kind != "category":
        return Target(attribute.name, column)
    levels = [level for level in attribute.levels if (column[known] == level).any()]
    if len(levels) == 2:
        chosen = levels[1]
    else:
        shares = np.stack([column[known] == level for level in levels], axis=1).astype(np.float64)
        centred = shares - shares.mean(0)
        explained = (_predicted(basis[known], centred) ** 2).sum(0) / (centred**2).sum(0)
        enough = np.minimum(shares.sum(0), len(shares) - shares.sum(0)) >= FEWEST
        chosen = levels[int(np.where(enough, explained, explained - 2).argmax())]
    towards = f"'{_called(attribute, chosen)}'"
    target = _named(attribute, column, towards, lambda read: np.where(np.isnan(read), np.nan, read == chosen))
    return target if len(levels) == 2 else replace(target, classes=_classes(attribute, column, levels))


def _classes(attribute: Attribute, column: Values, levels: Sequence[float]) -> Classes | None:
    """Those of ``levels`` that :data:`FEWEST` samples show; None where there are not three."""
    often = [level for level in levels if (column == level).sum() >= FEWEST]
    numbers = np.full(len(column), -1, np.intp)
    for index, level in enumerate(often):
        numbers[column == level] = index
    names = tuple(_called(attribute, level) for level in often)
    return Classes(names, numbers) if len(often) > 2 else None


def _called(attribute: Attribute, level: float) -> str:
    return attribute.labels[attribute.levels.index(level)] if attribute.labels else f"{level:g}"


def _named(attribute: Attribute, column: Values, towards: str, number: Callable[[Values], Values]) -> Target:
    return Target(attribute.name, number(column), towards, number)


def _on_circle(values: Values, period: float) -> Values:
    """(n, 2) the cosine and the sine of cyclic values (n,)."""
    angle = values * (2 * np.pi / period)
    return np.stack([np.cos(angle), np.sin(angle)], axis=1)


def _predicted(basis: Values, centred: Values) -> Values:
    """(n, m) what the best linear map of ``basis`` (n, r) says of ``centred`` (n, m)."""
    return np.asarray(basis @ np.linalg.lstsq(basis, centred, rcond=None)[0])


def _points(generator: Generator, latent: Latent, space: str, quality: Quality) -> Values:
    if space == "h":
        found: Tensor = cast("BottleneckShown", generator).bottleneck(latent, quality)
    else:
        found = generator.advance(latent, space).tensors[space]
    return np.asarray(found.flatten(1).cpu().double().numpy())
