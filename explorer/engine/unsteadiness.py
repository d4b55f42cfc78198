"""How unusual a picture is: what the re-noise probe finds of it, among pictures that the model draws by itself in the
same way."""

from __future__ import annotations

import hashlib
from bisect import bisect_left
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import cast

import msgspec
from torch import Tensor

from explorer.ending import Progress
from explorer.engine.engine import Engine
from explorer.errors import ModelError
from explorer.files import cache_folder
from explorer.generators.base import Conditional, Generator, Latent
from explorer.generators.diffusion_probe import finished, renoised_samples
from explorer.generators.diffusion_stretches import Sampling
from explorer.keeping import keep, kept
from explorer.numerics.renoise import NOISE, NOISINGS, score_of
from explorer.scene.model import Condition, Quality, View
from explorer.scene.unsteadiness import CAPABILITY, Unsteadiness

Scores = tuple[float, float]
"""Variance and offset of a sample, means over its numbers."""

PICTURES = 200
"""Of the model's own: their percentiles are known to half a percent."""

TOGETHER = 8
"""Pictures of these that are drawn at once: between two batches the live view has its turn."""

FIRST_SEED = 61_000_000
"""Of these, far from those that anybody types."""

VERSION = 2  # of what scores mean: those of another one are not taken


class Unsteady:
    """Asked of the pictures of ``engine``. What a model's own pictures score is kept on disk."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def of(self, view: View, progress: Progress) -> Unsteadiness:
        """Of the picture that ``view`` shows. The first time that one is asked about which is drawn so, the model's own
        are drawn: ``progress`` takes the share, and may raise to stop it; the next time it goes on there. Raises
        :class:`ModelError` for a model that is no diffusion model."""
        own = self._own(view, progress)
        scores = self._engine.with_point(view, _scores)
        return Unsteadiness(variance=scores[0], offset=scores[1], below=standing(own, scores), pictures=len(own))

    def _own(self, view: View, progress: Progress) -> list[Scores]:
        """The scores of the model's own pictures."""
        card = self._engine.generator(view.model).card
        if CAPABILITY not in card.capabilities:
            raise ModelError(
                f"'{card.name}' is no diffusion model, so its pictures cannot be noised and looked at again; choose "
                "a diffusion model."
            )
        path = self._engine.in_turn(view.model, partial(_place, view=view))
        scores = kept(path, partial(msgspec.msgpack.decode, type=list[Scores])) or []
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
        return scores


def standing(own: Sequence[Scores], scores: Scores) -> int:
    """How many of ``own`` stand out less than ``scores``, each by the larger of its ranks among ``own``: so of one more
    of them any number is as likely, in spite of two scores."""
    columns = [sorted(column) for column in zip(*own, strict=True)]

    def rank(one: Scores) -> int:
        return max(bisect_left(column, score) for column, score in zip(columns, one, strict=True))

    reached = rank(scores)
    return sum(rank(one) < reached for one in own)


def _scores(generator: Generator, drawing: Generator, latent: Latent, quality: Quality) -> Scores:
    """Of one picture that ``drawing`` draws, ``generator`` with other weights or itself, by the model as it is."""
    (scores,) = _of_samples(generator, finished(cast(Sampling, drawing), latent, quality), latent)
    return scores


def _own_scores(generator: Generator, view: View, seeds: list[int]) -> list[Scores]:
    latent = generator.sample(seeds)
    if generator.card.is_conditional and view.start.condition != Condition():
        latent = cast(Conditional, generator).conditioned(latent, view.start.condition)
    return _of_samples(generator, finished(cast(Sampling, generator), latent, view.quality), latent)


def _of_samples(generator: Generator, x: Tensor, latent: Latent) -> list[Scores]:
    predictions = renoised_samples(cast(Sampling, generator), x, latent)
    return list(zip(score_of(predictions.variance).tolist(), score_of(predictions.offset).tolist(), strict=True))


def _place(generator: Generator, view: View) -> Path:
    """Where the scores of the own pictures are kept that are drawn as ``view`` is."""
    drawing = cast(Sampling, generator)._drawing(generator.sample([0]), view.quality)
    sampler = view.quality.sampler or cast(Sampling, generator).samplers.default
    condition = view.start.condition if generator.card.is_conditional else Condition()
    way = (
        VERSION, generator.card.fingerprint, sampler, drawing.course.timesteps, drawing.half, condition, NOISE,
        NOISINGS, FIRST_SEED,
    )  # fmt: skip
    digest = hashlib.sha256(msgspec.msgpack.encode(way)).hexdigest()
    return cache_folder() / "unsteadiness" / f"{digest[:32]}.msgpack"
