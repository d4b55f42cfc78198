"""The picture that is predicted at one level of noise, as a function of what is added in the middle of the U-Net."""

from __future__ import annotations

import torch
from torch import Tensor

from explorer.generators.base import Latent
from explorer.generators.diffusion_stretches import Sampling
from explorer.scene.model import Quality


def predicted_by_h(generator: Sampling, latent: Latent, noise: float, h: Tensor) -> Tensor:
    """(B, *x_T) float32: x_0 as it is predicted, limits included, in the step whose level is nearest to ``noise``
    (0..1) of the full picture of ``latent`` (one point, whose own h is left out), where ``h`` (B, *h) is added in that
    step. Differentiable by ``h``; in full precision. The steps before it are kept, so asking again costs that one
    alone; one call and no function to be called later, for what it adds to the network is nobody else's."""
    # Not in inference mode: what is differentiated must be an ordinary tensor.
    with torch.inference_mode(False):
        with torch.no_grad():
            still = latent.holding({name: one.clone() for name, one in latent.tensors.items() if name != "h"})
            quality = Quality(precision="float32")
            drawing, count = generator._drawing(still, quality), generator.samplers.schedule.num_train_timesteps
            times = drawing.course.timesteps
            index = min(range(len(times)), key=lambda place: abs(times[place] / count - noise))
            before = [one for one in generator._stretches(still, drawing.course) if one.start < index]
            x, drawing = generator._through(
                still, quality, drawing, [one._replace(stop=min(one.stop, index)) for one in before]
            )
            given: list[Tensor] = []

            def listening(sample: Tensor, t: float) -> Tensor:
                """What the network is given in this step, which some samplers scale."""
                given.append(sample)
                return torch.zeros_like(sample)

            drawing.course.copied().run(listening, x, index, index + 1, None)
        rows, (sample,) = len(h), given[:1]
        generator._add(h if h.requires_grad else h.float(), rows)
        told = generator.conditioner.conditioning(still.each(lambda one: one[[0] * rows]))
        many = sample.expand(rows, *sample.shape[1:])
        clean = drawing.course.clean(index, many, generator._predicted(many, times[index], told, half=False))
        generator._add(None, rows)
        return clean
