"""LowRankGAN: directions that change one region of the picture and leave the rest as it is."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from explorer.controls.control_set import ControlSet
from explorer.controls.linear import LinearControl
from explorer.discovery.jacobian import TRUNCATION, without_derivatives
from explorer.discovery.pictures import PictureMap, Spread, spread_of
from explorer.discovery.regions import region_mask
from explorer.discovery.request import LAYER_SETTINGS, CheckedMethod, Request
from explorer.errors import ControlError
from explorer.generators.base import Generator
from explorer.numerics.linalg import fix_signs
from explorer.numerics.robust_pca import robust_pca
from explorer.scene.cards import MethodCard, ModelCard, SettingCard

SAMPLES, PER_DIMENSION = 256, 2
RANGE = 4.0
GROWTH = 1.1  # of the penalty: some 90 steps instead of some 1000, and the same rank
ROUNDING = 1e-6  # of a unit direction that is left after a projection: nothing
NEW = 0.1  # of a unit direction, outside those that were taken: less repeats them


@dataclass(frozen=True)
class Changes:
    """How much the region, and the rest of the picture, change along directions: the mean over points of JᵀJ, once a
    pixel. ``outside`` is None where the region is the whole picture. ``pixels``: of either.
    """

    inside: Tensor
    outside: Tensor | None
    pixels: tuple[int, int]

    def region(self, directions: Tensor) -> Tensor:
        """(k,) mean squared change of a pixel of the region for a step of 1 along ``directions`` (k, d)."""
        return _along(self.inside, directions)

    def share(self, directions: Tensor) -> Tensor:
        """(k,), 0 to 1: how much of the squared change of the picture that each of ``directions`` makes is in the
        region; without a region, how much it makes of what all directions together do."""
        inside = self.region(directions) * self.pixels[0]
        if self.outside is None:
            return inside / (self.inside.trace() * self.pixels[0]).clamp_min(1e-300)
        return inside / (inside + _along(self.outside, directions) * self.pixels[1]).clamp_min(1e-300)


class LowRankGan(CheckedMethod):
    """Principal directions of a region's Jacobian, projected onto what the rest of the picture does not feel.

    G = JᵀJ per pixel, of the region and of the rest, is split into a matrix of low rank and a sparse one (Robust PCA);
    the low rank is the principal space of either. The published program takes the whole Jacobian of one picture in
    grey, and λ = 1/60 for 512 dimensions. Here G is the mean over many pictures in colour: by random products, as for
    the same time they keep the rest of other pictures stiller; in colour, as what keeps its grey may still change. λ is
    by default that of the theorem, 1/√d, because 1/60 leaves no principal space at all in narrow latent spaces.
    """

    card = MethodCard(
        name="lowrankgan",
        title="LowRankGAN",
        spaces=("z", "w", "w_plus"),
        trained=False,
        paper="Zhu et al., Low-Rank Subspaces in GANs, NeurIPS 2021",
        description="Directions that change a region of the picture, drawn on it, and leave the rest as it is.",
        settings=(
            SettingCard(
                name="region",
                title="Region",
                default="",
                kind="region",
                empty="the whole picture",
                help="Left, top, right and bottom in shares of the picture, such as 0.3,0.6,0.7,0.8. Empty: the whole "
                "picture, so that nothing is kept still.",
            ),
            SettingCard(
                name="samples",
                title="Samples",
                default=0,
                low=0,
                high=1_000_000,
                empty="by itself",
                help="Points at which random products with the Jacobians of the region and of the rest are taken; 0: "
                f"{SAMPLES}, or {PER_DIMENSION} a dimension of the space where that is more.",
            ),
            SettingCard(
                name="sparsity",
                title="Sparsity λ",
                default=0.0,
                low=0.0,
                high=1.0,
                help="Weight of the sparse part: less of it leaves fewer principal directions, 1 leaves all. 0: one "
                "over the root of the width of the space.",
            ),
            SettingCard(
                name="relaxed",
                title="Relaxed",
                default=0,
                low=0,
                high=10_000,
                help="How many of the weakest principal directions of the rest may change again: leaves more room for "
                "directions, which keep the rest less still.",
            ),
            TRUNCATION,
            *LAYER_SETTINGS,
        ),
        grows=True,
    )

    def refusal(self, model: ModelCard) -> str:
        if "steps" in model.capabilities:
            return (
                f"LowRankGAN needs derivatives of the picture in every dimension of its space; those of '{model.name}' "
                "would take thousands of runs of its sampler. Choose Jacobian SVD."
            )
        return without_derivatives(model) or model.without_gradients(self.card.title)

    def search(self, asked: Request, generator: Generator) -> ControlSet:
        """At most ``k`` directions, fewer where the rest of the picture leaves room for fewer. One unit is one standard
        deviation of the space along the direction."""
        k = asked.k
        spread, measured = spread_of(generator, asked.space, asked.seed, asked.watch.part(0, 0.1))
        pictures = PictureMap(generator, asked.space, asked.layers)
        changes = _changes(asked, pictures)
        directions, note = _directions(asked, changes, spread)
        if len(directions) < k:
            note = f"{len(directions)} of {k} directions, there are no more. {note}"
        asked.watch(1.0)
        return asked.found(_controls(asked, directions[:k], changes, spread), pictures.calls + measured, note)


def _changes(asked: Request, pictures: PictureMap) -> Changes:
    """How the region that was asked for, and the rest, change at the samples."""
    text, model = asked.text("region"), asked.model
    whole = torch.ones(pictures.pixels, dtype=torch.bool)
    mask = region_mask(text, model.size).flatten().repeat(model.shape[0]) if text else whole
    count = asked.number("samples") or max(SAMPLES, PER_DIMENSION * pictures.width)
    watch = asked.watch.part(0.1, 0.9)
    found, pixels = [], []
    for index, part in enumerate((mask, ~mask) if text else (mask,)):
        total, seen = torch.zeros(pictures.width, pictures.width, dtype=torch.float64), 0
        for some in pictures.gradients(count, asked.seed, asked.real("truncation"), part):
            watch((index + seen / count) / (2 if text else 1))
            total += (some.T.double() @ some.double()).cpu()
            seen += len(some)
        pixels.append(int(part.sum()))
        found.append(total / (count * pixels[-1]))
    return Changes(found[0], found[1] if text else None, (pixels[0], sum(pixels[1:])))


def _directions(asked: Request, changes: Changes, spread: Spread) -> tuple[Tensor, str]:
    """Unit directions (n, d), those that change the region most first, and what is said under their list."""
    if changes.outside is None:
        principal = _principal(asked, changes.inside)
        others = torch.eye(len(changes.inside), dtype=torch.float64) - principal.T @ principal
        weaker = torch.linalg.eigh(others @ changes.inside @ others + others)[1].flip(1).T
        found = torch.cat([principal, weaker[: len(others) - len(principal)]])
        note = (
            f"No region: the {len(principal)} principal directions of the whole picture first; nothing is kept still."
        )
        return fix_signs(found), note
    principal, felt = (_principal(asked, one) for one in (changes.inside, changes.outside))
    for space, what in ((principal, "region"), (felt, "rest of the picture")):
        if not len(space):
            raise ControlError(
                f"Robust PCA finds no principal space in how the {what} changes; raise 'sparsity', up to 1 for all of "
                "its directions."
            )
    felt = felt[: max(0, len(felt) - asked.number("relaxed"))]
    projected = principal - principal @ felt.T @ felt  # B⊥ B⊥ᵀ v, where felt is the principal space B of the rest
    lengths = projected.norm(dim=1, keepdim=True)
    left = lengths[:, 0] > ROUNDING
    if not bool(left.any()):
        raise ControlError(
            f"Whatever changes this region changes the rest of the picture too, which takes up {len(felt)} of "
            f"{principal.shape[1]} dimensions; draw the region larger, or raise 'relaxed'."
        )
    note = (
        f"The region's principal space has {len(principal)} dimensions; the rest of the picture, which is kept still, "
        f"takes up {len(felt)} of {principal.shape[1]}."
    )
    return _ordered(projected[left] / lengths[left], changes, spread), note


def _principal(asked: Request, gram: Tensor) -> Tensor:
    """(r, d): the orthonormal principal space of the low rank part of ``gram`` (d, d), by falling singular value."""
    parts = robust_pca(gram, asked.real("sparsity"), growth=GROWTH)
    right: Tensor = torch.linalg.svd(parts.low_rank).Vh[: parts.rank]
    return right


def _ordered(directions: Tensor, changes: Changes, spread: Spread) -> Tensor:
    """``directions`` by how much one deviation along them changes the region, falling, without those that repeat.

    After the projection neither their singular values nor their right angles hold any more.
    """
    strength = changes.region(directions) * spread.along(directions).square()
    taken: list[Tensor] = []
    basis = directions.new_zeros(0, directions.shape[1])
    for one in directions[strength.argsort(descending=True)]:
        new = one - basis.T @ (basis @ one)
        if float(new.norm()) >= NEW:
            taken.append(one)
            basis = torch.cat([basis, (new / new.norm())[None]])
    return fix_signs(torch.stack(taken))


def _controls(asked: Request, directions: Tensor, changes: Changes, spread: Spread) -> list[LinearControl]:
    deviations, shares = spread.along(directions), changes.share(directions)
    per_pixel = changes.region(directions).sqrt() * deviations
    name, change, part = "region", "of its squared change of the picture is in the region", " of the region"
    if changes.outside is None:
        name, change, part = "low rank", "of the squared change of the picture", ""
    return [
        asked.linear(
            f"{name} {index + 1}",
            one,
            float(deviations[index]),
            f"{float(shares[index]):.0%}",
            f"{float(shares[index]):.1%} {change}",
            unit=f"; changes a pixel{part} by about {float(per_pixel[index]):.2g} of 2",
            reach=RANGE,
        )
        for index, one in enumerate(directions)
    ]


def _along(gram: Tensor, directions: Tensor) -> Tensor:
    """(k,) nᵀ G n of the rows n of ``directions`` (k, d)."""
    found: Tensor = torch.einsum("kd,de,ke->k", directions, gram, directions).clamp_min(0)
    return found


METHOD = LowRankGan()
