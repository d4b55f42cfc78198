"""Mechanisms in closed form, as worlds have them: a function of the causes and one number of noise."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from explorer.causal.noise_laws import NoiseLaw
from explorer.errors import CausalError
from explorer.numerics.derivatives import differentiable_product

Function = Callable[[Tensor, Tensor], Tensor]
"""(causes (B, P), noise or value (B,)) → (B,)."""
Span = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
"""(causes (B, P), value (B,)) → the least and the greatest noise that give it, each (B,)."""


def _noise_itself(_: Tensor, noise: Tensor) -> Tensor:
    return noise


@dataclass(frozen=True)
class ClosedForm:
    """x = form(causes, noise), which does not fall where the noise rises, so the noises that give a value lie in one
    span. ``invert`` gives the noise of a value, NaN where several could have given it; ``span`` says which those are,
    and is needed where there are such. Without ``form`` the noise is the value.
    """

    kind: ClassVar[str] = "closed_form"

    parents: tuple[str, ...]
    law: NoiseLaw
    form: Function = _noise_itself
    invert: Function = _noise_itself
    span: Span | None = None

    @property
    def noise_width(self) -> int:
        return 1

    @property
    def invertible(self) -> bool:
        return self.span is None

    def noise(self, uniform: Tensor) -> Tensor:
        return self.law.quantile(uniform)

    def assign(self, parents: Tensor, noise: Tensor) -> Tensor:
        return self.form(parents, noise[:, 0])

    def abduct(self, parents: Tensor, value: Tensor) -> Tensor:
        return self.invert(parents, value)[:, None]

    def posterior(self, parents: Tensor, value: Tensor, uniform: Tensor) -> Tensor:
        noise = self.abduct(parents, value)
        if self.span is None or self.law.cdf is None:
            return noise
        low, high = (self.law.cdf(end[:, None]) for end in self.span(parents, value))
        # Never at an end itself, which may give the value beyond it.
        inside = (low + uniform * (high - low)).clamp(min=torch.finfo(uniform.dtype).tiny)
        return torch.where(noise.isnan(), self.law.quantile(inside), noise)

    def log_prob(self, parents: Tensor, value: Tensor) -> Tensor:
        if self.law.log_density is None:
            raise CausalError("How probable a value is of this closed form is not known.")
        noise = self.abduct(parents, value)[:, 0]
        slope = torch.ones_like(noise) if self.form is _noise_itself else self._slope(parents, noise)
        unique = self.law.log_density(noise) - slope.abs().log()
        if self.span is None or self.law.cdf is None:
            return unique
        low, high = (self.law.cdf(end) for end in self.span(parents, value))
        inside = self.posterior(parents, value, torch.full_like(noise, 0.5)[:, None])
        many = torch.where(self.assign(parents, inside) == value, (high - low).log(), -math.inf)  # or none at all
        return torch.where(noise.isnan(), many, unique)

    def _slope(self, parents: Tensor, noise: Tensor) -> Tensor:
        """(B,) the derivative of the form with respect to the noise."""
        known = torch.nan_to_num(noise)
        return differentiable_product(lambda n: self.form(parents, n), known, torch.ones_like(known))[1]


MECHANISM = ClosedForm
