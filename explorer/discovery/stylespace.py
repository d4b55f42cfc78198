"""StyleSpace: single channels of StyleGAN2's styles, ranked by examples of an attribute or by a region."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, cast

import numpy as np
import torch
from torch import Tensor

from explorer.attributes.base import Values
from explorer.controls.control_set import ControlSet
from explorer.controls.linear import LinearControl
from explorer.discovery.attribute_data import ATTRIBUTE_SETTINGS, DRAWN, FEWEST, AttributeData, Target, attribute_data
from explorer.discovery.regions import region_mask
from explorer.discovery.request import CheckedMethod, Request
from explorer.discovery.sampling import drawn_latents
from explorer.errors import ControlError
from explorer.generators.base import Generator, Latent, Progress
from explorer.numerics.derivatives import transposed_product
from explorer.scene.cards import ControlCard, MethodCard, ModelCard, SettingCard
from explorer.scene.model import Quality, Scalar

RANGE = 10.0  # σ either way; the paper moves single channels up to 20
LEAST_EFFECT = 0.05  # of the strongest channel's in the region: a weaker one is local only as noise is
PICTURES, PROBES, BATCH = 16, 4, 8
STEP, TRIED_ON = 5.0, 8  # σ either way, and points, on which a channel is tried
MOMENTS = 2_000


@dataclass(frozen=True)
class StyleLayer:
    """One modulated layer: the channels from ``start`` on, ``width`` of them, of the space ``style`` are its own.

    ``to_picture``: it turns features into colours.
    """

    start: int
    width: int
    to_picture: bool


class StyleLayersKnown(Protocol):
    """What a generator with a space ``style`` adds."""

    def style_layers(self) -> Sequence[tuple[int, bool]]:
        """(channels, whether it turns features into colours) of every modulated layer, in the order of ``style``."""


@dataclass(frozen=True)
class Ranked:
    """A channel that was found: its index, its deviation, the sign in which more is more of what it is found for; a
    figure and a line for the reader, and how much it does."""

    channel: int
    sigma: float
    sign: int
    figure: str
    line: str
    clarity: float = 0.0


class StyleSpace(CheckedMethod):
    """Single style channels: those that stand out in examples of an attribute, or that act in one region alone."""

    card = MethodCard(
        name="stylespace",
        title="StyleSpace",
        spaces=("style",),
        trained=False,
        paper="Wu, Lischinski & Shechtman, StyleSpace Analysis: Disentangled Controls for StyleGAN Image Generation, "
        "CVPR 2021",
        description="Single channels of the styles: those that stand out in examples of an attribute, or act in a "
        "region alone.",
        settings=(
            SettingCard(
                name="region",
                title="Region",
                default="",
                kind="region",
                help="Left, top, right and bottom in shares of the picture, such as 0.3,0.6,0.7,0.8: the channels that "
                "act there and nowhere else, found without attributes. Empty: by examples of attributes.",
            ),
            *ATTRIBUTE_SETTINGS,
            SettingCard(
                name="exemplars",
                title="Examples",
                default=30,
                low=FEWEST,
                high=1000,
                help="The samples with most of an attribute that its channels are found by.",
            ),
            SettingCard(
                name="tried",
                title="Tried",
                default=100,
                low=0,
                high=10_000,
                help="Of the channels that stand out most in the examples, how many are moved to see what they do; "
                "these are then ordered by what they do. 0: by the examples alone, which also name what only comes "
                "with an attribute.",
            ),
            SettingCard(
                name="to_picture",
                title="Colour layers",
                default=False,
                help="Whether channels of the layers that turn features into colours may be chosen too.",
            ),
        ),
        supervised=True,
        grows=True,
    )

    def refusal(self, model: ModelCard) -> str:
        if "style" in model.spaces:
            return model.without_gradients(self.card.title)
        return f"StyleSpace looks at the style channels of a StyleGAN2; '{model.name}' has no space 'style'."

    def where(self, model: ModelCard, settings: Mapping[str, Scalar]) -> str:
        return "style"

    def search(self, asked: Request, generator: Generator) -> ControlSet:
        """``k`` controls of one channel each. One unit is one standard deviation of the channel. With several
        attributes each gives its clearest channel first, then each its second, and so on."""
        k = asked.k
        layers = style_layers(generator)
        allowed = np.concatenate(
            [np.full(layer.width, not layer.to_picture or bool(asked.settings["to_picture"])) for layer in layers]
        )
        if asked.text("region"):
            ranked, evaluations, labels, note = _by_region(asked, generator, allowed)
        else:
            ranked, evaluations, labels, note = _by_examples(asked, generator, allowed)
        asked.watch(1.0)
        if len(ranked) < k:
            note = f"{len(ranked)} of {k} controls: no other channel varies. {note}".strip()
        return asked.found([_control(asked, layers, one) for one in ranked[:k]], evaluations, note, labels=labels)


def style_layers(generator: Generator) -> list[StyleLayer]:
    """The layers that the space ``style`` of ``generator`` is made of, in their order."""
    found: list[StyleLayer] = []
    for width, to_picture in cast("StyleLayersKnown", generator).style_layers():
        found.append(StyleLayer(sum(layer.width for layer in found), width, to_picture))
    return found


def separations(styles: Values, examples: Values, deviations: Values) -> Values:
    """(S,) how clearly each channel of ``examples`` (e, S) stands out from the population ``styles`` (n, S), with the
    sign of the way: the mean of the examples over their deviation, both in ``deviations`` (S,) of the population from
    its mean (section 5.1). 0 for a channel that does not vary."""
    scale = np.where(deviations > 0, deviations, 1.0)
    standardised = (examples - styles.mean(0)) / scale
    spread = standardised.std(axis=0, ddof=1)
    return np.where((deviations > 0) & (spread > 0), standardised.mean(0) / np.where(spread > 0, spread, 1.0), 0.0)


def _by_examples(asked: Request, generator: Generator, allowed: np.ndarray) -> tuple[list[Ranked], int, int, str]:
    data = attribute_data(asked, generator)
    deviations = np.where(allowed, spread_of(data.latents), 0.0)
    standing = []
    for target in data.targets:
        rows = np.flatnonzero(target.known)
        # Of equal values, those drawn first: which samples these are is chance already.
        most = rows[np.argsort(-target.values[rows], kind="stable")][: min(asked.number("exemplars"), len(rows) // 2)]
        standing.append(separations(data.latents, data.latents[most], deviations))
    orders = [[int(c) for c in np.argsort(-np.abs(found), kind="stable") if found[c] != 0] for found in standing]
    tried = sorted({channel for order in orders for channel in order[: asked.number("tried")]})
    effects = effects_of(asked, generator, data, tried, deviations)
    lists = []
    for index, (target, found, order) in enumerate(zip(data.targets, standing, orders, strict=True)):
        own = {channel: row[index] for channel, row in effects.items()}
        first = sorted(own, key=lambda channel: -abs(own[channel]))
        rest = [channel for channel in order if channel not in own]
        lists.append([_example(target, one, deviations, found, own) for one in first + rest if found[one] != 0])
    evaluations = data.evaluations + len(tried) * 2 * TRIED_ON
    ranked: list[Ranked] = []
    taken: set[int] = set()
    remaining = [iter(one) for one in sorted((one for one in lists if one), key=lambda one: -one[0].clarity)]
    while len(ranked) < asked.k:
        before = len(ranked)
        for one in remaining:
            if (best := next((each for each in one if each.channel not in taken), None)) is not None:
                taken.add(best.channel)
                ranked.append(best)
        if len(ranked) == before:
            break
    return ranked, evaluations, data.labels, data.left_out


def _example(target: Target, channel: int, deviations: Values, found: Values, effects: Mapping[int, float]) -> Ranked:
    towards = f" towards {target.towards}" if target.towards else ""
    line = f"{abs(found[channel]):.2f} deviations of its own apart in examples of {target.name}{towards}"
    if channel in effects:
        line = f"moves {target.name} by {effects[channel]:+.2f} deviations from -{STEP:g} to {STEP:g} σ; {line}"
    way = effects.get(channel) or found[channel]
    clarity = abs(effects.get(channel, 0.0))
    return Ranked(channel, float(deviations[channel]), 1 if way > 0 else -1, target.name, line, clarity)


def effects_of(
    asked: Request, generator: Generator, data: AttributeData, channels: Sequence[int], deviations: Values
) -> dict[int, Values]:
    """Channel → (targets,) the mean change of each target, in its own deviations, between -:data:`STEP` and
    +:data:`STEP` σ of the channel, over :data:`TRIED_ON` drawn points; 0 where no picture shows the attribute."""
    spread = np.array([np.nanstd(target.values) for target in data.targets])
    (latent,) = drawn_latents(generator, TRIED_ON, asked.seed + 2, TRIED_ON)
    found = {}
    with torch.no_grad():
        styles = generator.advance(latent, "style").tensors["style"]
        for place, channel in enumerate(channels):
            asked.watch(DRAWN + (1 - DRAWN) * place / len(channels))
            moved = styles.repeat(2, 1)
            moved[:TRIED_ON, channel] += STEP * float(deviations[channel])
            moved[TRIED_ON:, channel] -= STEP * float(deviations[channel])
            more, less = np.split(data.read(generator.render(Latent({"style": moved}), Quality())), 2)
            known = ~np.isnan(more - less)
            total = np.where(known, more - less, 0.0).sum(0)
            found[channel] = total / np.maximum(known.sum(0), 1) / spread
    return found


def _by_region(asked: Request, generator: Generator, allowed: np.ndarray) -> tuple[list[Ranked], int, int, str]:
    inside = region_mask(asked.text("region"), asked.model.size)
    styles = []
    with torch.no_grad():
        for latent in drawn_latents(generator, MOMENTS, asked.seed, 500, lambda share: asked.watch(share / 4)):
            styles.append(generator.advance(latent, "style").tensors["style"].cpu().double().numpy())
    deviations = np.where(allowed, spread_of(np.concatenate(styles)), 0.0)
    found = energies(generator, inside, asked.seed, lambda share: asked.watch(0.25 + (DRAWN - 0.25) * share))
    within, outside = found * deviations**2
    strong = within >= LEAST_EFFECT**2 * within.max()
    share = np.where(strong & (within > 0), within / np.maximum(within + outside, 1e-300), -1.0)
    order = [int(channel) for channel in np.argsort(-share, kind="stable") if deviations[channel] > 0]
    if not order or share[order[0]] < 0:
        raise ControlError("No style channel changes anything in this region; choose another.")
    # Without examples there is no more or less: the sign is the channel's own.
    ranked = [
        Ranked(
            channel,
            float(deviations[channel]),
            1,
            f"{share[channel]:.0%}",
            f"{share[channel]:.1%} of its squared effect, pixel for pixel, is in the region",
        )
        for channel in order
        if share[channel] >= 0
    ]
    left = max(0, asked.k - len(ranked))
    taken = {one.channel for one in ranked}
    weak = sorted((c for c in order if c not in taken), key=lambda c: -within[c])[:left]
    ranked += [
        Ranked(channel, float(deviations[channel]), 1, "weak", "changes the region less than a twentieth of the most")
        for channel in weak
    ]
    return ranked, PICTURES * PROBES * 2, 0, "Channels by region: found without attributes."


def energies(generator: Generator, inside: Tensor, seed: int, progress: Progress) -> Values:
    """(2, S): the mean squared derivative of a pixel by each style channel, inside the region (H, W) and outside, over
    :data:`PICTURES` drawn points.

    For noise v of independent signs on the pixels of a region, E[(J' v)²] is the sum over these pixels of the squared
    entries of each column of J (Hutchinson 1989), so one backward pass estimates all channels at once.
    """
    source = torch.Generator("cpu").manual_seed(seed)
    masks = (inside, ~inside)
    total = torch.zeros(2, *generator.card.spaces["style"].shape, dtype=torch.float64)
    for latent in drawn_latents(generator, PICTURES, seed + 1, BATCH, progress):
        with torch.no_grad():
            styles = generator.advance(latent, "style").tensors["style"]

        def picture(points: Tensor) -> Tensor:
            return generator.render(Latent({"style": points}), Quality(precision="float32"))

        for region, mask in enumerate(masks):
            for _ in range(PROBES):

                def signs(values: Tensor, mask: Tensor = mask) -> Tensor:
                    drawn = torch.randint(0, 2, values.shape, generator=source).mul(2).sub(1) * mask
                    return drawn.to(values)

                found = transposed_product(picture, styles, signs)
                total[region] += found.double().square().sum(0).cpu() / (mask.sum() * PICTURES * PROBES)
    return np.asarray(total.numpy())


def spread_of(styles: Values) -> Values:
    """(S,) the standard deviations of styles (n, S); 0 where they are rounding."""
    spread = styles.std(axis=0, ddof=1)
    return np.where(spread > 1e-6 * np.maximum(np.abs(styles).max(0), 1e-30), spread, 0.0)


def _control(asked: Request, layers: Sequence[StyleLayer], one: Ranked) -> LinearControl:
    index = max(number for number, layer in enumerate(layers) if layer.start <= one.channel)
    channel = one.channel - layers[index].start
    direction = torch.zeros(asked.model.spaces["style"].shape)
    direction[one.channel] = one.sign * one.sigma
    kind = "colours" if layers[index].to_picture else "a convolution"
    card = ControlCard(
        name=f"style {index}·{channel}",
        space="style",
        low=-RANGE,
        high=RANGE,
        figure=one.figure,
        details=(
            one.line,
            f"channel {channel} of layer {index} ({kind}), {'with' if one.sign > 0 else 'against'} its sign",
            f"1 σ = {one.sigma:.3g}",
        ),
    )
    return LinearControl(card, direction)


METHOD = StyleSpace()
