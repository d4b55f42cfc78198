"""The values of variables as they are read from the pictures of points, and of others near these."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor

from explorer.controls.bindings import Bindings
from explorer.controls.bound_start import BoundStart
from explorer.controls.curves import knot
from explorer.controls.reading import PictureReader, opened
from explorer.errors import CausalError, ExplorerError
from explorer.scene.model import Quality


@dataclass(frozen=True, eq=False)
class PictureValues:
    """The values of ``bindings`` of the pictures that ``generator`` makes of ``latent``, points of ``space``; read
    once, and kept with the generator, as what ``group`` of interventions is led to from there."""

    group: Hashable
    bindings: Bindings
    space: str
    generator: Any
    latent: Any

    def __post_init__(self) -> None:
        if self.bindings.attributes.variables:
            _ = self.reader
        _ = self.starts  # what cannot be read is said now

    def of_rows(self, rows: Sequence[int]) -> PictureValues:
        """Of these rows of the points alone."""
        return replace(self, latent=self.latent.each(lambda tensor: tensor[list(rows)]))

    @cached_property
    def starts(self) -> tuple[BoundStart, ...]:
        """One a row."""
        return tuple(self._start(row) for row in range(self.latent.batch))

    @cached_property
    def reader(self) -> PictureReader:
        """Raises :class:`CausalError` where what it reads with is gone, or has changed."""
        source = self.bindings.source
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

    def of_seed(self, seed: int, row: int = 0) -> BoundStart:
        """Where the picture of ``seed`` starts, whose truncation, classes and texts are those of that row. Raises
        :class:`CausalError` where it does not show a variable."""
        psi = self.latent.truncation_psi
        sampled = self.generator.sample([seed], 1.0 if psi is None else float(psi[row]))
        along = self.latent.travelling.items()
        sampled = replace(sampled, **{name: None if each is None else each[row : row + 1] for name, each in along})
        point = self.generator.advance(sampled, self.space).tensors[self.space][0]
        return self._start_at(_ordinary(point), row)

    def _start(self, row: int) -> BoundStart:
        return self._start_at(_ordinary(self.latent.tensors[self.space][row]), row)

    def _start_at(self, point: Tensor, row: int) -> BoundStart:
        along = tuple(
            (name, each[row].double().cpu().numpy().tobytes())
            for name, each in self.latent.travelling.items()
            if each is not None
        )
        key = (self.group, point.numpy().tobytes(), along)

        def first() -> BoundStart:
            bindings = self.bindings
            read = self.read(row, point[None])
            if bool(read.isnan().any()):
                gone = [name for name, value in zip(bindings.attributes.names, read[0], strict=True) if value != value]
                raise CausalError(
                    f"This picture does not show {', '.join(gone)}, so nothing can be said of what would have been; "
                    "choose another picture, or leave these out of the graph."
                )
            return BoundStart(bindings, point, bindings.joined(read, point[None])[0])

        return knot(self.generator, key, 0, first, lambda last: last)

    def read(self, row: int, points: Tensor) -> Tensor:
        """(n, A) what is read of the attributes from the pictures of ``points`` (n, *shape), whose truncation, classes
        and texts are those of that row."""
        if not self.bindings.attributes.variables:
            return points.new_zeros(len(points), 0)
        # Kept knots must be ordinary tensors: the engine draws in inference mode, others differentiate.
        with torch.inference_mode(False), torch.no_grad():
            # What travels along is that of the row.
            own = self.latent.each(lambda tensor: tensor[row : row + 1].repeat(len(points), *[1] * (tensor.dim() - 1)))
            drawn = points.to(self.latent.tensors[self.space].device, torch.float32)
            return self.shown(self.generator.render(own.holding({self.space: drawn}), self.quality))

    @property
    def quality(self) -> Quality:
        """In which pictures are read, whatever they are drawn in."""
        return Quality(steps=self.generator.card.interactive_steps)

    def shown(self, pictures: Tensor) -> Tensor:
        """(n, A) what is read of the attributes from ``pictures`` (n, C, H, W)."""
        if not self.bindings.attributes.variables:
            return torch.zeros(len(pictures), 0, dtype=torch.float64)
        read = np.asarray(self.reader.read(pictures), np.float64)
        names = [attribute.name for attribute in self.reader.attributes]
        columns = []
        source = self.bindings.source
        for variable in self.bindings.attributes.variables:
            column = torch.from_numpy(read[:, names.index(source.attributes[variable.name])].copy())
            levels = source.levels.get(variable.name, ())
            columns.append(_numbered(column, levels) if levels else column)
        return torch.stack(columns, dim=1)


def _ordinary(point: Tensor) -> Tensor:
    """``point`` in float64 on the CPU, whichever mode it came about in."""
    with torch.inference_mode(False):
        own: Tensor = point.detach().cpu().double().clone()
    return own


def _numbered(column: Tensor, levels: tuple[float, ...]) -> Tensor:
    """(n,) the places of ``column`` among ``levels``; NaN for others."""
    numbers = torch.full_like(column, torch.nan)
    for place, level in enumerate(levels):
        numbers[column == level] = place
    return numbers
