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
from explorer.metrics import latent_activity
from explorer.metrics.latent_activity import LatentActivity
from explorer.scene.cards import ControlCard, MethodCard, ModelCard, SettingCard
from explorer.scene.model import Scalar

PASSIVE_NOTE = "A passive axis holds nothing of the picture: moving it changes nothing."


class LatentAxes:
    """One control per axis; one unit is one standard deviation of the prior.

    With an encoder, the axes carry how the posterior uses them (active, mixed, passive) and its KL divergence from the
    prior, and come in falling order of that; passive ones last.
    """

    card = MethodCard(
        name="latent_axes",
        title="Latent axes",
        families=("vae", "burgess_vae", "stylegan2", "mlp_gan"),
        spaces=("z",),
        trained=False,
        paper="",
        description="One slider per axis of the latent space; a VAE's most informative axes first.",
        settings=(
            SettingCard(
                name="pictures",
                title="Pictures",
                default=1000,
                low=2,
                high=100_000,
                help="The model's own pictures that a VAE encodes to measure its axes, where no figures came with it.",
            ),
        ),
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
        """The first ``k`` axes (1 ≤ k ≤ width); with an encoder the ``k`` most informative ones."""
        start = time.perf_counter()
        model = generator.card
        if reason := self.refusal(model):
            raise ControlError(reason)
        chosen = checked_settings(self.card, settings)
        name, space = next(iter(model.spaces.items()))
        check_count(model, name, k)
        evaluations = 0
        if "posterior" in model.capabilities:
            activity = latent_activity.from_generator(generator, int(chosen["pictures"]), seed, progress)
            evaluations = activity.n if activity.data == latent_activity.SELF_ENCODED else 0
            cards = _cards(name, activity)[:k]
        else:
            cards = [(axis, ControlCard(name=f"{name}{axis}", space=name)) for axis in range(k)]
        if progress is not None:
            progress(1.0)
        deviation = 1 / math.sqrt(3) if space.prior == "uniform" else 1.0
        axes = torch.eye(space.shape[0]) * deviation
        return ControlSet(
            method=self.card.name,
            title=self.card.title,
            fingerprint=model.fingerprint,
            space=name,
            controls=tuple(LinearControl(card, axes[axis]) for axis, card in cards),
            seed=seed,
            settings=chosen,
            cost={"seconds": time.perf_counter() - start, "generator_evaluations": float(evaluations)},
            note=PASSIVE_NOTE if any(card.badge == "passive" for _, card in cards) else "",
        )


def _cards(space: str, activity: LatentActivity) -> list[tuple[int, ControlCard]]:
    """(axis, its card), the most informative first, passive ones last."""
    order = sorted(activity.by_kl(), key=lambda axis: activity.badge(axis) == "passive")
    return [
        (
            axis,
            ControlCard(
                name=f"{space}{axis}",
                space=space,
                badge=activity.badge(axis),
                figure=f"{activity.kl[axis]:.2f} nat",
                details=tuple(activity.details(axis).split(" · ")),
            ),
        )
        for axis in order
    ]


METHOD = LatentAxes()
