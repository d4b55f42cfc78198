"""The samplers of diffusion models, by name: what `Quality.sampler` and the command line say. Plain values."""

from __future__ import annotations

from explorer.errors import ExplorerError
from explorer.scene.cards import ModelCard

SAMPLERS = {
    "ddim": "DDIM",
    "ddpm": "DDPM",
    "pndm": "PNDM",
    "euler": "Euler",
    "euler_ancestral": "Euler ancestral",
    "heun": "Heun",
    "lms": "LMS",
    "dpmpp_2m": "DPM++ 2M",
    "unipc": "UniPC",
    "deis": "DEIS",
    "lcm": "LCM",
    "tcd": "TCD",
}
"""Name → what it is called."""


def require_sampler(card: ModelCard, sampler: str) -> None:
    """Raise :class:`ExplorerError` where pictures of the model cannot be drawn by ``sampler`` (empty: its own)."""
    if not sampler or sampler in card.samplers:
        return
    if not card.samplers:
        raise ExplorerError(f"'{card.name}' is drawn in one way; leave the sampler out.")
    raise ExplorerError(f"'{card.name}' is drawn by {', '.join(card.samplers)}; there is no sampler '{sampler}'.")
