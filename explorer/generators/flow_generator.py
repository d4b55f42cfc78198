"""A loaded rectified flow with classes: what is drawn can be steered from its own class towards others."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import cast

import torch
from torch import Tensor
from torch.nn import functional

from explorer.generators.base import Latent, Predicted
from explorer.generators.class_labels import LABEL
from explorer.generators.diffusion_conditioning import Conditioning
from explorer.generators.diffusion_generator import DiffusionGenerator
from explorer.generators.diffusion_stretches import Drawing
from explorer.generators.flow_scheduler import FlowSchedule
from explorer.generators.flow_steering import SPACE, amounts_at, noises
from explorer.numerics.rectified_flow import Velocity, steered
from explorer.numerics.samplers import Callback
from explorer.scene.model import Quality
from explorer.scene.trajectory import evenly


def targets_of(steering: Sequence[Tensor]) -> Tensor:
    """(B, J) numbers of the classes towards which each row of any of ``steering``, (B, QUARTERS, K) each, is steered; J
    is the most that any row has, and all classes where slopes are asked for. Rows with fewer have others of amount
    0."""
    active = torch.stack([(one != 0).any(1) for one in steering]).any(0)
    most = active.shape[1] if any(one.requires_grad for one in steering) else int(active.sum(1).max())
    return active.to(torch.uint8).argsort(dim=1, descending=True, stable=True)[:, :most]


def _acting(steering: Sequence[Tensor | None]) -> list[Tensor]:
    """Those of ``steering`` that steer anything."""
    return [one for one in steering if one is not None and (one.requires_grad or bool(one.any()))]


def counted(callback: Callback | None, done: int) -> Callback | None:
    """``callback`` as it hears of steps that follow ``done`` others."""
    return None if callback is None else lambda count, x: callback(done + count, x)


class FlowGenerator(DiffusionGenerator):
    """Besides the spaces of every diffusion model it has ``steering``: how much of the difference between the velocity
    towards each class and that of the picture's own is added, at which levels of noise. What the sampler ends with is
    kept, so that a drag repeats the steering alone.
    """

    def _end(self, latent: Latent, quality: Quality, drawing: Drawing, keep: bool = False) -> Tensor:
        schedule, sigmas = cast(FlowSchedule, self.samplers.schedule), self._sigmas(quality)
        steering = [latent.at(sigma).tensors.get(SPACE) for sigma in sigmas[:-1]]
        acting = _acting(steering)
        if not acting:
            return super()._end(latent, quality, drawing, keep)
        x_0 = super()._end(_unsteered(latent), quality, drawing, keep=True)
        self._add(None, len(x_0))

        told = {
            id(point): self.conditioner.conditioning(point) for point in (latent, *(one for _, one in latent.phases))
        }

        def velocity(conditioning_at: Callable[[float], Conditioning]) -> Velocity:
            return lambda x, sigma: self._predicted(
                x, sigma * schedule.num_train_timesteps, conditioning_at(sigma), drawing.half
            )[:, : x.shape[1]]

        def towards(classes: Tensor) -> Velocity:
            conditioning = self._towards(latent, classes)
            return velocity(lambda sigma: conditioning)

        classes = targets_of(acting)
        still = torch.zeros_like(acting[0])
        amounts = [
            amounts_at(still if one is None else one, sigma).gather(1, classes)
            for one, sigma in zip(steering, sigmas, strict=False)
        ]
        return steered(
            velocity(lambda sigma: told[id(latent.at(sigma))]),
            [towards(column) for column in classes.unbind(1)],
            x_0,
            torch.stack(amounts).to(self.device, torch.float32),
            sigmas,
            noises(len(sigmas) - 1, tuple(x_0.shape[1:]), self.device),
            counted(drawing.callback, len(sigmas) - 1),
        )

    def trajectory(self, latent: Latent, quality: Quality, most: int = 0) -> Iterator[Predicted]:
        """Where pictures are steered, as far as each was by the end of every step: that begins with the finished
        picture, whose steps are not drawn anew where they are kept."""
        sigmas = self._sigmas(quality)[:-1]
        if not _acting([latent.at(sigma).tensors.get(SPACE) for sigma in sigmas]):
            yield from super().trajectory(latent, quality, most)
            return
        changed: dict[int, Tensor] = {}

        def hear(done: int, x: Tensor) -> None:
            if done > len(sigmas):
                changed[done - len(sigmas) - 1] = x

        drawing = self._drawing(latent, quality, hear)
        with torch.no_grad():
            self._end(latent, quality, drawing)
        shown = set(evenly(len(sigmas), most))
        for index, sigma in enumerate(sigmas):
            picture = self._decoding.decoded(changed[index], drawing.half, "tiny") if index in shown else None
            yield Predicted(index, sigma, picture)

    def _sigmas(self, quality: Quality) -> tuple[float, ...]:
        schedule = cast(FlowSchedule, self.samplers.schedule)
        return schedule.sigmas(schedule.plan(quality.steps or self.card.full_steps))

    def _towards(self, latent: Latent, classes: Tensor) -> Conditioning:
        """What the network is told where each picture of ``latent`` is of the class in ``classes`` (B,) alone."""
        label = functional.one_hot(classes, self.card.classes).to(self.device, torch.float32)
        return self.conditioner.conditioning(replace(latent, tensors={LABEL: label}))


def _unsteered(latent: Latent) -> Latent:
    """``latent`` without steering, in all of its phases."""
    tensors = {name: tensor for name, tensor in latent.tensors.items() if name != SPACE}
    return replace(latent, tensors=tensors, phases=tuple((window, _unsteered(one)) for window, one in latent.phases))
