"""Layouts of other programs' VAE checkpoints, one file each with a module-level ``LAYOUT``."""
