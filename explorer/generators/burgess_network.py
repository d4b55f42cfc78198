"""The network of Burgess et al. 2018 ("Understanding disentangling in β-VAE"), layers named as in known checkpoints."""

from __future__ import annotations

import torch
from torch import Tensor, nn

WIDTH, HIDDEN = 32, 256


class _Encoder(nn.Module):
    def __init__(self, size: int, channels: int, latents: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, WIDTH, 4, 2, 1)
        self.conv2 = nn.Conv2d(WIDTH, WIDTH, 4, 2, 1)
        self.conv3 = nn.Conv2d(WIDTH, WIDTH, 4, 2, 1)
        self.conv_64 = nn.Conv2d(WIDTH, WIDTH, 4, 2, 1) if size == 64 else None
        self.lin1 = nn.Linear(WIDTH * 16, HIDDEN)
        self.lin2 = nn.Linear(HIDDEN, HIDDEN)
        self.mu_logvar_gen = nn.Linear(HIDDEN, 2 * latents)

    def forward(self, pictures: Tensor) -> Tensor:
        layers = [self.conv1, self.conv2, self.conv3, *([self.conv_64] if self.conv_64 is not None else [])]
        hidden = pictures
        for layer in layers:
            hidden = torch.relu(layer(hidden))
        hidden = torch.relu(self.lin1(hidden.flatten(1)))
        out: Tensor = self.mu_logvar_gen(torch.relu(self.lin2(hidden)))
        return out


class _Decoder(nn.Module):
    def __init__(self, size: int, channels: int, latents: int) -> None:
        super().__init__()
        self.lin1 = nn.Linear(latents, HIDDEN)
        self.lin2 = nn.Linear(HIDDEN, HIDDEN)
        self.lin3 = nn.Linear(HIDDEN, WIDTH * 16)
        self.convT_64 = nn.ConvTranspose2d(WIDTH, WIDTH, 4, 2, 1) if size == 64 else None
        self.convT1 = nn.ConvTranspose2d(WIDTH, WIDTH, 4, 2, 1)
        self.convT2 = nn.ConvTranspose2d(WIDTH, WIDTH, 4, 2, 1)
        self.convT3 = nn.ConvTranspose2d(WIDTH, channels, 4, 2, 1)

    def forward(self, z: Tensor) -> Tensor:
        hidden = torch.relu(self.lin3(torch.relu(self.lin2(torch.relu(self.lin1(z))))))
        hidden = hidden.reshape(-1, WIDTH, 4, 4)
        if self.convT_64 is not None:
            hidden = torch.relu(self.convT_64(hidden))
        hidden = torch.relu(self.convT2(torch.relu(self.convT1(hidden))))
        return torch.sigmoid(self.convT3(hidden))


class BurgessNetwork(nn.Module):
    """Pictures of 32 or 64 pixels in [0, 1]; four (three at 32) strided convolutions of 32 channels each way."""

    def __init__(self, size: int, channels: int, latents: int) -> None:
        super().__init__()
        self.encoder = _Encoder(size, channels, latents)
        self.decoder = _Decoder(size, channels, latents)

    def encode(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log-variance, each (B, latents). They are interleaved: mean 0, log-variance 0, mean 1, …"""
        pairs = self.encoder(pictures).unflatten(1, (-1, 2))
        return pairs[..., 0], pairs[..., 1]

    def decode(self, z: Tensor) -> Tensor:
        """(B, channels, size, size) in [0, 1] of (B, latents)."""
        pictures: Tensor = self.decoder(z)
        return pictures
