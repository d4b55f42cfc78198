"""A loaded rectified flow with classes: what is drawn can be steered from its own class towards others."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

import torch
from torch import Tensor
from torch.nn import functional

from explorer.generators.base import Latent
from explorer.generators.class_labels import LABEL
from explorer.generators.diffusion_conditioning import Conditioning
from explorer.generators.diffusion_generator import Beginning, DiffusionGenerator, Drawing
from explorer.generators.flow_scheduler import FlowSchedule
from explorer.generators.flow_steering import SPACE, amounts_at, noises
from explorer.generators.prefix_cache import digest_of
from explorer.numerics.rectified_flow import Velocity, steered
from explorer.numerics.samplers import Callback
from explorer.scene.model import Quality


def targets_of(steering: Tensor) -> Tensor:
    """(B, J) numbers of the classes towards which each row of ``steering`` (B, QUARTERS, K) is steered; J is the most
    that any row has, and all classes where slopes are asked for. Rows with fewer have others of amount 0."""
    active = (steering != 0).any(1)
    most = steering.shape[-1] if steering.requires_grad else int(active.sum(1).max())
    return active.to(torch.uint8).argsort(dim=1, descending=True, stable=True)[:, :most]


def counted(callback: Callback | None, done: int) -> Callback | None:
    """``callback`` as it hears of steps that follow ``done`` others."""
    return None if callback is None else lambda count, x: callback(done + count, x)


class FlowGenerator(DiffusionGenerator):
    """Besides the spaces of every diffusion model it has ``steering``: how much of the difference between the velocity
    towards each class and that of the picture's own is added, at which levels of noise. What the sampler ends with is
    kept, so that a drag repeats the steering alone.
    """

    def _end(self, latent: Latent, quality: Quality, drawing: Drawing) -> Tensor:
        steering = latent.tensors.get(SPACE)
        if steering is None or not (steering.requires_grad or bool(steering.any())):
            return super()._end(latent, quality, drawing)
        schedule = cast(FlowSchedule, self.samplers.schedule)
        sigmas = schedule.sigmas(schedule.plan(quality.steps or self.card.full_steps))
        x_0 = self._kept_end(latent, quality, drawing)
        self._set_injected(None, len(x_0))

        def velocity(conditioning: Conditioning) -> Velocity:
            return lambda x, sigma: self._predicted(
                x, sigma * schedule.num_train_timesteps, conditioning, drawing.half
            )[:, : x.shape[1]]

        classes = targets_of(steering)
        amounts = steering.gather(2, classes[:, None].expand(-1, steering.shape[1], -1))
        return steered(
            velocity(drawing.conditioning),
            [velocity(self._towards(latent, column)) for column in classes.unbind(1)],
            x_0,
            amounts_at(amounts.to(self.device, torch.float32), sigmas),
            sigmas,
            noises(len(sigmas) - 1, tuple(x_0.shape[1:]), self.device),
            counted(drawing.callback, len(sigmas) - 1),
        )

    def _towards(self, latent: Latent, classes: Tensor) -> Conditioning:
        """What the network is told where each picture of ``latent`` is of the class in ``classes`` (B,) alone."""
        label = functional.one_hot(classes, self.card.classes).to(self.device, torch.float32)
        return self.conditioner.conditioning(replace(latent, tensors={LABEL: label}))

    def _kept_end(self, latent: Latent, quality: Quality, drawing: Drawing) -> Tensor:
        """As :meth:`DiffusionGenerator._end` without steering, kept for the next picture of this very batch."""
        if any(tensor.requires_grad for name, tensor in latent.tensors.items() if name != SPACE):
            return super()._end(latent, quality, drawing)
        h = latent.tensors.get("h")
        key = (*self._way(latent, quality, drawing), None if h is None else digest_of(h))
        kept = self.prefixes.get(key)
        if kept is None:
            with torch.inference_mode(False), torch.no_grad():
                kept = Beginning(super()._end(latent, quality, drawing).clone(), drawing.course)
            self.prefixes.put(key, kept)
        sample: Tensor = kept.sample
        return sample
