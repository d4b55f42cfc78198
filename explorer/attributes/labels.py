"""An attribute that a person labelled: a probe, fitted when it is opened to the samples that were labelled.

The samples are drawn again from their seeds, and a logistic regression learns the labels from features of the pictures:
those of the attribute predictor of the world that the model was trained on, or, where there is none, the picture itself
in 16 × 16 means.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from explorer.attributes.base import Attribute, Values
from explorer.attributes.pictures import checked, without_pictures
from explorer.attributes.world import SOURCE as WORLD
from explorer.attributes.world import own_world
from explorer.errors import ExplorerError
from explorer.files import expanded
from explorer.generators.base import Generator
from explorer.outputs.image import OUTPUT as IMAGE
from explorer.scene.cards import ModelCard
from explorer.scene.labels import SUFFIX, Label, Labels, encode_labels, load_labels
from explorer.scene.model import Quality

STRENGTH = 0.1  # of scikit-learn's C: with fewer labels than features, a weaker penalty follows single pictures
FOLDS = 5
POOLED = 16  # pixels a side
_RENDERED = 32
_NORMAL_95 = 1.959963984540054


@dataclass(frozen=True)
class Validation:
    """How well a probe tells labels that it was not fitted to: the share right of ``count``, with the 95 % interval of
    a binomial share (Wilson 1927, equation 4); ``chance``: what always saying the more frequent label has right.
    """

    accuracy: float
    chance: float
    low: float
    high: float
    count: int
    folds: int


class PictureFeatures:
    """Numbers of pictures of ``model`` in which a linear probe looks for attributes; ``digest`` says which."""

    def __init__(self, model: ModelCard, generator: Generator | None = None) -> None:
        world = own_world(model)
        self._reader = WORLD.open(world, model, generator) if world else None
        self.digest = self._reader.digest if self._reader else f"{POOLED} pixels"

    def __call__(self, pictures: Tensor) -> Values:
        """(B, d) of pictures (B, C, H, W) in [-1, 1]."""
        if self._reader is not None:
            return self._reader.features(pictures)
        pooled = IMAGE.thumbnails(checked(pictures), POOLED)
        return np.asarray(pooled.flatten(1).cpu().numpy(), np.float64)


class LabelledSamples:
    """Draws labelled samples of ``generator`` and keeps their features, so that each is drawn once while somebody
    labels."""

    def __init__(self, generator: Generator) -> None:
        self._generator = generator
        self._kept: dict[tuple[int, float], Values] = {}
        self.features = PictureFeatures(generator.card, generator)

    def rows(self, labels: Sequence[Label]) -> Values:
        """(n, d) the features of the samples, in their order."""
        wanted = [one.sample for one in labels if one.sample not in self._kept]
        for psi in sorted({one[1] for one in wanted}):
            seeds = [seed for seed, truncation in wanted if truncation == psi]
            for start in range(0, len(seeds), _RENDERED):
                part = seeds[start : start + _RENDERED]
                with torch.no_grad():
                    latent = self._generator.sample(part, truncation_psi=psi)
                    found = self.features(self._generator.render(latent, Quality()))
                self._kept.update(zip(((seed, psi) for seed in part), found, strict=True))
        return np.stack([self._kept[one.sample] for one in labels])

    def probe(self, labels: Labels) -> ProbeReader:
        """The reader that has learned ``labels``. Raises :class:`ExplorerError` unless both are there, and of this
        model."""
        _check(labels, self._generator.card)
        model = fitted_probe(self.rows(labels.labels), _values(labels))
        return ProbeReader(labels.attribute, labels, self.features, model)

    def validated(self, labels: Labels) -> Validation:
        """How well such a probe reads samples that it did not learn. Raises :class:`ExplorerError` as :meth:`probe`
        does, and with one label of a kind."""
        _check(labels, self._generator.card)
        return cross_validated(self.rows(labels.labels), _values(labels))


@dataclass(frozen=True)
class ProbeReader:
    """Reads the share 0..1 to which a picture looks like those labelled yes."""

    name: str
    labels: Labels
    features: PictureFeatures
    model: Any

    @property
    def attributes(self) -> tuple[Attribute, ...]:
        return (Attribute(self.labels.attribute, "share"),)

    @property
    def digest(self) -> str:
        told = encode_labels(self.labels) + self.features.digest.encode()
        return hashlib.sha256(told).hexdigest()

    def read(self, pictures: Tensor) -> Values:
        """(B, 1); see :meth:`explorer.attributes.base.AttributeReader.read`."""
        if not len(pictures):
            return np.empty((0, 1))
        return np.asarray(self.model.predict_proba(self.features(pictures))[:, 1:], np.float64)


def fitted_probe(features: Values, values: NDArray[np.bool_]) -> Any:
    """Logistic regression on standardised features (n, d), penalised by ‖w‖² / 2·:data:`STRENGTH`, of labels (n,)."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(StandardScaler(), LogisticRegression(C=STRENGTH, max_iter=1000)).fit(features, values)


def cross_validated(features: Values, values: NDArray[np.bool_], seed: int = 0) -> Validation:
    """The probe's share of right answers on labels (n,) left out, in :data:`FOLDS` folds with equal shares of both, or
    in as many as there are of the rarer one. The features are standardised anew in every fold.

    Raises :class:`ExplorerError` where one label is there less than twice.
    """
    from sklearn.model_selection import StratifiedKFold

    rarer = int(min(values.sum(), len(values) - values.sum()))
    if rarer < 2:
        raise ExplorerError(
            f"{len(values)} labels, of which {int(values.sum())} are yes, leave nothing to test on; label at least two "
            "samples of each kind."
        )
    folds = min(FOLDS, rarer)
    right = 0
    for train, test in StratifiedKFold(folds, shuffle=True, random_state=seed).split(features, values):
        right += int((fitted_probe(features[train], values[train]).predict(features[test]) == values[test]).sum())
    low, high = wilson(right, len(values))
    return Validation(right / len(values), 1 - rarer / len(values), low, high, len(values), folds)


def wilson(successes: int, trials: int) -> tuple[float, float]:
    """The 95 % interval of a binomial share (Wilson, JASA 1927, equation 4). ``trials`` > 0."""
    share, z2 = successes / trials, _NORMAL_95**2
    middle = (share + z2 / (2 * trials)) / (1 + z2 / trials)
    away = _NORMAL_95 / (1 + z2 / trials) * math.sqrt(share * (1 - share) / trials + z2 / (4 * trials**2))
    return max(0.0, middle - away), min(1.0, middle + away)


class LabelsSource:
    """Claims paths that end with ``.json``."""

    name: ClassVar[str] = "labels"
    noun: ClassVar[str] = "labels"
    title: ClassVar[str] = "labels of samples (.json)"

    def claims(self, text: str) -> bool:
        return Path(text).suffix.lower() == SUFFIX

    def files(self, text: str) -> tuple[Path, ...]:
        return (expanded(text),)

    def open(self, text: str, model: ModelCard | None, generator: Generator | None = None) -> ProbeReader:
        """The probe of the labels at ``text``, fitted now. Raises :class:`ExplorerError` without a generator to draw
        the samples, for labels of another model, and for labels of one kind only.
        """
        labels = load_labels(expanded(text))
        if generator is None:
            raise ExplorerError(
                f"The labels '{Path(text).name}' are of samples of '{labels.model or labels.fingerprint[:12]}', which "
                "are drawn again to learn from; open that model with them."
            )
        return LabelledSamples(generator).probe(labels)


def _values(labels: Labels) -> NDArray[np.bool_]:
    return np.array([one.value for one in labels.labels], dtype=np.bool_)


def _check(labels: Labels, model: ModelCard) -> None:
    if refusal := labels.refusal(model) or without_pictures(model):
        raise ExplorerError(refusal)
    count, yes = len(labels.labels), labels.positives
    if yes in (0, count):
        said = "yes" if yes else "no"
        raise ExplorerError(
            f"All {count} labels of '{labels.attribute}' say {said}; label samples of the other kind too."
            if count
            else f"There are no labels of '{labels.attribute}'; label samples that show it and samples that do not."
        )


SOURCE = LabelsSource()
