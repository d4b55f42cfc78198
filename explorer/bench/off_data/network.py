"""A perceptron that predicts noise, and its training."""

from __future__ import annotations

import copy
import hashlib
import math
from pathlib import Path

import safetensors.torch
import torch
from torch import Tensor, nn
from torch.nn import functional

from explorer.bench.off_data.toys import Toy
from explorer.ending import Progress
from explorer.files import cache_folder
from explorer.keeping import keep, kept
from explorer.numerics.randomness import seeded, step_seed
from explorer.training.averaging import average_into
from explorer.training.rates import cosine_decay, set_rate

BATCH, RATE, AVERAGE, WARM_UP = 1024, 2e-3, 0.999, 200
FREQUENCIES, LAYERS = 32, 3
DATA, NOISE, WEIGHTS = 0, 1, 2  # streams of random numbers
VERSION = 1  # of the training: what another one has kept is not taken


class Perceptron(nn.Module):
    """(B, d) noisy samples and (B,) training steps → (B, d) predicted noise."""

    rates: Tensor

    def __init__(self, dimension: int, width: int) -> None:
        super().__init__()
        self.into = nn.Linear(dimension, width)
        self.time = nn.Linear(2 * FREQUENCIES, width)
        self.layers = nn.ModuleList(nn.Linear(width, width) for _ in range(LAYERS))
        self.out = nn.Linear(width, dimension)
        self.register_buffer("rates", torch.exp(-math.log(10000.0) * torch.arange(FREQUENCIES) / FREQUENCIES))

    def forward(self, x: Tensor, times: Tensor) -> Tensor:
        angles = times[:, None].float() * self.rates
        time = self.time(torch.cat([angles.sin(), angles.cos()], 1))
        hidden = self.into(x) + time
        for layer in self.layers:
            hidden = hidden + layer(functional.silu(hidden + time))
        predicted: Tensor = self.out(functional.silu(hidden))
        return predicted


def network_of(toy: Toy, seed: int, progress: Progress) -> Perceptron:
    """The network that is trained on ``toy`` with ``seed``: the kept one, or one that is trained now and kept.
    ``progress`` takes the finished share, 0..1, and may raise to stop it."""
    network = _initial(toy, seed)
    path = _place(toy, seed)
    if (tensors := kept(path, safetensors.torch.load)) is not None:
        network.load_state_dict(tensors)
        return network.requires_grad_(False)
    average = trained(network, toy, seed, progress)
    keep(path, safetensors.torch.save(average.state_dict()))
    return average


def trained(network: Perceptron, toy: Toy, seed: int, progress: Progress) -> Perceptron:
    """The averaged weights after ``toy.steps`` steps of AdamW from ``network``, on the mean squared error of the noise
    (Ho et al. 2020): a function of ``toy`` and ``seed``."""
    average = copy.deepcopy(network).requires_grad_(False)
    optimiser = torch.optim.AdamW(network.parameters(), betas=(0.9, 0.99), weight_decay=0.0)
    alphas = toy.schedule.alphas_cumprod().float()
    for step in range(toy.steps):
        x = toy.draw(BATCH, seeded(seed, step, DATA))
        source = seeded(seed, step, NOISE)
        noise = torch.randn(x.shape, generator=source)
        times = torch.randint(len(alphas), (BATCH,), generator=source)
        alpha = alphas[times][:, None]
        loss = functional.mse_loss(network(alpha.sqrt() * x + (1 - alpha).sqrt() * noise, times), noise)
        set_rate(optimiser, RATE * min(1.0, (step + 1) / WARM_UP) * cosine_decay(step / toy.steps))
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        average_into(average, network, min(AVERAGE, (1 + step) / (10 + step)))
        progress((step + 1) / toy.steps)
    return average


def _initial(toy: Toy, seed: int) -> Perceptron:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(step_seed(seed, 0, WEIGHTS))
        return Perceptron(toy.dimension, toy.width)


def _place(toy: Toy, seed: int) -> Path:
    identity = (VERSION, toy.modes.tolist(), toy.spread, toy.betas, toy.width, toy.steps, BATCH, RATE, AVERAGE, seed)
    digest = hashlib.sha256(repr(identity).encode()).hexdigest()
    return cache_folder() / "bench" / f"{toy.name}-{digest[:32]}.safetensors"
