"""What do(x = v) makes of a picture: the values of all variables, and what is read from what was drawn."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from explorer.attributes.registry import default_reader
from explorer.causal.model import StructuralModel
from explorer.controls.control_set import ControlSet, setting
from explorer.controls.intervening import Intervening
from explorer.controls.scaled import unscaled
from explorer.errors import CausalError, ExplorerError
from explorer.generators.base import Generator, Latent
from explorer.generators.editing import edited
from explorer.scene.causal_graph import CausalGraph
from explorer.scene.causes import Outcome, VariableOutcome
from explorer.scene.model import Edit, StoredLatent
from explorer.training.batch import as_images
from explorer.training.folder import prepare, warnings_in_order


def outcome(generator: Generator, controls: ControlSet, start: Latent, edits: Sequence[Edit]) -> Outcome:
    """The variables of the picture that starts from ``start`` (batch 1), without and with ``edits``. Raises
    :class:`CausalError` where ``controls`` sets no variables."""
    first = _first(controls)
    space = first.card.space
    moves = controls.moves(edits)
    names = list(generator.card.spaces)
    earlier = [move for move in moves if move.control.card.space in names[: names.index(space)]]
    point = generator.advance(edited(generator, start, earlier), space).tensors[space]
    acts = [unscaled(move) for move in moves if setting(move.control) is not None]
    factual, after = first.outcome(point, acts)
    done = {inner.variable for act in acts if (inner := setting(act.control)) is not None}
    return Outcome(
        graph=first.model.graph,
        variables=tuple(
            VariableOutcome(
                name=name,
                factual=float(factual[name]),
                value=float(after.values[name]),
                low=float(after.low[name]),
                high=float(after.high[name]),
                is_open=bool(after.open[name]),
                is_set=name in done,
            )
            for name in first.model.graph.names
        ),
    )


def model_of_set(controls: ControlSet) -> StructuralModel:
    """The causal model whose variables ``controls`` sets. Raises :class:`CausalError` where it sets none."""
    return _first(controls).model


def graph_of_set(controls: ControlSet) -> CausalGraph:
    """The graph of that model. Raises as :func:`model_of_set`."""
    return model_of_set(controls).graph


def without_do(controls: ControlSet, edits: Sequence[Edit]) -> tuple[Edit, ...]:
    """``edits`` of ``controls`` without those that set variables. Raises :class:`CausalError` where it sets none."""
    _first(controls)
    doing = {control.card.name for control in controls.controls if setting(control) is not None}
    return tuple(edit for edit in edits if edit.control not in doing)


def achieved(generator: Generator, bgrx: NDArray[np.uint8], names: Sequence[str]) -> dict[str, float]:
    """What the reader of the model's world reads of ``names`` from a picture (H, W, 4) as it was drawn; what it does
    not read, or all where there is no reader, is left out."""
    try:
        reader = default_reader(generator)
    except ExplorerError:  # the model says no world, or its world has no predictor: nothing is read
        return {}
    channels = generator.card.shape[0]
    values = reader.read(as_images(np.ascontiguousarray(bgrx[None, ..., 2::-1][..., :channels])))[0]
    columns = {attribute.name: float(value) for attribute, value in zip(reader.attributes, values, strict=True)}
    return {name: columns[name] for name in names if name in columns and columns[name] == columns[name]}


def encoded(generator: Generator, path: Path) -> StoredLatent:
    """The point of the picture in the file ``path``, its middle square. Raises :class:`ExplorerError` where the model
    encodes no pictures, or this is none that it can take."""
    card = generator.card
    if "encode" not in card.capabilities or not card.makes_pictures:
        raise ExplorerError(f"'{card.name}' cannot encode pictures; start from a seed.")
    height, width = card.size
    if not path.is_file():
        raise ExplorerError(f"There is no picture '{path}'; name a file.")
    if height != width:
        raise ExplorerError(f"'{card.name}' makes pictures of {width} × {height}, and only square ones are encoded.")
    with warnings_in_order():
        prepared = prepare(path, height)
    if prepared.pixels is None:
        raise ExplorerError(f"'{path.name}' {prepared.why}; choose another picture.")
    pixels = prepared.pixels[None]
    if card.shape[0] == 1:
        pixels = (pixels.astype(float) @ [0.299, 0.587, 0.114]).round().astype("uint8")[..., None]  # ITU-R 601
    encoding: Any = generator
    latent = encoding.encode(as_images(pixels))
    space, point = next(iter(latent.tensors.items()))
    row = point[0].float().cpu().contiguous().numpy()
    return StoredLatent(space, row.shape, row.tobytes())


def _first(controls: ControlSet) -> Intervening:
    first = next((inner for control in controls.controls if (inner := setting(control)) is not None), None)
    if first is None:
        raise CausalError(f"{controls.title} sets no variables; choose the method Causes.")
    return first
