"""A small convolutional network that reads a world's factors from pictures, and its files."""

from __future__ import annotations

import math
from itertools import pairwise
from pathlib import Path

import msgspec
import numpy as np
import safetensors.torch
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from explorer.checkpoint import load_exactly, read_json, read_safetensors
from explorer.errors import ModelError
from explorer.files import atomic_write
from explorer.worlds.base import Factor
from explorer.worlds.predictor.files import CONFIG, FAMILY, WEIGHTS


class PredictorConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``config.json`` of an attribute predictor: all that is needed of ``world``, so that reading pictures does not
    need the world.

    ``widths``: channels after each halving of the picture; ``features``: numbers before the heads.
    """

    family: str = FAMILY
    format: int = 1
    world: str
    size: int = 64
    channels: int = 3
    widths: tuple[int, ...] = (24, 48, 64, 96)
    features: int = 96
    factors: tuple[Factor, ...]

    @property
    def side(self) -> int:
        """Pixels at which the convolutions end."""
        return self.size >> len(self.widths)

    def problem(self) -> str:
        """What is impossible about these numbers, as the end of a sentence; empty when they are fine."""
        if self.format != 1:
            return f"format {self.format} is of a newer program"
        if not 1 <= len(self.widths) <= 8 or self.side << len(self.widths) != self.size or not 1 <= self.side <= 16:
            return f"{len(self.widths)} widths do not halve {self.size} pixels to 1..16"
        if not all(1 <= width <= 1024 for width in (*self.widths, self.features)) or self.channels not in (1, 3):
            return "a width lies outside 1..1024, or channels are not 1 or 3"
        if not self.factors or len({factor.name for factor in self.factors}) != len(self.factors):
            return "it names no factors, or one twice"
        for factor in self.factors:
            finite = all(math.isfinite(value) for value in factor.values)
            if not finite or len(factor.values) < 2 or any(a >= b for a, b in pairwise(factor.values)):
                return f"the levels of '{factor.name}' do not ascend"
        return ""


class PredictorNetwork(nn.Module):
    """Pictures (B, C, H, H) in [-1, 1] → features (B, d) → one head a factor, side by side in (B, outputs).

    A number has one output, (x - middle) / σ with σ that of a uniform draw from its range; a cyclic number two, its
    place on the circle; a category one logit a level.
    """

    def __init__(self, config: PredictorConfig) -> None:
        super().__init__()
        self.config = config
        layers: list[nn.Module] = []
        for before, after in zip((config.channels, *config.widths[:-1]), config.widths, strict=True):
            layers += [nn.Conv2d(before, after, 4, stride=2, padding=1), nn.SiLU()]
        flat = config.widths[-1] * config.side**2
        self.trunk = nn.Sequential(*layers, nn.Flatten(), nn.Linear(flat, config.features), nn.SiLU())
        counts = [outputs_of(factor) for factor in config.factors]
        self.heads = nn.Linear(config.features, sum(counts))
        self.counts = counts
        for layer in self.trunk:
            if isinstance(layer, nn.Conv2d | nn.Linear):  # He: with torch's default the signal fades over the layers
                nn.init.normal_(layer.weight, std=math.sqrt(2.0 / layer.weight[0].numel()))
                if layer.bias is not None:
                    nn.init.zeros_(layer.bias)
        nn.init.normal_(self.heads.weight, std=0.1 / math.sqrt(config.features))

    def features(self, pictures: Tensor) -> Tensor:
        """(B, d) what the heads read."""
        found: Tensor = self.trunk(pictures)
        return found

    def forward(self, pictures: Tensor) -> Tensor:
        """(B, outputs)."""
        raw: Tensor = self.heads(self.trunk(pictures))
        return raw

    def losses(self, raw: Tensor, factors: Tensor) -> dict[str, Tensor]:
        """Factor → mean loss of the outputs (B, outputs) against the truth (B, K), each about 1 for a constant guess:
        squared error in σ, 1 - cos of the angle between, cross-entropy over that of equal levels."""
        found: dict[str, Tensor] = {}
        for factor, part, truth in zip(
            self.config.factors, torch.split(raw, self.counts, dim=1), factors.T, strict=True
        ):
            if factor.kind == "category":
                levels = (truth[:, None] - truth.new_tensor(factor.values)).abs().argmin(dim=1)
                found[factor.name] = nn.functional.cross_entropy(part, levels) / math.log(len(factor.values))
            elif factor.cyclic:
                angle = (truth - factor.low) * (2.0 * math.pi / factor.period)
                place = torch.stack([angle.cos(), angle.sin()], dim=1)
                found[factor.name] = 1.0 - (nn.functional.normalize(part, dim=1) * place).sum(dim=1).mean()
            else:
                found[factor.name] = (part[:, 0] - (truth - _middle(factor)) / _spread(factor)).square().mean()
        return found

    def read(self, raw: Tensor) -> NDArray[np.float32]:
        """(B, K) values in the factors' own units of the outputs (B, outputs); cyclic ones in [low, low + period)."""
        columns = []
        for factor, part in zip(self.config.factors, torch.split(raw.float().cpu(), self.counts, dim=1), strict=True):
            if factor.kind == "category":
                columns.append(torch.tensor(factor.values)[part.argmax(dim=1)])
            elif factor.cyclic:
                share = torch.atan2(part[:, 1], part[:, 0]) / (2.0 * math.pi)
                columns.append(factor.low + factor.period * (share % 1.0))
            else:
                columns.append(_middle(factor) + _spread(factor) * part[:, 0])
        return np.asarray(torch.stack(columns, dim=1).numpy(), np.float32)


def outputs_of(factor: Factor) -> int:
    """How many outputs the factor's head has."""
    if factor.kind == "category":
        return len(factor.values)
    return 2 if factor.cyclic else 1


def _middle(factor: Factor) -> float:
    return (factor.low + factor.high) / 2.0


def _spread(factor: Factor) -> float:
    return (factor.high - factor.low) / math.sqrt(12.0)


def save_predictor(network: PredictorNetwork, folder: Path) -> None:
    """Write ``config.json`` and ``model.safetensors`` (half precision: what the network reads changes by a thousandth
    of what it is wrong by) into ``folder``."""
    atomic_write(folder / CONFIG, msgspec.json.format(msgspec.json.encode(network.config), indent=2) + b"\n")
    tensors = {key: tensor.detach().cpu().half().contiguous() for key, tensor in network.state_dict().items()}
    atomic_write(folder / WEIGHTS, safetensors.torch.save(tensors))


def read_config(folder: Path) -> PredictorConfig:
    """The description in ``folder``. Raises :class:`ModelError` with one sentence."""
    try:
        config = msgspec.convert(read_json(folder / CONFIG), PredictorConfig)
        problem = config.problem()
    except msgspec.ValidationError as error:
        raise ModelError(f"'{CONFIG}' in '{folder.name}' does not describe an attribute predictor: {error}.") from error
    if problem:
        raise ModelError(f"'{CONFIG}' in '{folder.name}' does not describe an attribute predictor: {problem}.")
    return config


def load_predictor(folder: Path, device: torch.device) -> PredictorNetwork:
    """The network in ``folder``, every tensor checked. Raises :class:`ModelError` with one sentence."""
    config = read_config(folder)
    state = read_safetensors(folder / WEIGHTS)
    with torch.device("meta"):  # built without memory first: a false config.json must not cost any
        network = PredictorNetwork(config)
    # Taking the tensors over would keep their half precision.
    load_exactly(network, {key: tensor.float() for key, tensor in state.items()}, folder / WEIGHTS)
    return network.to(device).eval().requires_grad_(False)
