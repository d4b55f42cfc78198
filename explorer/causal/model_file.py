"""A structural model in one ``.safetensors`` file: the graph and how it was fitted as JSON, the mechanisms' numbers as
tensors. Reading one executes nothing; every fault is one sentence.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec
import safetensors.torch
from torch import Tensor

from explorer.causal.base import Fitted, Mechanism
from explorer.causal.encoding import Encoding
from explorer.causal.fit_card import FitCard
from explorer.causal.model import StructuralModel
from explorer.causal.registry import fitted_kinds
from explorer.checkpoint import read_safetensors_file
from explorer.errors import CausalError, ModelError, clause
from explorer.files import atomic_write
from explorer.reading import foreign
from explorer.scene.causal_graph import CausalGraph
from explorer.scene.model import Scalar
from explorer.tensor_file import by_prefix

FORMAT = 1
METADATA_KEY = "latent_explorer_causes"


class _Entry(msgspec.Struct, frozen=True):
    """The mechanism of one variable; its tensors are called ``{index:04d}.{name}``."""

    variable: str
    kind: str
    parents: tuple[str, ...]
    parameters: dict[str, Scalar]


class _Metadata(msgspec.Struct, frozen=True):
    format: int
    graph: CausalGraph
    mechanisms: tuple[_Entry, ...]
    fits: tuple[FitCard, ...] = ()


class _Format(msgspec.Struct):
    format: int


def save(model: StructuralModel, path: Path, fits: Sequence[FitCard] = ()) -> None:
    """Write ``model``, and how its variables were fitted, to ``path`` (``.safetensors``), whole or not at all.

    Raises :class:`CausalError` when a mechanism is in closed form, which files do not hold, or a number in it is not
    finite, :class:`explorer.errors.ExportError` when the file cannot be written.
    """
    tensors, described = packed(model, fits)
    atomic_write(path, safetensors.torch.save(tensors, metadata={METADATA_KEY: described}))


def packed(model: StructuralModel, fits: Sequence[FitCard] = ()) -> tuple[dict[str, Tensor], str]:
    """``model`` as tensors and one JSON text, for files that hold more than it. Raises as :func:`save`."""
    tensors: dict[str, Tensor] = {}
    entries = []
    for index, name in enumerate(model.graph.names):
        mechanism = _fitted(name, model.mechanisms[name])
        for key, tensor in mechanism.tensors().items():
            if not tensor.isfinite().all():
                raise CausalError(
                    f"The mechanism of '{name}' holds numbers that are not finite, so the model was not saved; fit it "
                    "again."
                )
            # A clone, because safetensors refuses tensors that share memory.
            tensors[f"{index:04d}.{key}"] = tensor.detach().cpu().contiguous().clone()
        entries.append(_Entry(name, mechanism.kind, mechanism.parents, mechanism.parameters()))
    metadata = _Metadata(FORMAT, model.graph, tuple(entries), tuple(fits))
    return tensors, msgspec.json.encode(metadata).decode()


def load(path: Path) -> StructuralModel:
    """The model in a file that :func:`save` wrote.

    Raises :class:`CausalError` when the file is foreign, truncated, damaged or newer, when its numbers are not finite
    or do not fit its description, and when its graph has a circle.
    """
    tensors, described = _read(path)
    with foreign(path, "a causal model", CausalError):
        return unpacked(tensors, described, str(path))


def unpacked(tensors: Mapping[str, Tensor], described: str, source: str) -> StructuralModel:
    """The model that :func:`packed` gave, from the file ``source``, which errors name. Raises as :func:`load`."""
    metadata = _decode(source, described)
    prefixes = {f"{index:04d}" for index in range(len(metadata.mechanisms))}
    if stray := next((key for key in tensors if key.partition(".")[0] not in prefixes), None):
        raise _damaged(source, f"it holds an unknown tensor '{stray}'")
    own = by_prefix(tensors)
    mechanisms = {
        entry.variable: _restore(source, entry, own.get(f"{index:04d}", {}))
        for index, entry in enumerate(metadata.mechanisms)
    }
    try:
        model = StructuralModel(metadata.graph, mechanisms)
    except CausalError as error:
        raise _damaged(source, str(error)) from error
    for entry in metadata.mechanisms:
        if reason := _misfit(metadata.graph, entry):
            raise _damaged(source, reason)
    return model


def fits_in(path: Path) -> tuple[FitCard, ...]:
    """How the variables of the model in a file were fitted; empty where that was not written. Raises as
    :func:`load`."""
    with foreign(path, "a causal model", CausalError):
        return _decode(str(path), _read(path)[1]).fits


def _fitted(name: str, mechanism: Mechanism) -> Fitted:
    if not isinstance(mechanism, Fitted):
        raise CausalError(
            f"'{name}' has a mechanism of kind '{mechanism.kind}', which a file cannot hold; fit the model to a table "
            "of its rows first."
        )
    return mechanism


def _read(path: Path) -> tuple[dict[str, Tensor], str]:
    try:
        described, tensors = read_safetensors_file(path)
    except (OSError, ModelError) as error:
        raise CausalError(
            f"'{path}' is not a readable causal model ({clause(error)}); choose a .safetensors file that was "
            "written whole."
        ) from error
    if METADATA_KEY not in described:
        raise CausalError(
            f"'{path}' is a safetensors file, but not a causal model of Latent Explorer; choose a file that it wrote."
        )
    return tensors, described[METADATA_KEY]


def _decode(path: str, raw: str) -> _Metadata:
    try:
        # The format first: a newer file may differ in every other field.
        newer = msgspec.json.decode(raw, type=_Format).format > FORMAT
        metadata = None if newer else msgspec.json.decode(raw, type=_Metadata)
    except (msgspec.DecodeError, RecursionError, CausalError) as error:
        raise _damaged(path, str(error)) from error
    if metadata is None:
        raise CausalError(f"'{path}' was written by a newer Latent Explorer; update the program to open it.")
    if sorted(entry.variable for entry in metadata.mechanisms) != sorted(metadata.graph.names):
        raise _damaged(path, "its mechanisms are not those of the variables of its graph")
    return metadata


def _restore(path: str, entry: _Entry, own: Mapping[str, Tensor]) -> Fitted:
    kind = fitted_kinds().get(entry.kind)
    if kind is None:
        raise CausalError(
            f"'{path}' holds a mechanism of kind '{entry.kind}', which this version does not know "
            f"({', '.join(fitted_kinds())}); update the program to open it."
        )
    for key, tensor in own.items():
        if not tensor.is_floating_point() or not bool(tensor.isfinite().all()):
            raise _damaged(path, f"'{key}' of '{entry.variable}' holds something else than finite numbers")
    try:
        mechanism = kind.restore(entry.parents, own, entry.parameters)
    except (KeyError, ValueError) as error:
        missing = "lacks" if isinstance(error, KeyError) else "has"
        raise _damaged(path, f"the mechanism of '{entry.variable}' {missing} {error}") from error
    if stray := next(iter(own.keys() - mechanism.tensors().keys()), None):
        raise _damaged(path, f"the mechanism of '{entry.variable}' has an unknown tensor '{stray}'")
    return mechanism


def _misfit(graph: CausalGraph, entry: _Entry) -> str:
    """Why a mechanism is of another variable than the graph's, or takes its causes for others; empty where it fits."""
    levels = graph.variable(entry.variable).levels
    if entry.parameters.get("levels", levels) != levels:
        return f"the mechanism of '{entry.variable}' has {entry.parameters['levels']} levels where {levels} belong"
    for index, cause in enumerate(entry.parents):
        expected = Encoding.plain([graph.variable(cause)]).columns[0]
        stored = {name: entry.parameters.get(f"cause.{index}.{name}") for name in ("levels", "period")}
        if stored != {"levels": None, "period": None} and stored != {
            "levels": expected.levels,
            "period": expected.period,
        }:
            return f"the mechanism of '{entry.variable}' takes '{cause}' for a variable of another kind"
    return ""


def _damaged(path: str, reason: str) -> CausalError:
    return CausalError(f"'{path}' is damaged ({clause(reason)}); fit the model again.")
