"""What the families of models are called where a user reads them. No torch."""

from __future__ import annotations

from collections.abc import Sequence

TITLES = {
    "burgess_vae": "disentangling-vae",
    "cvae": "conditional VAE",
    "diffusion": "diffusion",
    "known_factors": "known factors",
    "mlp_gan": "MLP GAN",
    "qlae": "QLAE",
    "stylegan2": "StyleGAN2",
    "vae": "VAE",
}
"""Name of a family → what one model of it is called, before a word such as model."""


def family_text(name: str) -> str:
    """``StyleGAN2`` for ``stylegan2``; of a family that was added from elsewhere its name, in words."""
    return TITLES.get(name, name.replace("_", " "))


def families_text(names: Sequence[str]) -> str:
    """``StyleGAN2 and VAE``, ``QLAE, StyleGAN2 and VAE``."""
    titles = [family_text(name) for name in names]
    return " and ".join([", ".join(titles[:-1]), titles[-1]] if len(titles) > 1 else titles)
