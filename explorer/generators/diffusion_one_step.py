"""The picture that is predicted at one level of noise, as a function of what is added in the middle of the U-Net."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from explorer.generators.base import Latent
from explorer.generators.diffusion_stretches import Sampling
from explorer.scene.model import Quality


def predicted_by_h(generator: Sampling, latent: Latent, noise: float) -> Callable[[Tensor], Tensor]:
    """(B, *h) → (B, *x_T) float32: x_0 as it is predicted, limits included, in the step whose level is nearest to
    ``noise`` (0..1) of the full picture of ``latent`` (one point, whose own h is left out), where so much is added in
    that step. Differentiable; in full precision."""
    # Not in inference mode: what is differentiated must be an ordinary tensor.
    with torch.inference_mode(False), torch.no_grad():
        still = latent.holding({name: one.clone() for name, one in latent.tensors.items() if name != "h"})
        quality = Quality(precision="float32")
        drawing, count = generator._drawing(still, quality), generator.samplers.schedule.num_train_timesteps
        times = drawing.course.timesteps
        index = min(range(len(times)), key=lambda place: abs(times[place] / count - noise))
        before = [one for one in generator._stretches(still, drawing.course) if one.start < index]
        x, gone = generator._through(
            still, quality, drawing, [one._replace(stop=min(one.stop, index)) for one in before]
        )
        heard: list[Tensor] = []

        def hearing(sample: Tensor, t: float) -> Tensor:
            """What the network is given in this step, which some samplers scale."""
            heard.append(sample)
            return torch.zeros_like(sample)

        gone.course.copied().run(hearing, x, index, index + 1, None)
    sample, course = heard[0], gone.course

    def picture(h: Tensor) -> Tensor:
        with torch.inference_mode(False):
            rows = len(h)
            generator._add(h if h.requires_grad else h.float(), rows)
            told = generator.conditioner.conditioning(still.each(lambda one: one[[0] * rows]))
            many = sample.expand(rows, *sample.shape[1:])
            found = course.clean(index, many, generator._predicted(many, times[index], told, half=False))
            generator._add(None, rows)
            return found

    return picture
