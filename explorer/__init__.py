"""Latent Explorer: explore the latent spaces of GAN, VAE and diffusion generators."""

import os

__version__ = "0.1.0"

# Models are files of this machine: libraries that would look for more of them elsewhere, or tell of their use, are told
# so before anything imports them, in this process and in those that it starts. What the user has set already stands.
if not {"HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"} & set(os.environ):
    os.environ.update(HF_HUB_OFFLINE="1", TRANSFORMERS_OFFLINE="1")
if not {"HF_HUB_DISABLE_TELEMETRY", "DISABLE_TELEMETRY", "DO_NOT_TRACK"} & set(os.environ):
    os.environ.update(HF_HUB_DISABLE_TELEMETRY="1")
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # onnxruntime's, which it would keep in the home, and send
