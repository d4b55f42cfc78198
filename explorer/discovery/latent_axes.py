"""The axes of the first latent space: what a VAE was trained to use, and what a GAN happens to."""

from __future__ import annotations

from collections.abc import Mapping

from explorer.controls.control_set import ControlSet
from explorer.discovery import axes
from explorer.discovery.request import CheckedMethod, Request
from explorer.generators.base import Generator
from explorer.scene.cards import MethodCard, ModelCard
from explorer.scene.model import Scalar


class LatentAxes(CheckedMethod):
    """One control per axis; one unit is one standard deviation of the prior.

    With an encoder, the axes carry how the posterior uses them (active, mixed, passive) and its KL divergence from the
    prior, and come in falling order of that; passive ones last. A family may know its axes itself: one unit is then a
    step along a codebook, or the unit of a factor.
    """

    card = MethodCard(
        name="latent_axes",
        title="Latent axes",
        spaces=("z", "x_T"),
        trained=False,
        paper="",
        aliases=("axes",),
        description="One slider per axis of the latent space; a VAE's most informative axes first.",
        settings=(axes.PICTURES,),
        first_count=axes.SHOWN,
        grows=True,
        version=2,
    )

    def refusal(self, model: ModelCard) -> str:
        return axes.refusal(model)

    def place(self, model: ModelCard) -> int:
        """The first thing to look at where an encoder was trained to use them."""
        return 0 if "posterior" in model.capabilities else 2

    def where(self, model: ModelCard, settings: Mapping[str, Scalar]) -> str:
        return next(iter(model.spaces))

    def search(self, asked: Request, generator: Generator) -> ControlSet:
        """The first ``k`` axes (1 ≤ k ≤ width); with an encoder the ``k`` most informative ones."""
        k, seed = asked.k, asked.seed
        found, evaluations = axes.axes(generator, asked.number("pictures"), seed, asked.watch)
        controls = tuple(found[number].control for number in axes.by_information(found)[:k])
        asked.watch(1.0)
        return asked.found(controls, evaluations, axes.note(controls))


METHOD = LatentAxes()
