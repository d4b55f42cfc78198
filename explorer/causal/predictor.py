"""A function of the causes that is learned: an affine map of the encoded causes and, beside it, a perceptron.

The affine part is there so that far outside the table, where the perceptron has come to its limits, a line goes on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Self

import torch
from torch import Tensor

from explorer.causal.encoding import Encoding
from explorer.numerics.randomness import seeded
from explorer.scene.model import Scalar

Layer = tuple[Tensor, Tensor]
"""(inputs, outputs) weights and (outputs,) biases; logistic functions follow, which cost a quarter of tangents."""


@dataclass(frozen=True, eq=False)
class Predictor:
    """f(causes) = bias + e·slopes + σ(… σ(e·W₁ + b₁) …)·heights, e the encoded causes (B, E), in the dtype of the
    causes. ``slopes`` (E, O), ``bias`` (O,); without ``hidden`` layers there are no ``heights`` (H, O).

    Raises ValueError for tensors that do not belong together.
    """

    encoding: Encoding
    slopes: Tensor
    bias: Tensor
    hidden: tuple[Layer, ...] = ()
    heights: Tensor | None = None
    _cast: dict[tuple[torch.dtype, torch.device], list[Tensor]] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        outputs = self.bias.shape
        if len(outputs) != 1 or self.slopes.shape != (self.encoding.width, *outputs):
            raise ValueError(f"slopes {tuple(self.slopes.shape)} and a bias {tuple(outputs)}")
        if bool(self.hidden) != (self.heights is not None):
            raise ValueError("hidden layers without heights, or heights without hidden layers")
        width = self.encoding.width
        for weight, bias in self.hidden:
            if weight.dim() != 2 or weight.shape != (width, *bias.shape):
                raise ValueError(f"a hidden layer {tuple(weight.shape)}, {tuple(bias.shape)} after {width} numbers")
            width = len(bias)
        if self.heights is not None and self.heights.shape != (width, *outputs):
            raise ValueError(f"heights {tuple(self.heights.shape)}")
        if any(not tensor.is_floating_point() for tensor in self.leaves):
            raise ValueError("tensors that are not floating-point numbers")

    @classmethod
    def begun(cls, encoding: Encoding, outputs: int, widths: tuple[int, ...], seed: int, stream: int = 0) -> Self:
        """One to be trained: the affine part 0, the perceptron's layers of ``widths`` random, its heights 0."""
        source = seeded(seed, stream)
        hidden: list[Layer] = []
        width = encoding.width
        for each in widths if width else ():
            weight = 2 * torch.randn(width, each, generator=source, dtype=torch.float64) / width**0.5
            bias = 2 * torch.randn(each, generator=source, dtype=torch.float64)
            if hidden:  # what it takes is in (0, 1)
                weight, bias = 2 * weight, bias - weight.sum(dim=0)
            hidden.append((weight, bias))
            width = each
        return cls(
            encoding,
            torch.zeros(encoding.width, outputs, dtype=torch.float64),
            torch.zeros(outputs, dtype=torch.float64),
            tuple(hidden),
            torch.zeros(width, outputs, dtype=torch.float64) if hidden else None,
        )

    @staticmethod
    def size(encoded: int, outputs: int, widths: tuple[int, ...]) -> int:
        """How many numbers one has that takes ``encoded`` numbers."""
        count, width = (encoded + 1) * outputs, encoded
        for each in widths if encoded else ():
            count, width = count + (width + 1) * each, each
        return count + (width * outputs if widths and encoded else 0)

    @property
    def outputs(self) -> int:
        return len(self.bias)

    @cached_property
    def leaves(self) -> list[Tensor]:
        """All its tensors, which a training changes in place."""
        layers = [tensor for layer in self.hidden for tensor in layer]
        return [self.bias, self.slopes, *layers, *([] if self.heights is None else [self.heights])]

    @property
    def count(self) -> int:
        """How many numbers it holds."""
        return sum(tensor.numel() for tensor in self.leaves)

    def __call__(self, parents: Tensor) -> Tensor:
        """(B, O) at the causes (B, P); NaN where one of them is."""
        encoded = parents if self.encoding.is_identity else self.encoding(parents)
        bias, slopes, *layers = self._tensors(parents)
        if len(layers) == 0:
            return torch.addmm(bias, encoded, slopes)
        value = encoded
        for weight, shift in zip(layers[:-1:2], layers[1:-1:2], strict=True):
            value = torch.addmm(shift, value, weight).sigmoid()
        return torch.addmm(torch.addmm(bias, encoded, slopes), value, layers[-1])

    def scaled(self, scale: float, centre: float) -> Predictor:
        """This one's outputs times ``scale``, plus ``centre``; its tensors are its own and constants."""
        tensors = [tensor.detach().clone() for tensor in self.leaves]
        bias, slopes, *layers = tensors
        hidden = tuple(zip(layers[:-1:2], layers[1:-1:2], strict=True))
        heights = layers[-1] * scale if layers else None
        return Predictor(self.encoding, slopes * scale, bias * scale + centre, hidden, heights)

    def tensors(self) -> dict[str, Tensor]:
        """What a file keeps of it: the tensors."""
        kept = {"bias": self.bias, "slopes": self.slopes}
        for index, (weight, bias) in enumerate(self.hidden):
            kept |= {f"hidden.{index}.weight": weight, f"hidden.{index}.bias": bias}
        return kept if self.heights is None else {**kept, "heights": self.heights}

    def parameters(self) -> dict[str, Scalar]:
        """What a file keeps of it, besides the tensors."""
        return self.encoding.parameters()

    @classmethod
    def restore(
        cls, causes: int, outputs: int, tensors: Mapping[str, Tensor], parameters: Mapping[str, Scalar]
    ) -> Self:
        """The predictor of ``causes`` and so many ``outputs`` that :meth:`tensors` and :meth:`parameters` describe.

        Raises KeyError for what is missing, ValueError for what is wrong.
        """
        depth = 0
        while f"hidden.{depth}.weight" in tensors:
            depth += 1
        hidden = tuple((tensors[f"hidden.{index}.weight"], tensors[f"hidden.{index}.bias"]) for index in range(depth))
        restored = cls(
            Encoding.restore(causes, parameters),
            tensors["slopes"],
            tensors["bias"],
            hidden,
            tensors["heights"] if depth else None,
        )
        if restored.outputs != outputs:
            raise ValueError(f"{restored.outputs} outputs where {outputs} belong")
        return restored

    def _tensors(self, like: Tensor) -> list[Tensor]:
        if self.bias.dtype == like.dtype and self.bias.device == like.device:
            return self.leaves
        key = like.dtype, like.device
        if key not in self._cast:
            self._cast[key] = [tensor.to(like) for tensor in self.leaves]
        return self._cast[key]
