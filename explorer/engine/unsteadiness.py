"""How unusual a picture is: the score of the re-noise probe, among those of pictures that the model draws by itself in
the same way."""

from __future__ import annotations

import hashlib
from bisect import bisect_left
from functools import partial
from pathlib import Path
from typing import cast

import msgspec

from explorer.ending import Progress
from explorer.engine.engine import Engine
from explorer.errors import ModelError
from explorer.files import cache_folder
from explorer.generators.base import Conditional, Generator, Latent
from explorer.generators.diffusion_probe import Sampling, finished, unsteadiness
from explorer.keeping import keep, kept
from explorer.numerics.renoise import NOISE, NOISINGS, score_of
from explorer.scene.model import Condition, Quality, View
from explorer.scene.unsteadiness import Unsteadiness

CAPABILITY = "renoise"
PICTURES = 200
"""Of the model's own: their percentiles are known to half a percent."""

TOGETHER = 8
"""Pictures of these that are drawn at once: between two batches the live view has its turn."""

FIRST_SEED = 61_000_000
"""Of these, far from those that anybody types."""

VERSION = 1  # of what scores mean: those of another one are not taken


class Unsteady:
    """Asked of the pictures of ``engine``. What a model's own pictures score is kept on disk."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def found(self, view: View, progress: Progress) -> Unsteadiness:
        """Of the picture that ``view`` shows. The first time that one is asked about which is drawn so, the model's own
        are drawn: ``progress`` takes the share, and may raise to stop it; the next time it goes on there. Raises
        :class:`ModelError` for a model that is no diffusion model."""
        own = self._own(view, progress)
        score = self._engine.with_point(view, _score)
        return Unsteadiness(score=score, below=bisect_left(own, score), pictures=len(own))

    def _own(self, view: View, progress: Progress) -> list[float]:
        """The scores of the model's own pictures, ascending."""
        card = self._engine.generator(view.model).card
        if CAPABILITY not in card.capabilities:
            raise ModelError(
                f"'{card.name}' is no diffusion model, so its pictures cannot be noised and looked at again; choose "
                "a diffusion model."
            )
        path = self._engine.in_turn(view.model, partial(_place, view=view))
        scores = kept(path, partial(msgspec.msgpack.decode, type=list[float])) or []
        before = len(scores)
        try:
            while len(scores) < PICTURES:
                progress(len(scores) / PICTURES)
                numbers = range(len(scores), min(PICTURES, len(scores) + TOGETHER))
                seeds = [FIRST_SEED + number for number in numbers]
                scores += self._engine.in_turn(view.model, partial(_own_scores, view=view, seeds=seeds))
        finally:  # of a work that is stopped, too
            if len(scores) > before:
                keep(path, msgspec.msgpack.encode(scores))
        return sorted(scores)


def _score(generator: Generator, drawing: Generator, latent: Latent, quality: Quality) -> float:
    """Of one picture that ``drawing`` draws, ``generator`` with other weights or itself, by the model as it is."""
    x = finished(cast(Sampling, drawing), latent, quality)
    return float(score_of(unsteadiness(cast(Sampling, generator), x, latent))[0])


def _own_scores(generator: Generator, view: View, seeds: list[int]) -> list[float]:
    latent = generator.sample(seeds)
    if generator.card.is_conditional and view.start.condition != Condition():
        latent = cast(Conditional, generator).conditioned(latent, view.start.condition)
    x = finished(cast(Sampling, generator), latent, view.quality)
    scores: list[float] = score_of(unsteadiness(cast(Sampling, generator), x, latent)).tolist()
    return scores


def _place(generator: Generator, view: View) -> Path:
    """Where the scores of the own pictures are kept that are drawn as ``view`` is."""
    drawing = cast(Sampling, generator)._drawing(generator.sample([0]), view.quality)
    sampler = view.quality.sampler or cast(Sampling, generator).samplers.default
    condition = view.start.condition if generator.card.is_conditional else Condition()
    told = (
        VERSION, generator.card.fingerprint, sampler, drawing.course.timesteps, drawing.half, condition, NOISE,
        NOISINGS, FIRST_SEED,
    )  # fmt: skip
    digest = hashlib.sha256(msgspec.msgpack.encode(told)).hexdigest()
    return cache_folder() / "unsteadiness" / f"{digest[:32]}.msgpack"
