"""The settings of a diffusion recipe."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from explorer.training.base import Count, Share, Weight, Whole

TRAIN_STEPS = 1000
Widths = Annotated[tuple[Annotated[int, msgspec.Meta(ge=2)], ...], msgspec.Meta(min_length=1)]
SamplerSteps = Annotated[int, msgspec.Meta(ge=1, le=TRAIN_STEPS)]


class DiffusionSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The ``settings`` of a diffusion recipe.

    ``autoencoder_steps`` of 0 means diffusion in pixels, or on the latents of the model that ``autoencoder`` names (one
    that ships, or a pipeline's folder). The autoencoder halves the picture
    ``len(autoencoder_widths) - 1`` times; its loss is the mean absolute error plus ``kl_weight`` times the KL term per
    latent number. ``prediction``: what the U-Net predicts, the noise of the linear schedule (Ho et al. 2020) or v
    (Salimans and Ho 2022) on the cosine schedule. Each batch of latents is noised ``draws`` times. Both learning
    rates warm up over ``warm_up`` steps, stay, and fall linearly to zero over the last ``cool_down`` share of their
    phase. ``average`` is the decay of the averaged weights. ``precision`` is that of the networks while training
    (bfloat16 pays on processors and GPUs that have it). ``full_steps``, ``interactive_steps``: sampler steps for the
    card. ``h_window``: highest and lowest training step at which edits of ``h`` act, for the card (none: all).
    ``evaluation``: pictures for the figures in the card.
    """

    autoencoder_steps: Whole
    autoencoder: str = ""
    autoencoder_widths: Widths = (16, 32, 64)
    autoencoder_learning_rate: Weight = 2e-3
    latent_channels: Count = 4
    kl_weight: Weight = 2e-4
    prediction: Literal["v_prediction", "epsilon"] = "v_prediction"
    unet_widths: Widths = (64, 96, 128)
    learning_rate: Weight = 1e-3
    draws: Count = 2
    warm_up: Whole = 100
    cool_down: Share = 0.25
    average: Share = 0.998
    precision: Literal["float32", "bfloat16", "float16"] = "float32"
    full_steps: SamplerSteps = 50
    interactive_steps: SamplerSteps = 5
    h_window: tuple[int, ...] = ()
    evaluation: Annotated[int, msgspec.Meta(ge=2)] = 500  # distances are between pairs

    def __post_init__(self) -> None:
        if self.h_window and (len(self.h_window) != 2 or not TRAIN_STEPS > self.h_window[0] >= self.h_window[1] >= 0):
            raise ValueError(f"h_window is the highest and the lowest of the steps 0 to {TRAIN_STEPS - 1}")
