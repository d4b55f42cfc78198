"""PCA of a diffusion model's bottleneck step by step: directions that change with the noise that is left."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor

from explorer.controls.control_set import ControlSet
from explorer.controls.stepped import SteppedControl
from explorer.discovery.base import Watch
from explorer.discovery.pca import SAMPLED_PICTURES
from explorer.discovery.request import CheckedMethod, Request
from explorer.discovery.sampling import BottleneckShown, drawn_latents
from explorer.errors import ControlError
from explorer.generators.base import Generator
from explorer.generators.phases import around
from explorer.numerics.linalg import align_signs, principal_components
from explorer.scene.cards import ControlCard, MethodCard, ModelCard, SettingCard
from explorer.scene.model import Quality, StepWindow

PICTURES_AT_ONCE = 8


@dataclass(frozen=True)
class _Steps:
    """Of S steps, from noise to picture: what the bottleneck ``rows`` (S, N, d) of N pictures hold there, float32, and
    the ``windows`` around their levels of noise."""

    rows: Tensor
    windows: tuple[StepWindow, ...]


class PcaSteps(CheckedMethod):
    """Principal components of h in every step by itself, the signs of a step like those of the step before it."""

    card = MethodCard(
        name="pca_steps",
        title="Stepwise PCA of h",
        spaces=("h",),
        trained=False,
        paper="Haas et al., Discovering Interpretable Directions in the Semantic Latent Space of Diffusion Models, FG "
        "2024",
        description="The directions along which the U-Net's bottleneck differs most, in each step its own.",
        settings=(
            SettingCard(
                name="samples",
                title="Samples",
                default=SAMPLED_PICTURES,
                low=2,
                high=100_000,
                help="Pictures to learn from; each is a run of the sampler. Haas et al. take 500.",
            ),
            SettingCard(
                name="windows",
                title="Steps",
                default=10,
                low=1,
                high=100,
                help="In how many steps the pictures are drawn, each of which has directions of its own. They hold for "
                "as much noise as was left then, in whatever number of steps a picture is drawn.",
            ),
        ),
        grows=True,
    )

    def refusal(self, model: ModelCard) -> str:
        if "bottleneck" in model.capabilities:
            return ""
        return f"h is the middle of a diffusion model's U-Net; '{model.name}' has none that can be moved."

    def place(self, model: ModelCard) -> int:
        """Behind PCA."""
        return 2

    def search(self, asked: Request, generator: Generator) -> ControlSet:
        """The ``k`` leading components of each step; one unit is one standard deviation along them, in every step its
        own."""
        k, count = asked.k, asked.number("samples")
        if count <= k:
            raise ControlError(f"{k} components need more than {count} samples; raise 'samples' or ask for fewer.")
        steps = _steps(generator, count, asked.number("windows"), asked.seed, asked.watch.part(0, 0.9))
        frames, deviations, explained = [], [], []
        for index, rows in enumerate(steps.rows):
            asked.watch(0.9 + 0.1 * index / len(steps.rows))
            components = principal_components(rows, k)
            frames.append(components.components)
            deviations.append(components.variances.sqrt())
            explained.append(components.explained)
        asked.watch(1.0)
        directions, sigmas, shares = align_signs(torch.stack(frames)), torch.stack(deviations), torch.stack(explained)
        shape = asked.model.spaces[asked.space].shape
        controls = tuple(
            SteppedControl(
                _card(index, asked.space, directions[:, index], sigmas[:, index], shares[:, index]),
                directions[:, index].float().reshape(-1, *shape),
                sigmas[:, index],
                steps.windows,
            )
            for index in range(k)
        )
        note = (
            f"Principal components of the U-Net's bottleneck in each of {len(steps.windows)} steps, {count} pictures."
        )
        return asked.found(controls, count, note)


def _steps(generator: Generator, count: int, steps: int, seed: int, watch: Watch) -> _Steps:
    """What the bottleneck holds for ``count`` pictures drawn in ``steps`` steps. A level of noise that the sampler
    visits twice counts once, by the mean."""
    shown, quality = cast("BottleneckShown", generator), Quality(steps=steps)
    shares: tuple[float, ...] = ()
    parts: list[Tensor] = []
    with torch.no_grad():
        for latent in drawn_latents(generator, count, seed, PICTURES_AT_ONCE, watch):
            shares, outputs = shown.bottlenecks(latent, quality)
            parts.append(outputs.flatten(2).float().cpu())
    levels = [min(max(share, 0.0), 1.0) for share in shares]
    falling = sorted(set(levels), reverse=True)
    rows = torch.cat(parts).transpose(0, 1)
    each = [rows[[place for place, level in enumerate(levels) if level == one]].mean(0) for one in falling]
    return _Steps(torch.stack(each), tuple(around(falling)))


def _card(index: int, space: str, directions: Tensor, sigmas: Tensor, shares: Tensor) -> ControlCard:
    """Of the ``index``-th component: unit ``directions`` (S, d), ``sigmas`` (S,), and the ``shares`` (S,) of the
    variance that it explains."""
    told = [f"explains {_first_to_last(shares, '.1%')} of the bottleneck's variance, from noise to picture"]
    if len(directions) > 1:
        cosines = (directions[1:] * directions[:-1]).sum(1)
        told.append(f"cosine of neighbouring steps {float(cosines.min()):.2f} to {float(cosines.max()):.2f}")
    return ControlCard(
        name=f"PC {index + 1}",
        space=space,
        figure=f"{float(shares.mean()):.1%}",
        details=(*told, f"1 σ = {_first_to_last(sigmas, '.3g')} in {space}"),
    )


def _first_to_last(values: Tensor, written: str) -> str:
    return " … ".join(dict.fromkeys(format(float(value), written) for value in (values[0], values[-1])))


METHOD = PcaSteps()
