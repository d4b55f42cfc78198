"""The search of the methods that shift points along one of k ways, and train a network that guesses the way and the
amount from the pictures before and after, together with the ways.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from explorer.controls.base import Control
from explorer.controls.control_set import ControlSet
from explorer.discovery.initial import initialised
from explorer.discovery.request import Request
from explorer.discovery.shift_predictor import ShiftPredictor, recognised
from explorer.discovery.shifts import points
from explorer.discovery.trained import learn
from explorer.generators.base import Generator, Latent
from explorer.numerics.randomness import seeded
from explorer.outputs.registry import output_of
from explorer.scene.cards import SettingCard
from explorer.scene.model import Quality

BATCH = SettingCard(name="batch", title="Batch", default=16, low=1, high=1024, help="Pairs of pictures a step.")
AMOUNT_WEIGHT = SettingCard(
    name="amount_weight",
    title="Weight of the amount",
    default=0.25,
    low=0.0,
    high=100.0,
    help="How much the error of the recognised amount counts, beside that of the direction.",
)

Known = Callable[[int], tuple[str, tuple[str, ...]]]
"""What is known of a way by its number: the figure at its slider, and lines of the tip."""
Shown = Callable[[Known], Sequence[Control]]
"""Makes the controls of the moment."""


@dataclass(frozen=True)
class ToldApart:
    """One search. ``moved(z, which, amounts)`` are the points (B, d) that ``z`` (B, d) are shifted to along the ways
    ``which`` (B,) by ``amounts`` (B,); ``drawn(count, source)`` draws amounts; ``ways`` is what is trained with the
    reconstructor. Settings: ``steps``, ``batch``, ``rate``, ``amount_weight``.
    """

    asked: Request
    generator: Generator
    ways: nn.Module
    moved: Callable[[Tensor, Tensor, Tensor], Tensor]
    drawn: Callable[[int, torch.Generator], Tensor]
    guesses: ShiftPredictor

    def guessed(self, which: Tensor, amounts: Tensor, source: torch.Generator) -> tuple[Tensor, Tensor]:
        """What the reconstructor says of pairs shifted along ``which`` (B,) by ``amounts`` (B,): logits, amounts."""
        space = self.asked.space
        before = points(self.generator, space, len(which), source)
        after = self.moved(before, which, amounts)
        with torch.no_grad():
            unmoved = self.generator.render(Latent({space: before}), Quality())
        heard: tuple[Tensor, Tensor] = self.guesses(unmoved, self.generator.render(Latent({space: after}), Quality()))
        return heard

    def loss(self, step: int, source: torch.Generator) -> tuple[Tensor, dict[str, float]]:
        """Cross entropy of k plus the weighted error of ε; k and ε are drawn anew for every sample. Voynov & Babenko,
        ICML 2020, equation 1; Tzelepis et al., ICCV 2021, equation 3."""
        device, count = self.generator.device, self.asked.number("batch")
        which = torch.randint(0, self.asked.k, (count,), generator=source).to(device)
        amounts = self.drawn(count, source).to(device)
        logits, heard = self.guessed(which, amounts, source)
        classes = functional.cross_entropy(logits, which)
        error = (heard - amounts).abs().mean()
        right = float((logits.detach().argmax(1) == which).float().mean())
        figures = {"cross entropy": float(classes.detach()), "error": float(error.detach()), "accuracy": right}
        return classes + self.asked.real("amount_weight") * error, figures

    def examined(self) -> tuple[Tensor, int]:
        """:func:`recognised`, on pairs that were not trained on."""
        source, device = seeded(self.asked.seed, 0, 2), self.generator.device

        def logits(which: Tensor) -> Tensor:
            return self.guessed(which.to(device), self.drawn(len(which), source).to(device), source)[0]

        return recognised(logits, self.asked.k, self.asked.number("batch"))

    def search(self, shown: Shown) -> ControlSet:
        """Train, examine, and give what was learned. The note tells the accuracy on pairs that were not trained on: it
        says that the ways differ, not that each is one factor, and saturates long before."""
        asked, k, steps = self.asked, self.asked.k, self.asked.number("steps")
        optimiser = torch.optim.Adam([*self.ways.parameters(), *self.guesses.parameters()], lr=asked.real("rate"))
        modules = (self.ways, self.guesses)
        end = learn(asked, modules, optimiser, self.loss, steps, lambda: shown(lambda index: ("", ())))
        accuracy, pairs = self.examined()

        def known(index: int) -> tuple[str, tuple[str, ...]]:
            share = f"{float(accuracy[index]):.0%}"
            return share, (f"recognised in {share} of held-out pairs; by chance {1 / k:.0%}",)

        note = (
            f"The reconstructor recognises {float(accuracy.mean()):.0%} of held-out shifts (chance {1 / k:.0%}), "
            f"after {end.steps} steps. That tells how different the directions look, not whether each is one factor."
        )
        drawn = 2 * (steps * asked.number("batch") + pairs)
        return asked.found(shown(known), drawn, " ".join(filter(None, (end.note, note))))


def told_apart(
    asked: Request,
    generator: Generator,
    ways: nn.Module,
    moved: Callable[[Tensor, Tensor, Tensor], Tensor],
    drawn: Callable[[int, torch.Generator], Tensor],
) -> ToldApart:
    """The search as it begins, with a reconstructor from the seed."""
    model = asked.model
    guesses = initialised(
        lambda: ShiftPredictor(output_of(model), model.shape, asked.k), asked.seed, 3, generator.device
    )
    return ToldApart(asked, generator, ways, moved, drawn, guesses)
