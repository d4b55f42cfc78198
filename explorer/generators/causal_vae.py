"""CausalVAEs: conditional VAEs with a block of latents for every factor, whose causal layer was learned beside them."""

from __future__ import annotations

from explorer.generators.causal_vae_network import CausalVaeConfig, CausalVaeNetwork
from explorer.generators.conditions import Condition
from explorer.generators.cvae import ConditionalVaeFamily
from explorer.generators.cvae_network import ConditionalVaeConfig, ConditionalVaeNetwork
from explorer.worlds.base import Factor


class CausalVaeFamily(ConditionalVaeFamily):
    """Finds and loads them."""

    name = "causal_vae"
    title = "CausalVAEs"
    short_title = "CausalVAE"
    noun = "a CausalVAE"

    def config_type(self) -> type[ConditionalVaeConfig]:
        return CausalVaeConfig

    def specimen_config(self) -> CausalVaeConfig:
        condition = Condition(factor=Factor("factor", (0.0, 1.0)), mean=0.5, deviation=0.5)
        return CausalVaeConfig(conditions=(condition,), latents=3)

    def network(self, config: ConditionalVaeConfig) -> ConditionalVaeNetwork:
        assert isinstance(config, CausalVaeConfig)
        return CausalVaeNetwork(config)


FAMILY = CausalVaeFamily()
