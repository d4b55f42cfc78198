"""From the codes of an autoencoder to a mapping network that draws such codes: a flow is fitted, then distilled."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from explorer.numerics.flow_matching import couple, flow_matching_loss, integrate, on_sphere
from explorer.training.averaging import average_into
from explorer.training.precision import Precision
from explorer.training.rates import cosine_decay, set_rate
from explorer.training.stylegan2_networks import Velocity
from explorer.training.stylegan2_settings import Settings


class Prior:
    """Teaches ``mapping`` (z → w). ``bank`` holds codes (n, W), newest last; ``pairs`` (n, 2, W) points z on the sphere
    and where the flow takes them. All numbers of a step come from ``random``, on the CPU."""

    def __init__(self, settings: Settings, mapping: nn.Module, precision: Precision, device: torch.device) -> None:
        self.settings, self.mapping, self.precision, self.device = settings, mapping, precision, device
        self.velocity = Velocity(settings.w_dim, settings.flow_width).to(device)
        self.average_velocity = copy.deepcopy(self.velocity).eval()
        self.bank = torch.zeros(0, settings.w_dim, device=device)
        self.pairs = torch.zeros(0, 2, settings.w_dim, device=device)
        self.optimisers: dict[str, torch.optim.Optimizer] = {
            "flow": torch.optim.Adam(self.velocity.parameters(), settings.flow_rate),
            "mapping": torch.optim.Adam(mapping.parameters(), settings.distillation_rate),
        }

    def fit(self, number: int, codes: Tensor, random: torch.Generator) -> float:
        """Step ``number`` of flow matching, with new ``codes`` (B, W); returns the mean loss."""
        s = self.settings
        self.bank = torch.cat([self.bank, codes])[-s.code_bank :]
        set_rate(self.optimisers["flow"], s.flow_rate * cosine_decay(number / s.flow_steps))
        total = 0.0
        for update in range(s.flow_updates):
            chosen = torch.randint(len(self.bank), (s.flow_batch,), generator=random)
            source = on_sphere(self._normal(random))
            # Half the noise that the synthesis network learned to ignore fills the gaps between the codes.
            noise = 0.5 * s.code_noise * self._normal(random)
            target = couple(source, self.bank[chosen.to(self.device)] + noise)
            t = torch.rand(s.flow_batch, generator=random).to(self.device)
            loss = flow_matching_loss(self.velocity, source, target, t)
            self.precision.update(loss, [self.optimisers["flow"]])
            done = number * s.flow_updates + update
            average_into(self.average_velocity, self.velocity, min(s.averaging, done / (done + 10)))
            total += loss.item()
        return total / s.flow_updates

    def distil(self, number: int, random: torch.Generator) -> float:
        """Step ``number`` of distillation; returns the mean loss."""
        s = self.settings
        source = on_sphere(self._normal(random))
        with torch.no_grad():
            pair = torch.stack([source, self.carry(source)], 1)
        self.pairs = torch.cat([self.pairs, pair])[-8 * s.code_bank :]
        set_rate(self.optimisers["mapping"], s.distillation_rate * cosine_decay(number / s.distillation_steps))
        total = 0.0
        for _ in range(s.distillation_updates):
            chosen = torch.randint(len(self.pairs), (s.flow_batch,), generator=random).to(self.device)
            z, w = self.pairs[chosen].unbind(1)
            loss = (self.mapping(z) - w).square().mean()
            self.precision.update(loss, [self.optimisers["mapping"]])
            total += loss.item()
        return total / s.distillation_updates

    def carry(self, z: Tensor) -> Tensor:
        """Where the averaged flow carries ``z`` (B, W), scaled to the sphere."""
        return integrate(self.average_velocity, on_sphere(z), self.settings.integration_steps)

    def _normal(self, random: torch.Generator) -> Tensor:
        return torch.randn(self.settings.flow_batch, self.settings.w_dim, generator=random).to(self.device)
