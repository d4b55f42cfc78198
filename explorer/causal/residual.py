"""What mechanisms whose noise is what is left of a learned function have in common: every value tells its noise."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor

from explorer.causal.noise_laws import NoiseLaw
from explorer.causal.predictor import Predictor


class ResidualNoise:
    """A kind is a frozen dataclass with a ``function``, a ``deviation`` and perhaps ``knots``; it says in ``law`` how
    the noise is distributed, in ``assign`` how a value comes of it, and in :meth:`abduct` how the noise is had back."""

    noise_width: ClassVar[int] = 1
    invertible: ClassVar[bool] = True

    function: Predictor
    deviation: float
    knots: Tensor | None

    @property
    def law(self) -> NoiseLaw:
        """How the noise is distributed."""
        raise TypeError(f"{type(self).__name__} does not say how its noise is distributed")

    def noise(self, uniform: Tensor) -> Tensor:
        return self.law.quantile(uniform)

    def abduct(self, parents: Tensor, value: Tensor) -> Tensor:
        raise TypeError(f"{type(self).__name__} does not say which noise gives a value")

    def posterior(self, parents: Tensor, value: Tensor, uniform: Tensor) -> Tensor:
        return self.abduct(parents, value)

    def log_prob(self, parents: Tensor, value: Tensor) -> Tensor:
        assert self.law.log_density is not None
        return self.law.log_density(self.abduct(parents, value)[:, 0])

    def tensors(self) -> dict[str, Tensor]:
        return self.function.tensors() | ({} if self.knots is None else {"knots": self.knots})

    def check_noise(self) -> None:
        """Raise ValueError for noise that is distributed in no way."""
        if not 0 < self.deviation < float("inf"):
            raise ValueError(f"a deviation of {self.deviation}")
        knots = self.knots
        if knots is not None and (knots.dim() != 1 or len(knots) < 2 or not bool((knots.diff() > 0).all())):
            raise ValueError(f"knots {tuple(knots.shape)} that are not rising numbers")
