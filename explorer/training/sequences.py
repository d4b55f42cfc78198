"""How well the codes of a VAE follow what happens to its pictures: equivariance, on sequences that it has not seen."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from explorer.fields.potential_bank import PotentialBank
from explorer.generators.vae_network import VaeNetwork
from explorer.numerics.randomness import seeded
from explorer.training.data import SequenceSource

SEQUENCES = 1000
FITTED_ON = 2000
"""Sequences that lines and flows are fitted on, of others than those that they are examined on."""
FITTING_STEPS, FITTING_BATCH, FITTING_RATE = 2000, 256, 5e-3
BEGINNING, CHOOSING = 1, 2  # streams of random numbers

Walk = Callable[[Tensor, Tensor, int], Tensor]
"""(codes (S, L) of the first pictures, classes (S,), steps) → codes (S, L) after so many steps."""


@torch.no_grad()
def equivariance(
    network: VaeNetwork, source: SequenceSource, device: torch.device, walk: Walk | None = None
) -> dict[str, float]:
    """Σ_t |x̂_t − x_t|₁ over the steps after the first, summed over subpixels in [0, 1], the mean over held-out
    sequences: how far pictures decoded along a path in the latent space lie from what really follows. Song et al.,
    "Flow Factorized Representation Learning", NeurIPS 2023, section 5.

    ``equivariance_error`` along ``walk``; ``…_still`` where the code stays as it is, what has to be beaten;
    ``…_straight`` along one vector a class, the mean step of the codes; ``…_fitted`` along potentials that are fitted
    to the codes of the finished network, which shows what a network gives to flows that it was not trained with;
    ``…_own`` with the code of each picture itself. Codes are posterior means.
    """
    codes, classes = _to_fit(network, source, device)
    steps = torch.stack([_mean_step(codes[classes == one]) for one in range(len(source.moving))])
    potentials = _fitted(codes, classes, len(source.moving))
    walks: dict[str, Walk] = {
        "_still": lambda z, which, count: z,
        "_straight": lambda z, which, count: z + count * steps[which],
        "_fitted": lambda z, which, count: walked(potentials, z, which, count)[-1],
    }
    if walk is not None:
        walks[""] = walk
    lost = dict.fromkeys([*walks, "_own"], 0.0)
    for start in range(0, SEQUENCES, 100):
        pictures, which, codes = _seen(network, source, device, 100, start)
        for count in range(1, source.length):
            truth = pictures[:, count]
            found = {name: network.decode(walking(codes[:, 0], which, count)) for name, walking in walks.items()}
            found["_own"] = network.decode(codes[:, count])
            for name, drawn in found.items():
                lost[name] += float((drawn - truth).abs().sum())
    return {f"equivariance_error{name}": value / SEQUENCES for name, value in lost.items()}


def walked(potentials: PotentialBank, z: Tensor, which: Tensor, steps: int) -> list[Tensor]:
    """(S, L) after 1 to ``steps`` steps of Euler from the codes ``z`` (S, L), along the potentials ``which`` (S,); time
    begins at 1."""
    networks, found = potentials.networks(which), []
    for number in range(steps):
        time = torch.full((len(z), 1), number + 1.0).to(z)
        z = z + networks.velocity(z[:, None], time)[:, 0]
        found.append(z)
    return found


def _to_fit(network: VaeNetwork, source: SequenceSource, device: torch.device) -> tuple[Tensor, Tensor]:
    """Codes (:data:`FITTED_ON`, T, L) and classes of the sequences that lines and flows are fitted on."""
    seen = [_seen(network, source, device, 100, SEQUENCES + start)[1:] for start in range(0, FITTED_ON, 100)]
    classes, codes = zip(*seen, strict=True)
    return torch.cat(codes), torch.cat(classes)


def _mean_step(codes: Tensor) -> Tensor:
    """(L,) by how much the codes (S, T, L) move from picture to picture."""
    return (codes[:, -1] - codes[:, 0]).mean(0) / (codes.shape[1] - 1)


@torch.enable_grad()
def _fitted(codes: Tensor, classes: Tensor, count: int) -> PotentialBank:
    """``count`` potentials whose flows lead from the first of the codes (S, T, L) as near to the others as they can, by
    squared distance; always the same for the same codes. Nothing but that is asked of them."""
    bank = PotentialBank(count, codes.shape[-1], False, True, 0, BEGINNING).to(codes.device)
    optimiser = torch.optim.Adam(bank.parameters(), lr=FITTING_RATE)
    falling = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, FITTING_STEPS)
    for number in range(FITTING_STEPS):
        rows = torch.randint(len(codes), (FITTING_BATCH,), generator=seeded(0, number, CHOOSING)).to(codes.device)
        way = torch.stack(walked(bank, codes[rows, 0], classes[rows], codes.shape[1] - 1), 1)
        optimiser.zero_grad()
        (way - codes[rows, 1:]).square().sum(2).mean().backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        falling.step()
    return bank


def _seen(
    network: VaeNetwork, source: SequenceSource, device: torch.device, count: int, seed: int
) -> tuple[Tensor, Tensor, Tensor]:
    """``count`` sequences: pictures (S, T, C, H, W) in [0, 1], classes (S,), codes (S, T, L)."""
    batch = source.held_out_sequences(count * source.length, seed).to(device)
    assert batch.factors is not None
    pictures = (batch.images + 1.0) / 2.0
    codes = network.encode(pictures)[0]
    shape = count, source.length
    return pictures.reshape(*shape, *pictures.shape[1:]), source.classes(batch.factors), codes.reshape(*shape, -1)
