"""A StyleGAN2 whose styles are few: conv 6, colours 6 | conv 6, conv 5, colours 5."""

from __future__ import annotations

import pytest
import torch

from explorer.generators.registry import describe
from explorer.generators.stylegan2 import StyleGAN2, save_stylegan2
from explorer.generators.stylegan2_network import NetworkConfig
from explorer.scene.cards import ModelCard


@pytest.fixture(scope="session")
def stylegan2(tmp_path_factory: pytest.TempPathFactory) -> ModelCard:
    folder = tmp_path_factory.mktemp("style") / "tiny"
    torch.manual_seed(0)
    config = NetworkConfig(8, (6, 5), z_dim=4, w_dim=4, mapping_layers=1, mapping_width=4)
    save_stylegan2(StyleGAN2(config), folder)
    return describe(str(folder))
