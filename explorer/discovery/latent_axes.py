"""The axes of the first latent space: what a VAE was trained to use, and what a GAN happens to."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping

import torch

from explorer.controls.control_set import ControlSet
from explorer.controls.linear import LinearControl
from explorer.discovery.request import check_count, checked_settings
from explorer.errors import ControlError
from explorer.generators.base import Generator, Progress
from explorer.scene.cards import ControlCard, MethodCard, ModelCard
from explorer.scene.model import Scalar


class LatentAxes:
    """One control per axis; one unit is one standard deviation of the prior."""

    card = MethodCard(
        name="latent_axes",
        title="Latent axes",
        families=("vae", "stylegan2", "mlp_gan"),
        spaces=("z",),
        trained=False,
        paper="",
        description="One slider per axis of the latent space.",
    )

    def refusal(self, model: ModelCard) -> str:
        name, space = next(iter(model.spaces.items()))
        if len(space.shape) == 1:
            return ""
        return (
            f"An axis of space '{name}' of '{model.name}' is one number of {' × '.join(map(str, space.shape))}, "
            "too small a thing to see; choose another method."
        )

    def discover(
        self,
        generator: Generator,
        k: int,
        seed: int = 0,
        settings: Mapping[str, Scalar] | None = None,
        progress: Progress | None = None,
    ) -> ControlSet:
        """The first ``k`` axes (1 ≤ k ≤ width)."""
        start = time.perf_counter()
        model = generator.card
        if reason := self.refusal(model):
            raise ControlError(reason)
        chosen = checked_settings(self.card, settings)
        name, space = next(iter(model.spaces.items()))
        check_count(model, name, k)
        deviation = 1 / math.sqrt(3) if space.prior == "uniform" else 1.0
        axes = torch.eye(space.shape[0])[:k] * deviation
        controls = tuple(
            LinearControl(ControlCard(name=f"{name}{index}", space=name), axis) for index, axis in enumerate(axes)
        )
        if progress is not None:
            progress(1.0)
        return ControlSet(
            method=self.card.name,
            title=self.card.title,
            fingerprint=model.fingerprint,
            space=name,
            controls=controls,
            seed=seed,
            settings=chosen,
            cost={"seconds": time.perf_counter() - start, "generator_evaluations": 0.0},
        )


METHOD = LatentAxes()
