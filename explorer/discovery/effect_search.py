"""The search that methods share whose controls have orthogonal effects: measured once, begun well, learned, ranked."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from explorer.controls.base import Control
from explorer.controls.control_set import ControlSet
from explorer.discovery.local_effects import (
    BATCH,
    NARROW,
    POINTS,
    PRODUCT_BATCH,
    WIDE_POINTS,
    WIDEST,
    LocalEffects,
    local_effects,
)
from explorer.discovery.orthogonality import Orthogonality, SearchStart, best_start, starts
from explorer.discovery.pictures import LARGEST, PictureMap, spread_of
from explorer.discovery.request import Request
from explorer.discovery.sampling import Place, place_of
from explorer.discovery.shifts import SAMPLES
from explorer.discovery.trained import Learned, Unfinished, learn
from explorer.generators.base import Generator
from explorer.numerics.randomness import seeded
from explorer.scene.cards import SettingCard

WARM_UP = 50
"""Steps in which the learning rate rises from nothing; afterwards it falls to nothing at the end."""
CLIP = 2.0
FLAT = 0.01
"""An effect of less than this share of that of a mean direction is none."""

DERIVATIVES = SettingCard(
    name="derivatives",
    title="Derivatives",
    default="auto",
    choices=("auto", "whole", "products"),
    help="whole: the whole JᵀJ of the picture is measured at each of the points, once, and learning draws no pictures; "
    "products: the velocities alone are multiplied by J, at every step anew, which is slower and takes no memory; "
    f"auto: whole in spaces of up to {WIDEST} dimensions.",
)


COST = (
    "On one core known-curved takes some 3 s with 300 steps at 1024 samples, a quick look, and some 10 s as it stands; "
    "faces-stylegan2, of 64 dimensions, 1.5 min with 300 steps at 128 samples, and some 13 min as it stands."
)


def settings(steps: int, rate: float, effect: float) -> tuple[SettingCard, ...]:
    """What these methods can be asked for."""
    return (
        SettingCard(
            name="steps", title="Steps", default=steps, low=1, high=1_000_000, help=f"Steps of the training. {COST}"
        ),
        SettingCard(
            name="batch",
            title="Batch",
            default=0,
            low=0,
            high=65_536,
            empty="by itself",
            help=f"Points in each step; 0: {BATCH}, or {PRODUCT_BATCH} where derivatives are products.",
        ),
        SettingCard(
            name="rate", title="Learning rate", default=rate, low=1e-6, high=1.0, help="Of Adam, at its highest."
        ),
        SettingCard(
            name="effect",
            title="Weight of the effect",
            default=effect,
            low=0.0,
            high=100.0,
            help="How much it counts that pictures change, beside that no two controls change them alike. Raise it "
            "where a control does nothing.",
        ),
        SettingCard(
            name="samples",
            title="Samples",
            default=0,
            low=0,
            high=1_000_000,
            empty="by itself",
            help=f"Points at which derivatives are taken; 0: {POINTS} in spaces of up to {NARROW} dimensions, "
            f"{WIDE_POINTS} in wider ones.",
        ),
        DERIVATIVES,
    )


@dataclass(frozen=True)
class Ranked:
    """The fields in the order of their effects. ``order`` (k,) their numbers; by this order, ``effects`` (k,), the mean
    squared effect of a unit velocity in shares of that of a mean direction; ``overlap``: the mean |cosine| of the
    effects of two at the same point, 0 for a single one; ``points`` (B, d): where."""

    order: list[int]
    effects: Tensor
    overlap: float
    points: Tensor

    def rows(self) -> Iterator[tuple[int, str, str]]:
        """Field by field: its number, the figure at its slider, and the line of the tip that explains it."""
        shares = self.effects / self.effects.sum().clamp_min(1e-30)
        for index, effect, share in zip(self.order, self.effects.tolist(), shares.tolist(), strict=True):
            told = f"squared change of the picture: {effect:.3g} times that of a mean direction, {share:.1%} of all"
            yield index, f"{share:.1%}", told


@torch.no_grad()
def ranked(fields: nn.Module, effects: LocalEffects) -> Ranked:
    """As ``fields`` are now, at fresh points."""
    sampled = effects.fresh()
    velocities: Tensor = fields(sampled.points)
    inner = sampled.inner(velocities / velocities.norm(dim=2, keepdim=True).clamp_min(1e-30)).double().cpu()
    squares = inner.diagonal(dim1=1, dim2=2).clamp_min(0)
    lengths = squares.sqrt()
    cosines = (inner / (lengths[:, :, None] * lengths[:, None]).clamp_min(1e-30)).abs().clamp(max=1)
    k = inner.shape[1]
    off = cosines[:, ~torch.eye(k, dtype=torch.bool)]
    means = squares.mean(0) / effects.typical
    order = means.argsort(descending=True, stable=True)
    return Ranked(order.tolist(), means[order], float(off.mean()) if k > 1 else 0.0, sampled.points)


def searched(
    asked: Request,
    generator: Generator,
    network: Callable[[SearchStart, Place], nn.Module],
    evenness: float,
    turning: bool,
    controls: Callable[[nn.Module, Ranked, Place], Sequence[Control]],
) -> ControlSet:
    """The ``controls`` of the fields that ``network`` makes of a start and that learn to have orthogonal effects.

    A network takes points (B, d) to velocities (k, B, d). ``evenness``: the weight of an even effect along the way;
    ``turning``: one of the fields may begin as a rotation.
    """
    unfinished = Unfinished(asked)
    spread, measured = spread_of(generator, asked.space, asked.seed, asked.watch.part(0, 0.02))
    place = place_of(generator, asked.space, SAMPLES, asked.seed)
    map_ = PictureMap(generator, asked.space, None, LARGEST)
    effects = local_effects(replace(asked, watch=asked.watch.part(0.02, 0.5)), map_, spread, unfinished)
    start = _begun(asked, effects, place, turning)
    fields = network(start, place).to(generator.device)
    objective = Orthogonality(effects.typical, asked.real("effect"), evenness)
    steps = asked.number("steps")
    batch = asked.number("batch") or effects.batch

    def loss(step: int, source: torch.Generator) -> tuple[Tensor, dict[str, float]]:
        sampled = effects.drawn(batch, source)
        value = objective(fields(sampled.points), sampled)
        return value, {"objective": float(value.detach())}

    end = learn(
        replace(asked, watch=asked.watch.part(0.5, 1)),
        (fields,),
        torch.optim.Adam(fields.parameters(), lr=asked.real("rate")),
        loss,
        steps,
        lambda: controls(fields, ranked(fields, effects), place),
        schedule=lambda step: min(1.0, (step + 1) / WARM_UP) * (1 - step / steps),
        unfinished=unfinished,
        clip=CLIP,
    )
    last = ranked(fields, effects)
    made = controls(fields, last, place)
    return asked.found(made, effects.pictures + measured, _told(asked, end, start, last, made))


def _begun(asked: Request, effects: LocalEffects, place: Place, turning: bool) -> SearchStart:
    leading = effects.leading.to(place.centre.device)
    candidates = starts(leading, asked.k, place.centre)
    if not turning:
        candidates = candidates[:1]
    if len(candidates) == 1:
        return candidates[0]
    return best_start(candidates, effects.typical, effects.drawn(effects.batch, seeded(asked.seed, 0, 2)))


def _told(asked: Request, end: Learned, start: SearchStart, last: Ranked, made: Sequence[Control]) -> str:
    """What is to be known of a search that has ended, for the note of its set."""
    if asked.k > 1:
        told = [
            f"At {len(last.points)} fresh points the effects of two controls on the picture have a mean |cosine| of "
            f"{last.overlap:.2f}, after {end.steps} steps from {start}."
        ]
    else:
        told = ["A single control has no other to differ from: it follows where the picture changes most."]
    flat = [one.card.name for one, effect in zip(made, last.effects, strict=True) if effect < FLAT]
    if flat:
        which = ", ".join(f"'{name}'" for name in flat)
        told.append(
            f"Collapsed: {which} {'changes' if len(flat) == 1 else 'change'} the picture by less than {FLAT:.0%} of "
            "the squared change of a mean direction. Raise the weight of the effect ('effect'), or ask for fewer."
        )
    return " ".join(filter(None, (end.note, *told)))
