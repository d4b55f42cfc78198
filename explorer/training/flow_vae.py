"""Training of a VAE on sequences, whose codes have to follow learned flows: potentials as a regulariser.

Song et al., "Flow Factorized Representation Learning", NeurIPS 2023: the supervised model, in which it is known which
factor goes on. The code of the first picture is moved along the gradient of the potential of that factor, step by step,
and has to give the pictures that follow; the potential obeys the generalised Hamilton-Jacobi equation and starts at
rest. Beside that every picture has its own evidence lower bound, as a VAE that is trained without.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, cast

import torch
from torch import Tensor

from explorer.controls.base import Control
from explorer.controls.control_set import ControlSet, save
from explorer.controls.field import FieldControl
from explorer.controls.following import Flow
from explorer.errors import ExplorerError
from explorer.fields.potential_bank import PotentialBank
from explorer.generators.own_folder import CONFIG, WEIGHTS
from explorer.numerics import flow_equations
from explorer.numerics.randomness import seeded
from explorer.reading import fingerprint_of
from explorer.scene.cards import ControlCard
from explorer.training.autoencoder import settings_of
from explorer.training.base import Recipe, Trainer, Weight
from explorer.training.batch import Source
from explorer.training.data import SequenceSource
from explorer.training.sequences import equivariance, walked
from explorer.training.vae import VaeTrainer, bernoulli
from explorer.training.vae_losses import Codes, Plain, Term, VaeLoss, VaeSettings

FLOWS = "flows.safetensors"
"""The potentials as sliders, beside the model."""
POTENTIALS, FORCES, TIMES = 5, 6, 7  # streams of random numbers


class FlowVaeSettings(VaeSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``flow_weight`` weighs all that a plain VAE does not have; within it ``match_weight`` how near the moved code is
    to that of the picture itself, ``equation_weight`` the equation and its start."""

    loss: Literal["vae"] = "vae"
    flow_weight: Weight = 1.0
    match_weight: Weight = 1.0
    equation_weight: Weight = 1.0


class FlowVaeTrainer(VaeTrainer):
    """One run. A step is of whole sequences."""

    source: SequenceSource

    def __init__(self, recipe: Recipe, source: Source, device: torch.device) -> None:
        """Raises :class:`ExplorerError` for a recipe without sequences."""
        if not isinstance(source, SequenceSource):
            raise ExplorerError(
                f"The trainer of recipe '{recipe.name}' learns from sequences; set 'sequence', to 8 say."
            )
        super().__init__(recipe, source, device)
        latents, count = self.settings.latents, len(source.moving)
        self.potentials = PotentialBank(count, latents, False, True, recipe.seed, POTENTIALS).to(device)
        self.forces = PotentialBank(count, latents, True, True, recipe.seed, FORCES).to(device)
        self.optimiser.add_param_group({"params": [*self.potentials.parameters(), *self.forces.parameters()]})

    def losses(self, recipe: Recipe) -> tuple[type[VaeLoss], FlowVaeSettings]:
        return Plain, settings_of(recipe, FlowVaeSettings)

    @property
    def notes(self) -> str:
        return f"{self.loss.title} with flows of {len(self.source.moving)} factors, trained on '{self.source.name}'."

    def beside(self, number: int, targets: Tensor, factors: Tensor | None, codes: Codes) -> dict[str, Term]:
        """What the flows add, in nats a picture where it is a likelihood."""
        settings = cast("FlowVaeSettings", self.settings)
        if settings.flow_weight == 0:
            return {}
        assert factors is not None
        length, which = self.source.length, self.source.classes(factors)
        count = len(which)
        start = codes.z.reshape(count, length, -1)[:, 0]
        way = torch.stack(walked(self.potentials, start, which, length - 1), 1)  # (S, T - 1, L)
        with self.precision.autocast():
            logits = self.network.logits(way.flatten(0, 1)).float()
        pictures = targets.reshape(count, length, *targets.shape[1:])[:, 1:].flatten(0, 1)
        means = codes.mean.reshape(count, length, -1)[:, 1:]
        weight = settings.flow_weight
        return {
            "flow_reconstruction": Term(-bernoulli(logits, pictures).mean(), weight),
            # Counted as often as the pictures are reconstructed: otherwise it would weigh less than in a plain VAE.
            "flow_kl": Term(self.loss.terms(codes)["kl"].value, weight),
            "flow_match": Term((way - means).square().sum(2).mean(), weight * settings.match_weight),
            "equation": Term(self._equation(number, start, way, which), weight * settings.equation_weight),
        }

    def _equation(self, number: int, start: Tensor, way: Tensor, which: Tensor) -> Tensor:
        """The mean square of the residual at a time of its own within every step, and of velocity and force at time 0:
        both at rest."""
        networks, forces = self.potentials.networks(which), self.forces.networks(which)
        points = torch.cat([start[:, None], way], 1)
        share = torch.rand((*way.shape[:2], 1), generator=seeded(self.recipe.seed, number, TIMES)).to(points)
        between = points[:, :-1] + share * (points[:, 1:] - points[:, :-1])
        time = torch.arange(1.0, way.shape[1] + 1).to(points) + share[..., 0]
        left = flow_equations.hamilton_jacobi(networks, between, time, forces.potential(between, time))
        begin, zero = start[:, None], torch.zeros(len(start), 1).to(points)
        rest = networks.velocity(begin, zero).square().sum(2).mean() + forces.potential(begin, zero).square().mean()
        return left.square().mean() + rest

    def state(self) -> dict[str, Any]:
        return {**super().state(), "potentials": self.potentials.state_dict(), "forces": self.forces.state_dict()}

    def restore(self, state: dict[str, Any]) -> None:
        super().restore(state)
        self.potentials.load_state_dict(state["potentials"])
        self.forces.load_state_dict(state["forces"])

    def along_sequences(self) -> dict[str, float | str]:
        def walk(z: Tensor, which: Tensor, count: int) -> Tensor:
            return walked(self.potentials, z, which, count)[-1]

        return {**equivariance(self.network, self.source, self.device, walk)}

    def export(self, folder: Path) -> None:
        """As of a VAE, and the potentials as a control set, :data:`FLOWS`."""
        super().export(folder)
        save(self.controls(fingerprint_of([folder / CONFIG, folder / WEIGHTS])), folder / FLOWS)

    def controls(self, fingerprint: str) -> ControlSet:
        """A slider a factor, of which an amount of 1 is a step of the sequences."""
        last = float(self.source.length)
        factors = [self._world_name(column) for column in self.source.moving]
        found: list[Control] = []
        for index, name in enumerate(factors):
            card = ControlCard(
                name=name, space="z", unit="t", low=1 - last, high=last - 1,
                details=("learned with the model, from sequences in which this factor goes on",),
            )  # fmt: skip
            field = self.potentials.field(index, 1.0, (1.0, last))
            flow = Flow(1.0, rate=1.0, start=1.0, step=1.0, integrator="euler", negative="anti-field")
            found.append(FieldControl(card, field, flow))
        return ControlSet("flow_vae", "Flows of the training", fingerprint, "z", tuple(found), seed=self.recipe.seed)

    def _world_name(self, column: int) -> str:
        assert self.source.world is not None
        return self.source.world.names[column]


def make(recipe: Recipe, source: Source, device: torch.device) -> Trainer:
    """The factory that the loop calls."""
    return FlowVaeTrainer(recipe, source, device)


TRAINER = make
