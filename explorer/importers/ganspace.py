"""GANSpace (Härkönen et al., NeurIPS 2020): the components that its program caches, a ``.npz``."""

from __future__ import annotations

import re

import torch
from torch import Tensor

from explorer.errors import ControlError
from explorer.importers.base import LENGTH, Drawn, Importer, Sketch, living, named, numbers, with_notes
from explorer.importers.files import ForeignFile

RANGE = 10.0
"""Deviations to both sides, as the sliders of the authors' program have."""

# <model>-<class>_<layer>_<estimator>_c<components>[_w]_n<samples>[_w][_seed…]: the name says which space.
_NAME = re.compile(r"_c\d+(?P<early>_w)?_n\d+(?P<late>_w)?(?:_seed\d+)?")


class GANSpace(Importer):
    """Keys ``lat_comp`` (K, 1, d), ``lat_stdev`` (K,): one unit is one standard deviation along the component.

    ``lat_comp`` is in the latent also where the components are of another layer's activations (``act_comp``): there
    GANSpace carries them over by least squares and has a deviation of 1.
    """

    name = "ganspace"
    title = "GANSpace"

    def claims(self, file: ForeignFile) -> bool:
        return file.kind == "npz" and bool({"lat_comp", "act_comp"} & set(file.keys()))

    def sketch(self, file: ForeignFile) -> Sketch:
        if "lat_comp" not in file.content:
            raise ControlError(
                f"'{file.name}' holds components of a layer's activations (act_comp) and none of the latent "
                "(lat_comp), and activations are not moved by this version; compute them again with GANSpace."
            )
        components = without_batch(numbers(file, "lat_comp", file.content["lat_comp"], (2, 3, 4, 5)))
        count = len(components)
        deviations = _per_component(file, "lat_stdev", count)
        explained = _per_component(file, "var_ratio", count)
        unit = LENGTH if deviations is None else "σ"
        names = named(file, count, "component")
        scaled = components if deviations is None else along(components, deviations)
        drawn = [
            Drawn(
                names[index],
                scaled[index],
                unit,
                -RANGE,
                RANGE,
                figure="" if explained is None else f"{float(explained[index]):.1%}",
                details=()
                if deviations is None
                else (f"1 σ = {float(deviations[index]):.3g}", f"component {index} of {count}"),
            )
            for index in range(count)
        ]
        regressed = "act_comp" in file.content and not _same(file.content["act_comp"], file.content["lat_comp"])
        found = living(file, drawn)
        match = _NAME.search(file.path.stem)
        return with_notes(
            found,
            "Its components are of another layer's activations, carried to the latent by least squares."
            if regressed
            else "",
            space="" if match is None else "w" if match["early"] or match["late"] else "z",
            unknown=() if deviations is not None else ("It holds no deviations (lat_stdev); units are lengths.",),
        )


def without_batch(components: Tensor) -> Tensor:
    """(K, 1, *shape), as GANSpace stores them, or (K, *shape) → (K, *shape)."""
    return components.squeeze(1) if components.ndim > 2 and components.shape[1] == 1 else components


def along(components: Tensor, deviations: Tensor) -> Tensor:
    """(K, *shape) scaled by the deviations (K,), so that an amount of 1 is one σ."""
    return components * deviations.reshape(-1, *([1] * (components.ndim - 1)))


def _per_component(file: ForeignFile, key: str, count: int) -> Tensor | None:
    """The (K,) numbers called ``key``, or None without them."""
    if key not in file.content:
        return None
    found = numbers(file, key, file.content[key], (1,))
    if len(found) != count or bool((found < 0).any()):
        raise ControlError(
            f"'{file.name}' is damaged: {key} should hold {count} numbers that are not negative, one a component."
        )
    return found


def _same(first: object, second: object) -> bool:
    a, b = torch.as_tensor(first), torch.as_tensor(second)
    return a.numel() == b.numel() and bool(torch.equal(a.flatten(), b.flatten()))


IMPORTER = GANSpace()
