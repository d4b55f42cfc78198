"""The search of potential flows: paths from prior points, pictures along them, and what is to be minimised."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn import functional

from explorer.controls.base import Control
from explorer.discovery.flow_controls import field_control
from explorer.discovery.initial import initialised
from explorer.discovery.potential_losses import Equation, Rollout, change_gained, rollout
from explorer.discovery.request import Request
from explorer.discovery.sampling import typical_deviation
from explorer.discovery.shift_predictor import ShiftPredictor, recognised
from explorer.discovery.shifts import SAMPLES, points
from explorer.fields.potential_bank import PotentialBank
from explorer.generators.base import Generator, Latent
from explorer.numerics.derivatives import (
    central_product,
    differentiable_product,
    differentiable_quotient,
    forward_mode_passes,
)
from explorer.numerics.randomness import seeded
from explorer.outputs.registry import output_of
from explorer.scene.model import Quality

MEASURED = 64
"""Points from which the lengths of paths are measured."""
USUAL = 16
"""Points and directions from which is measured how much pictures usually change."""
STEP = 1e-2
"""Of central differences, in σ, where forward mode does not pass through a generator."""


@dataclass(frozen=True)
class PotentialSearch:
    """One search. Potentials live in the space divided by ``unit``: ``deviation``, its typical one, or 1 where it is
    done as in the authors' programs. ``usual`` as in :func:`change_gained`; ``forward``: whether forward mode passes
    through the generator; ``steps``: units of time that are trained."""

    asked: Request
    generator: Generator
    bank: PotentialBank
    equation: Equation
    guesses: ShiftPredictor
    deviation: float
    unit: float
    usual: float | None
    forward: bool
    steps: int

    def loss(self, step: int, source: torch.Generator) -> tuple[Tensor, dict[str, float]]:
        """Cross entropy of the potential, the equation along the path, rest at the start, and change of the picture."""
        asked, device, batch = self.asked, self.generator.device, self.asked.number("batch")
        # Released: one potential for all of a batch. Otherwise one for each of its points.
        which = torch.randint(0, asked.k, (1 if self.equation.released else batch,), generator=source).to(device)
        way = self.paths(which, batch // len(which), source)
        moment = int(torch.randint(0, self.steps - 1, (1,), generator=source))
        before, changes = self.changing(way, moment)
        labels = which.repeat_interleave(batch // len(which))
        logits, _ = self.guesses(before, self.drawn(way.points[moment + 2]))
        classes = functional.cross_entropy(logits, labels)
        residual, rest = self.equation.residual(which, way, source), self.equation.at_rest(which, way)
        change = change_gained(changes, self.usual)
        figures = {
            "cross entropy": classes,
            "residual": residual,
            "rest": rest,
            "change": change,
            "accuracy": (logits.argmax(1) == labels).double().mean(),
        }
        total = (
            classes
            + asked.real("equation_weight") * residual
            + asked.real("rest_weight") * rest
            + asked.real("change_weight") * change
        )
        return total, {name: float(figure.detach()) for name, figure in figures.items()}

    def paths(self, which: Tensor, rows: int, source: torch.Generator) -> Rollout:
        """Paths of the potentials ``which`` (n,) from fresh points, ``rows`` of each."""
        start = points(self.generator, self.asked.space, len(which) * rows, source) / self.unit
        return rollout(self.bank.networks(which), start.reshape(len(which), rows, -1), self.steps)

    def drawn(self, x: Tensor) -> Tensor:
        """(n B, *shape): pictures of the points ``x`` (n, B, d) or (B, d)."""
        return self.generator.render(Latent({self.asked.space: self.unit * x.reshape(-1, x.shape[-1])}), Quality())

    def changing(self, way: Rollout, moment: int) -> tuple[Tensor, Tensor]:
        """The pictures one unit of time after ``moment``, and their derivatives along the flow there."""
        here, along = (tensors[moment + 1].flatten(0, 1) for tensors in (way.points, way.velocities))
        if self.forward:
            return differentiable_product(self.drawn, here, along)
        return self.drawn(here), differentiable_quotient(self.drawn, here, along, STEP)

    def examined(self) -> tuple[Tensor, int]:
        """:func:`recognised`, on pairs of pictures that were not trained on, at any moment of the path."""
        source, device = seeded(self.asked.seed, 0, 2), self.generator.device

        def logits(which: Tensor) -> Tensor:
            way = self.paths(which.to(device), 1, source)
            moment = int(torch.randint(0, self.steps - 1, (1,), generator=source))
            said: Tensor = self.guesses(self.drawn(way.points[moment + 1]), self.drawn(way.points[moment + 2]))[0]
            return said

        return recognised(logits, self.asked.k, self.asked.number("batch"))

    @torch.no_grad()
    def lengths(self) -> Tensor:
        """(k,): how long paths are in all their time, in typical deviations of the space."""
        every = torch.arange(self.asked.k, device=self.generator.device)
        way = self.paths(every, -(-MEASURED // self.asked.k), seeded(self.asked.seed, 0, 5))
        way_lengths = torch.stack([one.norm(dim=2) for one in way.velocities]).sum(0).mean(1)
        return way_lengths.cpu() * (self.unit / self.deviation)

    def controls(self, accuracy: Tensor | None = None, lengths: Tensor | None = None) -> list[Control]:
        """The flows of the moment, with what is known of them."""
        asked, found = self.asked, list[Control]()
        released = self.equation.released
        for index in range(asked.k):
            details = []
            if accuracy is not None and lengths is not None:
                details += [
                    f"recognised in {float(accuracy[index]):.0%} of held-out pairs; by chance {1 / asked.k:.0%}",
                    f"a path is {float(lengths[index]):.2g} σ long in all its time",
                ]
            control = field_control(
                asked,
                f"Flow {index + 1}",
                self.bank.field(index, self.unit, (0.0, float(self.steps))),
                self.deviation,
                figure="" if accuracy is None else f"{float(accuracy[index]):.0%}",
                details=tuple(details),
                integrator="euler" if released else "rk4",
                negative="reverse" if asked.text("negative") == "reverse" else "anti-field",
            )
            # With z = unit · x, dx/dt = ∂u/∂x is dz/dt = unit² ∂u/∂z.
            found.append(replace(control, flow=replace(control.flow, scale=self.unit**2)))
        return found


def begun(asked: Request, generator: Generator, released: bool) -> PotentialSearch:
    """The search as it begins, every network from the seed."""
    k, seed, model, space = asked.k, asked.seed, asked.model, asked.space
    width, device = model.spaces[space].shape[0], generator.device
    deviation = typical_deviation(generator, space, SAMPLES, seed)
    usual, forward = usual_change(generator, space, deviation, seed)
    return PotentialSearch(
        asked,
        generator,
        PotentialBank(k, width, asked.text("output") == "tanh", True, seed, 1).to(device),
        Equation(asked.text("equation"), released, k, width, seed).to(device),
        initialised(lambda: ShiftPredictor(output_of(model), model.shape, k), seed, 3, device),
        deviation,
        1.0 if released else deviation,
        None if released else usual,
        forward,
        asked.number("timesteps") // 2,
    )


def usual_change(generator: Generator, space: str, deviation: float, seed: int) -> tuple[float, bool]:
    """The mean square of the derivative of a picture, for one typical deviation in any direction, at prior points; and
    whether forward mode passes through the generator. Takes 5 · :data:`USUAL` pictures."""
    source = seeded(seed, 0, 6)
    here = points(generator, space, USUAL, source)
    along = functional.normalize(torch.randn(here.shape, generator=source), dim=1).to(here) * deviation

    def drawn(z: Tensor) -> Tensor:
        return generator.render(Latent({space: z}), Quality())

    changes = central_product(drawn, here, along, STEP)
    return float(changes.square().mean()), forward_mode_passes(drawn, here, along, STEP)
