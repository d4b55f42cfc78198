"""Voynov & Babenko (ICML 2020): the deformator that their trainer saves, with ``args.json`` and names beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from explorer.controls.base import Control
from explorer.controls.deformation import Deformation, DeformationControl
from explorer.errors import ControlError
from explorer.importers.base import LENGTH, Drawn, Importer, Sketch, living, named, numbers, unit_rows, with_notes
from explorer.importers.batch_norm import scale_and_shift
from explorer.importers.files import ForeignFile
from explorer.scene.cards import ControlCard, ModelCard

RANGE = 6.0
"""The largest shift that the method trains with."""


class Voynov(Importer):
    """A(ε e_k), the deformator: ``log_mat_half`` L, A = exp(L - Lᵀ); ``linear.weight``, A itself, or scaled so that a
    shift is as long as its amount (proj); ``fc1`` … ``fc4`` with ``bn1`` … ``bn3``, a network of the amount.

    Direction k is column k. A(0), a shift that is the same for every amount, is left out, so that 0 moves nothing.
    """

    name = "voynov"
    title = "Voynov & Babenko"

    def claims(self, file: ForeignFile) -> bool:
        return bool(_type(file.state("deformator"))) or _is_random(file)

    def sketch(self, file: ForeignFile) -> Sketch:
        told = file.json_beside("args.json")
        state = file.tensors("deformator")
        match _type(state):
            case "ortho":
                half = numbers(file, "log_mat_half", state["log_mat_half"], (2,))
                if half.shape[0] != half.shape[1]:
                    raise ControlError(f"'{file.name}' is damaged: log_mat_half has shape {tuple(half.shape)}.")
                found = _columns(file, torch.linalg.matrix_exp(half - half.T), "ortho")
            case "linear":
                found = _linear(file, state, told)
            case "fc":
                found = _network(file, state)
            case _:
                raise ControlError(
                    f"'{file.name}' is a random deformator, whose directions its program does not save; use random "
                    "orthogonal directions instead."
                )
        if not told:
            return replace(found, unknown=(*found.unknown, "Its args.json is missing, which names the generator."))
        # Their trainer moves w only for StyleGAN2, and there unless told otherwise.
        style = "StyleGAN2" in str(told.get("gan_type", ""))
        return replace(found, space="w" if style and told.get("w_shift", True) else "z")

    def fitted(self, sketch: Sketch, model: ModelCard, space: str, file: ForeignFile) -> Sketch:
        """Directions of fewer numbers than the space are filled up with zeros, as their program does; only where its
        ``args.json`` says that they are so few, for otherwise they are of another model."""
        told = file.json_beside("args.json")
        target = model.spaces.get(space or sketch.space)
        (width,) = sketch.shape
        few = width in (told.get(key) for key in ("max_latent_dim", "max_latent_ind", "directions_count"))
        if target is None or len(target.shape) != 1 or target.shape[0] <= width or not few:
            return sketch
        missing = target.shape[0] - width
        drawn = tuple(
            replace(one, direction=functional.pad(one.direction, (0, missing)))
            for one in sketch.drawn
            if one.direction is not None
        )
        if len(drawn) < len(sketch.drawn):
            return sketch
        note = f"Its directions have {width} numbers and are filled up with zeros to {target.shape[0]}."
        return with_notes(sketch, note, drawn=drawn, shape=target.shape)


def _type(state: Mapping[str, Any]) -> str:
    """Which deformator a state dict is of, by its keys; "linear" also for proj, which has the same."""
    keys = {key for key, value in state.items() if isinstance(value, Tensor)}
    if keys == {"log_mat_half"}:
        return "ortho"
    if "linear.weight" in keys and keys <= {"linear.weight", "linear.bias"}:
        return "linear"
    return "fc" if {"fc1.weight", "fc4.weight", "bn1.running_mean"} <= keys else ""


def _is_random(file: ForeignFile) -> bool:
    """Random deformators save no tensor at all."""
    return (
        file.kind == "torch" and isinstance(file.content, dict) and file.content.get("deformator", file.content) == {}
    )


def _columns(file: ForeignFile, matrix: Tensor, kind: str, **changes: Any) -> Sketch:
    names = named(file, matrix.shape[1], "direction")
    drawn = [Drawn(names[index], row, LENGTH, -RANGE, RANGE) for index, row in enumerate(matrix.T)]
    return with_notes(living(file, drawn), settings={"deformator": kind}, **changes)


def _linear(file: ForeignFile, state: Mapping[str, Tensor], told: Mapping[str, Any]) -> Sketch:
    matrix = numbers(file, "linear.weight", state["linear.weight"], (2,))
    kind = str(told.get("deformator", ""))
    projected = kind == "proj"
    bias = numbers(file, "linear.bias", state["linear.bias"], (1,)) if "linear.bias" in state else torch.zeros(1)
    found = _columns(file, unit_rows(matrix.T).T if projected else matrix, "proj" if projected else "linear")
    if float(bias.norm()) > 0:
        left = f"The deformator's bias (length {float(bias.norm()):.3g}), the same shift for every amount, is left out"
        found = with_notes(found, left + ("; the published one bends near 0." if projected else "."))
    if kind:
        return found
    return replace(found, unknown=("Whether its directions are to be scaled to length 1 (proj) is in its args.json.",))


def _network(file: ForeignFile, state: Mapping[str, Tensor]) -> Sketch:
    """The deformator fc: three hidden layers, their inputs added up, and at the end the input itself."""
    layers = {}
    for layer in (1, 2, 3, 4):
        for part, dimensions in (("weight", (2,)), ("bias", (1,))):
            key = f"fc{layer}.{part}"
            if key not in state:
                raise ControlError(f"'{file.name}' is damaged: it lacks {key}.")
            layers[key] = numbers(file, key, state[key], dimensions).float()
    width, inputs = layers["fc4.weight"].shape[0], layers["fc1.weight"].shape[1]
    if width != inputs:
        raise ControlError(
            f"'{file.name}' makes shifts of {width} numbers of {inputs} directions, but adds the one to the other; it "
            "is damaged."
        )
    norms = [scale_and_shift(file, state, f"bn{layer}") for layer in (1, 2, 3)]
    shape = Deformation(
        (layers["fc2.weight"], layers["fc3.weight"], layers["fc4.weight"]),
        (layers["fc2.bias"], layers["fc3.bias"]),
        tuple(scale.float() for scale, _ in norms),
        tuple(shift.float() for _, shift in norms),
    )
    names = named(file, inputs, "direction")
    drawn = tuple(
        Drawn(
            names[index],
            None,
            LENGTH,
            -RANGE,
            RANGE,
            make=partial(
                _deformed, file, layers["fc1.weight"][:, index].contiguous(), layers["fc1.bias"], shape, index
            ),
        )
        for index in range(inputs)
    )
    note = "The shift bends with the amount; A(0), the same shift for every amount, is left out."
    return Sketch(drawn, (width,), note=note, settings={"deformator": "fc"})


def _deformed(
    file: ForeignFile, column: Tensor, bias: Tensor, shape: Deformation, axis: int, card: ControlCard
) -> Control:
    try:
        return DeformationControl(card, column, bias, shape, axis, 1.0)
    except ValueError as error:
        raise ControlError(f"'{file.name}' is damaged: the deformator has {error}.") from error


IMPORTER = Voynov()
