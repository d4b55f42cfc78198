"""A generator with a causal latent as :class:`explorer.metrics.counterfactuals.Imagination`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from explorer.causal.base import Values
from explorer.causal.coding import Coding
from explorer.causal.interventions import Hard, Interventions
from explorer.causal.model import StructuralModel
from explorer.causal.posterior import counterfactual, sampled
from explorer.errors import ExplorerError
from explorer.generators.base import Generator, Latent
from explorer.metrics.counterfactual_trial import Do, Floats, Pictures
from explorer.scene.model import Quality
from explorer.training.batch import as_images

BATCH = 100


class GeneratorImagination:
    """Encode, abduct the factors' noises, predict, render. Where the factors do not tell a noise, the median outcome is
    drawn; :meth:`outcomes` has its distribution."""

    def __init__(
        self,
        generator: Generator,
        quality: Quality | None = None,
        model: StructuralModel | None = None,
        coding: Coding | None = None,
    ) -> None:
        """``model`` and ``coding``: of another graph than the generator's own. Raises :class:`ExplorerError` unless the
        generator encodes pictures and has a causal latent."""
        if not {"encode", "causes"} <= set(generator.card.capabilities):
            raise ExplorerError(
                f"Counterfactuals take a model that encodes pictures and knows what causes what, and "
                f"'{generator.card.name}' does not; choose a model with a causal latent."
            )
        causal: Any = generator
        self._generator, self._quality = causal, quality or Quality()
        self._model, self._coding = model or causal.structural_model(), coding or causal.coding()
        self._space = next(iter(generator.card.spaces))

    @torch.no_grad()
    def imagine(self, pictures: Pictures, do: Do, own_noise: bool = True) -> Pictures:
        shown = []
        for latent, values, acts in self._encoded(pictures, do):
            point = latent.tensors[self._space]
            if acts:
                outcome = counterfactual(self._model, values, acts).values
                point = self._coding.written(point, values, outcome)
            if not own_noise:
                point = self._without_own_noise(point)
            shown.append(levels_of(self._generator.render(latent.with_space(self._space, point), self._quality)))
        return np.concatenate(shown)

    @torch.no_grad()
    def read(self, pictures: Pictures) -> Mapping[str, Floats]:
        """Variable → (n,) what the model reads from ``pictures``."""
        read = [values for _, values, _ in self._encoded(pictures, {})]
        return {name: torch.cat([part[name] for part in read]).double().cpu().numpy() for name in read[0]}

    @torch.no_grad()
    def outcomes(self, pictures: Pictures, do: Do, draws: int, seed: int) -> Mapping[str, Floats]:
        parts: dict[str, list[Floats]] = {name: [] for name in self._model.graph.names}
        for _, values, acts in self._encoded(pictures, do):
            for name, drawn in sampled(self._model, values, self._model.abduct(values), acts, draws, seed).items():
                parts[name].append(drawn.T.double().cpu().numpy())
        return {name: np.concatenate(part) for name, part in parts.items()}

    @torch.no_grad()
    def drawn(self, do: Do, seed: int, own_noise: bool = True) -> Pictures:
        count = len(next(iter(do.values())))
        noises = self._model.noises(count, seed)
        shown = []
        for start in range(0, count, BATCH):
            part = slice(start, start + BATCH)
            latent = self._generator.sample([(seed * count + row) % 2**32 for row in range(count)[part]])
            acts = {name: Hard(torch.from_numpy(value[part])) for name, value in do.items()}
            values = self._model.predict({name: noise[part] for name, noise in noises.items()}, acts)
            point = latent.tensors[self._space]
            point = self._coding.written(point, self._coding.values(point), values)
            if not own_noise:
                point = self._without_own_noise(point)
            shown.append(levels_of(self._generator.render(latent.with_space(self._space, point), self._quality)))
        return np.concatenate(shown)

    def _encoded(self, pictures: Pictures, do: Do) -> Iterator[tuple[Latent, Values, Interventions]]:
        """In batches: the points, the values read there, and what is done to them."""
        for start in range(0, len(pictures), BATCH):
            latent = self._generator.encode(as_images(pictures[start : start + BATCH]))
            values = self._coding.values(latent.tensors[self._space])
            acts = {name: Hard(torch.from_numpy(value[start : start + BATCH])) for name, value in do.items()}
            yield latent, values, acts

    def _without_own_noise(self, point: Tensor) -> Tensor:
        """``point`` with every number that is no variable at the prior's middle, 0."""
        factors = torch.zeros(self._coding.width, dtype=torch.bool, device=point.device)
        factors[[axis.index for axis in self._coding.axes.values()]] = True
        return torch.where(factors, point, 0.0)


def levels_of(pictures: Tensor) -> Pictures:
    """(B, C, H, W) in [-1, 1] → (B, H, W, C) in 0..255."""
    levels = (pictures.float().cpu() * 127.5 + 128.0).clamp(0, 255).to(torch.uint8)
    return np.ascontiguousarray(levels.permute(0, 2, 3, 1).numpy())
