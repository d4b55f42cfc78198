"""What a training ran on, for the card of its model."""

from __future__ import annotations

import os

import torch


def hardware(device: torch.device) -> str:
    """``NVIDIA …``, or of a processor the threads in use and those it has: ``1 of 8 CPU threads``."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    if device.type == "cpu":
        return f"{torch.get_num_threads()} of {os.cpu_count() or 'unknown'} CPU threads"
    return device.type
