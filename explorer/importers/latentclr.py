"""LatentCLR (Yüksel et al., ICCV 2021): the model of its trainer's checkpoints, global or conditional directions."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial

from torch import Tensor

from explorer.controls.base import Control
from explorer.controls.conditional import ConditionalControl
from explorer.errors import ControlError
from explorer.importers.base import LENGTH, Drawn, Importer, Sketch, living, named, numbers, unit_rows, with_notes
from explorer.importers.batch_norm import scale_and_shift
from explorer.importers.files import ForeignFile
from explorer.scene.cards import ControlCard

RANGE = 9.0
"""Within the alphas that the authors show, ±3 to ±15."""

_NET = re.compile(r"nets\.(\d+)\.(linear|batchnorm)_(\d+)\.\w+")
_USES_W = re.compile(r"^[ \t]*+use_w[ \t]*+:[ \t]*+(true|false)[ \t\r]*+$", re.IGNORECASE | re.MULTILINE)


class LatentCLR(Importer):
    """``params`` (k, d): global directions, scaled to length 1; ``nets.{k}.linear_1`` …: the direction at z is what a
    network gives there, scaled to length 1, and held along the whole way, as in the authors' default."""

    name = "latentclr"
    title = "LatentCLR"
    spaces = ("z", "w")

    def claims(self, file: ForeignFile) -> bool:
        state = file.tensors("model")
        return set(state) == {"params"} or any(_NET.fullmatch(key) for key in state)

    def sketch(self, file: ForeignFile) -> Sketch:
        state = file.tensors("model")
        found = _global(file, state["params"]) if "params" in state else _conditional(file, state)
        config = file.text_beside(".hydra/config.yaml") or file.text_beside("config.yaml")
        uses = _USES_W.search(config)
        return with_notes(found, space="" if uses is None else "w" if uses[1].lower() == "true" else "z")


def _global(file: ForeignFile, params: Tensor) -> Sketch:
    rows = unit_rows(numbers(file, "params", params, (2,)))
    names = named(file, len(rows), "direction")
    drawn = [Drawn(names[index], row, LENGTH, -RANGE, RANGE) for index, row in enumerate(rows)]
    return with_notes(living(file, drawn), settings={"directions": "global"})


def _conditional(file: ForeignFile, state: Mapping[str, Tensor]) -> Sketch:
    matches = [match for match in map(_NET.fullmatch, state) if match]
    nets = sorted({int(match[1]) for match in matches})
    names = named(file, max(nets) + 1, "direction")
    drawn, width, depth = [], 0, 0
    for net in nets:
        depth = max((int(match[3]) for match in matches if int(match[1]) == net and match[2] == "linear"), default=0)
        weights, biases = _layers(file, state, net, depth)
        width = weights[0].shape[1]
        make = partial(_followed, file, weights, biases)
        drawn.append(Drawn(names[net], None, LENGTH, -RANGE, RANGE, make=make))
    kind = "linear" if depth == 1 else "non-linear"
    note = "The direction depends on where the latent is, and is held along the way."
    return Sketch(tuple(drawn), (width,), note=note, settings={"directions": kind})


def _layers(
    file: ForeignFile, state: Mapping[str, Tensor], net: int, depth: int
) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
    """The weights and biases of one network, its batch normalisations folded into the linear layers before them."""
    weights, biases = [], []
    for layer in range(1, depth + 1):
        start = f"nets.{net}.linear_{layer}"
        if f"{start}.weight" not in state:
            raise ControlError(f"'{file.name}' is damaged: it lacks {start}.weight.")
        weight = numbers(file, f"{start}.weight", state[f"{start}.weight"], (2,))
        bias = weight.new_zeros(weight.shape[0])
        if f"{start}.bias" in state:
            bias = numbers(file, f"{start}.bias", state[f"{start}.bias"], (1,))
        norm = f"nets.{net}.batchnorm_{layer}"
        if f"{norm}.weight" in state or layer < depth:
            scale, shift = scale_and_shift(file, state, norm)
            if not scale.shape == bias.shape == weight.shape[:1]:
                raise ControlError(f"'{file.name}' is damaged: {norm} does not fit {start}.")
            weight, bias = weight * scale[:, None], bias * scale + shift
        weights.append(weight.float())
        biases.append(bias.float())
    if not weights:
        raise ControlError(f"'{file.name}' is damaged: network {net} has no linear layer.")
    return tuple(weights), tuple(biases)


def _followed(file: ForeignFile, weights: tuple[Tensor, ...], biases: tuple[Tensor, ...], card: ControlCard) -> Control:
    try:
        return ConditionalControl(card, weights, biases, 1.0, True)
    except ValueError as error:
        raise ControlError(f"'{file.name}' is damaged: a network has {error}.") from error


IMPORTER = LatentCLR()
