"""What a conditional VAE's recipe may say."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from explorer.training.autoencoder import AutoencoderSettings
from explorer.training.base import Share, Weight, Whole


class ConditionalVaeSettings(AutoencoderSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The ``settings`` of a conditional VAE's recipe, besides those of every autoencoder.

    ``factors``: the condition (none named: all of the world's); all else is left to the latents. ``likelihood``:
    Bernoulli over [0, 1], or Gaussian of the deviation that fits each batch best. ``beta`` weighs the KL term,
    ``reading`` the squared error of the factors that the encoder reads from the picture. ``labels``: the share of
    pictures whose factors are known. Of the others the reader's own take their place; they are drawn after the share
    ``unlabelled_from`` of the steps, and teach the decoder alone: ``learn`` of the trainer says why. ``independent``:
    so many more pictures a step, of factors drawn independently, are read: else an effect can be guessed from its
    causes, and the reader does not see its noise. The learning rate rises over ``warm_up`` steps. ``average``: what the
    running mean of the weights, which is exported, keeps of itself in a step (0: no mean).
    ``octaves``, ``decoder`` and ``channel_means`` are those of
    :class:`explorer.generators.cvae_network.ConditionalVaeConfig`. ``colour_gains``: each channel of a picture is
    multiplied by a number within so much of 1, which no factor tells. ``causes``: so many rows of the data, of which
    ``labels`` are known, teach how the factors come about, along the arrows of the world's graph (0: nothing does).
    ``refit``: the reader's last layer is fitted anew, by least squares, to so many pictures at the end (0: it stays).
    """

    latents: int = 4
    factors: tuple[str, ...] = ()
    likelihood: Literal["bernoulli", "gaussian"] = "bernoulli"
    beta: Weight = 1.0
    reading: Weight = 50.0
    labels: Annotated[float, msgspec.Meta(gt=0, le=1)] = 1.0
    unlabelled_from: Share = 0.4
    independent: Whole = 0
    warm_up: Whole = 0
    average: Annotated[float, msgspec.Meta(ge=0, lt=1)] = 0.0
    octaves: Whole = 0
    decoder: Literal["transposed", "normalised"] = "transposed"
    channel_means: bool = False
    colour_gains: Annotated[float, msgspec.Meta(ge=0, lt=1)] = 0.0
    causes: Whole = 0
    refit: Whole = 0
