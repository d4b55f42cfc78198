"""CausalVAE (Yang et al., CVPR 2021) as this program has it: a block of latents for every factor, and a causal layer
that learns which factor comes about from which.

The original's layer is linear, z = (I - Aᵀ)⁻¹ ε, with one nonlinear step behind it, which reaches no grandchild; it
sums causes before it knows them apart, and its search for an acyclic A needs a penalty. Here the factors come in a
given order, A is a triangle, every factor is a learned function of those before it, each times its weight in A, plus
noise, and what is evaluated is evaluated causes first.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from explorer.causal.encoding import Column, Encoding
from explorer.causal.mechanisms.additive import AdditiveNoise
from explorer.causal.mechanisms.floored import Floored, tobit
from explorer.causal.predictor import Predictor
from explorer.generators.conditions import Condition, embedded, waves, widths_seen
from explorer.generators.cvae_network import ConditionalVaeConfig, ConditionalVaeNetwork


class CausalVaeConfig(ConditionalVaeConfig, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``config.json`` of a CausalVAE. ``own``: numbers of a factor's block besides its coordinate; ``mechanism``: units
    in each of the two hidden layers that a factor comes about by."""

    family: str = "causal_vae"
    own: int = 3
    mechanism: int = 64

    def problem(self) -> str:
        """What is impossible about these numbers, as the end of a sentence; empty when they are fine."""
        if not 1 <= self.own <= 256 or not 1 <= self.mechanism <= 1024:
            return "own must be 1..256 and mechanism 1..1024"
        if self.latents != self.own * len(self.conditions):
            return f"{self.latents} latents are not {self.own} for each of {len(self.conditions)} factors"
        if strange := next((c.factor for c in self.conditions if c.factor.kind != "number" or c.factor.cyclic), None):
            return f"'{strange.name}' is no plain number, and so is what its causal layer computes"
        return super().problem()


class CausalLayer(nn.Module):
    """x_j = f_j(A_1j x_1, …, A_(j-1)j x_(j-1)) + u_j, in the order of the columns; f is a line and a perceptron beside
    it (:class:`explorer.causal.predictor.Predictor`). ``adjacency`` (K, K): A[i, j] is the weight of the arrow i → j;
    ``counted`` (K, K): 1 where an arrow is still there."""

    counted: Tensor

    def __init__(self, factors: int, units: int) -> None:
        super().__init__()
        self.adjacency = nn.Parameter(torch.ones(factors, factors).triu(1))
        self.register_buffer("counted", torch.ones(factors, factors).triu(1))
        self.slopes = nn.Parameter(torch.zeros(factors, factors))  # (effect, cause)
        self.bias = nn.Parameter(torch.zeros(factors))
        self.first = nn.Parameter(torch.randn(factors, factors, units) / factors**0.5)  # (effect, cause, unit)
        self.first_bias = nn.Parameter(torch.randn(factors, units))
        self.second = nn.Parameter(torch.randn(factors, units, units) / units**0.5)
        self.second_bias = nn.Parameter(torch.randn(factors, units))
        self.heights = nn.Parameter(torch.zeros(factors, units))
        self.log_deviation = nn.Parameter(torch.zeros(factors))

    @property
    def weights(self) -> Tensor:
        """(K, K): A, 0 where there is no arrow."""
        return self.adjacency * self.counted

    def forward(self, coordinates: Tensor) -> Tensor:
        """(B, K) what is expected of each factor, given those before it in ``coordinates`` (B, K)."""
        causes = coordinates[:, None, :] * self.weights.T  # (B, effect, cause)
        hidden = (torch.einsum("bji,jiu->bju", causes, self.first) + self.first_bias).tanh()
        hidden = (torch.einsum("bju,juv->bjv", hidden, self.second) + self.second_bias).tanh()
        line = torch.einsum("bji,ji->bj", causes, self.slopes)
        expected: Tensor = self.bias + line + torch.einsum("bju,ju->bj", hidden, self.heights)
        return expected

    def surprise(self, coordinates: Tensor, floors: Sequence[float | None]) -> Tensor:
        """How unexpected ``coordinates`` (B, K) are: the negative logarithm of their density, where a factor has a
        floor that of Tobit, each factor's times the variance of its noise, so that all are squares of residuals; summed
        over factors, averaged over rows."""
        expected, total = self(coordinates), coordinates.new_zeros(())
        for j, floor in enumerate(floors):
            log = tobit(expected[:, j], self.log_deviation[j], coordinates[:, j], floor, None)
            total = total - (2.0 * self.log_deviation[j]).exp().detach() * log.mean()
        return total

    @torch.no_grad()
    def fit_deviations(self, coordinates: Tensor, floors: Sequence[float | None]) -> None:
        """Set the deviation of each factor's noise to that under which ``coordinates`` (B, K) are likeliest, to a
        hundredth: gradients come to it slowly."""
        expected = self(coordinates)
        grid = torch.linspace(-8.0, 2.0, 1001).to(expected)
        for j, floor in enumerate(floors):
            logs = [tobit(expected[:, j], one, coordinates[:, j], floor, None).mean() for one in grid]
            self.log_deviation[j] = grid[torch.stack(logs).argmax()]

    @torch.no_grad()
    def cut(self, least: float) -> None:
        """Take away the arrows whose weight is below ``least``, for good."""
        self.counted *= (self.adjacency.abs() >= least).to(self.counted)

    def causes_of(self, effect: int) -> list[int]:
        """The columns of the factors that an arrow leads from to ``effect``."""
        return [cause for cause in range(effect) if bool(self.counted[cause, effect])]

    @torch.no_grad()
    def mechanism(self, effect: int, conditions: Sequence[Condition], floor: float | None) -> AdditiveNoise | Floored:
        """How the factor in column ``effect``, whose ``floor`` is in its own unit, comes about, in the factors' units:
        a mechanism as every structural model has them, with A in its weights."""
        causes, own = self.causes_of(effect), conditions[effect]
        weights = self.weights[causes, effect, None].double()
        encoding = Encoding(tuple(Column(conditions[cause].mean, conditions[cause].deviation) for cause in causes))
        first, second, heights = self.first[effect, causes], self.second[effect], self.heights[effect]
        # Tangents in the layer, logistic functions in mechanisms: tanh(x) = 2 σ(2 x) - 1.
        function = Predictor(
            encoding,
            self.slopes[effect, causes, None].double() * weights,
            (self.bias[effect] - heights.sum())[None].double(),
            (
                (2.0 * first.double() * weights, 2.0 * self.first_bias[effect].double()),
                (4.0 * second.double(), 2.0 * (self.second_bias[effect] - second.sum(dim=0)).double()),
            ),
            2.0 * heights[:, None].double(),
        ).scaled(own.deviation, own.mean)
        parents = tuple(conditions[cause].factor.name for cause in causes)
        deviation = float(self.log_deviation[effect].exp()) * own.deviation
        if floor is None:
            return AdditiveNoise(parents, function, deviation)
        return Floored(parents, function, deviation, floor)


class CausalVaeNetwork(ConditionalVaeNetwork):
    """A point is the numbers of all blocks that are their own, then the factors' coordinates; the block of factor i is
    its coordinate and the numbers ``own`` · i and on. Pictures are drawn from the blocks, each of which has a layer to
    itself before they meet."""

    config: CausalVaeConfig

    def __init__(self, config: CausalVaeConfig) -> None:
        super().__init__(config)
        self.blocks = nn.ModuleList(
            nn.Sequential(nn.Linear(config.own + width, config.hidden), nn.SiLU())
            for width in widths_seen(config.conditions, config.octaves)
        )
        self.causal = CausalLayer(len(config.conditions), config.mechanism)

    def decoder_inputs(self) -> int:
        return self.config.hidden

    def drawn_from(self, z: Tensor, coordinates: Tensor) -> Tensor:
        config = self.config
        parts = zip(
            torch.split(z, config.own, dim=1),
            embedded(config.conditions, coordinates),
            waves(config.conditions, coordinates, config.octaves),
            strict=True,
        )
        drawn = [block(torch.cat(own, dim=1)) for block, own in zip(self.blocks, parts, strict=True)]
        together: Tensor = torch.stack(drawn).sum(dim=0) / math.sqrt(len(drawn))
        return together
