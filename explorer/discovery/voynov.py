"""Voynov & Babenko: directions that a second network can tell apart by looking at what they change."""

from __future__ import annotations

import torch
from torch import Tensor

from explorer.controls.base import Control
from explorer.controls.control_set import ControlSet
from explorer.controls.deformation import Deformation, DeformationControl
from explorer.controls.linear import LinearControl
from explorer.discovery.deformators import KINDS, Bent, Columns, deformator
from explorer.discovery.request import CheckedMethod, Request
from explorer.discovery.sampling import typical_deviation
from explorer.discovery.shifts import SAMPLES, check_several, refusal_of
from explorer.discovery.told_apart import AMOUNT_WEIGHT, BATCH, Known, told_apart
from explorer.generators.base import Generator
from explorer.numerics.linalg import fix_signs
from explorer.scene.cards import ControlCard, MethodCard, ModelCard, SettingCard


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


def directions(asked: Request, maps: Columns | Bent, sigma: float, known: Known) -> list[Control]:
    """The directions of the moment; ``sigma``: the unit of the amounts, in the space's own."""
    reach = asked.real("shift")
    found: list[Control] = []
    columns = None if isinstance(maps, Bent) else fix_signs(maps.columns().detach().cpu().T)
    for index in range(asked.k):
        figure, lines = known(index)
        card = ControlCard(
            name=f"Voynov {index + 1}",
            space=asked.space,
            low=-reach,
            high=reach,
            figure=figure,
            details=(*lines, f"1 σ = {sigma:.3g}, the typical deviation of an axis of {asked.space}"),
        )
        if columns is not None:
            found.append(LinearControl(card, (columns[index] * sigma).contiguous().clone()))
        elif isinstance(maps, Bent):
            found.append(bent_control(card, maps, index, sigma))
    return found


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
            BATCH,
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
            AMOUNT_WEIGHT,
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
        """``k`` directions (at most the width of the space); one unit is the typical deviation of an axis; with the
        note of :meth:`explorer.discovery.told_apart.ToldApart.search`."""
        check_several(asked)
        seed, space = asked.seed, asked.space
        sigma = typical_deviation(generator, space, SAMPLES, seed)
        width, hidden = asked.model.spaces[space].shape[0], asked.number("hidden")
        maps = deformator(asked.text("deformator"), asked.k, width, hidden, seed, generator.device)

        def moved(z: Tensor, which: Tensor, amounts: Tensor) -> Tensor:
            shifted: Tensor = z + sigma * maps(which, amounts)
            return shifted

        def drawn(count: int, source: torch.Generator) -> Tensor:
            return drawn_amounts(count, asked.real("shift"), asked.real("least"), source)

        search = told_apart(asked, generator, maps, moved, drawn)
        return search.search(lambda known: directions(asked, maps, sigma, known))


METHOD = Voynov()
