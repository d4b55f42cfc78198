"""Paths that the traversal scripts of WarpedGANSpace (Tzelepis et al., ICCV 2021), PDETraversal and latent-flow dump:
the points that one start is taken through, a tensor of ``torch.save``."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from explorer.errors import ControlError
from explorer.importers.base import Drawn, Importer, Sketch, numbers
from explorer.importers.files import ForeignFile
from explorer.scene.cards import SettingCard
from explorer.scene.model import StoredLatent

NAME = "paths_latent_codes"
PATH = "path"
"""The question which of its paths is meant."""


class LatentPaths(Importer):
    """(K, T, d): for each of K paths T points, in their order. They belong to one start, so they are no directions."""

    name = "latent_paths"
    title = "Latent paths"
    holds = "path"

    def claims(self, file: ForeignFile) -> bool:
        return (
            file.kind == "torch"
            and isinstance(file.content, Tensor)
            and file.content.ndim == 3
            and file.path.stem.startswith(NAME)
        )

    def questions(self, file: ForeignFile) -> tuple[SettingCard, ...]:
        last = len(file.content) - 1
        if last < 1:
            return ()
        help_text = f"Which of its {last + 1} paths becomes the film: 0 to {last}."
        return (SettingCard(name=PATH, title="Path", default=0, low=0, high=last, help=help_text),)

    def sketch(self, file: ForeignFile) -> Sketch:
        paths = numbers(file, "its paths", file.content, (3,))
        if paths.shape[1] < 2:
            raise ControlError(f"'{file.name}' holds one point of each path, which is no way; write more steps of it.")
        drawn = tuple(Drawn(f"path {index}", None) for index in range(len(paths)))
        return Sketch(drawn, (paths.shape[2],))

    def points(self, file: ForeignFile, space: str) -> tuple[StoredLatent, ...]:
        """The points of the path that the user has chosen, in ``space``; one that repeats the one before is left out,
        for their scripts write the start twice. Raises :class:`ControlError`."""
        path = numbers(file, "its paths", file.content, (3,))[int(file.answers.get(PATH, 0))].float()
        if not bool(path.isfinite().all()):
            raise ControlError(f"'{file.name}' holds numbers that are too large for a point; export it again.")
        moved = torch.cat([torch.tensor([True]), (path[1:] != path[:-1]).any(dim=1)])
        rows = np.asarray(path[moved].numpy(), dtype="<f4")
        if len(rows) < 2:
            raise ControlError(f"The path that was chosen of '{file.name}' stays where it is; choose another one.")
        return tuple(StoredLatent(space, row.shape, row.tobytes()) for row in rows)


IMPORTER = LatentPaths()
