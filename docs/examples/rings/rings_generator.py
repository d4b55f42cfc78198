"""A family of generators in a package of one's own: rings whose radius, width and colour follow a code of five numbers.

A model is a file ``NAME.rings`` of JSON, ``{"size": 64, "softness": 2.0}``. A family that reads weights opens them with
:mod:`explorer.checkpoint`, which executes nothing; this one needs none.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from explorer.checkpoint import read_json
from explorer.errors import ModelError
from explorer.generators.base import Generator, Latent, Progress, Verdict, specimen, standard_normal
from explorer.outputs.image import OUTPUT as IMAGE
from explorer.reading import fingerprint_of
from explorer.scene.cards import ModelCard, SpaceCard
from explorer.scene.model import Quality

SPACES = {"z": SpaceCard(shape=(5,), prior="normal")}
CAPABILITIES = ("truncation",)


class RingsGenerator:
    """Everything is torch, so methods that need gradients work; nothing else has to be said."""

    def __init__(self, card: ModelCard, softness: float, device: torch.device) -> None:
        self.card, self.device, self.softness = card, device, softness

    def sample(self, seeds: Sequence[int], truncation_psi: float = 1.0) -> Latent:
        """One point of N(0, I) a seed, drawn on the CPU so that it is the same on every device."""
        return Latent({"z": (standard_normal(seeds, (5,)) * truncation_psi).to(self.device)})

    def advance(self, latent: Latent, space: str) -> Latent:
        """There is one space."""
        if space != "z":
            raise KeyError(space)
        return latent

    def render(self, latent: Latent, quality: Quality) -> Tensor:
        """(B, 3, H, W) in [-1, 1]; differentiable in z."""
        z = latent.tensors["z"].to(self.device, torch.float32)
        height, width = self.card.size
        rows, columns = (torch.linspace(-1, 1, count, device=self.device) for count in (height, width))
        distance = (rows[:, None].square() + columns[None].square()).sqrt()
        radius = 0.5 + 0.3 * torch.tanh(z[:, 0])
        wide = 0.05 * (1 + z[:, 1].sigmoid())
        off = (distance - radius[:, None, None]).abs() - wide[:, None, None]
        ring = torch.sigmoid(-off * height / self.softness)[:, None]
        colour = torch.tanh(z[:, 2:])[:, :, None, None]
        return ring * (colour + 1) - 1


class RingsFamily:
    """Finds and loads them."""

    name = "rings"
    title = "rings"
    short_title = "ring"

    def specimens(self) -> tuple[ModelCard, ...]:
        """What methods are asked about when it is the family that is meant."""
        return (specimen(self.name, SPACES, CAPABILITIES),)

    def identify(self, path: Path) -> Verdict:
        """One sentence either way; ``problem`` where the file is of this family and broken."""
        if path.suffix != ".rings" or not path.is_file():
            return Verdict(False, "It is not a .rings file.")
        try:
            _settings(path)
        except ModelError as error:
            return Verdict(True, str(error), problem=True)
        return Verdict(True, "It is a .rings file.")

    def describe(self, path: Path) -> ModelCard:
        """What is known before it is loaded."""
        size, _ = _settings(path)
        return ModelCard(
            name=path.stem,
            family=self.name,
            path=str(path),
            output=IMAGE.card((3, size, size)),
            spaces=SPACES,
            fingerprint=fingerprint_of([path]),
            capabilities=CAPABILITIES,
        )

    def load(self, path: Path, device: torch.device, progress: Progress | None = None) -> Generator:
        """The generator."""
        return RingsGenerator(self.describe(path), _settings(path)[1], device)


def _settings(path: Path) -> tuple[int, float]:
    """Size in pixels and softness of the edges. Raises :class:`ModelError` with one sentence: what is wrong, and what
    to do."""
    settings = read_json(path)
    size, softness = settings.get("size", 64), settings.get("softness", 2.0)
    if type(size) is not int or not 8 <= size <= 1024:
        raise ModelError(f"'{path.name}': 'size' is {size!r}; it is a number of pixels, 8 to 1024.")
    if not isinstance(softness, int | float) or not 0 < softness <= 100:
        raise ModelError(f"'{path.name}': 'softness' is {softness!r}; it is a number of pixels above 0, 100 at most.")
    return size, float(softness)


FAMILY = RingsFamily()
