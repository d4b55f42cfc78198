"""Weight directions: the difference of two checkpoints of one model as a slider, as a whole and part by part."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import cast

import torch
from torch import Tensor

from explorer.controls.base import WEIGHTS
from explorer.controls.control_set import ControlSet
from explorer.controls.weights import WeightsControl
from explorer.discovery.request import CheckedMethod, Request
from explorer.errors import ControlError
from explorer.generators import registry as generators
from explorer.generators.base import Generator, Progress, Reweightable
from explorer.scene.cards import ControlCard, MethodCard, ModelCard, SettingCard
from explorer.scene.model import Scalar

WHOLE = "whole network"
LOW, HIGH = -1.0, 2.0
"""How far the sliders go: as far away from the other checkpoint as to it, and once more beyond it."""

Parts = dict[str, dict[str, Tensor]]


class WeightDifference(CheckedMethod):
    """θ' - θ of another checkpoint θ', first of all weights, then of one part of the network after the other."""

    card = MethodCard(
        name="weight_difference",
        title="Weight direction",
        spaces=(),
        trained=False,
        paper="Ilharco et al., Editing Models with Task Arithmetic, ICLR 2023",
        description="From this checkpoint to another one of the same model, and beyond: in all weights, or in those of "
        "one part of the network.",
        settings=(
            SettingCard(
                name="other",
                title="Other checkpoint",
                default="",
                kind="file",
                help="A model of the same family and size: its folder, a file in it, or the name of one that ships.",
            ),
            SettingCard(
                name="order",
                title="Order of the parts",
                default="network",
                choices=("network", "change"),
                help="As the network runs, or those first that differ most for their size.",
            ),
        ),
        aliases=("task_vector",),
        grows=True,
    )

    def refusal(self, model: ModelCard) -> str:
        if "weights" in model.capabilities:
            return ""
        return f"A weight direction needs a network whose weights can be changed; those of '{model.name}' cannot."

    def where(self, model: ModelCard, settings: Mapping[str, Scalar]) -> str:
        """In no space: it changes weights."""
        return WEIGHTS

    def search(self, asked: Request, generator: Generator) -> ControlSet:
        """The whole network and its first parts; fewer controls than asked for where fewer parts differ. An amount of 1
        is the other checkpoint, 0 this one, bit for bit. The seed does not matter."""
        asked.watch(0.0)
        own = cast(Reweightable, generator).weight_parts()
        other = _other(asked.model, asked.text("other"), asked.watch.part(0.0, 0.9))
        name = other.card.name
        theirs = cast(Reweightable, other).weight_parts()
        _check_fits(asked.model, own, name, theirs)
        change = {
            part: {key: theirs[part][key].cpu() - tensor.cpu() for key, tensor in tensors.items()}
            for part, tensors in own.items()
        }
        differing = [part for part, tensors in change.items() if any(bool(one.any()) for one in tensors.values())]
        if not differing:
            raise ControlError(f"'{name}' has the same weights as '{asked.model.name}'; choose another checkpoint.")
        if asked.text("order") == "change":
            differing.sort(key=lambda part: _share(change[part], own[part]), reverse=True)
        controls = [_control(WHOLE, _joined(change), _joined(own), name)]
        controls += [_control(part, change[part], own[part], name) for part in differing[: asked.k - 1]]
        note = f"An amount of 1 is '{name}', 0 is '{asked.model.name}'."
        if len(controls) < asked.k:
            note += f" {len(controls)} of {asked.k} controls: one for each part whose weights differ."
        asked.watch(1.0)
        return asked.found(controls, note=note)


def _other(model: ModelCard, text: str, progress: Progress) -> Generator:
    """The other checkpoint, loaded beside the device. Raises :class:`ControlError` unless it is another model of the
    family of ``model``, :class:`explorer.errors.ModelError` where it cannot be loaded."""
    if not text.strip():
        raise ControlError(
            f"A weight direction leads from '{model.name}' to another checkpoint of it; name that as 'other'."
        )
    path = generators.resolve(text.strip())
    if path.is_file() and not generators.identify(path).family:  # chosen in a dialog that shows files
        path = path.parent
    card = generators.describe(str(path))
    if card.family != model.family:
        raise ControlError(
            f"'{card.name}' is of the family {card.family_title} and '{model.name}' of "
            f"{model.family_title}; choose another checkpoint of the same model."
        )
    if card.fingerprint == model.fingerprint:
        raise ControlError(f"'{card.name}' is the model '{model.name}' itself; choose another checkpoint of it.")
    return generators.load(str(path), torch.device("cpu"), progress=progress)


def _check_fits(model: ModelCard, own: Parts, name: str, theirs: Parts) -> None:
    """Raise :class:`ControlError` naming the first tensor in which the two networks differ in kind."""
    mine, other = _joined(own), _joined(theirs)
    for key in (*mine, *other):
        here, there = (tuple(side[key].shape) if key in side else None for side in (mine, other))
        if here != there:
            raise ControlError(
                f"'{name}' is another network than '{model.name}': its tensor '{key}' {_told(there)}, that of "
                f"'{model.name}' {_told(here)}; choose a checkpoint of the same shape."
            )


def _told(shape: tuple[int, ...] | None) -> str:
    return "is missing" if shape is None else f"has shape {shape}"


def _joined(parts: Parts) -> dict[str, Tensor]:
    return {key: tensor for tensors in parts.values() for key, tensor in tensors.items()}


def _share(change: Mapping[str, Tensor], own: Mapping[str, Tensor]) -> float:
    """The norm of ``change`` in shares of that of the weights ``own`` of the same names."""
    return _norm(change) / max(_norm(own), 1e-30)


def _norm(tensors: Mapping[str, Tensor]) -> float:
    return math.sqrt(sum(float(one.double().square().sum()) for one in tensors.values()))


def _control(title: str, change: dict[str, Tensor], own: Mapping[str, Tensor], other: str) -> WeightsControl:
    """The change of one part. Tensors that do not differ are left out."""
    kept = {key: tensor for key, tensor in change.items() if bool(tensor.any())}
    share = _share(change, own)
    card = ControlCard(
        name=title,
        space=WEIGHTS,
        unit="Δθ",
        low=LOW,
        high=HIGH,
        figure=f"{share:.1%}",
        details=(
            f"1 Δθ = the weights of '{other}'",
            f"{sum(one.numel() for one in kept.values())} weights in {len(kept)} tensors differ, by {share:.1%} of "
            "their norm",
        ),
    )
    return WeightsControl(card, kept)


METHOD = WeightDifference()
