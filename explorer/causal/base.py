"""The mechanism: how one variable of a causal graph comes about. The only kind of structural causal model that there
is is made of these (:mod:`explorer.causal.model`); a kind is one file in ``mechanisms/``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Protocol, Self, runtime_checkable

from torch import Tensor

from explorer.scene.model import Scalar

Values = dict[str, Tensor]
"""Variable → its values (B,). A category's are the indices of its labels, a cyclic variable's lie in its period."""

Noises = dict[str, Tensor]
"""Variable → its exogenous noise (B, N), N the mechanism's ``noise_width``; NaN where it is not unique."""


class Mechanism(Protocol):
    """``x = assign(parents, noise)``, batched over rows, differentiable, in the dtype of what it is called with.

    Noise is independent of the parents; every kind says how it is distributed by the function that makes it of uniform
    numbers. So noises can be tied together (a copula is an unobserved common cause), and what was observed can be asked
    for all the noises that give it. Laws, tested for every kind: ``assign(parents, abduct(parents, x)) == x`` where the
    noise is unique, and ``assign(parents, posterior(parents, x, any uniform)) == x`` everywhere; where a cause or the
    noise is NaN, so is the value.
    """

    kind: ClassVar[str]
    """The kind's name in files, for ever."""

    @property
    def parents(self) -> tuple[str, ...]:
        """The direct causes, in the order of the columns of ``parents`` (B, P) below."""

    @property
    def noise_width(self) -> int:
        """N: how many numbers the noise of one row is."""

    @property
    def invertible(self) -> bool:
        """Whether a value and its causes always tell the noise."""

    def noise(self, uniform: Tensor) -> Tensor:
        """(B, N) noise of ``uniform`` (B, N), independent numbers in (0, 1)."""

    def assign(self, parents: Tensor, noise: Tensor) -> Tensor:
        """(B,) values of the causes ``parents`` (B, P) and ``noise`` (B, N)."""

    def abduct(self, parents: Tensor, value: Tensor) -> Tensor:
        """(B, N) the noise that gave ``value`` (B,); NaN where it is not unique, or where no noise gives it."""

    def posterior(self, parents: Tensor, value: Tensor, uniform: Tensor) -> Tensor:
        """(B, N) noise as it is distributed given that it gave ``value`` (B,), of ``uniform`` (B, N): as
        :meth:`abduct` where that is unique."""

    def log_prob(self, parents: Tensor, value: Tensor) -> Tensor:
        """(B,) the logarithm of the density of ``value`` (B,) given the causes, or of its probability where the
        variable has levels, or where many noises give one value."""


@runtime_checkable
class Fitted(Mechanism, Protocol):
    """What a mechanism adds that is learned from a table, and kept in a file."""

    def tensors(self) -> dict[str, Tensor]:
        """What a file keeps of it: the tensors."""

    def parameters(self) -> dict[str, Scalar]:
        """What a file keeps of it, besides the tensors and the parents: plain values."""

    @classmethod
    def restore(cls, parents: tuple[str, ...], tensors: Mapping[str, Tensor], parameters: Mapping[str, Scalar]) -> Self:
        """The mechanism that :meth:`tensors` and :meth:`parameters` describe.

        Raises KeyError for what is missing, ValueError for what is wrong.
        """
