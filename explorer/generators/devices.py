"""Which device, how many threads, and how long something took on it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

import torch

from explorer.errors import ExplorerError


def choose_device() -> torch.device:
    """``LATENT_EXPLORER_DEVICE`` if set, else the first CUDA device, else Apple's, else the CPU. Raises
    :class:`ExplorerError` where the one that is set does not compute."""
    if named := os.environ.get("LATENT_EXPLORER_DEVICE"):
        try:
            device = torch.device(named)
            torch.zeros(1, device=device).item()  # torch knows devices that this machine, or this torch, has not
        except (RuntimeError, AssertionError, NotImplementedError) as error:
            sentence = f"The device '{named}' cannot be used here; set LATENT_EXPLORER_DEVICE=cpu."
            raise ExplorerError(sentence) from error
        return device
    if torch.cuda.is_available():
        return torch.device("cuda:0")
    if torch.backends.mps.is_available():
        return torch.device("mps")
    return torch.device("cpu")


def leave_a_core_free() -> None:
    """Let torch use all cores but one: a window whose engine takes every core stutters (and contended threads are
    slower than one)."""
    torch.set_num_threads(max(1, (os.cpu_count() or 2) - 1))


def device_clock(device: torch.device) -> Callable[[], float]:
    """Start a clock; calling what it returns gives the milliseconds since, after the device has finished its work."""
    start = time.perf_counter()

    def stop() -> float:
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        elif device.type == "mps":
            torch.mps.synchronize()
        return (time.perf_counter() - start) * 1e3

    return stop


def memory_in_use(device: torch.device) -> int:
    """Bytes of device memory that tensors take; 0 on the CPU, where the process's resident memory tells more."""
    return int(torch.cuda.memory_allocated(device)) if device.type == "cuda" else 0


def describe(device: torch.device) -> str:
    """What the status line shows: ``cpu · 1 thread``, ``cuda:0 · NVIDIA …``."""
    if device.type == "cuda":
        return f"{device} · {torch.cuda.get_device_name(device)}"
    if device.type == "cpu":
        threads = torch.get_num_threads()
        return f"cpu · {threads} thread{'s' if threads > 1 else ''}"
    return str(device)
