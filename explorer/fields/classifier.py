"""The gradient of what a small classifier says of a point, without the channels that others go by."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar, Self

import torch
from torch import Tensor
from torch.nn import functional

from explorer.scene.cards import FieldNature
from explorer.scene.model import Scalar

SLOPE = 0.1
"""Of the leaky rectifiers below 0, as published."""


@dataclass(frozen=True, eq=False)
class Classifier:
    """A perceptron of leaky rectifiers from points (B, d) to logits: one, whose sigmoid is the probability of what it
    tells, or one a class, whose softmax is. ``weights`` (outputs, inputs) and ``biases`` (outputs,), first layer first.
    """

    weights: tuple[Tensor, ...]
    biases: tuple[Tensor, ...]

    def __post_init__(self) -> None:
        """Raises ValueError for layers that do not follow each other."""
        if not self.weights or any(weight.ndim != 2 or not len(weight) for weight in self.weights):
            raise ValueError("no layers")
        if any(after.shape[1] != before.shape[0] for before, after in pairwise(self.weights)):
            raise ValueError("layers that do not follow each other")
        if [tuple(bias.shape) for bias in self.biases] != [(weight.shape[0],) for weight in self.weights]:
            raise ValueError("biases of another width")

    @property
    def width(self) -> int:
        """d."""
        return self.weights[0].shape[1]

    @property
    def classes(self) -> int:
        """How many logits it has; with one, what it tells is class 0 and all else has no logit."""
        return self.weights[-1].shape[0]

    def logits(self, z: Tensor) -> Tensor:
        """(B, classes)."""
        return self._read(z)[0]

    def log_probabilities(self, z: Tensor) -> Tensor:
        """(B, classes), or (B, 2) with one logit: of class 0, and of all else."""
        return _log_probabilities(self.logits(z))

    def gradients(self, z: Tensor, target: int | None) -> tuple[Tensor, Tensor]:
        """(B, R, d) and (B, 1): the gradients of the probabilities of class ``target``, or of all (None), each divided
        by the exponential of the second, which makes the largest weight in them 1.

        ∇p_c = Σ_j p_c p_j (∇l_c - ∇l_j), l the logits: no term cancels where p_c is nearly 1. With one logit that is
        the gradient of the log odds, p (1 - p) times.
        """
        logits, slopes = self._read(z)
        known = _log_probabilities(logits)
        count = known.shape[1]
        rows = list(range(self.classes)) if target is None else [target]
        own = torch.zeros(len(rows), count, dtype=torch.bool, device=z.device)
        own[range(len(rows)), rows] = True
        pairs = (known[:, rows, None] + known[:, None, :]).masked_fill(own, -math.inf)
        largest = pairs.detach().amax((1, 2))
        weights = torch.exp(pairs - largest[:, None, None])
        pulled = torch.where(own, weights.sum(2, keepdim=True), -weights)[:, :, : self.classes]
        for index in reversed(range(len(self.weights))):
            pulled = pulled @ self.weights[index]
            if index:
                pulled = pulled * slopes[index - 1][:, None, :]
        return pulled, largest[:, None]

    def tensors(self, prefix: str = "") -> dict[str, Tensor]:
        """For files."""
        layers = enumerate(zip(self.weights, self.biases, strict=True))
        return {
            f"{prefix}{name}.{index}": tensor
            for index, (weight, bias) in layers
            for name, tensor in (("weight", weight), ("bias", bias))
        }

    @classmethod
    def restore(cls, tensors: Mapping[str, Tensor], prefix: str = "") -> Self:
        """The one that :meth:`tensors` describes. Raises KeyError and ValueError."""
        count = sum(name.startswith(f"{prefix}weight.") for name in tensors)
        return cls(
            tuple(tensors[f"{prefix}weight.{index}"] for index in range(count)),
            tuple(tensors[f"{prefix}bias.{index}"] for index in range(count)),
        )

    def _read(self, z: Tensor) -> tuple[Tensor, list[Tensor]]:
        """The logits, and the slopes (B, hidden) of the rectifiers of every layer but the last."""
        slopes = []
        for index, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            z = z @ weight.T + bias
            if index < len(self.weights) - 1:
                slopes.append(torch.ones_like(z).masked_fill(z <= 0, SLOPE))
                z = z * slopes[-1]
        return z, slopes


def _log_probabilities(logits: Tensor) -> Tensor:
    if logits.shape[1] == 1:
        return torch.cat([functional.logsigmoid(logits), functional.logsigmoid(-logits)], 1)
    return functional.log_softmax(logits, 1)


@dataclass(frozen=True, eq=False)
class ClassifierField:
    """v = mask ⊙ ∇p of the probability p of class ``target`` of ``classifier``; for every classifier of ``excluded``
    the mask is 0 at as many channels as it is paired with: those with the largest slope of its probability, of any of
    its classes. Chen et al., "Exploring Gradient-based Multi-directional Controls in GANs", ECCV 2022, section 3.

    Followed at unit speed as published. Where the probability is 0 or 1 in the precision, the direction is still that
    of the closed form, and the length no less than the root of the smallest number of the precision: the released
    program divides 0 by 0 there. What such a direction is worth is another question: no sample has taught it.
    The mask changes with the point, so paths have corners.
    """

    kind: ClassVar[str] = "classifier"

    classifier: Classifier
    target: int = 0
    excluded: tuple[tuple[Classifier, int], ...] = ()

    def __post_init__(self) -> None:
        """Raises ValueError for a class that there is not, other widths, and as many channels as there are."""
        if not 0 <= self.target < self.classifier.classes:
            raise ValueError(f"class {self.target} of {self.classifier.classes}")
        for other, channels in self.excluded:
            if other.width != self.width:
                raise ValueError(f"an excluded classifier of width {other.width} beside {self.width}")
            if not 0 < channels < self.width:
                raise ValueError(f"{channels} excluded channels of {self.width}")

    @property
    def width(self) -> int:
        return self.classifier.width

    @property
    def smooth(self) -> bool:
        """Without rectifiers and masks there is nothing that jumps."""
        return len(self.classifier.weights) == 1 and not self.excluded

    @property
    def nature(self) -> FieldNature:
        return "both" if self.excluded else "gradient"

    @property
    def times(self) -> None:
        return None

    def velocity(self, z: Tensor, time: Tensor) -> Tensor:
        gradients, exponent = self.classifier.gradients(z, self.target)
        factor = torch.exp(exponent.clamp_min(math.log(torch.finfo(z.dtype).tiny) / 2))
        return gradients[:, 0] * factor * self.mask(z)

    def mask(self, z: Tensor) -> Tensor:
        """(B, d) 1 where the field moves ``z``, 0 at the channels that others go by."""
        mask = torch.ones_like(z)
        for other, channels in self.excluded:
            steepest = other.gradients(z.detach(), None)[0].detach().abs().amax(1)
            mask = mask.scatter(1, steepest.topk(channels, dim=1).indices, 0.0)
        return mask

    def potential(self, z: Tensor, time: Tensor) -> Tensor:
        return self.classifier.log_probabilities(z)[:, self.target].exp()

    def tensors(self) -> dict[str, Tensor]:
        found = self.classifier.tensors()
        for index, (other, _) in enumerate(self.excluded):
            found |= other.tensors(f"excluded.{index}.")
        return found

    def parameters(self) -> dict[str, Scalar]:
        channels = {f"excluded.{index}.channels": channels for index, (_, channels) in enumerate(self.excluded)}
        return {"target": self.target, **channels}

    @classmethod
    def restore(cls, tensors: Mapping[str, Tensor], parameters: Mapping[str, Scalar]) -> Self:
        count = sum(name.startswith("excluded.") for name in parameters)
        channels = [parameters[f"excluded.{index}.channels"] for index in range(count)]
        others = [Classifier.restore(tensors, f"excluded.{index}.") for index in range(count)]
        return cls(
            Classifier.restore(tensors),
            _whole(parameters["target"]),
            tuple(zip(others, map(_whole, channels), strict=True)),
        )


def saturated(log_probabilities: Tensor, least: float) -> Tensor:
    """(B,) where the probability of every class in ``log_probabilities`` (B, C) is within ``least`` of 0 or 1: the
    probability changes so little there that the direction in which it does is no longer what was taught."""
    return log_probabilities.exp().sub(0.5).abs().amin(1) > 0.5 - least


def _whole(value: Scalar) -> int:
    if type(value) is not int:
        raise ValueError(f"{value!r} where a whole number belongs")
    return value


FIELD = ClassifierField
