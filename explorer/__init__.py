"""Latent Explorer: explore the latent spaces of GAN, VAE and diffusion generators."""

__version__ = "0.1.0"
