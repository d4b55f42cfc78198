"""The singular directions of what a diffusion model predicts at one level of noise, of the picture at hand."""

from __future__ import annotations

import math

import torch

from explorer.controls.control_set import ControlSet
from explorer.controls.step_jacobian import ITERATIONS, StepJacobianControl, frame
from explorer.discovery.pictures import spread_of
from explorer.discovery.regions import region_mask
from explorer.discovery.request import CheckedMethod, Request
from explorer.errors import ControlError
from explorer.generators.base import Generator
from explorer.scene.cards import ControlCard, MethodCard, ModelCard, SettingCard

UNIT = 0.25
"""Of the typical distance of a picture's h from the mean: about as far as one deviation of a leading component."""


class StepJacobian(CheckedMethod):
    """Right singular vectors of ∂ x̂₀ / ∂ h at one level of noise, found anew for every picture."""

    card = MethodCard(
        name="step_jacobian",
        title="Jacobian at one step",
        spaces=("h",),
        trained=False,
        paper="Haas et al., FG 2024; with a region, Chen et al., Exploring Low-Dimensional Subspaces in Diffusion "
        "Models for Controllable Image Editing (LOCO Edit), NeurIPS 2024",
        description="For the picture shown, the directions in h that change a part of it most and the rest least.",
        settings=(
            SettingCard(
                name="region",
                title="Region",
                default="",
                kind="region",
                empty="the whole picture",
                help="Left, top, right and bottom in shares of the picture, such as 0.3,0.6,0.7,0.8.",
            ),
            SettingCard(
                name="noise",
                title="Noise",
                default=0.6,
                low=0.0,
                high=1.0,
                help="The share of noise that is left where the directions are found; LOCO Edit takes 0.6.",
            ),
            SettingCard(
                name="held",
                title="Held outside",
                default=5,
                low=0,
                high=64,
                help="With a region: as many directions as change the rest of the picture most are kept out. 0: none.",
            ),
        ),
    )

    def refusal(self, model: ModelCard) -> str:
        if "bottleneck" in model.capabilities and "h" in model.spaces:
            return model.without_gradients("A product with the transposed Jacobian")
        return f"h is the middle of a diffusion model's U-Net; '{model.name}' has none that can be moved."

    def place(self, model: ModelCard) -> int:
        """Behind what is found for all pictures."""
        return 40

    def search(self, asked: Request, generator: Generator) -> ControlSet:
        """The ``k`` leading directions; one unit is a quarter of the typical distance of h from its mean."""
        model, text = asked.model, asked.text("region")
        size = model.spaces["x_T"].shape[-2:]
        mask = region_mask(text, (size[0], size[1])).float() if text else torch.ones(size)
        shape = model.spaces["h"].shape
        held = min(asked.number("held"), math.prod(shape) - asked.k) if text else 0
        spread, measured = spread_of(generator, "h", asked.seed, asked.watch.part(0, 0.6))
        if not spread.typical > 0:
            raise ControlError(f"The bottleneck of '{model.name}' is the same in all pictures, so nothing is found.")
        scale = UNIT * spread.typical

        def control(index: int, reference: torch.Tensor) -> StepJacobianControl:
            card = ControlCard(
                name=f"Jacobian {index + 1}",
                space="h",
                unit="steps",
                details=(
                    f"found anew for each picture, at {asked.real('noise'):.0%} noise, {ITERATIONS} iterations",
                    f"1 step = {scale:.3g} in h, a quarter of its typical distance from the mean",
                    *((f"within {text}; orthogonal to {held} directions of the rest",) if text else ()),
                ),
            )
            noise = asked.real("noise")
            return StepJacobianControl(card, reference, mask, index, asked.k, held, noise, scale)

        first = torch.zeros(shape)
        example = generator.advance(generator.sample([model.example_seed]), "h")
        found = frame(generator, example, control(0, first)).cpu()
        asked.watch(1.0)
        controls = tuple(control(index, row.reshape(shape)) for index, row in enumerate(found))
        return asked.found(controls, measured, "Directions of the picture shown; another picture has others.")


METHOD = StepJacobian()
