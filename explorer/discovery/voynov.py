"""Voynov & Babenko: directions that a second network can tell apart by looking at what they change."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from explorer.controls.base import Control
from explorer.controls.control_set import ControlSet
from explorer.controls.deformation import Deformation, DeformationControl
from explorer.controls.linear import LinearControl
from explorer.discovery.deformators import KINDS, Bent, Columns, deformator
from explorer.discovery.initial import initialised
from explorer.discovery.request import CheckedMethod, Request
from explorer.discovery.sampling import typical_deviation
from explorer.discovery.shift_predictor import ShiftPredictor, recognised
from explorer.discovery.shifts import SAMPLES, check_several, points, refusal_of
from explorer.discovery.trained import learn
from explorer.generators.base import Generator, Latent
from explorer.numerics.linalg import fix_signs
from explorer.numerics.randomness import seeded
from explorer.outputs.registry import output_of
from explorer.scene.cards import ControlCard, MethodCard, ModelCard, SettingCard
from explorer.scene.model import Quality


@dataclass(frozen=True)
class _Search:
    """One search: who shifts, who guesses, on what. ``sigma``: the unit of the amounts, in the space's own."""

    asked: Request
    generator: Generator
    maps: Columns | Bent
    guesses: ShiftPredictor
    sigma: float

    def guessed(self, which: Tensor, amounts: Tensor, source: torch.Generator) -> tuple[Tensor, Tensor]:
        """What the reconstructor says of pairs shifted along ``which`` (B,) by ``amounts`` (B,): logits, amounts."""
        space = self.asked.space
        before = points(self.generator, space, len(which), source)
        after = before + self.sigma * self.maps(which, amounts)
        with torch.no_grad():
            unmoved = self.generator.render(Latent({space: before}), Quality())
        heard: tuple[Tensor, Tensor] = self.guesses(unmoved, self.generator.render(Latent({space: after}), Quality()))
        return heard

    def loss(self, step: int, source: torch.Generator) -> tuple[Tensor, dict[str, float]]:
        """Equation 1: cross entropy of k plus the weighted error of ε; k and ε are drawn anew for every sample."""
        device, count = self.generator.device, self.asked.number("batch")
        which = torch.randint(0, self.asked.k, (count,), generator=source).to(device)
        amounts = self.drawn(count, source).to(device)
        logits, heard = self.guessed(which, amounts, source)
        classes = functional.cross_entropy(logits, which)
        error = (heard - amounts).abs().mean()
        right = float((logits.detach().argmax(1) == which).float().mean())
        figures = {"cross entropy": float(classes.detach()), "error": float(error.detach()), "accuracy": right}
        return classes + self.asked.real("amount_weight") * error, figures

    def drawn(self, count: int, source: torch.Generator) -> Tensor:
        """(count,) amounts, as the settings say."""
        return drawn_amounts(count, self.asked.real("shift"), self.asked.real("least"), source)

    def examined(self) -> tuple[Tensor, int]:
        """:func:`recognised`, on pairs that were not trained on."""
        source, device = seeded(self.asked.seed, 0, 2), self.generator.device

        def logits(which: Tensor) -> Tensor:
            return self.guessed(which.to(device), self.drawn(len(which), source).to(device), source)[0]

        return recognised(logits, self.asked.k, self.asked.number("batch"))

    def controls(self, accuracy: Tensor | None = None) -> list[Control]:
        """The directions of the moment, with what is known of them."""
        asked, reach = self.asked, self.asked.real("shift")
        found: list[Control] = []
        columns = None if isinstance(self.maps, Bent) else fix_signs(self.maps.columns().detach().cpu().T)
        for index in range(asked.k):
            details: tuple[str, ...] = (f"1 σ = {self.sigma:.3g}, the typical deviation of an axis of {asked.space}",)
            if accuracy is not None:
                details = (
                    f"recognised in {float(accuracy[index]):.0%} of held-out pairs; by chance {1 / asked.k:.0%}",
                    *details,
                )
            card = ControlCard(
                name=f"Voynov {index + 1}",
                space=asked.space,
                low=-reach,
                high=reach,
                figure="" if accuracy is None else f"{float(accuracy[index]):.0%}",
                details=details,
            )
            if columns is not None:
                found.append(LinearControl(card, (columns[index] * self.sigma).contiguous().clone()))
            elif isinstance(self.maps, Bent):
                found.append(bent_control(card, self.maps, index, self.sigma))
        return found


def drawn_amounts(count: int, shift: float, least: float, source: torch.Generator) -> Tensor:
    """(count,) uniform on ±``shift``, those nearer to 0 than ``least`` moved out to ±``least`` (section 3.2)."""
    drawn = (torch.rand(count, generator=source) * 2 - 1) * shift
    return torch.where(drawn < 0, -1.0, 1.0) * drawn.abs().clamp_min(min(least, shift))


def bent_control(card: ControlCard, maps: Bent, index: int, sigma: float) -> DeformationControl:
    """Direction ``index`` of ``maps`` as it is now; ``sigma``: what an amount of 1 is in the units of the space."""

    def kept(tensors: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        return tuple(tensor.detach().cpu().clone() for tensor in tensors)

    shape = maps.deformation()
    column, bias = kept((maps.first.weight[:, index], maps.first.bias))
    own = Deformation(kept(shape.weights), kept(shape.biases), kept(shape.scales), kept(shape.shifts))
    return DeformationControl(card, column, bias, own, index, sigma)


class Voynov(CheckedMethod):
    """Directions and the network that recognises them, trained together."""

    card = MethodCard(
        name="voynov",
        title="Voynov-Babenko",
        spaces=("z", "w"),
        trained=True,
        expensive=True,
        paper="Voynov & Babenko, Unsupervised Discovery of Interpretable Directions in the GAN Latent Space, ICML 2020",
        description="Directions whose changes a second network can tell apart, trained together with that network.",
        settings=(
            SettingCard(
                name="deformator",
                title="Deformator",
                default="ortho",
                choices=KINDS,
                help="ortho: orthonormal directions; linear: any; proj: of unit length; fc: a network, which bends "
                "with the amount.",
            ),
            SettingCard(name="steps", title="Steps", default=400, low=1, high=1_000_000, help="Steps of the training."),
            SettingCard(name="batch", title="Batch", default=16, low=1, high=1024, help="Pairs of pictures a step."),
            SettingCard(
                name="rate",
                title="Learning rate",
                default=0.002,
                low=1e-6,
                high=1.0,
                help="Of Adam. The paper trains 100 000 steps at 0.0001; a short search needs more.",
            ),
            SettingCard(
                name="shift",
                title="Largest shift",
                default=3.0,
                low=0.01,
                high=100.0,
                help="Amounts are drawn from minus to plus this many typical deviations of the space; 6 in the paper.",
            ),
            SettingCard(
                name="least",
                title="Least shift",
                default=0.5,
                low=0.0,
                high=100.0,
                help="Smaller amounts are enlarged to this many σ: nobody can recognise a shift of nearly nothing.",
            ),
            SettingCard(
                name="amount_weight",
                title="Weight of the amount",
                default=0.25,
                low=0.0,
                high=100.0,
                help="How much the error of the recognised amount counts, beside that of the direction.",
            ),
            SettingCard(
                name="hidden",
                title="Hidden units",
                default=128,
                low=1,
                high=4096,
                help="Width of the layers of the deformator fc; others have none.",
            ),
        ),
    )

    def refusal(self, model: ModelCard) -> str:
        return refusal_of(self.card.title, model)

    def search(self, asked: Request, generator: Generator) -> ControlSet:
        """``k`` directions (at most the width of the space); one unit is the typical deviation of an axis.

        The note tells the reconstructor's accuracy on pairs it was not trained on: it says that the directions differ,
        not that each is one factor, and saturates long before.
        """
        k, seed = asked.k, asked.seed
        check_several(asked)
        model, space = asked.model, asked.space
        width = model.spaces[space].shape[0]
        sigma = typical_deviation(generator, space, SAMPLES, seed)
        maps = deformator(asked.text("deformator"), k, width, asked.number("hidden"), seed, generator.device)
        guesses = initialised(lambda: ShiftPredictor(output_of(model), model.shape, k), seed, 3, generator.device)
        search = _Search(asked, generator, maps, guesses, sigma)
        optimiser = torch.optim.Adam([*maps.parameters(), *guesses.parameters()], lr=asked.real("rate"))
        steps = asked.number("steps")
        end = learn(asked, (maps, guesses), optimiser, search.loss, steps, search.controls)
        accuracy, examined = search.examined()
        note = (
            f"The reconstructor recognises {float(accuracy.mean()):.0%} of held-out shifts (chance {1 / k:.0%}), "
            f"after {end.steps} steps. That tells how different the directions look, not whether each is one factor."
        )
        drawn = 2 * (steps * asked.number("batch") + examined)
        return asked.found(search.controls(accuracy), drawn, " ".join(filter(None, (end.note, note))))


METHOD = Voynov()
