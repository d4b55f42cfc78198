"""Labels that a person gave to samples of a model: which of them show one attribute. No torch, no Qt.

The labelling panel writes them, and :mod:`explorer.attributes.labels` learns from them to read the attribute.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Literal

import msgspec

from explorer.errors import ExplorerError, is_misleading
from explorer.files import atomic_write
from explorer.reading import check_json, foreign, read_file, whole
from explorer.scene.cards import LONGEST_NAME, ModelCard

FORMAT = 1
SUFFIX = ".json"


class Label(msgspec.Struct, frozen=True, kw_only=True):
    """One sample of the model, by its seed (0 ≤ seed < 2**32) and truncation; 1: it shows the attribute, 0: not."""

    seed: int
    truncation_psi: float = 1.0
    value: Literal[0, 1]

    @property
    def sample(self) -> tuple[int, float]:
        """What the model draws the picture from."""
        return self.seed, self.truncation_psi


class Labels(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of ``attribute`` on samples of the model with ``fingerprint``, called ``model`` at the time."""

    attribute: str
    fingerprint: str
    model: str = ""
    labels: tuple[Label, ...] = ()
    format: int = FORMAT

    @property
    def positives(self) -> int:
        """How many samples show the attribute."""
        return sum(one.value for one in self.labels)

    @property
    def negatives(self) -> int:
        """How many samples do not show it."""
        return len(self.labels) - self.positives

    def with_label(self, label: Label) -> Labels:
        """A copy in which ``label`` says of its sample what is known; it comes last."""
        others = tuple(one for one in self.labels if one.sample != label.sample)
        return msgspec.structs.replace(self, labels=(*others, label))

    def without(self, seed: int, truncation_psi: float) -> Labels:
        """A copy that knows nothing of this sample."""
        kept = tuple(one for one in self.labels if one.sample != (seed, truncation_psi))
        return msgspec.structs.replace(self, labels=kept)

    def refusal(self, model: ModelCard) -> str:
        """Why they say nothing about ``model``, in one sentence; empty when they are of it."""
        if self.fingerprint == model.fingerprint:
            return ""
        return (
            f"'{self.attribute}' was labelled on samples of another model ({self.model or 'unnamed'}, fingerprint "
            f"{self.fingerprint[:12]}…), not of '{model.name}'; open that model, or label samples of this one."
        )

    def problem(self) -> str:
        """What is impossible about them, as the end of a sentence; empty when they are fine."""
        if not self.attribute.strip():
            return "the attribute has no name"
        if len(self.attribute) > LONGEST_NAME or is_misleading(self.attribute):
            return f"the attribute has a name that cannot be shown, or of more than {LONGEST_NAME} letters"
        if any(not 0 <= one.seed < 2**32 for one in self.labels):
            return "a seed lies outside 0 to 4294967295"
        if any(not math.isfinite(one.truncation_psi) for one in self.labels):
            return "a truncation is not finite"
        if len({one.sample for one in self.labels}) != len(self.labels):
            return "a sample is labelled twice"
        return ""


class _Format(msgspec.Struct):
    format: int


def encode_labels(labels: Labels) -> bytes:
    """The file that holds ``labels``: JSON."""
    return msgspec.json.format(msgspec.json.encode(labels), indent=1) + b"\n"


def decode_labels(data: bytes, where: str = "the labels") -> Labels:
    """The labels in ``data``; ``where`` names the file. Raises :class:`ExplorerError` with one sentence."""
    try:
        if msgspec.json.decode(data, type=_Format).format > FORMAT:
            raise ExplorerError(f"{where} was written by a newer Latent Explorer; update the program to open it.")
        labels = msgspec.json.decode(data, type=Labels)
        problem = labels.problem()
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        problem = str(error)
    if problem:
        raise ExplorerError(f"{where} holds no labels of samples ({problem}); choose a file of the labelling panel.")
    return labels


def load_labels(path: Path) -> Labels:
    """The labels in the file ``path``. Raises :class:`ExplorerError` with one sentence."""
    try:
        data = read_file(path, whole)
    except OSError as error:
        raise ExplorerError(f"'{path}' cannot be read ({error.strerror}); choose a file that is there.") from error
    with foreign(path, "labels of samples", ExplorerError):
        return decode_labels(check_json(data), f"'{path.name}'")


def save_labels(labels: Labels, path: Path) -> None:
    """Write ``labels`` to ``path``, whole or not at all.

    Raises :class:`explorer.errors.ExportError` when it cannot be written.
    """
    atomic_write(path, encode_labels(labels))
