"""Local Basis: the singular directions of the mapping network at the point that is edited, followed as it moves."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Protocol, cast

import torch
from torch import Tensor

from explorer.controls.control_set import ControlSet
from explorer.controls.local_basis import LocalBasisControl
from explorer.discovery.request import CheckedMethod, Request, in_digits
from explorer.discovery.sampling import drawn_latents
from explorer.errors import ControlError
from explorer.generators.base import Generator
from explorer.numerics.linalg import fix_signs, principal_angles, random_orthonormal
from explorer.numerics.perceptron import with_jacobian
from explorer.scene.cards import ControlCard, MethodCard, ModelCard, SettingCard
from explorer.scene.model import Scalar


class MappingShown(Protocol):
    """What a generator with the capability ``mapping`` adds."""

    def mapping_layers(self) -> list[tuple[Tensor, Tensor]]:
        """(weight, bias) of every layer between z and w, as :mod:`explorer.numerics.perceptron` reads them."""


def warping(frames: Sequence[Tensor]) -> float:
    """The mean distance, in radians, between the row spaces of ``frames`` (each (k, d)), over all pairs.

    The geodesic distance of the Grassmannian, the root of the sum of the squared principal angles, 0 to √k π/2: Choi et
    al. 2022, section 4. 0 for a linear network. Needs two frames.
    """
    distances = [float(principal_angles(one, other).norm()) for one, other in combinations(frames, 2)]
    return sum(distances) / len(distances)


class LocalBasis(CheckedMethod):
    """Singular vectors of ∂w/∂z at each point by itself; also tells how much they differ from point to point."""

    card = MethodCard(
        name="local_basis",
        title="Local Basis",
        spaces=("z",),
        trained=False,
        paper="Choi et al., Do Not Escape From the Manifold: Discovering the Local Coordinates on the Latent Space of "
        "GANs, ICLR 2022",
        description="The directions that the mapping network stretches most at the point shown, followed as it moves.",
        settings=(
            SettingCard(
                name="points",
                title="Points",
                default=32,
                low=2,
                high=1000,
                help="Points whose frames are compared, for the size of a unit and for the warping.",
            ),
            SettingCard(
                name="frozen",
                title="Frozen",
                default=False,
                help="Keep the direction of the point from which the slider starts, instead of finding it again.",
            ),
            SettingCard(
                name="step",
                title="Step",
                default=0.25,
                low=0.02,
                high=3.0,
                help="Units after which the direction is found again.",
            ),
        ),
        grows=True,
    )

    def refusal(self, model: ModelCard) -> str:
        if "mapping" in model.capabilities:
            return ""
        return f"Local Basis follows the mapping network from z to w; '{model.name}' has none that can be read."

    def where(self, model: ModelCard, settings: Mapping[str, Scalar]) -> str:
        return "z" if "z" in model.spaces else super().where(model, settings)

    def search(self, asked: Request, generator: Generator) -> ControlSet:
        """The ``k`` leading singular directions; one unit is the mean distance that one σ of z along them goes in w."""
        k, seed = asked.k, asked.seed
        layers = cast("MappingShown", generator).mapping_layers()
        width = layers[-1][0].shape[0]
        if k > width:
            raise ControlError(f"{k} controls were asked for, but w has {width} dimensions; ask for at most {width}.")
        wide = [(weight.cpu().double(), bias.cpu().double()) for weight, bias in layers]
        points = torch.cat(
            [latent.tensors["z"] for latent in drawn_latents(generator, asked.number("points"), seed, 1000)]
        )
        frames, values = [], []
        for index, z in enumerate(points.cpu().double()):
            asked.watch(0.9 * index / len(points))
            left, singular, _ = torch.linalg.svd(with_jacobian(z, wide)[1], full_matrices=False)
            frames.append(left[:, :k].T)
            values.append(singular[:k])
        asked.watch(0.9)
        apart = warping(frames)
        chance = warping([random_orthonormal(k, width, seed + number) for number in range(len(frames))])
        stretched, turned = torch.stack(values), torch.stack(frames)
        asked.watch(1.0)
        controls = []
        for index in range(k):
            scatter = turned[:, index].T @ turned[:, index]
            reference = fix_signs(torch.linalg.eigh(scatter)[1][:, -1:].T)[0]
            alike = (turned[:, index] @ turned[:, index].T).abs()
            agreement = float((alike.sum() - alike.trace()) / (len(frames) * (len(frames) - 1)))
            scale = float(stretched[:, index].mean())
            card = ControlCard(
                name=f"local {index + 1}",
                space="z",
                unit="steps",
                figure=f"σ {in_digits(scale)}",
                details=(
                    f"1 step = {scale:.3g} in w; singular value {float(stretched[:, index].min()):.3g} to "
                    f"{float(stretched[:, index].max()):.3g} over {len(frames)} points",
                    f"mean |cos| of this direction at two points: {agreement:.2f}",
                    _warped(apart, k, chance),
                ),
            )
            controls.append(
                LocalBasisControl(
                    card,
                    tuple(weight.cpu().float() for weight, _ in layers),
                    tuple(bias.cpu().float() for _, bias in layers),
                    reference.float(),
                    index,
                    scale,
                    asked.real("step"),
                    bool(asked.settings["frozen"]),
                )
            )
        return asked.found(controls, 0, f"{_warped(apart, k, chance).capitalize()} over {len(frames)} points.")


def _warped(distance: float, k: int, chance: float) -> str:
    return f"global warping {distance:.2f} of at most {math.sqrt(k) * math.pi / 2:.2f} (random: {chance:.2f})"


METHOD = LocalBasis()
