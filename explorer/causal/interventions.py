"""What is done to a variable: set it, shift it, or let it come about in another way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor

from explorer.causal.base import Mechanism


@dataclass(frozen=True)
class Hard:
    """do(x = value): its causes count no longer. One number, or one a row, (B,)."""

    value: float | Tensor


@dataclass(frozen=True)
class Shift:
    """x comes about as before, and ``by`` is added. One number, or one a row, (B,)."""

    by: float | Tensor


@dataclass(frozen=True)
class Soft:
    """x comes about by another mechanism, whose causes must be no descendants of x; it is given the same noise."""

    mechanism: Mechanism


Intervention = Hard | Shift | Soft
Interventions = Mapping[str, Intervention]
"""Variable → what is done to it, on several at once."""
