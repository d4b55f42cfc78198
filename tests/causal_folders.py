"""Small folders of the generators whose factors cause one another, for every test that needs one."""

from __future__ import annotations

from pathlib import Path

import torch

from explorer.causal import model_file
from explorer.causal.mechanisms.linear import LinearGaussian
from explorer.causal.model import StructuralModel
from explorer.generators import own_folder
from explorer.generators.autoencoder_family import save_autoencoder
from explorer.generators.causal_diffusion_network import CausalDiffusionConfig, CausalDiffusionNetwork
from explorer.generators.causal_vae_network import CausalVaeConfig, CausalVaeNetwork
from explorer.generators.causes import CAUSES
from explorer.generators.conditions import Condition
from explorer.scene.causal_graph import CausalGraph
from explorer.worlds.base import Factor
from explorer.worlds.predictor.network import PredictorConfig

HEIGHT = Condition(factor=Factor("height", (1.0, 2.0, 3.0)), mean=2.0, deviation=0.5)
SHADE = Condition(factor=Factor("shade", (0.0, 10.0, 20.0), unit="°"), mean=10.0, deviation=4.0)
CONDITIONS = (HEIGHT, SHADE)
SLOPE = 3.0
"""shade = 4 + 3 · height + noise of deviation 2."""

VAE = CausalVaeConfig(
    size=16, channels=3, latents=4, own=2, mechanism=5, widths=(8, 8), hidden=8, conditions=CONDITIONS, rows=4,
    octaves=1, decoder="normalised",
)  # fmt: skip
DIFFUSION = CausalDiffusionConfig(
    size=16, channels=3, latent_channels=2, autoencoder_widths=(8, 8), unet_widths=(8, 16), map_channels=2, hidden=8,
    octaves=1, rows=4, conditions=CONDITIONS, full_steps=4, interactive_steps=2,
    reader=PredictorConfig(
        world="toy", size=16, widths=(4, 4), features=6, factors=tuple(one.factor for one in CONDITIONS)
    ),
)  # fmt: skip
ROWS = torch.tensor([[0.0, 0.5], [1.0, -0.5], [-2.0, 1.5], [2.0, -1.5]])


def causes() -> StructuralModel:
    """height → shade."""
    variables = tuple(condition.factor.variable for condition in CONDITIONS)
    graph = CausalGraph(variables=variables, edges=(("height", "shade"),))
    mechanisms = {
        "height": LinearGaussian.of((), (), 2.0, 0.5),
        "shade": LinearGaussian.of(("height",), (SLOPE,), 4.0, 2.0),
    }
    return StructuralModel(graph, mechanisms)


def vae_network(config: CausalVaeConfig = VAE) -> CausalVaeNetwork:
    torch.manual_seed(0)
    network = CausalVaeNetwork(config)
    network.rows.copy_(ROWS)
    with torch.no_grad():
        for parameter in network.causal.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    return network


def diffusion_network() -> CausalDiffusionNetwork:
    torch.manual_seed(0)
    network = CausalDiffusionNetwork(DIFFUSION)
    network.rows.copy_(ROWS)
    return network.eval()


def write_causal_vae(folder: Path, with_causes: bool = True) -> Path:
    save_autoencoder(vae_network(), folder)
    if with_causes:
        model_file.save(causes(), folder / CAUSES)
    return folder


def write_causal_diffusion(folder: Path) -> Path:
    network = diffusion_network()
    own_folder.save(network, network.config, folder)
    model_file.save(causes(), folder / CAUSES)
    return folder
