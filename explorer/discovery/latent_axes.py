"""The axes of the first latent space: what a VAE was trained to use, and what a GAN happens to."""

from __future__ import annotations

import time
from collections.abc import Mapping

from explorer.controls.control_set import ControlSet
from explorer.discovery import axes
from explorer.discovery.request import check_count, checked_settings
from explorer.errors import ControlError
from explorer.generators.base import Generator, Progress
from explorer.scene.cards import MethodCard, ModelCard
from explorer.scene.model import Scalar


class LatentAxes:
    """One control per axis; one unit is one standard deviation of the prior.

    With an encoder, the axes carry how the posterior uses them (active, mixed, passive) and its KL divergence from the
    prior, and come in falling order of that; passive ones last. A family may know its axes itself: one unit is then a
    step along a codebook, or the unit of a factor.
    """

    card = MethodCard(
        name="latent_axes",
        title="Latent axes",
        families=("vae", "cvae", "qlae", "burgess_vae", "stylegan2", "mlp_gan"),
        spaces=("z",),
        trained=False,
        paper="",
        description="One slider per axis of the latent space; a VAE's most informative axes first.",
        settings=(axes.PICTURES,),
    )

    def refusal(self, model: ModelCard) -> str:
        return axes.refusal(model)

    def discover(
        self,
        generator: Generator,
        k: int,
        seed: int = 0,
        settings: Mapping[str, Scalar] | None = None,
        progress: Progress | None = None,
    ) -> ControlSet:
        """The first ``k`` axes (1 ≤ k ≤ width); with an encoder the ``k`` most informative ones."""
        start = time.perf_counter()
        model = generator.card
        if reason := self.refusal(model):
            raise ControlError(reason)
        chosen = checked_settings(self.card, settings)
        space = next(iter(model.spaces))
        check_count(model, space, k)
        found, evaluations = axes.axes(generator, int(chosen["pictures"]), seed, progress)
        controls = tuple(found[number].control for number in axes.by_information(found)[:k])
        if progress is not None:
            progress(1.0)
        return ControlSet(
            method=self.card.name,
            title=self.card.title,
            fingerprint=model.fingerprint,
            space=space,
            controls=controls,
            seed=seed,
            settings=chosen,
            cost={"seconds": time.perf_counter() - start, "generator_evaluations": float(evaluations)},
            note=axes.note(controls),
        )


METHOD = LatentAxes()
