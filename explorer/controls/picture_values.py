"""The values of variables as they are read from the pictures of points, and of others near these."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import msgspec
import numpy as np
import torch
from torch import Tensor

from explorer.controls.attribute_map import AttributeMap
from explorer.controls.bound_start import BoundStart
from explorer.controls.curves import knot
from explorer.controls.reading import PictureReader, opened
from explorer.errors import CausalError, ExplorerError
from explorer.scene.model import Quality


class Source(msgspec.Struct, frozen=True):
    """Where values are read. ``text``: what the user has written for it; ``name``: what it is called in a sentence;
    ``digest``: of what it reads with; ``attributes``: variable → attribute; ``levels``: variable → the numbers that are
    read for its levels."""

    text: str
    name: str
    digest: str
    attributes: dict[str, str]
    levels: dict[str, tuple[float, ...]]


@dataclass(frozen=True, eq=False)
class PictureValues:
    """What ``source`` reads from the pictures that ``generator`` makes of ``latent``, points of ``space`` with
    ``shape``; read once, and kept with the generator, as what ``group`` of interventions is led to from there."""

    group: Hashable
    attributes: AttributeMap
    source: Source
    space: str
    shape: tuple[int, ...]
    generator: Any
    latent: Any

    def __post_init__(self) -> None:
        _ = self.reader, self.starts  # what cannot be read is said now

    @cached_property
    def starts(self) -> tuple[BoundStart, ...]:
        """One a row."""
        return tuple(self._start(row) for row in range(self.latent.batch))

    @cached_property
    def reader(self) -> PictureReader:
        """Raises :class:`CausalError` where what it reads with is gone, or has changed."""
        source = self.source
        title, names = source.text or source.name, ", ".join(source.attributes.values())
        try:
            reader = opened(source.text, source.digest, self.generator)
        except ExplorerError as error:
            raise CausalError(f"'{title}', which reads {names}, cannot be opened: {error}") from error
        if reader.digest != source.digest:
            raise CausalError(
                f"'{title}' does not read {names} as it did when these controls were made; put the old one "
                "back, or find the controls again."
            )
        return reader

    def _start(self, row: int) -> BoundStart:
        point, psi = self._point(row), self.latent.truncation_psi
        key = (self.group, point.numpy().tobytes(), None if psi is None else float(psi[row]))

        def first() -> BoundStart:
            attributes = self.attributes
            values = self.read(row, torch.zeros(1, len(attributes.axes), dtype=torch.float64))[0]
            if bool(values.isnan().any()):
                gone = [name for name, value in zip(attributes.names, values, strict=True) if value != value]
                raise CausalError(
                    f"This picture does not show {', '.join(gone)}, so nothing can be said of what would have been; "
                    "choose another picture, or leave these out of the graph."
                )
            return BoundStart(attributes, attributes.coordinates(point[None])[0], values)

        return knot(self.generator, key, 0, first, lambda last: last)

    def _point(self, row: int) -> Tensor:
        """(d,) float64 on the CPU."""
        point: Tensor = self.latent.tensors[self.space][row].detach().cpu().double().flatten()
        return point

    def read(self, row: int, shifts: Tensor) -> Tensor:
        """(n, V) what is read from the pictures of ``shifts`` (n, r) from the start of that row."""
        # Kept knots must be ordinary tensors: the engine draws in inference mode, others differentiate.
        with torch.inference_mode(False), torch.no_grad():
            points = self._point(row) + shifts @ self.attributes.axes
            held = self.latent.tensors[self.space]
            points = points.reshape(len(shifts), *self.shape).to(held.device, torch.float32)
            psi = self.latent.truncation_psi
            psi = None if psi is None else psi[row].clone().expand(len(shifts))
            latent = type(self.latent)({self.space: points}, psi)
            return self.shown(self.generator.render(latent, self.quality))

    @property
    def quality(self) -> Quality:
        """In which pictures are read, whatever they are drawn in."""
        return Quality(steps=self.generator.card.interactive_steps)

    def shown(self, pictures: Tensor) -> Tensor:
        """(n, V) what is read from ``pictures`` (n, C, H, W)."""
        read = np.asarray(self.reader.read(pictures), np.float64)
        names = [attribute.name for attribute in self.reader.attributes]
        columns = []
        for variable in self.attributes.variables:
            column = torch.from_numpy(read[:, names.index(self.source.attributes[variable.name])].copy())
            levels = self.source.levels.get(variable.name, ())
            columns.append(_numbered(column, levels) if levels else column)
        return torch.stack(columns, dim=1)


def _numbered(column: Tensor, levels: tuple[float, ...]) -> Tensor:
    """(n,) the places of ``column`` among ``levels``; NaN for others."""
    numbers = torch.full_like(column, torch.nan)
    for place, level in enumerate(levels):
        numbers[column == level] = place
    return numbers
