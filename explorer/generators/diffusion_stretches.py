"""The steps of one picture in stretches within which nothing changes, and what is kept where one ends."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Any, NamedTuple, Protocol

from torch import Tensor

from explorer.controls.base import WeightEdits
from explorer.generators.base import Latent
from explorer.generators.diffusion_conditioning import Conditioner, Conditioning
from explorer.generators.diffusion_decoding import Decoding
from explorer.generators.diffusion_samplers import Course
from explorer.generators.diffusion_scheduler import FolderSamplers
from explorer.generators.digests import digest_of
from explorer.memory import BoundedCache
from explorer.numerics.samplers import Callback
from explorer.scene.model import Quality, StepWindow


class Beginning(NamedTuple):
    """A kept sample, and the sampler as far as it had gone."""

    sample: Tensor
    course: Course

    @property
    def nbytes(self) -> int:
        return self.sample.nbytes + self.course.nbytes


Hear = Callable[[Tensor, float, Tensor], None]
"""Called with the sample, the training step and what the network predicts, of every step that is computed."""


Prefixes = BoundedCache[Hashable, Beginning]
"""Samples at the ends of stretches, by all that they were told until then."""


class Drawing(NamedTuple):
    """How one batch is drawn: by which way, and whether in half precision."""

    course: Course
    half: bool
    callback: Callback | None = None
    hear: Hear | None = None


class Stretch(NamedTuple):
    """Steps ``start`` .. ``stop - 1``, in which the network has the changes ``weights`` and is told the same, and ``h``
    (B, *h; None: nothing) is added in its middle. ``differentiated``: the picture is to be, by something that it or a
    stretch before it is told."""

    start: int
    stop: int
    weights: WeightEdits
    conditioning: Conditioning
    h: Tensor | None
    differentiated: bool

    @property
    def key(self) -> Hashable:
        """What tells it from every other that begins where it begins."""
        return self.stop, self.weights, self.conditioning.digest, None if self.h is None else digest_of(self.h)


class Weighted(NamedTuple):
    """In the steps of ``window`` the network is ``unet``, the generator's own after the changes ``edits``."""

    window: StepWindow
    edits: WeightEdits
    unet: Any


class Sampling(Protocol):
    """What a :class:`explorer.generators.diffusion_generator.DiffusionGenerator` does step by step, for abilities of it
    that have files of their own. Calls are made while nobody else draws with it."""

    samplers: FolderSamplers
    conditioner: Conditioner
    prefixes: Prefixes
    _decoding: Decoding

    def _drawing(self, latent: Latent, quality: Quality) -> Drawing: ...
    def _stretches(self, latent: Latent, course: Course) -> list[Stretch]: ...
    def _through(
        self, latent: Latent, quality: Quality, drawing: Drawing, stretches: Sequence[Stretch]
    ) -> tuple[Tensor, Drawing]: ...
    def _end(self, latent: Latent, quality: Quality, drawing: Drawing, keep: bool = False) -> Tensor: ...
    def _add(self, h: Tensor | None, batch: int) -> None: ...
    def _predicted(self, x: Tensor, t: float, conditioning: Conditioning, half: bool) -> Tensor: ...
