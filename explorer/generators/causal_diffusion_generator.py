"""A loaded causal diffusion autoencoder: factors as coordinates of the point, and beside them the picture's noise."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from explorer.causal.base import Values
from explorer.causal.coding import Coding
from explorer.causal.model import StructuralModel
from explorer.controls.base import Control
from explorer.controls.linear import LinearControl
from explorer.errors import ModelError
from explorer.generators.base import Latent, Predicted
from explorer.generators.causal_diffusion_network import SCHEDULER, TRAIN_STEPS, CausalDiffusionNetwork, Guidance
from explorer.generators.causes import at_ends
from explorer.generators.conditions import coding_of
from explorer.generators.cvae import factor_control
from explorer.generators.diffusion_samplers import PlannedCourse
from explorer.generators.diffusion_trajectory import along
from explorer.numerics.samplers import Callback, Denoiser
from explorer.scene.cards import ControlCard, ModelCard
from explorer.scene.model import Quality

SPACE = "x_T"
REFINEMENTS = 3
GUIDANCE = ("guidance of what changes", "guidance of what stays")
MOST_GUIDANCE = 4.0


class CausalDiffusionGenerator:
    """Space ``x_T``: the noise (c · h · w numbers), then one coordinate a factor, then the same once more, which
    no control moves: as the factors were; then ω_X - 1 and ω_I - 1 of decoupled guidance, 0 where pictures are drawn
    plainly. A factor that is not as it was has been set, or follows from one that was: it is drawn with ω_X, the others
    with ω_I. A picture's point has the factors as read from it, and the noise from which the sampler comes to it again.

    Always float32: these networks are so small that half precision gains nothing.
    """

    def __init__(
        self, card: ModelCard, network: CausalDiffusionNetwork, causes: StructuralModel, device: torch.device
    ) -> None:
        self.card = card
        self.device = device
        self._network = network.eval().requires_grad_(False).to(device)
        self._causes = causes
        self._noise = math.prod(network.config.latent_shape)
        self._factors = len(network.config.conditions)

    def sample(self, seeds: Sequence[int], truncation_psi: float = 1.0) -> Latent:
        """One point a seed: noise, and factors as they occur together in the data. ``truncation_psi`` is ignored: the
        U-Net was not trained on noise of a smaller norm."""
        noise, rows = self._network.draw(seeds)
        return Latent({SPACE: self._point(noise.to(self.device), rows)})

    def advance(self, latent: Latent, space: str) -> Latent:
        """``latent`` itself: there is one space. Raises KeyError for any other."""
        if space != SPACE:
            raise KeyError(space)
        return latent

    def steps(self, quality: Quality) -> tuple[float, ...]:
        """The training steps that a picture of this quality visits, falling."""
        return self._network.plan(self._count(quality)).timesteps

    def render(self, latent: Latent, quality: Quality, callback: Callback | None = None) -> Tensor:
        """(B, C, H, W) in [-1, 1] after ``quality.steps`` steps of deterministic DDIM, each given the point of its
        phase. Differentiable."""
        course = self._course(quality)
        end = course.run(self._denoiser(latent), self._start(latent, course), 0, len(course.timesteps), callback)
        return self._network.decoded(end)

    def trajectory(self, latent: Latent, quality: Quality, most: int = 0) -> Iterator[Predicted]:
        """The picture predicted at each step (:class:`explorer.generators.base.Foreseeing`)."""
        course, denoise = self._course(quality), self._denoiser(latent)
        start = self._start(latent, course)
        return along(course, start, TRAIN_STEPS, lambda index: denoise, self._network.decoded, most)

    def _course(self, quality: Quality) -> PlannedCourse:
        return PlannedCourse(SCHEDULER, self._network.plan(self._count(quality)))

    def _start(self, latent: Latent, course: PlannedCourse) -> Tensor:
        """The noise (B, *latent_shape) with which the first step begins."""
        noise = self._parts(latent.at(course.timesteps[0] / TRAIN_STEPS))[0]
        return noise.reshape(-1, *self._network.config.latent_shape)

    def _denoiser(self, latent: Latent) -> Denoiser:
        def denoise(x: Tensor, t: float) -> Tensor:
            _, factors, before, guidance = self._parts(latent.at(t / TRAIN_STEPS))
            return self._network.guided(x, t, factors, Guidance(factors != before, 1.0 + guidance))

        return denoise

    def _parts(self, latent: Latent) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Noise, factors, factors as they were, strengths of guidance less 1."""
        point = latent.tensors[SPACE].to(self.device, torch.float32)
        noise, factors, before, guidance = torch.split(point, [self._noise, self._factors, self._factors, 2], dim=1)
        return noise, factors, before, guidance

    @torch.no_grad()
    def encode(self, outputs: Tensor, refinements: int = REFINEMENTS) -> Latent:
        """The point of pictures (B, C, H, W) in [-1, 1]: the factors as the reader tells them, and, given these, the
        noise by DDIM inversion in the full number of steps, with so many ``refinements`` of each. Raises
        :class:`ModelError` unless the pictures have the size that the card says."""
        if tuple(outputs.shape[1:]) != self.card.shape:
            raise ModelError(
                f"'{self.card.name}' encodes pictures of shape {self.card.shape} (channels, height, width), "
                f"not {tuple(outputs.shape[1:])}; resize them first."
            )
        pictures = outputs.to(self.device, torch.float32)
        rows = self._read(pictures)
        noise = self._network.inverted(pictures, rows, self._network.config.full_steps, refinements)
        return Latent({SPACE: self._point(noise, rows)})

    def _read(self, pictures: Tensor) -> Tensor:
        """(B, K) the factors' coordinates, as the reader tells them of pictures (B, C, H, W) in [-1, 1]; at an end of
        their mechanisms where that is likelier than nearly there."""
        conditions = self._network.config.conditions
        rows = self._network.read(pictures)
        errors = {condition.factor.name: condition.error for condition in conditions}
        return at_ends(rows, coding_of(conditions, 0, len(conditions), self._causes), self._causes, errors)

    def axis_controls(self) -> tuple[Control, ...]:
        """The factors in their own units, each alone: what follows from it stays; then the two strengths of guidance.
        The noise is no slider's: one of its numbers is too small a thing to see."""
        width = self._network.config.point_width
        conditions = self._network.config.conditions
        factors = [factor_control(one, self._noise + k, width, SPACE) for k, one in enumerate(conditions)]
        strengths = [
            LinearControl(
                ControlCard(name=name, space=SPACE, low=-1.0, high=MOST_GUIDANCE - 1.0, details=(f"ω_{sign} - 1",)),
                torch.eye(width)[width - 2 + number],
            )
            for number, (name, sign) in enumerate(zip(GUIDANCE, "XI", strict=True))
        ]
        return (*factors, *strengths)

    def structural_model(self) -> StructuralModel:
        """How the factors come about."""
        return self._causes

    def coding(self) -> Coding:
        """Where the factors lie in ``x_T``."""
        config = self._network.config
        return coding_of(config.conditions, self._noise, config.point_width, self._causes)

    def observed(self) -> Values:
        """The factors of the rows that come with the model."""
        rows = self._network.rows
        return self.coding().values(self._point(rows.new_zeros(len(rows), self._noise), rows))

    def _point(self, noise: Tensor, rows: Tensor) -> Tensor:
        return torch.cat([noise.flatten(1), rows, rows, rows.new_zeros(len(rows), 2)], dim=1)

    def _count(self, quality: Quality) -> int:
        """Sampler steps. Raises :class:`ModelError` for more than there are."""
        count = quality.steps or self.card.full_steps
        try:
            self._network.plan(count)
        except ValueError as error:
            raise ModelError(f"'{self.card.name}' cannot be drawn in {count} steps: {error}.") from error
        return count
