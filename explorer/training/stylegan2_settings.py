"""The settings of a StyleGAN2 recipe, and the picture distance that its stages share."""

from __future__ import annotations

import msgspec
import torch
from torch import Tensor
from torch.nn import functional

from explorer.training.augment import GROUPS, Group
from explorer.training.base import Count, Positive, Share, Weight, Whole


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a recipe may set; the size and channels of the pictures are the source's. Steps that no stage claims are
    adversarial. Rates are Adam's; ``batch`` sizes count codes."""

    channels: list[Count] = msgspec.field(default_factory=lambda: [128, 128, 64, 32, 16])
    z_dim: Count = 64
    w_dim: Count = 64
    mapping_layers: Count = 4
    mapping_width: Count = 256
    mapping_lr_multiplier: Positive = 1.0
    encoder_channels: list[Count] = msgspec.field(default_factory=lambda: [24, 48, 96, 128])
    discriminator_channels: list[Count] = msgspec.field(default_factory=lambda: [32, 64, 128, 128])
    precision: str = "float32"  # or "bfloat16", "float16": of the convolutions, weights stay float32

    autoencoder_steps: Whole = 1000
    small_steps: list[Whole] = []  # of these, how many draw at …, a quarter and half of the resolution
    synthesis_rate: Weight = 0.03  # Muon's, for the weights of the synthesis network
    autoencoder_rate: Weight = 1e-3  # Adam's, for the encoder; ten times that for biases, noise and the constant
    code_noise: Weight = 0.1

    flow_steps: Whole = 300
    flow_updates: Count = 8  # of the velocity field, per step
    flow_batch: Count = 256
    flow_rate: Weight = 1e-3
    flow_width: Count = 256
    code_bank: Count = 16384

    distillation_steps: Whole = 200
    distillation_updates: Count = 8
    distillation_rate: Weight = 1e-3
    integration_steps: Count = 24

    adversarial_rate: Weight = 1e-3
    discriminator_rate: Weight = 5e-4
    discriminator_warm_up: Whole = 100  # steps in which only the discriminator learns
    r1_weight: Weight = 1.0
    r1_every: Count = 16
    anchor_weight: Weight = 1.0
    averaging: Share = 0.995

    ada_target: Share = 0.0  # adaptive augmentation's E[sign(D(real))]; 0: off, as for data that does not run out
    ada_kimg: Positive = 500.0  # thousand pictures in which the probability of augmentation may cross 0 to 1
    ada_groups: list[Group] = msgspec.field(default_factory=lambda: list(GROUPS))

    evaluation: Count = 2048  # pictures for the figures in the card


def pyramid_distance(a: Tensor, b: Tensor) -> Tensor:
    """Mean absolute difference of two batches (B, C, H, H), averaged over the sizes H, H/2, … down to 8 (or H)."""
    terms = [(a - b).abs().mean()]
    while a.shape[-1] >= 16:
        a, b = functional.avg_pool2d(a, 2), functional.avg_pool2d(b, 2)
        terms.append((a - b).abs().mean())
    return torch.stack(terms).mean()
