"""DDIM backwards: the noise from which a diffusion model arrives at the picture.

Plain inversion (Song et al., Denoising diffusion implicit models, ICLR 2021, sec. 4.3) takes the network's prediction
at the wrong end of every step; iterating each step to its fixed point (Pan et al., Effective real image editing with
accelerated iterative diffusion inversion, ICCV 2023) takes most of that error away. The plain way is walked first: it
costs a sixth, and is the best so far until the other is done.
"""

from __future__ import annotations

from typing import ClassVar

from explorer.inversion.backwards import backwards
from explorer.inversion.base import Attempt
from explorer.scene.cards import ModelCard
from explorer.scene.inversion import InversionOptions

REFINEMENTS = 5
"""Iterations of a step beyond the first: on the models that ship 2 more gain less than .1 dB."""


class Ddim:
    """For models whose pictures deterministic DDIM draws."""

    name: ClassVar[str] = "ddim"
    title: ClassVar[str] = "fixed-point DDIM inversion"
    description: ClassVar[str] = "Runs the sampler backwards, every step iterated to its fixed point."
    place: ClassVar[int] = 1

    def refusal(self, model: ModelCard) -> str:
        return "" if "ddim" in model.capabilities else f"'{model.name}' draws its pictures in no steps of DDIM."

    def steps(self, model: ModelCard) -> int:
        return model.full_steps

    def run(self, attempt: Attempt, options: InversionOptions) -> None:
        backwards(attempt, options, (0, REFINEMENTS))


INVERSION = Ddim()
