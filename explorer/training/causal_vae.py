"""Training of CausalVAEs (Yang et al., CVPR 2021) in this program's form
(:mod:`explorer.generators.causal_vae_network`): the conditional VAE's losses, and beside them the causal layer's, which
finds out which factor comes about from which.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

import msgspec
import numpy as np
import torch
from torch import Tensor

from explorer.causal.fitting import Fit
from explorer.causal.mechanisms.floored import ends_of
from explorer.causal.model import StructuralModel
from explorer.generators.causal_vae_network import CausalLayer, CausalVaeConfig, CausalVaeNetwork
from explorer.generators.conditions import coordinates_of
from explorer.scene.causal_graph import CausalGraph
from explorer.training.base import Count, Recipe, Share, Trainer, Weight
from explorer.training.batch import Source
from explorer.training.causes import ROWS, Rows, holding, taught
from explorer.training.cvae import ConditionalVaeTrainer, conditions_of
from explorer.training.cvae_settings import ConditionalVaeSettings

FASTER = 5.0
"""The learning rate of the causal layer, which has few numbers, in those of the others."""
NEARLY = 0.05
"""Of a standard deviation: how near to a floor what was read is taken to be at it."""


class CausalVaeSettings(ConditionalVaeSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The ``settings`` of a recipe, besides those of every conditional VAE, of which ``latents`` are ``own`` for every
    factor, and ``factors`` stand causes before effects.

    ``own`` and ``mechanism`` are those of :class:`CausalVaeConfig`. ``sparsity`` weighs the sum of the arrows' weights,
    ``decay`` the squares of what stands behind them, so that a weight cannot shrink at its expense. After the share
    ``cut_at`` of the steps, arrows whose weight is below ``least_arrow`` are taken away.
    """

    causes: Count = 20_000
    own: Count = 3
    mechanism: Count = 64
    sparsity: Weight = 0.01
    decay: Weight = 1e-4
    cut_at: Share = 0.6
    least_arrow: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.05


class CausalVaeTrainer(ConditionalVaeTrainer):
    """One run. The order of the factors, causes before effects, is all that the causal layer is told of the graph."""

    settings_type: ClassVar[type[ConditionalVaeSettings]] = CausalVaeSettings
    settings: CausalVaeSettings
    network: CausalVaeNetwork

    def __init__(self, recipe: Recipe, source: Source, device: torch.device) -> None:
        super().__init__(recipe, source, device)
        own = list(self.network.causal.parameters())
        others = [one for one in self.network.parameters() if not any(one is mine for mine in own)]
        groups: list[dict[str, Any]] = [{"params": others}, {"params": own, "scale": FASTER}]
        self.optimiser = torch.optim.Adam(groups, lr=self.settings.learning_rate)
        floors = [ends_of(column)[0] for column in self._drawn[:, self._columns].double().unbind(dim=1)]
        self._floors = floors
        self._standard_floors = [
            None if floor is None else float((torch.tensor(floor) - condition.mean) / condition.deviation)
            for floor, condition in zip(floors, self.network.config.conditions, strict=True)
        ]

    def build(self) -> CausalVaeNetwork:
        s = self.settings
        return CausalVaeNetwork(
            self.config(
                CausalVaeConfig,
                conditions=conditions_of(self.world, self.names, self._drawn),
                rows=ROWS,
                octaves=s.octaves,
                decoder=s.decoder,
                channel_means=s.channel_means,
                own=s.own,
                mechanism=s.mechanism,
            )
        )

    @property
    def notes(self) -> str:
        layer, names = self._finished_layer(), self.names
        arrows = [f"{names[i]} → {names[j]}" for j in range(len(names)) for i in layer.causes_of(j)]
        return f"CausalVAE, trained on '{self.source.name}'; the arrows that it learned: {', '.join(arrows) or 'none'}."

    def measure(self) -> tuple[dict[str, float | str], dict[str, Any]]:
        """As of a conditional VAE; besides, the weights of all arrows that there might have been."""
        figures, more = super().measure()
        weights, names = self._finished_layer().weights, self.names
        arrows = {
            f"{names[i]} → {names[j]}": round(float(weights[i, j]), 3) for j in range(len(names)) for i in range(j)
        }
        return figures, {**more, "arrows": arrows}

    def learned(self, rows: Rows) -> Fit:
        """The causal layer as a structural model: its arrows, and its functions with the noise that fits ``rows`` best;
        factors without causes are distributed as in ``rows``."""
        layer, conditions = self._finished_layer(), self.network.config.conditions
        table = torch.from_numpy(np.stack([rows[name] for name in self.names], axis=1)).float()
        layer.fit_deviations(coordinates_of(conditions, table).to(self.device), self._standard_floors)
        variables = tuple(condition.factor.variable for condition in conditions)
        edges = tuple((self.names[i], name) for j, name in enumerate(self.names) for i in layer.causes_of(j))
        graph = holding(CausalGraph(variables=variables, edges=edges), rows)
        roots = tuple(variable for variable in graph.variables if not graph.parents(variable.name))
        alone = taught(CausalGraph(variables=roots), {one.name: rows[one.name] for one in roots}, self.recipe.seed)
        effects = {
            name: layer.mechanism(j, conditions, self._floors[j])
            for j, name in enumerate(self.names)
            if graph.parents(name)
        }
        return Fit(StructuralModel(graph, {**alone.model.mechanisms, **effects}), alone.cards)

    def _finished_layer(self) -> CausalLayer:
        finished = self.finished
        assert isinstance(finished, CausalVaeNetwork)
        return finished.causal

    def further(self, number: int, coordinates: Tensor) -> dict[str, Tensor]:
        s, layer = self.settings, self.network.causal
        if number == int(s.cut_at * self.recipe.steps):
            layer.cut(s.least_arrow)
        parts = (layer.slopes, layer.first, layer.second, layer.heights)
        behind = torch.stack([part.square().sum() for part in parts]).sum()
        return {
            "causal": layer.surprise(self._at_floors(coordinates), self._standard_floors),
            "arrows": s.sparsity * layer.weights.abs().sum(),
            "decay": s.decay * behind,
        }

    def _at_floors(self, coordinates: Tensor) -> Tensor:
        """``coordinates`` (B, conditions) of which those that were read, and so are never at a floor exactly, are there
        where they nearly are."""
        if self.settings.labels == 1.0:
            return coordinates
        columns = [
            column if floor is None else torch.where(column < floor + NEARLY, floor, column)
            for column, floor in zip(coordinates.unbind(dim=1), self._standard_floors, strict=True)
        ]
        return torch.stack(columns, dim=1)


def make(recipe: Recipe, source: Source, device: torch.device) -> Trainer:
    """The factory that the loop calls."""
    return CausalVaeTrainer(recipe, source, device)


TRAINER = make
