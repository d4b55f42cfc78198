"""A control set: what one method found on one generator, kept in one ``.safetensors`` file."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import msgspec
import safetensors.torch
import torch
from torch import Tensor

from explorer.checkpoint import read_safetensors_file
from explorer.controls.base import WEIGHTS, Control, Move, Moves, WeightChange
from explorer.controls.causal_group import CausalControl
from explorer.controls.intervening import Intervening
from explorer.controls.registry import kinds
from explorer.controls.scaled import ScaledControl
from explorer.errors import ControlError, ModelError, clause
from explorer.files import atomic_write
from explorer.reading import HashedFile, foreign
from explorer.scene.cards import ControlCard, ControlSetCard, ModelCard
from explorer.scene.model import Edit, Scalar
from explorer.tensor_file import by_prefix, tensors_of

FORMAT = 1
METADATA_KEY = "latent_explorer"


def quantities(controls: Iterable[Control]) -> list[Control]:
    """Those of ``controls`` whose numbers are quantities, so that there is something to measure along them."""
    return [control for control in controls if control.card.cases is None]


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
            graph=next((one.model.graph for control in self.controls if (one := setting(control))), None),
        )

    def control(self, name: str) -> Control:
        """The control called ``name``. Raises :class:`ControlError` naming those there are."""
        for control in self.controls:
            if control.card.name == name:
                return control
        names = ", ".join(control.card.name for control in self.controls)
        raise ControlError(f"There is no control '{name}' in this set of {self.title}; it has {names}.")

    def moves(self, edits: Sequence[Edit]) -> Moves:
        """``edits`` as moves of one point, in the order of the set, whatever theirs. Raises :class:`ControlError` for a
        name that is not in it."""
        by_name = {edit.control: edit for edit in edits}
        for name in by_name:
            self.control(name)
        return [
            Move(control, torch.tensor([edit.number], dtype=_dtype(edit)), edit.holds == "value", window=edit.window)
            for control in self.controls
            if (edit := by_name.get(control.card.name)) is not None
        ]

    def check(self, card: ModelCard) -> None:
        """Raise :class:`ControlError` unless the set was found on this generator and its spaces fit."""
        if self.fingerprint != card.fingerprint:
            raise ControlError(
                f"This control set was found on another generator (fingerprint {self.fingerprint[:12]}…), "
                f"not on '{card.name}' ({card.fingerprint[:12]}…); open that model, or discover again here."
            )
        for control in self.controls:
            name, space = control.card.name, control.card.space
            if space == WEIGHTS:
                _check_weights(control, card)
                continue
            if space not in card.spaces:
                raise ControlError(
                    f"The control '{name}' lives in space '{space}', but '{card.name}' has {', '.join(card.spaces)}; "
                    "discover again on this model."
                )
            if reason := control.misfit(card.spaces[space]):
                raise ControlError(
                    f"The control '{name}' does not fit space '{space}' of '{card.name}': it {reason}; "
                    "discover again on this model."
                )


def setting(control: Control) -> Intervening | None:
    """``control``, in whichever unit, as what sets a variable of a causal graph; None where it sets none."""
    inner = causal(control)
    return inner if isinstance(inner, Intervening) else None


def causal(control: Control) -> CausalControl | None:
    """``control``, in whichever unit, as one of a causal graph; None where it is none."""
    inner = control.inner if isinstance(control, ScaledControl) else control
    return inner if isinstance(inner, CausalControl) else None


def _dtype(edit: Edit) -> torch.dtype:
    """A value must be the number that was read to its last bit, to be the identity where it stands."""
    return torch.float64 if edit.holds == "value" else torch.float32


def _check_weights(control: Control, card: ModelCard) -> None:
    """Raise :class:`ControlError` unless ``control`` changes weights and the model lets it. Whether the tensors fit is
    seen when they are changed; on the model that the set was found on, they do."""
    name = control.card.name
    if not isinstance(control, WeightChange):
        raise ControlError(
            f"The control '{name}' says that it changes weights, but one of kind '{control.kind}' moves points; "
            "discover again."
        )
    if "weights" not in card.capabilities:
        raise ControlError(
            f"The control '{name}' changes the weights of a network, and those of '{card.name}' cannot be changed; "
            "choose another model."
        )


class _Entry(msgspec.Struct, frozen=True):
    """One control in the file's metadata; its tensors are called ``{index:04d}.{name}``."""

    kind: str
    card: ControlCard
    parameters: dict[str, Scalar]


class _Metadata(msgspec.Struct, frozen=True):
    format: int
    method: str
    title: str
    version: int
    fingerprint: str
    space: str
    seed: int
    settings: dict[str, Scalar]
    cost: dict[str, float]
    note: str
    controls: tuple[_Entry, ...]


class _Format(msgspec.Struct):
    format: int


def save(controls: ControlSet, path: Path) -> None:
    """Write ``controls`` to ``path`` (``.safetensors``), whole or not at all.

    Raises :class:`ControlError` when a number in it is not finite, :class:`explorer.errors.ExportError` when the file
    cannot be written.
    """
    # Through bytes: a full disk is an OSError then, and not an error of the library's own.
    atomic_write(path, encode(controls))


def encode(controls: ControlSet) -> bytes:
    """``controls`` as the bytes of a ``.safetensors`` file. Raises :class:`ControlError` when a number in it is not
    finite."""
    tensors: dict[str, Tensor] = {}
    for index, control in enumerate(controls.controls):
        for name, tensor in control.tensors().items():
            if not tensor.isfinite().all():
                raise ControlError(
                    f"The control '{control.card.name}' holds numbers that are not finite, so the set was not saved; "
                    "discover it again."
                )
            # A clone, because safetensors refuses tensors that share memory (rows of one matrix do).
            tensors[f"{index:04d}.{name}"] = tensor.detach().cpu().contiguous().clone()
    metadata = _Metadata(
        format=FORMAT,
        controls=tuple(_Entry(one.kind, one.card, one.parameters()) for one in controls.controls),
        **_told(controls),
    )
    written = {METADATA_KEY: msgspec.json.encode(metadata).decode()}
    content: bytes = safetensors.torch.save(tensors, metadata=written)
    return content


def load(path: Path) -> ControlSet:
    """Read a control set.

    Raises :class:`ControlError` when the file is foreign, truncated, damaged, newer, or its numbers are not finite.
    """
    try:
        said, tensors = read_safetensors_file(path)
    except (OSError, ModelError) as error:
        raise ControlError(
            f"'{path}' is not a readable control set ({clause(error)}); choose a .safetensors file that was "
            "written whole."
        ) from error
    return _read(path, said, tensors)


def decode(content: bytes, path: Path) -> ControlSet:
    """The control set in what :func:`encode` has made, which is kept at ``path``. Raises ValueError, and
    :class:`ControlError` as :func:`load`."""
    said, tensors = tensors_of(HashedFile(io.BytesIO(content), len(content)))
    return _read(path, said, tensors)


def _read(path: Path, said: dict[str, str], tensors: dict[str, Tensor]) -> ControlSet:
    """The set of which a file's metadata and tensors tell."""
    if METADATA_KEY not in said:
        raise ControlError(
            f"'{path}' is a safetensors file, but not a control set of Latent Explorer; choose a file that "
            "'latent-explorer discover' wrote."
        )
    with foreign(path, "a control set", ControlError):
        metadata = _read_metadata(path, said[METADATA_KEY])
        own = by_prefix(tensors)
        controls = (_restore(path, entry, own.get(f"{index:04d}", {})) for index, entry in enumerate(metadata.controls))
        return ControlSet(controls=tuple(controls), **_told(metadata))


def _told(of: ControlSet | _Metadata) -> dict[str, Any]:
    """What a set and its file say alike: all but the controls."""
    return {one.name: getattr(of, one.name) for one in fields(ControlSet) if one.name != "controls"}


def _read_metadata(path: Path, raw: str) -> _Metadata:
    try:
        # The format first: a newer file may differ in every other field.
        if msgspec.json.decode(raw, type=_Format).format > FORMAT:
            raise ControlError(f"'{path}' was written by a newer Latent Explorer; update the program to open it.")
        metadata = msgspec.json.decode(raw, type=_Metadata)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ControlError(f"'{path}' is damaged ({error}); discover the controls again.") from error
    names = [entry.card.name for entry in metadata.controls]
    if len(set(names)) != len(names):
        raise ControlError(f"'{path}' is damaged (two controls have one name); discover the controls again.")
    return metadata


def _restore(path: Path, entry: _Entry, own: dict[str, Tensor]) -> Control:
    kind = kinds().get(entry.kind)
    if kind is None:
        raise ControlError(
            f"'{path}' holds a control of kind '{entry.kind}', which this version does not know "
            f"({', '.join(kinds())}); update the program to open it."
        )
    if not all(tensor.isfinite().all() for tensor in own.values()):
        raise ControlError(
            f"'{path}' holds numbers that are not finite in control '{entry.card.name}'; discover the controls again."
        )
    try:
        return kind.restore(entry.card, own, entry.parameters)
    except (KeyError, ValueError) as error:
        missing = "lacks" if isinstance(error, KeyError) else "has"
        raise ControlError(
            f"'{path}' is damaged (control '{entry.card.name}' {missing} {error}); discover the controls again."
        ) from error
