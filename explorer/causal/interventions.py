"""What is done to a variable: set it, shift it, or let it come about in another way, or of other noise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from explorer.causal.base import Mechanism


@dataclass(frozen=True)
class Hard:
    """do(x = value): its causes count no longer. One number, or one a row, (B,)."""

    value: float | Tensor

    def repeated(self, times: int) -> Hard:
        """The same for the rows ``times`` over."""
        return Hard(self.value.repeat(times)) if isinstance(self.value, Tensor) and self.value.dim() else self

    def of_rows(self, rows: Tensor) -> Hard:
        """The same for the ``rows`` (n,) alone."""
        return Hard(self.value[rows]) if isinstance(self.value, Tensor) and self.value.dim() else self


@dataclass(frozen=True)
class Shift:
    """x comes about as before, and ``by`` is added. One number, or one a row, (B,)."""

    by: float | Tensor

    def repeated(self, times: int) -> Shift:
        """The same for the rows ``times`` over."""
        return Shift(self.by.repeat(times)) if isinstance(self.by, Tensor) and self.by.dim() else self

    def of_rows(self, rows: Tensor) -> Shift:
        """The same for the ``rows`` (n,) alone."""
        return Shift(self.by[rows]) if isinstance(self.by, Tensor) and self.by.dim() else self


@dataclass(frozen=True)
class Soft:
    """x comes about by another mechanism, whose causes must be no descendants of x; it is given the same noise."""

    mechanism: Mechanism

    def repeated(self, times: int) -> Soft:
        """The same for the rows ``times`` over."""
        return self

    def of_rows(self, rows: Tensor) -> Soft:
        """The same for the ``rows`` (n,) alone."""
        return self


@dataclass(frozen=True)
class Renewed:
    """x comes about as before, of its causes, but of ``noise`` (B, N) in place of its own: drawn anew, or that of other
    rows. Where these do not tell it, it is NaN, and ``drawn`` (D, B, N) is how it is distributed."""

    noise: Tensor
    drawn: Tensor | None = None

    def repeated(self, times: int) -> Renewed:
        """The same for the rows ``times`` over; what is not unique as it is distributed, of D times at most."""
        wide = self.noise.repeat(times, 1)
        if self.drawn is None:
            return Renewed(wide)
        return Renewed(torch.where(wide.isnan(), self.drawn[:times].flatten(0, 1).to(wide), wide))

    def of_rows(self, rows: Tensor) -> Renewed:
        """The same for the ``rows`` (n,) alone."""
        return Renewed(self.noise[rows], None if self.drawn is None else self.drawn[:, rows])


Intervention = Hard | Shift | Soft | Renewed
Interventions = Mapping[str, Intervention]
"""Variable → what is done to it, on several at once."""
