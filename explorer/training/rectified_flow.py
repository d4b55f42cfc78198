"""Training of a rectified flow (Liu et al., ICLR 2023): a U-Net learns the velocity along straight lines from pictures
to noise, of pictures or of an autoencoder's latents. It may be told a class of every picture: the categories of a
world."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any, ClassVar, Literal

import msgspec
import torch
from torch import Tensor

from explorer.errors import ExplorerError
from explorer.generators.class_labels import drawn_labels
from explorer.generators.flow_scheduler import EulerFlowSchedule
from explorer.training.base import Recipe, Trainer
from explorer.training.batch import Source
from explorer.training.diffusion import DiffusionTrainer
from explorer.training.diffusion_networks import build_unet
from explorer.training.diffusion_settings import TRAIN_STEPS, DiffusionSettings, SamplerSteps
from explorer.worlds.base import Factor

MODE = 1.29
"""How much more weight the middle gets; the value that did best in the paper."""


class RectifiedFlowSettings(DiffusionSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The ``settings`` of a recipe, besides those of every diffusion recipe, of which ``prediction`` does nothing.

    ``times``: how noise levels are drawn (Esser et al. 2024, sec. 3.1): ``uniform``; ``mode``, which gives those in the
    middle more weight; or ``logit_normal``, which leaves hardly any to the ends. ``classes``: categories of the world;
    what the U-Net is told of a picture is the combination of their levels (none: it is told nothing).
    """

    times: Literal["uniform", "mode", "logit_normal"] = "mode"
    classes: tuple[str, ...] = ()
    full_steps: SamplerSteps = 10


class RectifiedFlowTrainer(DiffusionTrainer):
    """One run."""

    settings_type: ClassVar[type[DiffusionSettings]] = RectifiedFlowSettings
    kind: ClassVar[str] = "Rectified flow"
    pixel_pipeline: ClassVar[str] = "DDPMPipeline"  # which, unlike DDIMPipeline, keeps the scheduler that it is given
    settings: RectifiedFlowSettings
    sampler = "velocity, Euler's method"
    target = "velocity"

    @property
    def categories(self) -> tuple[Factor, ...]:
        """The factors that make the classes. Raises :class:`ExplorerError` for one that is not there, or is none."""
        names, world = self.settings.classes, self.source.world
        if not names:
            return ()
        known = {} if world is None else {f.name: f for f in world.factors if f.kind == "category"}
        for name in names:
            if name not in known:
                raise ExplorerError(
                    f"The recipe '{self.recipe.name}' makes classes of '{name}', which is no category of "
                    f"'{self.source.name}'; leave out 'classes', or choose of: {', '.join(known) or 'none'}."
                )
        return tuple(known[name] for name in names)

    @property
    def class_count(self) -> int:
        """How many classes there are; 0 where the U-Net is told none."""
        return math.prod(len(factor.values) for factor in self.categories) if self.categories else 0

    @property
    def class_text(self) -> str:
        if not self.categories:
            return ""
        names = [factor.variable.labels for factor in self.categories]
        classes = [f"{number} {', '.join(levels)}" for number, levels in enumerate(itertools.product(*names))]
        return f" Classes ({' × '.join(factor.name for factor in self.categories)}): {'; '.join(classes)}."

    def build_unet(self) -> Any:
        channels, size, _ = self.latent_shape
        return build_unet(size, channels, self.settings.unet_widths, self.recipe.seed, self.class_count or None)

    def build_scheduler(self) -> EulerFlowSchedule:
        # The last of the full steps is as long as the others.
        return EulerFlowSchedule(num_train_timesteps=TRAIN_STEPS, shift_terminal=1.0 / self.settings.full_steps)

    def exported_scheduler(self) -> Any:
        from diffusers import FlowMatchEulerDiscreteScheduler

        return FlowMatchEulerDiscreteScheduler(**msgspec.structs.asdict(self.scheduler))

    def noised(self, z: Tensor, noise: Tensor, share: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        sigma = noise_levels(share, self.settings.times)
        return torch.lerp(z, noise, sigma[:, None, None, None]), sigma * TRAIN_STEPS, noise - z

    def predicted(self, number: int, noisy: Tensor, times: Tensor, factors: Tensor | None) -> Tensor:
        predicted: Tensor = self.unet(noisy, times, class_labels=self.labels_of(factors)).sample
        return predicted

    def labels_of(self, factors: Tensor | None) -> Tensor | None:
        """(B,) the class of each row of ``factors`` (B / draws, K), once for each of its draws."""
        world = self.source.world
        if factors is None or world is None or not self.categories:
            return None
        levels = torch.from_numpy(world.levels_of(factors.cpu().numpy()))
        label = torch.zeros(len(levels), dtype=torch.long)
        for factor in self.categories:
            label = label * len(factor.values) + levels[:, world.column(factor.name)]
        return label.repeat(self.settings.draws).to(self.device)

    def drawn(self, x: Tensor, seeds: Sequence[int], steps: int) -> Tensor:
        labels = None
        if self.categories:  # those that the same seeds show
            labels = drawn_labels(seeds, self.class_count).argmax(1).to(self.device)

        def denoise(x: Tensor, t: float) -> Tensor:
            velocity: Tensor = self.average(x, torch.tensor([t], device=x.device), class_labels=labels).sample
            return velocity

        plan = self.scheduler.plan(steps)
        z: Tensor = self.scheduler.run(denoise, x, plan, 0, len(plan.timesteps))
        return z


def noise_levels(share: Tensor, times: str) -> Tensor:
    """The quantiles ``share`` (B,), in 0..1, of the distribution of noise levels that is called ``times``."""
    if times == "logit_normal":
        return torch.sigmoid(torch.special.ndtri(share))
    if times == "mode":
        return share - MODE * (torch.sin(0.5 * torch.pi * share).square() - share)
    return share


def make(recipe: Recipe, source: Source, device: torch.device) -> Trainer:
    """The factory that the loop calls."""
    return RectifiedFlowTrainer(recipe, source, device)


TRAINER = make
