"""What controls of a causal model share whose variables lie in a latent vector."""

from __future__ import annotations

import json
from collections.abc import Hashable, Mapping
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from explorer.causal.base import Values
from explorer.causal.coding import Axis, Coding
from explorer.causal.posterior import Counterfactual
from explorer.controls.base import Moves
from explorer.controls.causal_group import CausalControl, ChoosingControl, causal
from explorer.controls.intervening import digest_of
from explorer.scene.choices import case_of
from explorer.scene.model import Scalar


class Coded(CausalControl):
    """Values lie as ``coding`` says; the picture's own noise is beside them. All kinds of one model and coding are one
    group."""

    coding: Coding

    @property
    def shape(self) -> tuple[int, ...]:
        return (self.coding.width,)

    @cached_property
    def group(self) -> Hashable:
        """The contents of the model and the coding, so that sets read from two files are one group."""
        shared = {**CausalControl.parameters(self), **self.coding_parameters()}
        return ("coded", digest_of(self.model_tensors()), json.dumps(shared, sort_keys=True))

    def values(self, latent: Tensor) -> Values:
        return self.coding.values(latent)

    def own_noise(self, case: int) -> Tensor | None:
        """(own,) what takes the place of the picture's own noise where this control has chosen ``case``; None where it
        leaves it."""
        return None

    def moved_to(self, latent: Tensor, moves: Moves, factual: Values, after: Counterfactual) -> Tensor:
        point = self.coding.written(latent, factual, after.values)
        own = self.coding.own
        choosing = [move for move in moves if isinstance(move.control, ChoosingControl)] if own else []
        for move in sorted(choosing, key=lambda move: causal(move).overrules):
            control = move.control
            assert isinstance(control, Coded)
            rows = []
            for row, amount in enumerate(move.number.tolist()):
                noise = control.own_noise(case_of(amount)) if case_of(amount) else None
                rows.append(point[row, :own] if noise is None else noise.to(point))
            point = torch.cat([torch.stack(rows), point[:, own:]], dim=1)
        return point

    def coding_parameters(self) -> dict[str, Scalar]:
        """What a file keeps of the coding."""
        axes = {name: [axis.index, axis.mean, axis.deviation, *axis.ends] for name, axis in self.coding.axes.items()}
        return {"axes": json.dumps(axes), "width": self.coding.width, "own": self.coding.own}

    @staticmethod
    def read_coding(parameters: Mapping[str, Scalar]) -> Coding:
        """The coding that :meth:`coding_parameters` describes. Raises as
        :meth:`explorer.controls.base.Control.restore`."""
        axes, width, own = parameters["axes"], parameters["width"], parameters.get("own", 0)
        if not isinstance(axes, str) or type(width) is not int or type(own) is not int:
            raise ValueError(f"axes that are no text, a width of {width!r}, or {own!r} numbers of noise")
        try:
            places = {name: _axis(*place) for name, place in json.loads(axes).items()}
        except (TypeError, AttributeError, RecursionError, json.JSONDecodeError) as error:
            raise ValueError(str(error)) from error
        return Coding(places, width, own)


def drawn_own_noise(count: int, draw: int) -> Tensor:
    """(count,) standard normal numbers, float64: the picture's own noise of draw number ``draw``."""
    return torch.from_numpy(np.random.default_rng([draw, 71]).standard_normal(count))


def _axis(index: int, mean: float = 0.0, deviation: float = 1.0, *ends: float) -> Axis:
    return Axis(index, mean, deviation, ends)
