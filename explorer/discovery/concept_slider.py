"""Concept sliders: adapters (LoRA) learned from the two ends of an attribute, by pictures or by prompts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import cast

import msgspec
import numpy as np
import torch
from torch import Tensor

from explorer.controls.base import WEIGHTS, Control, Move
from explorer.controls.control_set import ControlSet
from explorer.controls.low_rank import STRENGTH, LowRankControl
from explorer.discovery.adapter_network import LAYERS, AdapterNetwork, chosen_layers
from explorer.discovery.attribute_data import ATTRIBUTE_SETTINGS
from explorer.discovery.own_pairs import HIGH, LOW, own_pairs
from explorer.discovery.request import CheckedMethod, Request
from explorer.discovery.sampling import drawn_seeds
from explorer.discovery.slider_losses import Noised, noised_pairs, picture_pair_loss
from explorer.discovery.slider_pairs import CHUNK, Pairs, attribute_pairs
from explorer.discovery.slider_prompts import PROMPT_SETTINGS, prompt_slider
from explorer.discovery.trained import learn
from explorer.errors import ControlError
from explorer.generators.base import Conditional, Generator, Latent, Reweightable
from explorer.generators.diffusion_denoising import Denoises
from explorer.generators.editing import rendered
from explorer.numerics.randomness import seeded
from explorer.scene.cards import ControlCard, MethodCard, ModelCard, SettingCard
from explorer.scene.model import Condition, Quality, Scalar

REACH = 3.0
EXAMINED, APART = 16, 2.0
"""Fresh pictures in which the attribute is read at both sides of the slider, so far out."""
PAIRED, LEARNED = 0.15, 0.97
"""Shares of a search: when the pairs are there, and when it has learned."""
SAMPLES = msgspec.structs.replace(
    ATTRIBUTE_SETTINGS[2], default=600, low=20, empty="", help="Pictures of the model from which the ends are taken."
)
Loss = Callable[[int, torch.Generator], Tensor]
"""(number of the slider's step, its source of chance) -> what it is to make small."""


@dataclass(frozen=True)
class Slider:
    """One that is learned: its adapter, its loss, its name, and what is known of it."""

    name: str
    network: AdapterNetwork
    loss: Loss
    lines: tuple[str, ...] = ()
    pairs: Pairs | None = None

    def control(self, asked: Request, *found: str, figure: str = "") -> Control:
        """As it is now."""
        factors, rank = self.network.kept(), asked.number("rank")
        card = ControlCard(
            name=self.name,
            space=WEIGHTS,
            unit=STRENGTH,
            low=-REACH,
            high=REACH,
            figure=figure or f"rank {rank}",
            details=(*found, *self.lines, f"rank {rank} in {len(factors)} layers"),
        )
        return LowRankControl(card, factors)


class ConceptSlider(CheckedMethod):
    """For each attribute an adapter that is learned at +1 from pictures with much of it and at -1 from pictures with
    little (image sliders); of models that read text one between two prompts (text sliders)."""

    card = MethodCard(
        name="concept_slider",
        title="Concept slider",
        spaces=(),
        trained=True,
        paper="Gandikota, Materzyńska, Zhou, Torralba & Bau, Concept Sliders: LoRA Adaptors for Precise Control in "
        "Diffusion Models, ECCV 2024",
        description="An adapter (LoRA) for each attribute, learned from pictures with much and with little of it, or "
        "between two prompts.",
        settings=(
            *ATTRIBUTE_SETTINGS[:2],
            SAMPLES,
            SettingCard(
                name="share",
                title="Share of samples",
                default=0.2,
                low=0.001,
                high=0.5,
                help="The samples with most and with least of an attribute that are paired.",
            ),
            SettingCard(
                name="folder",
                title="Picture pairs",
                default="",
                kind="folder",
                empty="the model's own",
                help=f"A folder with the folders {LOW} and {HIGH}, whose pictures of one name are a pair; then no "
                "attributes are read.",
            ),
            *PROMPT_SETTINGS,
            SettingCard(name="rank", title="Rank", default=4, low=1, high=256, help="Of the adapter's matrices."),
            SettingCard(
                name="alpha",
                title="Strength α",
                default=4.0,
                low=0.01,
                high=1024.0,
                help="The adapter is multiplied by α / rank. As published α is 1, in 1000 steps at a rate of 0.0002.",
            ),
            SettingCard(
                name="layers",
                title="Layers",
                default=LAYERS[0],
                choices=LAYERS,
                help="noxattn: all but cross-attention and the time embedding; xattn: cross-attention; selfattn: "
                "self-attention; full: all.",
            ),
            SettingCard(
                name="steps",
                title="Steps",
                default=300,
                low=1,
                high=1_000_000,
                help="Of each slider's training; 100 are a quick look. Very many lead away from what the model draws.",
            ),
            SettingCard(name="batch", title="Batch", default=8, low=1, high=256, help="Pairs a step."),
            SettingCard(
                name="rate", title="Learning rate", default=0.0005, low=1e-6, high=1.0, help="Of AdamW; it falls to 0."
            ),
        ),
        supervised=True,
        expensive=True,
        first_count=1,
    )

    def refusal(self, model: ModelCard) -> str:
        if {"steps", "weights"} <= set(model.capabilities):
            return ""
        return f"Concept sliders are adapters of diffusion models, and '{model.name}' is none that takes any."

    def where(self, model: ModelCard, settings: Mapping[str, Scalar]) -> str:
        """In no space: it changes weights."""
        return WEIGHTS

    def search(self, asked: Request, generator: Generator) -> ControlSet:
        """One slider for each of the first ``k`` attributes that vary, or of those that are named; fewer where there
        are fewer. Between prompts there is one. At 0 the model is itself, bit for bit."""
        watch, k = asked.watch, asked.k
        drawn = labels = 0
        note = ""
        _check_one_source(asked)
        if asked.text("positive") or asked.text("negative"):
            sliders = [_prompted(asked, generator)]
        elif asked.text("folder"):
            own = own_pairs(asked.text("folder"), asked.model, watch.part(0.0, PAIRED))
            sliders = [_of_pairs(asked, generator, own, 0)]
        else:
            pairs, data = attribute_pairs(asked, generator, watch.part(0.0, PAIRED))
            sliders = [_of_pairs(asked, generator, one, number) for number, one in enumerate(pairs)]
            drawn, labels, note = data.evaluations + sum(map(len, pairs)) * 2, data.labels, data.left_out
        steps = asked.number("steps") * len(sliders)
        networks = [one.network for one in sliders]
        optimiser = torch.optim.AdamW([one for network in networks for one in network.parameters()], asked.real("rate"))

        def loss(step: int, source: torch.Generator) -> tuple[Tensor, dict[str, float]]:
            slider = sliders[step % len(sliders)]
            value = slider.loss(step, source)
            return value, {slider.name: float(value.detach())}

        def shown() -> list[Control]:
            return [one.control(asked) for one in sliders]

        learning = replace(asked, watch=watch.part(PAIRED, LEARNED))
        end = learn(learning, networks, optimiser, loss, steps, shown, lambda step: 1 - step / steps, clip=1.0)
        controls = []
        for number, slider in enumerate(sliders):
            watch(LEARNED + (1 - LEARNED) * number / len(sliders))
            controls.append(_examined(asked, generator, slider))
        watch(1.0)
        drawn += 2 * end.steps * asked.number("batch") + 2 * EXAMINED * len(sliders)
        if len(controls) < k:
            note = f"{len(controls)} of {k} controls: one for each attribute that varies. {note}"
        return asked.found(controls, drawn, " ".join(filter(None, (end.note, note))), labels)


def _check_one_source(asked: Request) -> None:
    """Raise :class:`ControlError` where two sorts of ends are named, or several sliders of the ends of one."""
    prompts, folder = bool(asked.text("positive") or asked.text("negative")), bool(asked.text("folder"))
    if prompts and folder:
        raise ControlError("A slider is learned from picture pairs or between prompts; leave one of them out.")
    if asked.k > 1 and (prompts or folder):
        named = "two prompts" if prompts else "two folders"
        raise ControlError(f"Between {named} there is one slider; ask for one control.")


def _network(asked: Request, generator: Generator, number: int) -> AdapterNetwork:
    """The adapter of slider ``number``, before it has learned."""
    parts = cast(Reweightable, generator).weight_parts().values()
    layers = asked.text("layers")
    chosen = chosen_layers({name: one for part in parts for name, one in part.items()}, layers)
    if not chosen:
        raise ControlError(
            f"'{asked.model.name}' has no layers of the sort '{layers}'; choose another of {', '.join(LAYERS)}."
        )
    return AdapterNetwork(chosen, asked.number("rank"), asked.real("alpha"), seeded(asked.seed, number, 1))


def _of_pairs(asked: Request, generator: Generator, pairs: Pairs, number: int) -> Slider:
    """A slider that is to be learned from ``pairs``."""
    network = _network(asked, generator, number)
    denoiser, batch = cast(Denoises, generator), asked.number("batch")
    schedule = denoiser.samplers.schedule
    low, high = denoiser.latents_of(pairs.low).cpu(), denoiser.latents_of(pairs.high).cpu()

    def predicted(x: Tensor, times: Tensor, told: Latent, amount: float) -> Tensor:
        return denoiser.predicted(x, times, told, network.changes(amount))

    def told(seeds: tuple[int, ...], rows: list[int]) -> Latent:
        point = generator.sample([seeds[row] for row in rows])
        if "prompt" not in asked.model.capabilities:
            return point
        return cast(Conditional, generator).conditioned(point, Condition(prompt=asked.text("target")))

    def loss(step: int, source: torch.Generator) -> Tensor:
        rows = torch.randint(len(pairs), (batch,), generator=source)
        noised = noised_pairs(schedule, low[rows], high[rows], source)
        noised = Noised(*(one.to(generator.device) for one in noised))
        chosen = rows.tolist()
        return picture_pair_loss(predicted, noised, told(pairs.low_seeds, chosen), told(pairs.high_seeds, chosen))

    return Slider(pairs.name, network, loss, pairs.lines, pairs)


def _prompted(asked: Request, generator: Generator) -> Slider:
    """The slider between two prompts."""
    network = _network(asked, generator, 0)
    name, loss, lines = prompt_slider(asked, generator, network)
    return Slider(name, network, loss, lines)


def _examined(asked: Request, generator: Generator, slider: Slider) -> Control:
    """``slider`` with what it does to its attribute in fresh pictures, where that can be read."""
    control = slider.control(asked)
    if slider.pairs is None or slider.pairs.reader is None:
        return control
    quality = Quality(steps=generator.card.interactive_steps)
    seeds, read = drawn_seeds(EXAMINED, asked.seed + 1), []
    for amount in (-APART, APART):
        values = []
        for start in range(0, EXAMINED, CHUNK):
            point = generator.sample(seeds[start : start + CHUNK])
            with torch.no_grad():
                moves = [Move(control, torch.full((point.batch,), amount))]
                values.append(slider.pairs.read(rendered(generator, [(point, moves)], quality)))
        read.append(np.concatenate(values))
    change = read[1] - read[0]
    known = ~np.isnan(change)
    if not known.any():
        return control
    right, each = float((change[known] > 0).mean()), float(change[known].mean()) / (2 * APART)
    found = f"more of it in {right:.0%} of {int(known.sum())} fresh pictures (chance 50%), by {each:.3g} a unit"
    return slider.control(asked, found, figure=f"{right:.0%}")


METHOD = ConceptSlider()
