"""Mixed precision, as every trainer that has it uses it: the networks compute in it, weights and sums stay float32."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


class Precision:
    """``name`` is float32, bfloat16 (processors and GPUs that have it) or float16 (GPUs; the loss is scaled so that
    small gradients do not vanish). Raises ValueError for another name."""

    def __init__(self, name: str, device: torch.device) -> None:
        if name not in DTYPES:
            raise ValueError(f"precision is '{name}', not {', '.join(repr(known) for known in DTYPES)}")
        self.dtype, self._device = DTYPES[name], device.type
        self._scaler = torch.amp.GradScaler(device.type, enabled=self.dtype == torch.float16)

    def autocast(self) -> torch.autocast:
        """The context in which networks run."""
        return torch.autocast(self._device, self.dtype, enabled=self.dtype != torch.float32)

    def update(
        self,
        loss: Tensor,
        optimisers: Sequence[torch.optim.Optimizer],
        clip: float | None = None,
        limited: Sequence[Tensor] = (),
        limit: float = 1.0,
    ) -> None:
        """One step of each of ``optimisers`` down the gradient of ``loss``, whose norm for each is at most ``clip``;
        the parameters ``limited`` have every number of their gradients within ± ``limit``.

        In float16 a step whose gradient is not finite is left out and the loss's scale halved.
        """
        for optimiser in optimisers:
            optimiser.zero_grad(set_to_none=True)
        self._scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
        for optimiser in optimisers:
            if clip is not None or limited:
                self._scaler.unscale_(optimiser)
            if limited:
                torch.nn.utils.clip_grad_value_(limited, limit)
            if clip is not None:
                parameters = [parameter for group in optimiser.param_groups for parameter in group["params"]]
                torch.nn.utils.clip_grad_norm_(parameters, clip)
            self._scaler.step(optimiser)
        self._scaler.update()

    def state(self) -> dict[str, Any]:
        """The scale and how long it has held; empty unless float16."""
        return self._scaler.state_dict()

    def restore(self, state: dict[str, Any]) -> None:
        """Put back what :meth:`state` gave."""
        self._scaler.load_state_dict(state)
