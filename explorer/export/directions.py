"""Control sets in the files of other programs: components of GANSpace, unit rows, boundaries of InterFaceGAN;
changes of weights as adapters (:mod:`explorer.export.adapters`)."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from explorer.controls.base import Control
from explorer.controls.control_set import ControlSet
from explorer.controls.low_rank import LowRankControl
from explorer.errors import ControlError, ExportError
from explorer.export import adapters
from explorer.files import atomic_write
from explorer.importers.base import unit_rows, written
from explorer.scene.adapters import ENDINGS, KOHYA, SUFFIX

Array = NDArray[np.float32]


def write(controls: ControlSet, path: Path, mean: Tensor | None = None) -> tuple[Path, ...]:
    """Write the controls of a set for other programs; the files written, of directions the last with the names.

    By ``path``: an adapter's ending, the one control of low rank (:func:`adapters.write`); all others the linear
    controls: ``.npz`` GANSpace's components (directions of length 1, their units as deviations; ``mean`` of the
    space, else 0); ``.npy`` (K, d) with rows of length 1, their units lost; neither, a folder with one InterFaceGAN
    boundary (1, d) a control, ``<model>_<name>[_w]_boundary.npy``. The names stand in a text beside it, a line each, as
    Voynov and Babenko write them. Raises :class:`ControlError` for controls that are not linear,
    :class:`ExportError` when a file cannot be written.
    """
    if adapters.keys_in(path):
        return (adapters.write(controls, path),)
    if path.suffix.lower() == SUFFIX:
        endings = " or ".join(ENDINGS.values())
        raise ExportError(f"'{path.name}' says no format of other programs; the file of an adapter ends in {endings}.")
    rows = directions(controls)
    suffix = path.suffix.lower()
    if suffix == ".npz":
        atomic_write(path, _archive(_components(rows, mean)))
    elif suffix == ".npy":
        if rows.ndim != 2:
            raise ControlError(
                f"A .npy of directions holds vectors, not arrays of {written(tuple(rows.shape[1:]))}; write a .npz."
            )
        atomic_write(path, _array(unit_rows(rows).numpy().astype(np.float32)))
    elif not suffix:
        return _boundaries(controls, rows, path)
    else:
        raise ExportError(f"'{path.name}' ends in {suffix}; directions are written as .npz, .npy, or into a folder.")
    names = path.with_name(f"{path.stem}_human_annotation.txt")
    atomic_write(names, _annotation([control.card.name for control in controls.controls]))
    return path, names


def lost(controls: ControlSet, path: Path) -> str:
    """What a file at ``path`` cannot hold of the set, in one sentence, or nothing."""
    said = []
    if adapters.keys_in(path):
        return "Not kept in the file: which model it is for, and how far its slider goes."
    if path.suffix:
        said.append(f"that their space is {'w' if controls.space == 'w_plus' else controls.space}")
    layers = sorted({one.card.layers for one in controls.controls if one.card.layers})
    if layers:
        spans = " and ".join(f"{first} to {last}" for first, last in layers)
        said.append(f"that they move the layers {spans} only")
    if path.suffix.lower() != ".npz":
        said.append("how far one unit goes")
    return f"Not kept in the files: {'; '.join(said)}." if said else ""


def directions(controls: ControlSet) -> Tensor:
    """(K, *shape), float64: what one unit of every control adds. Raises :class:`ControlError` unless all are linear,
    of one shape, and no offsets of whole layers."""
    found = [_direction(controls, control) for control in controls.controls]
    if not found:
        raise ControlError("The set holds no controls; there is nothing to write.")
    shapes = {tuple(direction.shape) for direction in found}
    if len(shapes) > 1:
        raise ControlError("The controls of the set have directions of different shapes; write them one by one.")
    return torch.stack(found)


def _direction(controls: ControlSet, control: Control) -> Tensor:
    name = control.card.name
    if control.offset is None:
        raise ControlError(
            f"The control '{name}' is of kind '{control.kind}', but files of directions hold linear ones only; keep "
            f"the .safetensors file{_as_adapter(control)}."
        )
    direction = control.offset.detach().cpu().double()
    if control.card.space == "w_plus" and direction.ndim == 2:
        raise ControlError(
            f"The control '{name}' moves every layer of w_plus by an offset of its own, but files of directions hold "
            "one vector each; keep the .safetensors file."
        )
    if not float(direction.norm()):
        raise ControlError(f"The control '{name}' has a direction of length 0, which no file of directions holds.")
    return direction


def _as_adapter(control: Control) -> str:
    """What may be done with it instead."""
    return f", or write an adapter ({ENDINGS[KOHYA]})" if isinstance(control, LowRankControl) else ""


def _components(rows: Tensor, mean: Tensor | None) -> Mapping[str, Array]:
    """What GANSpace's cache holds, all float32: the layer is the latent, so its ``act_…`` are its ``lat_…``. What only
    the samples tell (``var_ratio``, ``random_stdevs``) is left out; its programs do without."""
    lengths = rows.flatten(1).norm(dim=1)
    centre = torch.zeros_like(rows[0]) if mean is None else mean.detach().cpu().double().reshape(rows[0].shape)
    shared = {"comp": unit_rows(rows)[:, None], "mean": centre[None], "stdev": lengths}
    found = {f"{place}_{key}": value for place in ("act", "lat") for key, value in shared.items()}
    return {key: value.numpy().astype(np.float32) for key, value in found.items()}


def _boundaries(controls: ControlSet, rows: Tensor, folder: Path) -> tuple[Path, ...]:
    if rows.ndim != 2:
        raise ControlError(f"A boundary is a vector, not arrays of {written(tuple(rows.shape[1:]))}; write a .npz.")
    mark = "_w" if controls.space in ("w", "w_plus") else ""
    paths: list[Path] = []
    for control, row in zip(controls.controls, unit_rows(rows), strict=True):
        name = re.sub(r"[^A-Za-z0-9]+", "-", control.card.name).strip("-") or "direction"
        path = folder / f"{controls.method}_{name}{mark}_boundary.npy"
        if path in paths:
            path = folder / f"{controls.method}_{name}-{len(paths)}{mark}_boundary.npy"
        atomic_write(path, _array(row[None].numpy().astype(np.float32)))
        paths.append(path)
    return tuple(paths)


def _annotation(names: Sequence[str]) -> bytes:
    # Their reader splits a line at every ": ".
    lines = (f"{index}: {' '.join(name.replace(': ', ' ').split())}\n" for index, name in enumerate(names))
    return "".join(lines).encode()


def _array(array: Array) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return buffer.getvalue()


def _archive(arrays: Mapping[str, Array]) -> bytes:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()
