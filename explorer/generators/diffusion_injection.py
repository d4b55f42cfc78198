"""What is added in the middle of a U-Net, and what is heard there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor


class Injection:
    """One hook on the middle block of a U-Net, registered once and for good, whose buffer is edited in place: so a
    compiled U-Net stays compiled. Copies of the network with other weights share it. ``shape``: of the block's output
    for one picture."""

    def __init__(self, unet: Any, shape: tuple[int, ...], device: torch.device) -> None:
        self._shape, self._device = shape, device
        self.added: Tensor | None = None
        """(B, *shape): what is added now; None: nothing was yet."""
        self._heard: list[Tensor] | None = None
        self._batch = 0
        unet.mid_block.register_forward_hook(self._hook)

    def add(self, h: Tensor | None, batch: int) -> None:
        """Add ``h`` (or zeros) to the outputs of ``batch`` pictures from now on; one that wants gradients stands in for
        the buffer."""
        if h is not None and h.requires_grad:
            self.added = h
            return
        held = self.added
        if held is None or held.requires_grad or held.shape[0] != batch:
            with torch.inference_mode(False):  # a buffer of inference mode could not be edited outside it
                self.added = held = torch.zeros((batch, *self._shape), device=self._device)
        if h is None:
            held.zero_()
        else:
            held.copy_(h)

    @contextmanager
    def heard(self, batch: int) -> Iterator[list[Tensor]]:
        """(B, *shape) float32 each: the middle block's own outputs in the calls within the ``with`` block; with
        guidance, of the prediction to which pictures are led."""
        self._heard, self._batch = [], batch
        try:
            yield self._heard
        finally:
            self._heard = None

    def _hook(self, module: Any, inputs: Any, output: Tensor) -> Tensor:
        if self._heard is not None:
            self._heard.append(output[-self._batch :].float().clone())
        if self.added is None:
            return output
        added = self.added.to(output.dtype)
        # With guidance the rows come twice.
        return output + (added if len(added) == len(output) else added.repeat(2, 1, 1, 1))
