"""A control set: what one method found on one generator, kept in one ``.safetensors`` file."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
from torch import Tensor

from explorer.controls.base import Control
from explorer.controls.linear import LinearControl
from explorer.errors import ControlError
from explorer.files import atomic_path
from explorer.scene.cards import ControlCard, ControlSetCard, ModelCard
from explorer.scene.model import Scalar

FORMAT = 1
_METADATA_KEY = "latent_explorer"


@dataclass(frozen=True)
class ControlSet:
    """The controls that ``method`` found on the generator with ``fingerprint``, and what it took.

    ``cost`` holds ``seconds`` and ``generator_evaluations``; ``note`` is shown under the list.
    """

    method: str
    title: str
    fingerprint: str
    space: str
    controls: tuple[Control, ...]
    version: int = 1
    seed: int = 0
    settings: dict[str, Scalar] = field(default_factory=dict)
    cost: dict[str, float] = field(default_factory=dict)
    note: str = ""

    @property
    def card(self) -> ControlSetCard:
        """The torch-free description for the window."""
        return ControlSetCard(
            method=self.method,
            title=self.title,
            space=self.space,
            fingerprint=self.fingerprint,
            controls=tuple(control.card for control in self.controls),
            seconds=self.cost.get("seconds", 0.0),
            note=self.note,
        )

    def control(self, name: str) -> Control:
        """The control called ``name``. Raises :class:`ControlError` naming those there are."""
        for control in self.controls:
            if control.card.name == name:
                return control
        names = ", ".join(control.card.name for control in self.controls)
        raise ControlError(f"There is no control '{name}' in this set of {self.title}; it has {names}.")

    def check(self, card: ModelCard) -> None:
        """Raise :class:`ControlError` unless the set was found on this generator and its spaces fit."""
        if self.fingerprint != card.fingerprint:
            raise ControlError(
                f"This control set was found on another generator (fingerprint {self.fingerprint[:12]}…), "
                f"not on '{card.name}' ({card.fingerprint[:12]}…); open that model, or discover again here."
            )
        for control in self.controls:
            space = card.spaces.get(control.card.space)
            if space is None:
                raise ControlError(
                    f"The control '{control.card.name}' lives in space '{control.card.space}', "
                    f"but '{card.name}' has {', '.join(card.spaces)}."
                )
            if isinstance(control, LinearControl) and control.direction.shape[-1] != space.shape[-1]:
                raise ControlError(
                    f"The control '{control.card.name}' has width {control.direction.shape[-1]}, "
                    f"but space '{control.card.space}' of '{card.name}' has width {space.shape[-1]}."
                )


def save(controls: ControlSet, path: Path) -> None:
    """Write ``controls`` to ``path`` (``.safetensors``), whole or not at all."""
    tensors: dict[str, Tensor] = {}
    entries: list[dict[str, Any]] = []
    for index, control in enumerate(controls.controls):
        if not isinstance(control, LinearControl):
            raise ControlError(f"Controls of kind {type(control).__name__} cannot be saved.")
        tensors[f"{index:04d}.direction"] = control.direction.detach().cpu().contiguous()
        entries.append({"kind": "linear", **_card_entry(control.card)})
    metadata = {
        "format": FORMAT,
        "method": controls.method,
        "title": controls.title,
        "version": controls.version,
        "fingerprint": controls.fingerprint,
        "space": controls.space,
        "seed": controls.seed,
        "settings": controls.settings,
        "cost": controls.cost,
        "note": controls.note,
        "controls": entries,
    }
    with atomic_path(path) as temporary:
        safetensors.torch.save_file(tensors, temporary, metadata={_METADATA_KEY: json.dumps(metadata)})


def load(path: Path) -> ControlSet:
    """Read a control set. Raises :class:`ControlError` when the file is foreign, truncated, newer, or its numbers are not finite."""
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            raw = (file.metadata() or {}).get(_METADATA_KEY)
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118  (not a dict)
    except (OSError, safetensors.SafetensorError) as error:
        raise ControlError(f"'{path}' is not a readable control set ({error}).") from error
    if raw is None:
        raise ControlError(f"'{path}' is a safetensors file, but not a control set of Latent Explorer.")
    metadata = json.loads(raw)
    if metadata.get("format", 0) > FORMAT:
        raise ControlError(f"'{path}' was written by a newer Latent Explorer; update the program to open it.")
    try:
        controls: list[Control] = []
        for index, entry in enumerate(metadata["controls"]):
            direction = tensors[f"{index:04d}.direction"]
            if not direction.isfinite().all():
                raise ControlError(
                    f"'{path}' holds numbers that are not finite in control '{entry['name']}'."
                )
            controls.append(LinearControl(_card_from(entry), direction))
        return ControlSet(
            method=metadata["method"],
            title=metadata["title"],
            version=metadata["version"],
            fingerprint=metadata["fingerprint"],
            space=metadata["space"],
            seed=metadata["seed"],
            settings=metadata["settings"],
            cost=metadata["cost"],
            note=metadata["note"],
            controls=tuple(controls),
        )
    except (KeyError, TypeError) as error:
        raise ControlError(f"'{path}' is damaged: {error} is missing.") from error


def _card_entry(card: ControlCard) -> dict[str, Any]:
    return {
        "name": card.name, "space": card.space, "unit": card.unit, "low": card.low, "high": card.high,
        "badge": card.badge, "figure": card.figure, "details": list(card.details),
        "layers": list(card.layers) if card.layers else None,
    }  # fmt: skip


def _card_from(entry: dict[str, Any]) -> ControlCard:
    layers = entry["layers"]
    return ControlCard(
        name=entry["name"], space=entry["space"], unit=entry["unit"], low=entry["low"], high=entry["high"],
        badge=entry["badge"], figure=entry["figure"], details=tuple(entry["details"]),
        layers=(layers[0], layers[1]) if layers else None,
    )  # fmt: skip
